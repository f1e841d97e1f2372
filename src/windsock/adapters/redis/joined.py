"""Rooms that sockets elsewhere have just been put into."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

SETTLED_AFTER: Final = 5.0
"""Seconds within which a server that puts somebody into a room listens to its channel: what a question has."""

MAX_JOINED: Final = 10_000
"""Rooms that are remembered: whoever can write to the medium could name any number. With more of them, each room counts
as one."""


class JoinedRooms:
    """Rooms whose channel may not be listened to yet everywhere.

    A server that is told to put a socket into a room subscribes to its channel then, and what is emitted next would
    overtake that. It goes the way of the request instead.
    """

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._all_until = 0.0

    def add(self, rooms: Iterable[str], now: float) -> None:
        """Sockets are put into rooms."""
        until = now + SETTLED_AFTER
        for room in rooms:
            if len(self._until) >= MAX_JOINED:
                self._until.clear()
                self._all_until = until
            self._until.pop(room, None)  # those that were named last are last
            self._until[room] = until

    def settled(self, room: str, now: float) -> bool:
        """Whether the channel of a room reaches whoever is in it."""
        if not self._until and now >= self._all_until:
            return True
        while self._until:
            oldest = next(iter(self._until))
            if self._until[oldest] > now:
                break
            del self._until[oldest]
        return now >= self._all_until and room not in self._until
