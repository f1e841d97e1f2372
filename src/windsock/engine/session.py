"""One Engine.IO session, whichever transport carries it at the moment."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Protocol

from windsock.engine.observation import tell

if TYPE_CHECKING:
    from windsock.engine.registry import Engine
    from windsock.engine.request import Request
    from windsock.engine.transports.base import Transport
    from windsock.engine.upgrade import Upgrade
    from windsock.protocol.engineio import Message


class State(Enum):
    """Of a session. ``CLOSING``: the application has been told, the client not yet."""

    OPEN = auto()
    CLOSING = auto()
    CLOSED = auto()


_OPEN: Final = State.OPEN
_MESSAGE: Final = ord("4")


class Listener(Protocol):
    """What a session tells its owner."""

    def receive(self, message: str | bytes, start: int = 0) -> None:
        """One message of the client: text, which begins at ``start``, or binary."""

    def receive_encoded(self, message: bytes, start: int) -> bool:
        """One message of text as it came; ``False`` if it is to be decoded, or refused, first."""

    def closed(self, reason: str) -> None:
        """The session is over, for one of Socket.IO's reasons."""

    @property
    def busy(self) -> bool:
        """Whether something that its messages have started has not ended."""


class Session:
    """A client as Engine.IO sees it: an id, a transport, a heartbeat.

    Args:
        engine: that the session belongs to.
        id: the ``sid`` of the handshake; whoever knows it can speak for the session.
        request: the request that opened it.
        transport: on which it begins.

    Attributes:
        listener: gets the messages and the end of the session; set by whoever the engine announces it to.
        upgrade: the WebSocket that is about to replace the transport, if any.
        timer: the heartbeat's slice of deadlines that holds this session.
    """

    __slots__ = ("_engine", "_ponging", "id", "listener", "request", "state", "timer", "transport", "upgrade")

    def __init__(self, engine: Engine, id: str, request: Request, transport: Transport) -> None:
        self._engine = engine
        self.id: str = id
        self.request: Request = request
        self.transport: Transport = transport
        self.state: State = State.OPEN
        self.listener: Listener
        self.upgrade: Upgrade | None = None
        self.timer: set[Session] | None = None
        self._ponging = False

    def send(self, message: Message) -> None:
        """Queues a message; it leaves at the end of the event loop's iteration, in order."""
        if self.state is _OPEN:
            self.transport.send(message)

    def close(self, *, reason: str = "forced close") -> None:
        """Sends what is queued and closes; the listener hears of it at once."""
        if self.state is not State.OPEN:
            return
        self.state = State.CLOSING
        self._stop(reason)
        self.transport.close()

    def fail(self, reason: str) -> None:
        """Closes at once because of what the client did, or did not do."""
        if self.state is not State.OPEN:
            return
        self.state = State.CLOSING
        self._stop(reason)
        if reason == "ping timeout":
            self.transport.abort()
        else:
            self.transport.close()

    # -- the transport's side --

    def receive(self, packet: str | bytes) -> None:
        """Takes one packet of the client (Engine.IO protocol, "Packet types")."""
        if self.state is not _OPEN:
            return
        if isinstance(packet, bytes):
            self.listener.receive(packet)
            return
        if packet.startswith("4"):
            self.listener.receive(packet, 1)
            return
        kind = packet[:1]
        if kind == "3":
            # Only the answer to a ping counts: others may come in any number and cost nothing.
            if self._ponging:
                self._ponging = False
                self._engine.pong_received(self)
        elif kind == "1":
            self.close(reason="transport close")
        elif kind == "6":
            return
        else:
            # A ping from a client, an open packet, an unknown type.
            self.fail("transport error" if kind == "2" else "parse error")

    def receive_encoded(self, packet: bytes) -> bool:
        """See :class:`windsock.engine.transports.base.Receiver`."""
        if packet and packet[0] == _MESSAGE and self.state is _OPEN:
            return self.listener.receive_encoded(packet, 1)
        return False

    def transport_closed(self, reason: str) -> None:
        """The transport can carry nothing any more."""
        was_open = self.state is State.OPEN
        self.state = State.CLOSED
        self._engine.forget(self)
        if was_open:
            self._stop(reason)

    # -- the engine's side --

    def ping(self) -> None:
        """The interval is over: sends a ping."""
        self._ponging = True
        self._engine.send_ping(self)

    def replace_transport(self, transport: Transport) -> None:
        """Moves to the transport that completed its upgrade; what the old one had not sent goes first."""
        old = self.transport
        self.upgrade = None
        self.transport = transport
        self._engine.outbox.layout += 1
        transport.receiver = self
        for message in old.discard():
            transport.send(message)
        tell(self._engine.observers, lambda observer: observer.session_upgraded(self))

    def _stop(self, reason: str) -> None:
        if self.timer is not None:
            self.timer.discard(self)
            self.timer = None
        if self.upgrade is not None:
            self.upgrade.cancel()
        self.listener.closed(reason)
        tell(self._engine.observers, lambda observer: observer.session_closed(self, reason))
