"""The interface between a namespace and whatever knows its rooms.

An adapter never imports the server: it sees sockets as members, and reaches them through the emitter that the
namespace gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from windsock.protocol.engineio import Message
    from windsock.protocol.socketio import Packet


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a broadcast is for.

    Args:
        rooms: the union of these rooms; empty for the whole namespace. A socket's id is the room of that socket.
        except_: but nobody who is in one of these.
        volatile: may be dropped for a client that cannot take it now.
        local: not for other nodes of a cluster.
        compress: whether a transport may compress it.
    """

    rooms: frozenset[str] = frozenset()
    except_: frozenset[str] = frozenset()
    volatile: bool = False
    local: bool = False
    compress: bool = True


EVERYBODY = Target()


class Member(Protocol):
    """A local socket, as an adapter sees it."""

    @property
    def id(self) -> str:
        """Its id, which is also a room of its own."""


class Room(set[Any]):
    """The local members of a room.

    Attributes:
        receivers: what the emitter worked out about them; the adapter forgets it when the members change.
    """

    __slots__ = ("receivers",)

    def __init__(self) -> None:
        super().__init__()
        self.receivers: Any = None


class RemoteSocket(Protocol):
    """A socket of the namespace, on whichever node it lives: what ``fetch_sockets`` gives."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def rooms(self) -> frozenset[str]:
        """The rooms it is in, its own id among them."""

    @property
    def data(self) -> Any:
        """What the application keeps with it."""


class LocalEmitter(Protocol):
    """What a namespace does for its adapter."""

    def encode(self, packet: Packet) -> Message:
        """The one encoding of a packet that all its receivers share."""

    def deliver(self, members: Collection[Any], message: Message, *, volatile: bool) -> None:
        """Sends a message to local sockets."""

    def disconnect(self, member: Any, *, close: bool) -> None:
        """Disconnects a local socket; ``close``: and the connection it shares with other namespaces."""


class Adapter(Protocol):
    """Knows the rooms of one namespace and reaches the sockets in them.

    Local membership is synchronous; whatever may concern other nodes is awaitable or fire-and-forget.
    """

    def add(self, member: Member) -> None:
        """A socket connected."""

    def remove(self, member: Member) -> None:
        """A socket disconnected: it is in no room any more."""

    def join(self, member: Member, rooms: Iterable[str]) -> None:
        """Puts a local socket into rooms; they come to be with their first member."""

    def leave(self, member: Member, rooms: Iterable[str]) -> None:
        """Takes a local socket out of rooms; they cease with their last member."""

    def rooms_of(self, member: Member) -> frozenset[str]:
        """The rooms of a local socket, its id among them."""

    def select(self, target: Target) -> Collection[Any]:
        """The local sockets of a target, if it is one room the :class:`Room`. To be read at once, and not changed."""

    def broadcast(self, packet: Packet, target: Target) -> None:
        """Sends a packet to a target, on every node unless it is local."""

    async def fetch_sockets(self, target: Target) -> list[RemoteSocket]:
        """The sockets of a target, on every node unless it is local."""

    def join_all(self, target: Target, rooms: Iterable[str]) -> None:
        """Puts the sockets of a target into rooms."""

    def leave_all(self, target: Target, rooms: Iterable[str]) -> None:
        """Takes the sockets of a target out of rooms."""

    def disconnect_all(self, target: Target, *, close: bool) -> None:
        """Disconnects the sockets of a target."""

    async def close(self) -> None:
        """Lets go of whatever connects it to other nodes."""


AdapterFactory = Callable[[str, LocalEmitter], Adapter]
"""Makes the adapter of a namespace, given its name and its emitter."""
