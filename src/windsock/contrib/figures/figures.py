"""What a server does, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from windsock.contrib.figures.handlers import HandlerFigures
from windsock.contrib.figures.lag import LoopLag
from windsock.contrib.figures.metric import Labels, Metric, Read
from windsock.contrib.figures.parser import ObservedParser
from windsock.engine.session import State
from windsock.protocol.socketio import RESERVED_EVENTS
from windsock.server.observer import Observer

if TYPE_CHECKING:
    from windsock.contrib.figures.outcome import Outcome
    from windsock.contrib.figures.times import Times
    from windsock.engine.session import Session
    from windsock.errors import ConnectionRefused
    from windsock.protocol.socketio import Parser
    from windsock.server.handlers import Handler
    from windsock.server.server import Server
    from windsock.server.socket import Socket
    from windsock.slow_consumer import SlowConsumerCounters
    from windsock.types import Scope

OTHER: Final = "(other)"
"""Label of what has no name that the application gave it: a client's inventions do not become time series."""

TimesOf = Callable[[str, str], Mapping["Outcome", "Times"]]
"""Of a namespace's registered name and an event: where the seconds of its handlers go, for each outcome."""


class Figures(Observer):
    """Counts, as plain integers: a server belongs to one event loop, and so they need no lock.

    To be made before the first client connects.

    Args:
        io: the server.
        handler_times: where the seconds of handlers go.
        lag: where the seconds go that the event loop is late.

    Raises:
        ConfigurationError: clients are connected.

    Attributes:
        metrics: what can be asked for. Histograms are not among them: they are filled as things happen.
    """

    def __init__(self, io: Server, handler_times: TimesOf, lag: Times) -> None:
        self._io = io
        self._handler_times = handler_times
        self._lag = LoopLag(lag)
        self._handlers: dict[tuple[str, str], HandlerFigures] = {}
        self._emitted: Counter[Labels] = Counter()
        self._unhandled: Counter[Labels] = Counter()
        self._opened: Counter[Labels] = Counter()
        self._closed: Counter[Labels] = Counter()
        self._upgraded: Counter[Labels] = Counter({(): 0})
        self._requests_refused: Counter[Labels] = Counter()
        self._connected: Counter[Labels] = Counter()
        self._refused: Counter[Labels] = Counter()
        io.observe(self)
        self._traffic = io.engine.meter()
        self.metrics: list[Metric] = [
            *self._of_sessions(),
            *self._of_slow_clients(),
            *self._of_clients(),
            *self._of_events(),
        ]

    # -- Observer --

    def watch(self, namespace: str, handler: Handler) -> None:
        """See :meth:`windsock.Observer.watch`."""
        key = (namespace, handler.event)
        figures = self._handlers.get(key)
        if figures is None:
            figures = self._handlers[key] = HandlerFigures(self._handler_times(*key))
        figures.watch(handler)

    def parser(self, parser: Parser) -> Parser:
        """See :meth:`windsock.Observer.parser`."""
        return ObservedParser(parser, self._count_emitted)

    def session_opened(self, session: Session) -> None:
        """See :meth:`windsock.Observer.session_opened`."""
        self._opened[session.transport.name,] += 1
        self._lag.start()

    def session_upgraded(self, session: Session) -> None:
        """See :meth:`windsock.Observer.session_upgraded`."""
        self._upgraded[()] += 1

    def session_closed(self, session: Session, reason: str) -> None:
        """See :meth:`windsock.Observer.session_closed`."""
        self._closed[reason,] += 1

    def request_refused(self, scope: Scope, code: int, message: str) -> None:
        """See :meth:`windsock.Observer.request_refused`."""
        self._requests_refused[str(code),] += 1

    def connected(self, socket: Socket) -> None:
        """See :meth:`windsock.Observer.connected`."""
        self._connected[socket.namespace.registry.name,] += 1

    def refused(self, namespace: str, refusal: ConnectionRefused, cause: Exception | None) -> None:
        """See :meth:`windsock.Observer.refused`."""
        found = self._io.namespaces.get(namespace)
        self._refused[OTHER if found is None else found.registry.name,] += 1

    def unhandled(self, socket: Socket, event: str) -> None:
        """See :meth:`windsock.Observer.unhandled`."""
        self._unhandled[socket.namespace.registry.name,] += 1

    def closed(self) -> None:
        """See :meth:`windsock.Observer.closed`."""
        self._lag.stop()

    def _count_emitted(self, namespace: str, event: str, id: int | None) -> None:
        found = self._io.namespaces.get(namespace)
        if found is not None:
            registry = found.registry
            self._emitted[registry.name, event if event in registry.emissions else OTHER] += 1

    # -- what can be asked for --

    def _of_sessions(self) -> list[Metric]:
        by = ("transport",)
        return [
            _gauge("sessions", "{session}", "Sessions that are open.", by, self._open),
            _counter("sessions.opened", "{session}", "Sessions by their first transport.", by, self._opened.copy),
            _counter(
                "sessions.closed", "{session}", "Sessions by the reason of their end.", ("reason",), self._closed.copy
            ),
            _counter(
                "requests.refused",
                "{request}",
                "Requests that open no session and belong to none.",
                ("code",),
                self._requests_refused.copy,
            ),
            _counter("upgrades", "{upgrade}", "Moves from long-polling to a WebSocket.", (), self._upgraded.copy),
            _counter("received.size", "By", "Bytes from clients.", by, self._bytes_received),
            _counter("sent.size", "By", "Bytes to clients.", by, self._bytes_sent),
            _gauge("buffered.size", "By", "Bytes that wait for clients.", (), self._buffered),
            _gauge("waiting.sessions", "{session}", "Sessions for which bytes wait.", (), self._waiting),
        ]

    def _of_slow_clients(self) -> list[Metric]:
        def slow(name: str, unit: str, description: str, read: Callable[[SlowConsumerCounters], int]) -> Metric:
            return _counter(name, unit, description, (), lambda: {(): read(self._io.slow_consumers)})

        return [
            slow("slow_clients", "{client}", "How often a client fell behind.", lambda it: it.slow_clients),
            slow("slow_clients.closed", "{client}", "Clients given up.", lambda it: it.closed_clients),
            slow("dropped.messages", "{message}", "Messages dropped for them.", lambda it: it.dropped_messages),
            slow("dropped.size", "By", "Bytes dropped for them.", lambda it: it.dropped_bytes),
        ]

    def _of_clients(self) -> list[Metric]:
        by = ("namespace",)
        return [
            _gauge("sockets", "{client}", "Clients that are in a namespace.", by, self._sockets),
            _counter("connections", "{client}", "Clients that were let into a namespace.", by, self._connected.copy),
            _counter("connections.refused", "{client}", "Clients that were not.", by, self._refused.copy),
        ]

    def _of_events(self) -> list[Metric]:
        by = ("namespace", "event")
        return [
            _counter(
                "events.received",
                "{event}",
                "Events of clients, those with invalid arguments included.",
                by,
                self._received,
            ),
            _counter(
                "events.unhandled", "{event}", "Events that have no handler.", ("namespace",), self._unhandled.copy
            ),
            _counter(
                "event.errors",
                "{event}",
                "Handlers that were given invalid arguments, refused what was asked, or failed.",
                (*by, "kind"),
                self._errors,
            ),
            _counter(
                "events.emitted",
                "{event}",
                "Events sent, a broadcast once; by name where declared.",
                by,
                self._emitted.copy,
            ),
            _gauge("handlers.in_flight", "{handler}", "Handlers that have begun and not ended.", by, self._in_flight),
        ]

    # What changes under another thread is copied before it is gone through: a copy is made in one step.

    def _open(self) -> dict[Labels, float]:
        figures: dict[Labels, float] = {("polling",): 0, ("websocket",): 0}
        for session in list(self._io.engine.sessions.values()):
            if session.state is State.OPEN:
                figures[session.transport.name,] += 1
        return figures

    def _bytes_received(self) -> dict[Labels, float]:
        return {(name,): traffic.received for name, traffic in self._traffic.items()}

    def _bytes_sent(self) -> dict[Labels, float]:
        return {(name,): traffic.sent for name, traffic in self._traffic.items()}

    def _buffered(self) -> dict[Labels, float]:
        return {(): sum(session.transport.buffered for session in list(self._io.engine.sessions.values()))}

    def _waiting(self) -> dict[Labels, float]:
        return {(): sum(session.transport.buffered > 0 for session in list(self._io.engine.sessions.values()))}

    def _sockets(self) -> dict[Labels, float]:
        figures: Counter[Labels] = Counter()
        for namespace in list(self._io.namespaces.values()):
            figures[namespace.registry.name,] += len(namespace.sockets)
        return dict(figures)

    def _received(self) -> dict[Labels, float]:
        return {
            key: found.started + found.invalid
            for key, found in list(self._handlers.items())
            if key[1] not in RESERVED_EVENTS
        }

    def _errors(self) -> dict[Labels, float]:
        return {
            (*key, kind): figure
            for key, found in list(self._handlers.items())
            for kind, figure in (
                ("invalid", found.invalid),
                ("refused", found.ended["refused"]),
                ("failed", found.ended["failed"]),
            )
        }

    def _in_flight(self) -> dict[Labels, float]:
        return {key: found.in_flight for key, found in list(self._handlers.items())}


def _counter(name: str, unit: str, description: str, labels: Labels, read: Read) -> Metric:
    return Metric(name, "counter", unit, description, labels, read)


def _gauge(name: str, unit: str, description: str, labels: Labels, read: Read) -> Metric:
    return Metric(name, "gauge", unit, description, labels, read)
