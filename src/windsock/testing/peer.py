"""Clients that say what a test tells them to, and remember what they were told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from windsock.acks import Acks, ack_value
from windsock.errors import ConnectionRefused, NotConnected
from windsock.protocol.socketio import Packet, PacketType
from windsock.testing.event import Event, describe
from windsock.testing.line import Line, Resident

if TYPE_CHECKING:
    from windsock.testing.wire import Wire
    from windsock.types import TransportName

Answer = Callable[..., Any]


class Peer:
    """One client in one namespace. Got with :meth:`windsock.testing.Harness.connect`.

    What it says leaves at once and arrives when the event loop comes round; what it waits for fails as soon as nothing
    can bring it any more.

    Attributes:
        id: the socket's; empty while it is not connected.
        namespace: with its leading slash.
        auth: the payload it connects with.
        disconnected: why it is not connected, in the words of ``socket.io-client``: ``io server disconnect``,
            ``io client disconnect``, ``transport close``, ``transport error``; ``None`` while it is connected.
        recovered: whether the server restored its state when it connected again (connection state recovery).
    """

    def __init__(self, line: Line, namespace: str, auth: Any) -> None:
        self.id: str = ""
        self.namespace: str = namespace
        self.auth: Any = auth
        self.disconnected: str | None = None
        self.recovered: bool = False
        self._line = line
        self._refusal: ConnectionRefused | None = None
        self._unread: list[Event] = []
        self._answers: dict[str, Answer] = {}
        self._acks = Acks()
        self._ack_id = 0
        self._heard_of_end = False
        self._pid: str | None = None
        self._offset: str | None = None

    def __repr__(self) -> str:
        return f"<Peer {self.id or 'not connected'} in {self.namespace}>"

    @property
    def wire(self) -> Wire:
        """The connection beneath, which namespaces share, with its faults; a new one each time it connects."""
        return self._line.wire

    @property
    def transport(self) -> TransportName:
        """``websocket`` or ``polling``."""
        return self._line.transport.name

    @property
    def unread(self) -> list[Event]:
        """The events that came and that nothing was asserted of, in order."""
        return list(self._unread)

    def take_unread(self) -> list[Event]:
        """The same, which are read then."""
        taken, self._unread = self._unread, []
        return taken

    async def join(self, namespace: str, auth: Any = None) -> Peer:
        """The same client in one more namespace, over the same connection.

        Raises:
            ConnectionRefused: the server did not let it in.
            AssertionError: the server did not answer.
        """
        return await connect(self._line, namespace, auth)

    async def upgrade(self) -> None:
        """Moves from long-polling to a WebSocket, as Socket.IO's client does soon after it has connected.

        What either side sends meanwhile is not lost.

        Raises:
            AssertionError: it is on a WebSocket.
            ConnectionFailed: the server does not let it.
        """
        await self._line.upgrade()

    async def reconnect(self) -> bool:
        """Connects again, as Socket.IO's client does when it has lost its connection.

        It is the same client: what it was told before, and nothing was asserted of, is still unread. What it was told
        of its state goes along, so that a server with connection state recovery can restore it. A connection that
        stands is given up; others that share it are then to be reconnected, too, and share the new one.

        Returns:
            Whether the server restored its state: ``recovered``.

        Raises:
            ConnectionRefused: the namespace did not let it in.
            ConnectionFailed: the opening request was refused.
            AssertionError: nothing can bring an answer any more.
        """
        line = self._line
        if self.disconnected is None:
            line.wire.abandon()
        if not line.wire.open:
            await line.open()
        self.disconnected = None
        self._heard_of_end = False
        self._acks = Acks()
        await self._connect()
        return self.recovered

    def emit(self, event: str, *arguments: Any) -> None:
        """Sends an event.

        Raises:
            NotConnected: it has left.
        """
        self._send_event(event, arguments, None)

    async def emit_with_ack(self, event: str, *arguments: Any) -> Any:
        """Sends an event and waits for its acknowledgement.

        Returns:
            One argument by itself, none as ``None``, several as a list.

        Raises:
            AssertionError: nothing can bring an answer any more.
            NotConnected: it has left, or left before the answer came.
        """
        self._ack_id += 1
        future = self._acks.expect(self._ack_id)
        try:
            self._send_event(event, arguments, self._ack_id)
            if not await self._line.clock.wait_for(future.done):
                raise AssertionError(f"expected an acknowledgement of {event!r}, got none{self._circumstances()}")
            return ack_value(future.result())
        finally:
            future.cancel()

    def answer(self, event: str, answer: Answer) -> None:
        """How it acknowledges an event from now on: what ``answer(*arguments)`` returns, a tuple being several."""
        self._answers[event] = answer

    async def assert_emitted(self, event: str, *arguments: Any) -> Event:
        """Waits for an event, and takes it from the unread ones: the first of this name, with these arguments.

        Args:
            event: its name.
            arguments: all of them; none at all for any. They are compared with ``==``.

        Raises:
            AssertionError: nothing can bring it any more.
        """

        def find() -> Event | None:
            expected = list(arguments)
            return next(
                (e for e in self._unread if e.name == event and (not expected or e.arguments == expected)), None
            )

        if not await self._line.clock.wait_for(lambda: find() is not None):
            wanted = f"{event!r} with {list(arguments)!r}" if arguments else repr(event)
            got = describe(self._unread, event, arguments)
            raise AssertionError(f"expected {wanted}, got {got}{self._circumstances()}")
        found = find()
        assert found is not None
        self._unread.remove(found)
        return found

    async def assert_nothing(self, event: str | None = None) -> None:
        """Everything that can happen has happened, and nothing unread came of it.

        Args:
            event: its name; without one no event at all, and the client has not been disconnected either.

        Raises:
            AssertionError: something came.
        """
        await self._line.clock.settle()
        if any(event is None or unread.name == event for unread in self._unread):
            raise AssertionError(
                f"expected {'nothing' if event is None else f'no {event!r}'}, got {describe(self._unread)}"
            )
        if event is None and self.disconnected is not None and not self._heard_of_end:
            raise AssertionError(f"expected nothing, but the client was disconnected: {self.disconnected}")

    async def assert_disconnected(self, reason: str | None = None) -> str:
        """Waits until the client is not connected; returns the reason, which must be this one if one is given.

        Raises:
            AssertionError: nothing disconnects it, or for another reason.
        """
        if not await self._line.clock.wait_for(lambda: self.disconnected is not None):
            raise AssertionError(f"expected the client to be disconnected, got {describe(self._unread)}")
        assert self.disconnected is not None
        self._heard_of_end = True
        if reason is not None and self.disconnected != reason:
            raise AssertionError(f"expected the client to be disconnected by {reason!r}, got {self.disconnected!r}")
        return self.disconnected

    async def disconnect(self) -> None:
        """Leaves the namespace, and lets everything happen that follows from it."""
        if self.disconnected is None:
            self._line.send_packet(PacketType.DISCONNECT, self.namespace)
            self._leave("io client disconnect")
        await self._line.clock.settle()

    # -- the line's side --

    def _take(self, packet: Packet) -> None:
        data = packet.data
        if packet.type is PacketType.EVENT:
            self._take_event(packet)
        elif packet.type is PacketType.ACK:
            assert packet.id is not None
            self._acks.resolve(packet.id, data or [])
        elif packet.type is PacketType.CONNECT:
            self._take_connect(data)
        elif packet.type is PacketType.CONNECT_ERROR:
            self._refusal = ConnectionRefused(data["message"], data.get("data"))
            self._leave("refused")
        elif packet.type is PacketType.DISCONNECT:
            self._leave("io server disconnect")

    def _take_connect(self, data: dict[str, Any]) -> None:
        pid = data.get("pid")
        self.recovered = pid is not None and pid == self._pid
        if not self.recovered:
            self._offset = None
        self._pid = pid
        self.id = data["sid"]

    def _take_event(self, packet: Packet) -> None:
        name, *arguments = packet.data
        id = packet.id
        # With connection state recovery the server adds an offset, as Socket.IO's clients know it: by its type.
        if self._pid is not None and id is None and arguments and isinstance(arguments[-1], str):
            self._offset = arguments.pop()

        def acknowledge(*values: Any) -> None:
            if id is not None:
                self._line.send_packet(PacketType.ACK, self.namespace, list(values), id)

        self._unread.append(Event(name, arguments, acknowledge))
        if name in self._answers:
            value = self._answers[name](*arguments)
            acknowledge(*(() if value is None else value if isinstance(value, tuple) else (value,)))

    def _leave(self, reason: str) -> None:
        if self.disconnected is None:
            self.disconnected = reason
            self._heard_of_end = reason == "io client disconnect"
            self._line.residents.pop(self.namespace, None)
            self._acks.close()

    def _send_event(self, event: str, arguments: tuple[Any, ...], id: int | None) -> None:
        if self.disconnected is not None:
            raise NotConnected(f"the client has left: {self.disconnected}")
        self._line.send_packet(PacketType.EVENT, self.namespace, [event, *arguments], id)

    async def _connect(self) -> None:
        self.id = ""
        self._refusal = None
        line = self._line
        line.residents[self.namespace] = Resident(self._take, self._leave)
        auth = self.auth
        if self._pid is not None:
            auth = {"pid": self._pid, "offset": self._offset, **(auth or {})}
        line.send_packet(PacketType.CONNECT, self.namespace, auth)
        if not await line.clock.wait_for(lambda: bool(self.id) or self.disconnected is not None):
            raise AssertionError(
                f"expected an answer of the namespace {self.namespace!r}, got none{self._circumstances()}"
            )
        if self._refusal is not None:
            raise self._refusal
        if self.disconnected is not None and not self.id:
            raise AssertionError(f"expected an answer of the namespace {self.namespace!r}, got {self.disconnected!r}")

    def _circumstances(self) -> str:
        if self.disconnected is not None:
            return f"; the client was disconnected: {self.disconnected}"
        seconds = self._line.clock.next_timer
        return "" if seconds is None else f"; the clock stands still, and the next timer is due in {seconds:.3f} s"


async def connect(line: Line, namespace: str, auth: Any) -> Peer:
    """Joins a namespace; see :meth:`Peer.join`."""
    namespace = namespace if namespace.startswith("/") else f"/{namespace}"
    peer = Peer(line, namespace, auth)
    await peer._connect()
    return peer
