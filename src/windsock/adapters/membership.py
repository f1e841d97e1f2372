"""When one socket was in which room, told by the numbers of a log."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from windsock.adapters.log import PacketLog
    from windsock.protocol.engineio import Message

MAX_LEFT: Final = 100
"""Rooms left that are remembered for each socket, for packets that may be on their way still. A client may be able to
join and leave at will; what it makes the server forget so is only its own recovery."""


class Membership:
    """The rooms of a socket, and those that it left as long as a packet from then may have been lost.

    A packet is the socket's own if it was in one of the packet's rooms, and in none that the packet excepts, when the
    packet was emitted: so a client that comes back gets what it would have got, had it never been away.

    Args:
        id: of the socket, also the name of a room of its own.
        start: number of the newest packet when it connected.

    Attributes:
        holder: the socket that has it, what is kept of one that is away, or ``None`` between the two.
    """

    __slots__ = ("_horizon", "_id", "_left", "_rooms", "_start", "holder")

    def __init__(self, id: str, start: int) -> None:
        self._id = id
        self._start = start
        # The newest packet that a forgotten one of the rooms left may concern.
        self._horizon = 0
        self._rooms: dict[str, int] = {}
        self._left: deque[tuple[str, int, int]] | None = None
        self.holder: Any = None

    def join(self, rooms: Iterable[str], number: int) -> None:
        """It is in these rooms for all packets above ``number``."""
        for room in rooms:
            self._rooms.setdefault(room, number)

    def leave(self, rooms: Iterable[str], number: int, first: int) -> None:
        """It is in these rooms for no packet above ``number``; the log has none below ``first`` any more."""
        for room in rooms:
            since = self._rooms.pop(room, number)
            if since >= number:
                continue
            left = self._left
            if left is None:
                left = self._left = deque()
            while left and left[0][2] < first:
                left.popleft()
            if len(left) >= MAX_LEFT:
                self._horizon = left.popleft()[2]
            left.append((room, since, number))

    def missed(self, log: PacketLog, number: int, since: float) -> list[Message] | None:
        """The packets of the socket above ``number``, in order; ``None`` when they are not all known.

        Args:
            log: of the namespace.
            number: of the newest packet that the client has; 0 when it got none.
            since: nothing that was emitted before then was missed.
        """
        after = max(number, self._start)
        if not log.is_complete(after, since) or (after < self._horizon and log.first <= self._horizon):
            return None
        last = log.last
        spans: list[tuple[Hashable, int, int]] = [(room, self._start, last) for room in (None, self, self._id)]
        spans += [(room, since, last) for room, since in self._rooms.items()]
        spans += self._left or ()
        found = {
            number: record
            for room, since, until in spans
            if until > after
            for number, record in log.between(room, max(since, after), until)
        }
        return [
            record.message
            for number, record in sorted(found.items())
            if not any(self._was_in(room, number) for room in record.except_)
        ]

    def _was_in(self, room: str, number: int) -> bool:
        if room == self._id:
            return True
        since = self._rooms.get(room)
        if since is not None and since < number:
            return True
        return any(left == room and since < number <= until for left, since, until in self._left or ())
