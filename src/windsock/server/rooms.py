"""Who hears of the rooms of a namespace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from windsock.engine.observation import tell

if TYPE_CHECKING:
    from windsock.adapters.observation import RoomObserver


class RoomObservers:
    """Several observers as one; what one of them raises is logged, and costs nobody anything.

    Args:
        observers: whom to tell, in this order.
    """

    __slots__ = ("_observers",)

    def __init__(self, observers: Sequence[RoomObserver]) -> None:
        self._observers = observers

    def room_created(self, room: str) -> None:
        """See :class:`windsock.adapters.observation.RoomObserver`."""
        tell(self._observers, lambda observer: observer.room_created(room))

    def room_joined(self, room: str, member: Any) -> None:
        """See :class:`windsock.adapters.observation.RoomObserver`."""
        tell(self._observers, lambda observer: observer.room_joined(room, member))

    def room_left(self, room: str, member: Any) -> None:
        """See :class:`windsock.adapters.observation.RoomObserver`."""
        tell(self._observers, lambda observer: observer.room_left(room, member))

    def room_deleted(self, room: str) -> None:
        """See :class:`windsock.adapters.observation.RoomObserver`."""
        tell(self._observers, lambda observer: observer.room_deleted(room))
