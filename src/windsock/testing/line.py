"""A client's connection, seen from its end: one Engine.IO session after the other, and its sockets in namespaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from windsock.errors import ConnectionFailed
from windsock.protocol.engineio import Message
from windsock.protocol.socketio import Packet, PacketType
from windsock.testing.transports import Polling, Transport, WebSocket
from windsock.testing.wire import Wire

if TYPE_CHECKING:
    from windsock.protocol.socketio import Parser
    from windsock.testing.clock import Clock
    from windsock.testing.endpoint import Endpoint
    from windsock.types import TransportName

_PONG: Final = Message(b"3")
_PROBE: Final = Message(b"2probe")
_UPGRADE: Final = Message(b"5")


@dataclass(frozen=True, slots=True)
class Resident:
    """A socket in a namespace: what takes its packets, and what is told that it is not connected any more, and why."""

    take: Callable[[Packet], None]
    leave: Callable[[str], None]


class Line:
    """Opens sessions, answers their pings, and hands packets to the sockets.

    Args:
        clock: of the test.
        parser: of the server.
        endpoint: where the server is.
        first: the transport that each session begins with.

    Attributes:
        wire: of the session.
        residents: the sockets, by namespace.
        transport: that carries the session.
    """

    def __init__(self, clock: Clock, parser: Parser, endpoint: Endpoint, first: TransportName) -> None:
        self.clock = clock
        self.endpoint = endpoint
        self.residents: dict[str, Resident] = {}
        self.wire: Wire
        self.transport: Transport
        self._parser = parser
        self._first = first
        self._parameters: dict[str, Any] | None = None
        self._reason = "transport close"

    async def open(self) -> None:
        """A new session, over a new wire.

        Raises:
            ConnectionFailed: it was refused.
            Exception: what the application raised.
        """
        self._parameters = None
        self._decoder = self._parser.decoder()
        self.wire = Wire(self._end)
        self._reason = "transport close"
        if self._first == "websocket":
            websocket = self.transport = WebSocket(self.endpoint, self.wire, self)
            opening = websocket.opening
            await self.clock.wait_for(lambda: self._parameters is not None or opening.failed)
            if opening.task.done():
                opening.task.result()
            answer: object = opening.answer
        else:
            polling = self.transport = Polling(self.endpoint, self.wire, self)
            await self.clock.wait_for(lambda: self._parameters is not None or polling.refusal is not None)
            answer = polling.refusal
        if self._parameters is None:
            raise ConnectionFailed(f"expected the server to open a session, got {answer or 'nothing'}")

    async def upgrade(self) -> None:
        """Moves the session from long-polling to a WebSocket (Engine.IO protocol, "Upgrade").

        Raises:
            AssertionError: it is not on long-polling.
            ConnectionFailed: the server does not let it.
        """
        polling = self.transport
        assert isinstance(polling, Polling), f"expected a session on long-polling, got one on {polling.name}"
        # What is sent until the last request is answered goes with one.
        probe = _Probe(lambda: polling.pause(lambda: self._move(websocket)))
        websocket = WebSocket(self.endpoint, self.wire, probe, self.sid)
        websocket.send(_PROBE)
        opening = websocket.opening
        await self.clock.wait_for(
            lambda: self.transport is websocket or opening.failed or not self.wire.open,
        )
        if self.transport is not websocket:
            raise ConnectionFailed(f"expected the session to move to a WebSocket, got {opening.answer or 'nothing'}")

    @property
    def sid(self) -> str:
        """The session's id."""
        assert self._parameters is not None
        sid: str = self._parameters["sid"]
        return sid

    def send(self, message: Message) -> None:
        """Sends an Engine.IO message."""
        self.transport.send(message)

    def send_packet(self, type: PacketType, namespace: str, data: Any = None, id: int | None = None) -> None:
        """Sends a Socket.IO packet."""
        self.send(self._parser.encode(type, namespace, data, id, True))

    # -- the transport's side --

    def take(self, packet: str | bytes) -> None:
        """See :class:`windsock.testing.transports.Receiver`."""
        if isinstance(packet, bytes):
            self._take_packet(self._decoder.add(packet))
        elif packet[0] == "4":
            self._take_packet(self._decoder.add(packet, 1))
        elif packet[0] == "2":
            self.send(_PONG)
        elif packet[0] == "0":
            self._parameters = orjson.loads(packet[1:])
            if isinstance(self.transport, Polling):
                self.transport.begin(self.sid, self._parameters["maxPayload"])

    def transport_lost(self, transport: Transport, reason: str) -> None:
        """As above."""
        if transport is self.transport:
            self._reason = reason
            self.wire.end()

    # -- inside --

    def _move(self, websocket: WebSocket) -> None:
        websocket.send(_UPGRADE)
        websocket.receiver = self
        self.transport = websocket

    def _take_packet(self, packet: Packet | None) -> None:
        if packet is not None:
            resident = self.residents.get(packet.namespace)
            if resident is not None:
                resident.take(packet)

    def _end(self) -> None:
        for resident in list(self.residents.values()):
            resident.leave(self._reason)


class _Probe:
    """Hears whether a WebSocket carries what it is sent, before the session moves onto it."""

    def __init__(self, on_answer: Callable[[], None]) -> None:
        self._on_answer = on_answer

    def take(self, packet: str | bytes) -> None:
        if packet == "3probe":
            self._on_answer()

    def transport_lost(self, transport: Transport, reason: str) -> None:
        """The session stays where it is."""
