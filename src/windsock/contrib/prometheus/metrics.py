"""What a server does, in figures that Prometheus reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import REGISTRY, make_asgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry

from windsock.asgi import Route
from windsock.contrib.prometheus.handlers import HandlerFigures
from windsock.contrib.prometheus.lag import LoopLag
from windsock.engine.session import State
from windsock.protocol.socketio import RESERVED_EVENTS, PacketType
from windsock.server.observer import Observer

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from windsock.contrib.prometheus.histogram import Histogram
    from windsock.engine.session import Session
    from windsock.errors import ConnectionRefused
    from windsock.protocol.engineio import Message
    from windsock.protocol.socketio import Decoder, Parser
    from windsock.server.handlers import Handler
    from windsock.server.server import Server
    from windsock.server.socket import Socket
    from windsock.types import ASGIApp

OTHER: Final = "(other)"
"""Label of what has no name that the application gave it: a client's inventions do not become time series."""


class Metrics(Observer, Collector):
    """Counts what a server does, and tells Prometheus when it asks.

    To be made before the first client connects. Gauges are read from the server when they are asked for.

    Args:
        io: the server.
        registry: of metrics; the process's own by default. Two servers of one process need one each.

    Raises:
        ConfigurationError: clients are connected.
        ValueError: the registry has the metrics of another server.

    Attributes:
        endpoint: the ASGI application that answers with the registry's metrics, to be mounted in another one.
    """

    def __init__(self, io: Server, registry: CollectorRegistry = REGISTRY) -> None:
        self._io = io
        self._traffic = io.engine.meter()
        self._handlers: dict[tuple[str, str], HandlerFigures] = {}
        self._emitted: Counter[tuple[str, ...]] = Counter()
        self._unhandled: Counter[tuple[str, ...]] = Counter()
        self._opened: Counter[tuple[str, ...]] = Counter()
        self._closed: Counter[tuple[str, ...]] = Counter()
        self._upgrades = 0
        self._connected: Counter[tuple[str, ...]] = Counter()
        self._refused: Counter[tuple[str, ...]] = Counter()
        self._lag = LoopLag()
        io.observe(self)
        registry.register(self)
        self.endpoint: ASGIApp = make_asgi_app(registry)

    def asgi(self, app: ASGIApp | None = None, *, path: str = "/metrics") -> ASGIApp:
        """The ASGI application that answers with the metrics at ``path`` and leaves everything else to ``app``.

        It goes behind the server's own: ``io.asgi(metrics.asgi(app))``.
        """
        return Route(path, self.endpoint, app)

    def collect(self) -> Iterator[Metric]:
        """The figures of this moment."""
        yield from self._collect_sessions()
        yield from self._collect_namespaces()
        yield from self._collect_events()
        yield _histogram("windsock_event_loop_lag_seconds", "How late the event loop is.", (), [((), self._lag.times)])

    def describe(self) -> Iterable[Metric]:
        """The same: a registry asks it for their names."""
        return self.collect()

    # -- Observer --

    def watch(self, namespace: str, handler: Handler) -> None:
        """See :meth:`windsock.Observer.watch`."""
        self._handlers.setdefault((namespace, handler.event), HandlerFigures()).watch(handler)

    def parser(self, parser: Parser) -> Parser:
        """See :meth:`windsock.Observer.parser`."""
        return _CountingParser(parser, self.emitted)

    def session_opened(self, session: Session) -> None:
        """See :meth:`windsock.Observer.session_opened`."""
        self._opened[session.transport.name,] += 1
        self._lag.start()

    def session_upgraded(self, session: Session) -> None:
        """See :meth:`windsock.Observer.session_upgraded`."""
        self._upgrades += 1

    def session_closed(self, session: Session, reason: str) -> None:
        """See :meth:`windsock.Observer.session_closed`."""
        self._closed[reason,] += 1

    def connected(self, socket: Socket) -> None:
        """See :meth:`windsock.Observer.connected`."""
        self._connected[socket.namespace.registry.name,] += 1

    def refused(self, namespace: str, refusal: ConnectionRefused, cause: Exception | None) -> None:
        """See :meth:`windsock.Observer.refused`."""
        self._refused[self._label(namespace),] += 1

    def unhandled(self, socket: Socket, event: str) -> None:
        """See :meth:`windsock.Observer.unhandled`."""
        self._unhandled[socket.namespace.registry.name,] += 1

    def emitted(self, namespace: str, event: str) -> None:
        """An event is encoded, for one client or for many."""
        found = self._io.namespaces.get(namespace)
        if found is not None:
            registry = found.registry
            self._emitted[registry.name, event if event in registry.emissions else OTHER] += 1

    def closed(self) -> None:
        """See :meth:`windsock.Observer.closed`."""
        self._lag.stop()

    # -- inside --

    def _label(self, namespace: str) -> str:
        found = self._io.namespaces.get(namespace)
        return OTHER if found is None else found.registry.name

    def _collect_sessions(self) -> Iterator[Metric]:
        open_now: Counter[tuple[str, ...]] = Counter({("polling",): 0, ("websocket",): 0})
        buffered = waiting = 0
        for session in self._io.engine.sessions.values():
            transport = session.transport
            if session.state is State.OPEN:
                open_now[transport.name,] += 1
            size = transport.buffered
            if size:
                buffered += size
                waiting += 1
        by_transport = ("transport",)
        yield _gauge("windsock_sessions", "Sessions that are open.", by_transport, open_now)
        yield _counter("windsock_sessions_opened", "Sessions by their first transport.", by_transport, self._opened)
        yield _counter("windsock_sessions_closed", "Sessions by the reason of their end.", ("reason",), self._closed)
        yield _counter("windsock_upgrades", "Moves from long-polling to a WebSocket.", (), {(): self._upgrades})
        received = {(name,): traffic.received for name, traffic in self._traffic.items()}
        sent = {(name,): traffic.sent for name, traffic in self._traffic.items()}
        yield _counter("windsock_received_bytes", "Bytes from clients.", by_transport, received)
        yield _counter("windsock_sent_bytes", "Bytes to clients.", by_transport, sent)
        yield _gauge("windsock_buffered_bytes", "Bytes that wait for clients.", (), {(): buffered})
        yield _gauge("windsock_waiting_sessions", "Sessions for which bytes wait.", (), {(): waiting})
        slow = self._io.slow_consumers
        yield _counter("windsock_slow_clients", "How often a client fell behind.", (), {(): slow.slow_clients})
        yield _counter("windsock_slow_clients_closed", "Clients given up.", (), {(): slow.closed_clients})
        yield _counter("windsock_dropped_messages", "Messages dropped for them.", (), {(): slow.dropped_messages})
        yield _counter("windsock_dropped_bytes", "Bytes dropped for them.", (), {(): slow.dropped_bytes})

    def _collect_namespaces(self) -> Iterator[Metric]:
        sockets: Counter[tuple[str, ...]] = Counter()
        for namespace in self._io.namespaces.values():
            sockets[namespace.registry.name,] += len(namespace.sockets)
        labels = ("namespace",)
        yield _gauge("windsock_sockets", "Clients that are in a namespace.", labels, sockets)
        yield _counter("windsock_connections", "Clients that were let into a namespace.", labels, self._connected)
        yield _counter("windsock_connections_refused", "Clients that were not.", labels, self._refused)

    def _collect_events(self) -> Iterator[Metric]:
        figures = self._handlers
        events = {key: found for key, found in figures.items() if key[1] not in RESERVED_EVENTS}
        labels = ("namespace", "event")
        yield _counter(
            "windsock_events_received",
            "Events of clients, those with invalid arguments included.",
            labels,
            {key: found.started + found.invalid for key, found in events.items()},
        )
        yield _counter("windsock_events_unhandled", "Events that have no handler.", ("namespace",), self._unhandled)
        errors = {
            (*key, kind): count
            for key, found in figures.items()
            for kind, count in (("invalid", found.invalid), ("refused", found.refused), ("failed", found.failed))
        }
        yield _counter(
            "windsock_event_errors",
            "Handlers that were given invalid arguments, refused what was asked, or failed.",
            (*labels, "kind"),
            errors,
        )
        yield _counter(
            "windsock_events_emitted", "Events sent, a broadcast once; by name where declared.", labels, self._emitted
        )
        in_flight = {key: found.started - found.times.count for key, found in figures.items()}
        yield _gauge("windsock_handlers_in_flight", "Handlers that have begun and not ended.", labels, in_flight)
        times = [(key, found.times) for key, found in figures.items()]
        yield _histogram("windsock_handler_duration_seconds", "From the start of a handler to its end.", labels, times)


