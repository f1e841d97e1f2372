"""What leaves for a socket whose outgoing events are listened to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from windsock.engine.session import State
from windsock.protocol.socketio import PacketType
from windsock.server.hooks import tell

if TYPE_CHECKING:
    from windsock.engine.session import Session
    from windsock.engine.transports.straggler import Straggler
    from windsock.protocol.engineio import Message
    from windsock.protocol.socketio import Decoder, Parser
    from windsock.server.socket import Socket


class RecordingParser:
    """The parser of a namespace some of whose sockets have a tap: its messages remember their events.

    Args:
        parser: of the server.
    """

    def __init__(self, parser: Parser) -> None:
        self._parser = parser

    def encode(self, type: PacketType, namespace: str, data: Any, id: int | None, compress: bool) -> Message:
        """See :class:`windsock.protocol.socketio.Parser`."""
        message = self._parser.encode(type, namespace, data, id, compress)
        if type is PacketType.EVENT:
            message.event = data
        return message

    def pack(self, type: PacketType, namespace: str, data: Any, id: int | None) -> tuple[bytes, tuple[bytes, ...]]:
        """See :class:`windsock.protocol.socketio.Parser`."""
        return self._parser.pack(type, namespace, data, id)

    def decoder(self) -> Decoder:
        """See :class:`windsock.protocol.socketio.Parser`."""
        return self._parser.decoder()


class Tap:
    """Stands between a socket and its session, and tells the outgoing catch-alls what goes there.

    It offers no ``pending`` list, so a broadcast hands it the message, as it does to a transport that is busy: a
    broadcast to sockets without one is not slower for it.

    Args:
        socket: whose events they are.
        session: where they go.

    Attributes:
        session: where they go.
    """

    __slots__ = ("_socket", "session")

    pending: None = None

    def __init__(self, socket: Socket, session: Session) -> None:
        self._socket = socket
        self.session: Session = session

    @property
    def transport(self) -> Tap:
        """Itself."""
        return self

    @property
    def writable(self) -> bool:
        """Whether a message sent now leaves now."""
        return self.session.transport.writable

    @property
    def straggler(self) -> Straggler | None:
        """Of the transport."""
        return self.session.transport.straggler

    def send(self, message: Message) -> None:
        """Sends a message and then tells of it, so that what a catch-all emits comes after it."""
        session = self.session
        if session.state is not State.OPEN:
            return
        session.send(message)
        event = message.event
        if event is not None:
            socket = self._socket
            tell(socket, socket.namespace.registry.hooks.outgoing, socket, *event)
            if socket.hooks is not None:
                tell(socket, socket.hooks.outgoing, *event)
