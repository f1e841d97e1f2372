"""What an adapter tells of its rooms, to whoever asked for it."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from windsock.adapters.base import Adapter


class RoomObserver(Protocol):
    """Hears of the rooms of one namespace on this node (Socket.IO documentation, "Rooms", "Events").

    A socket's id is a room of its own: it is created when the socket connects, and deleted when it leaves, unless
    others have joined it. Called when the rooms are as it is told.
    """

    def room_created(self, room: str) -> None:
        """A room has its first member; :meth:`room_joined` follows."""

    def room_joined(self, room: str, member: Any) -> None:
        """A local socket, a :class:`windsock.Socket`, came into a room that it was not in."""

    def room_left(self, room: str, member: Any) -> None:
        """A local socket left a room that it was in; of one that disconnects, each."""

    def room_deleted(self, room: str) -> None:
        """The last member has left."""


@runtime_checkable
class ObservableAdapter(Adapter, Protocol):
    """An adapter that tells what becomes of its rooms."""

    def observe(self, observer: RoomObserver, *, away: bool = False) -> None:
        """Has an observer told from now on, besides those that are; the observer does not raise.

        Args:
            observer: whom to tell.
            away: with connection state recovery, also of the rooms of those who are away and may come back. A room
                in which there are some of both is created and deleted twice.
        """


class RoomObserverPair:
    """Two observers as one."""

    __slots__ = ("_first", "_second")

    def __init__(self, first: RoomObserver, second: RoomObserver) -> None:
        self._first = first
        self._second = second

    def room_created(self, room: str) -> None:
        """See :class:`RoomObserver`."""
        self._first.room_created(room)
        self._second.room_created(room)

    def room_joined(self, room: str, member: Any) -> None:
        """See :class:`RoomObserver`."""
        self._first.room_joined(room, member)
        self._second.room_joined(room, member)

    def room_left(self, room: str, member: Any) -> None:
        """See :class:`RoomObserver`."""
        self._first.room_left(room, member)
        self._second.room_left(room, member)

    def room_deleted(self, room: str) -> None:
        """See :class:`RoomObserver`."""
        self._first.room_deleted(room)
        self._second.room_deleted(room)
