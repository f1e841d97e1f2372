"""Clients that say what a test tells them to, and remember what they were told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from windsock.acks import Acks, ack_value
from windsock.errors import ConnectionRefused, NotConnected
from windsock.protocol.engineio import Message
from windsock.protocol.socketio import Packet, PacketType
from windsock.protocol.websocket import QUIET
from windsock.testing.wire import Wire

if TYPE_CHECKING:
    from windsock.protocol.socketio import Parser
    from windsock.testing.clock import Clock

Answer = Callable[..., Any]

_PONG: Final = Message(b"3")
_ARGUMENTS_IN_MESSAGES: Final = 500
"""Characters of an event in a failure's text."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event that the server emitted.

    Attributes:
        name: of the event.
        arguments: as they came.
        acknowledge: answers it; a call with nothing answers with nothing. Does nothing when no answer is asked for.
    """

    name: str
    arguments: list[Any]
    acknowledge: Callable[..., None] = field(repr=False, compare=False)

    def __str__(self) -> str:
        text = f"{self.name!r} with {self.arguments!r}"
        return text if len(text) <= _ARGUMENTS_IN_MESSAGES else f"{text[:_ARGUMENTS_IN_MESSAGES]}…"


class Line:
    """A client's connection, seen from its end: frames and packets below, its sockets in namespaces above.

    Args:
        clock: of the test.
        parser: of the server.
        address: of the client, as the server sees it.

    Attributes:
        wire: the connection itself.
        parameters: of the ``open`` packet; ``None`` before it came.
        peers: the sockets, by namespace.
    """

    def __init__(self, clock: Clock, parser: Parser, address: str) -> None:
        self.clock = clock
        self.wire: Wire = Wire(self._take, self._end, address)
        self.parameters: dict[str, Any] | None = None
        self.peers: dict[str, Peer] = {}
        self._parser = parser
        self._decoder = parser.decoder()
        self._frames = Protocol(Side.CLIENT, state=State.OPEN, max_size=None, logger=QUIET)
        self._attached = False

    def send(self, message: Message) -> None:
        """Sends an Engine.IO message: each of its packets in a frame."""
        frames = [Frame(Opcode.TEXT, message.text), *(Frame(Opcode.BINARY, data) for data in message.attachments)]
        self.wire.send(b"".join(frame.serialize(mask=True) for frame in frames))

    def send_packet(self, type: PacketType, namespace: str, data: Any = None, id: int | None = None) -> None:
        """Sends a Socket.IO packet."""
        self.send(self._parser.encode(type, namespace, data, id, True))

    def _take(self, data: bytes) -> None:
        frames = self._frames
        frames.receive_data(data)
        for frame in frames.events_received():
            assert isinstance(frame, Frame)
            if frame.opcode is Opcode.TEXT:
                self._take_text(bytes(frame.data).decode())
            elif frame.opcode is Opcode.BINARY:
                self._take_packet(self._decoder.add(bytes(frame.data)))
        answer = b"".join(frames.data_to_send())
        if answer:
            self.wire.send(answer)

    def _take_text(self, text: str) -> None:
        if text.startswith("4"):
            self._take_packet(self._decoder.add(text, 1))
        elif text.startswith("0"):
            self.parameters = orjson.loads(text[1:])
        elif text.startswith("2"):
            self.send(_PONG)

    def _take_packet(self, packet: Packet | None) -> None:
        if packet is not None:
            peer = self.peers.get(packet.namespace)
            if peer is not None:
                peer._take(packet)

    def _end(self) -> None:
        for peer in list(self.peers.values()):
            peer._leave("transport close")


class Peer:
    """One client in one namespace. Got with :meth:`windsock.testing.Harness.connect`.

    What it says leaves at once and arrives when the event loop comes round; what it waits for fails as soon as nothing
    can bring it any more.

    Attributes:
        id: the socket's; empty while it is not connected.
        namespace: with its leading slash.
        auth: the payload it connects with.
        disconnected: why it is not connected, in the words of ``socket.io-client``: ``io server disconnect``,
            ``io client disconnect``, ``transport close``; ``None`` while it is connected.
    """

    def __init__(self, line: Line, namespace: str, auth: Any) -> None:
        self.id: str = ""
        self.namespace: str = namespace
        self.auth: Any = auth
        self.disconnected: str | None = None
        self._line = line
        self._refusal: ConnectionRefused | None = None
        self._unread: list[Event] = []
        self._answers: dict[str, Answer] = {}
        self._acks = Acks()
        self._ack_id = 0
        self._heard_of_end = False
        line.peers[namespace] = self

    def __repr__(self) -> str:
        return f"<Peer {self.id or 'not connected'} in {self.namespace}>"

    @property
    def wire(self) -> Wire:
        """The connection beneath, which namespaces share, with its faults."""
        return self._line.wire

    @property
    def unread(self) -> list[Event]:
        """The events that came and that nothing was asserted of, in order."""
        return list(self._unread)

    async def join(self, namespace: str, auth: Any = None) -> Peer:
        """The same client in one more namespace, over the same connection.

        Raises:
            ConnectionRefused: the server did not let it in.
            AssertionError: the server did not answer.
        """
        return await connect(self._line, namespace, auth)

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
            raise AssertionError(f"expected {wanted}, got {self._described()}{self._circumstances()}")
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
            raise AssertionError(f"expected {'nothing' if event is None else f'no {event!r}'}, got {self._described()}")
        if event is None and self.disconnected is not None and not self._heard_of_end:
            raise AssertionError(f"expected nothing, but the client was disconnected: {self.disconnected}")

    async def assert_disconnected(self, reason: str | None = None) -> str:
        """Waits until the client is not connected; returns the reason, which must be this one if one is given.

        Raises:
            AssertionError: nothing disconnects it, or for another reason.
        """
        if not await self._line.clock.wait_for(lambda: self.disconnected is not None):
            raise AssertionError(f"expected the client to be disconnected, got {self._described()}")
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
            self.id = data["sid"]
        elif packet.type is PacketType.CONNECT_ERROR:
            self._refusal = ConnectionRefused(data["message"], data.get("data"))
            self._leave("refused")
        elif packet.type is PacketType.DISCONNECT:
            self._leave("io server disconnect")

    def _take_event(self, packet: Packet) -> None:
        name, *arguments = packet.data
        id = packet.id

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
            self._line.peers.pop(self.namespace, None)
            self._acks.close()

    def _send_event(self, event: str, arguments: tuple[Any, ...], id: int | None) -> None:
        if self.disconnected is not None:
            raise NotConnected(f"the client has left: {self.disconnected}")
        self._line.send_packet(PacketType.EVENT, self.namespace, [event, *arguments], id)

    def _described(self) -> str:
        return ", ".join(map(str, self._unread)) or "nothing"

    def _circumstances(self) -> str:
        if self.disconnected is not None:
            return f"; the client was disconnected: {self.disconnected}"
        seconds = self._line.clock.next_timer
        return "" if seconds is None else f"; the clock stands still, and the next timer is due in {seconds:.3f} s"


async def connect(line: Line, namespace: str, auth: Any) -> Peer:
    """Joins a namespace; see :meth:`Peer.join`."""
    namespace = namespace if namespace.startswith("/") else f"/{namespace}"
    peer = Peer(line, namespace, auth)
    line.send_packet(PacketType.CONNECT, namespace, auth)
    if not await line.clock.wait_for(lambda: bool(peer.id) or peer.disconnected is not None):
        raise AssertionError(f"expected an answer of the namespace {namespace!r}, got none{peer._circumstances()}")
    if peer._refusal is not None:
        raise peer._refusal
    if peer.disconnected is not None and not peer.id:
        raise AssertionError(f"expected an answer of the namespace {namespace!r}, got {peer.disconnected!r}")
    return peer