class _CountingParser:
    """A parser that tells which events it encodes; everything else is the parser's own."""

    __slots__ = ("_emitted", "_encode", "decoder", "pack")

    def __init__(self, parser: Parser, emitted: Callable[[str, str], None]) -> None:
        self._encode = parser.encode
        self._emitted = emitted
        self.decoder: Callable[[], Decoder] = parser.decoder
        self.pack: Callable[..., tuple[bytes, tuple[bytes, ...]]] = parser.pack

    def encode(self, type: PacketType, namespace: str, data: Any, id: int | None, compress: bool) -> Message:
        message = self._encode(type, namespace, data, id, compress)
        if type is PacketType.EVENT:
            self._emitted(namespace, data[0])
        return message


def _counter(name: str, text: str, labels: tuple[str, ...], figures: Mapping[Any, float]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, figure in figures.items():
        family.add_metric(values, figure)
    return family


def _gauge(name: str, text: str, labels: tuple[str, ...], figures: Mapping[Any, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, figure in figures.items():
        family.add_metric(values, figure)
    return family


def _histogram(
    name: str, text: str, labels: tuple[str, ...], figures: Iterable[tuple[tuple[str, ...], Histogram]]
) -> Metric:
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, histogram in figures:
        family.add_metric(values, histogram.buckets(), histogram.total)
    return family
