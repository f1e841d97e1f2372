"""Sockets of other nodes, and what is told of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from windsock.adapters.base import Target
from windsock.adapters.messages import HandshakeDetails, SocketDetails
from windsock.errors import NotConnected
from windsock.protocol.socketio import RESERVED_EVENTS, Packet, PacketType

if TYPE_CHECKING:
    from windsock.adapters.base import DistributedAdapter, RemoteSocket

_ATOMS: Final = (int, float, bool, bytes, type(None))


class DistantSocket:
    """See :class:`windsock.RemoteSocket`.

    Args:
        adapter: reaches it.
        namespace: that it is in.
        details: what its node told of it.
    """

    __slots__ = ("_adapter", "_details", "_namespace", "data")

    def __init__(self, adapter: DistributedAdapter, namespace: str, details: SocketDetails) -> None:
        self._adapter = adapter
        self._namespace = namespace
        self._details = details
        data = details.data
        # As of a socket that is here: ``socket.data.user``.
        self.data: Any = SimpleNamespace(**data) if isinstance(data, dict) and all(map(_is_name, data)) else data

    def __repr__(self) -> str:
        return f"<DistantSocket {self.id} in {self._namespace}>"

    @property
    def id(self) -> str:
        """See :class:`windsock.RemoteSocket`."""
        return self._details.id

    @property
    def handshake(self) -> HandshakeDetails:
        """See :class:`windsock.RemoteSocket`."""
        return self._details.handshake

    @property
    def rooms(self) -> frozenset[str]:
        """See :class:`windsock.RemoteSocket`."""
        return self._details.rooms

    def emit(self, event: str, *arguments: Any) -> None:
        """Sends an event to its client.

        Raises:
            EncodeError: an argument cannot be put on the wire.
            ValueError: the event's name is reserved.
        """
        self._adapter.broadcast(self._packet(event, arguments), self._target)

    async def emit_with_ack(self, event: str, *arguments: Any) -> Any:
        """See :class:`windsock.RemoteSocket`."""
        return await self.ask(event, arguments, None)

    def timeout(self, seconds: float) -> DistantOperator:
        """See :class:`windsock.RemoteSocket`."""
        return DistantOperator(self, seconds)

    async def ask(self, event: str, arguments: tuple[Any, ...], timeout: float | None) -> Any:
        """See :meth:`emit_with_ack`."""
        answers = await self._adapter.broadcast_with_ack(self._packet(event, arguments), self._target, timeout)
        if not answers:
            raise NotConnected("the client has disconnected")
        return answers[0]

    def join(self, *rooms: str | Iterable[str]) -> None:
        """See :class:`windsock.RemoteSocket`."""
        self._adapter.join_all(self._target, _names(rooms))

    def leave(self, *rooms: str | Iterable[str]) -> None:
        """See :class:`windsock.RemoteSocket`."""
        self._adapter.leave_all(self._target, _names(rooms))

    def disconnect(self, close: bool = False) -> None:
        """See :class:`windsock.RemoteSocket`."""
        self._adapter.disconnect_all(self._target, close=close)

    def _packet(self, event: str, arguments: tuple[Any, ...]) -> Packet:
        if event in RESERVED_EVENTS:
            raise ValueError(f"expected an event's name, got the reserved {event!r}")
        return Packet(PacketType.EVENT, self._namespace, [event, *arguments])

    @property
    def _target(self) -> Target:
        return Target(frozenset((self.id,)))


class DistantOperator:
    """See :class:`windsock.RemoteOperator`."""

    __slots__ = ("_seconds", "_socket")

    def __init__(self, socket: DistantSocket, seconds: float) -> None:
        self._socket = socket
        self._seconds = seconds

    def emit(self, event: str, *arguments: Any) -> None:
        """See :class:`windsock.RemoteSocket`."""
        self._socket.emit(event, *arguments)

    async def emit_with_ack(self, event: str, *arguments: Any) -> Any:
        """See :class:`windsock.RemoteSocket`."""
        return await self._socket.ask(event, arguments, self._seconds)


def describe(socket: RemoteSocket) -> SocketDetails:
    """What other nodes are told of a socket that is here."""
    handshake = socket.handshake
    details = HandshakeDetails(
        headers=dict(handshake.headers),
        query=dict(handshake.query),
        url=handshake.url,
        address=handshake.address,
        secure=handshake.secure,
        xdomain=handshake.xdomain,
        time=handshake.time,
        auth=dict(handshake.auth),
    )
    data = socket.data
    return SocketDetails(socket.id, details, socket.rooms, vars(data) if isinstance(data, SimpleNamespace) else data)


def reduced(socket: SocketDetails) -> SocketDetails:
    """What is left of a socket when all goes that no codec can write: an open file that the application keeps with it
    is of no use elsewhere, and no reason to hide it; nor is half a character in what its client said, or in a room."""
    handshake = replace(socket.handshake, auth=portable(socket.handshake.auth))
    rooms = frozenset(map(portable, socket.rooms))
    return replace(socket, handshake=handshake, rooms=rooms, data=portable(socket.data))


def portable(value: Any) -> Any:
    """What is left of a value."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, _ATOMS):
        return value
    if isinstance(value, Mapping):
        return {portable(str(key)): portable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [portable(item) for item in value]
    return None


def _is_name(key: Any) -> bool:
    return isinstance(key, str)


def _names(rooms: Iterable[str | Iterable[str]]) -> frozenset[str]:
    flat: set[str] = set()
    for room in rooms:
        flat.update((room,) if isinstance(room, str) else room)
    return frozenset(flat)
