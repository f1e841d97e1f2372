"""The packets of one namespace that somebody may have missed, each with a number."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Hashable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from windsock.protocol.engineio import Message

EVERYBODY: Final = (None,)
"""The rooms of a packet for the whole namespace."""

RECORD_BYTES: Final = 690
"""What a packet costs beside its content, measured: with short packets it is most of what a log holds."""

ROOM_BYTES: Final = 120
"""What each further room in a packet's target costs beside its name."""

_OFFSET: Final = re.compile(r"([A-Za-z0-9_-]{6})\.(0|[1-9][0-9]{0,14})")


class Record:
    """One packet of a log.

    Attributes:
        message: as it is sent.
        rooms: whom it was for: names, one addressee, or ``EVERYBODY``.
        except_: rooms that it was not for.
        emitted_at: seconds of the log's clock.
        previous: for each room the number of the packet before it there, 0 for none.
        size: bytes that it costs.
    """

    __slots__ = ("emitted_at", "except_", "message", "previous", "rooms", "size")

    def __init__(
        self,
        message: Message,
        rooms: tuple[Hashable, ...],
        except_: Collection[str],
        emitted_at: float,
        previous: tuple[int, ...],
        size: int,
    ) -> None:
        self.message: Message = message
        self.rooms: tuple[Hashable, ...] = rooms
        self.except_: Collection[str] = except_
        self.emitted_at: float = emitted_at
        self.previous: tuple[int, ...] = previous
        self.size: int = size


class PacketLog:
    """Packets in the order in which they were emitted, numbered from 1 without a gap.

    The packets of one room are chained, the newest first, so that what a client missed is found without a look at
    what others did. It has no clock: times are given, and rise.

    Args:
        retention: seconds after which a packet is let go of.
        max_bytes: of all packets; the oldest give way.

    Attributes:
        last: number of the newest packet.
    """

    __slots__ = ("_bytes", "_epoch", "_first", "_lost_at", "_max_bytes", "_newest", "_records", "_retention", "last")

    def __init__(self, retention: float, max_bytes: int) -> None:
        # Numbers of another log, of a process before this one, must not be taken for this one's.
        self._epoch = secrets.token_urlsafe(4)
        self._retention = retention
        self._max_bytes = max_bytes
        self._records: dict[int, Record] = {}
        self._newest: dict[Hashable, int] = {}
        self._first = 1
        self._lost_at = float("-inf")
        self._bytes = 0
        self.last: int = 0

    def __len__(self) -> int:
        return len(self._records)

    @property
    def size(self) -> int:
        """Bytes that the packets cost."""
        return self._bytes

    @property
    def first(self) -> int:
        """Number of the oldest packet that is there, or of the next one to come."""
        return self._first

    @property
    def newest_id(self) -> str:
        """Id of the newest packet, whether it is still there or not."""
        return f"{self._epoch}.{self.last}"

    @property
    def next_id(self) -> str:
        """Id of the packet that is appended next."""
        return f"{self._epoch}.{self.last + 1}"

    def append(
        self, message: Message, rooms: tuple[Hashable, ...], except_: Collection[str], emitted_at: float
    ) -> None:
        """Adds a packet whose id is ``next_id``, and lets go of what is too old or too much."""
        number = self.last = self.last + 1
        size = 2 * message.size + RECORD_BYTES  # a message keeps its wire forms
        newest = self._newest
        if len(rooms) == 1:
            (room,) = rooms
            previous: tuple[int, ...] = (newest.get(room, 0),)
            newest[room] = number
            if type(room) is str:
                size += len(room)
        else:
            previous = tuple(newest.get(room, 0) for room in rooms)
            for room in rooms:
                newest[room] = number
                size += ROOM_BYTES + len(str(room))
        for excluded in except_:
            size += ROOM_BYTES + len(excluded)
        self._records[number] = Record(message, rooms, except_, emitted_at, previous, size)
        self._bytes += size
        oldest = self._records[self._first]
        while self._bytes > self._max_bytes or oldest.emitted_at < emitted_at - self._retention:
            self._drop(oldest)
            if self._first > number:
                break
            oldest = self._records[self._first]

    def number_of(self, id: str) -> int | None:
        """The number of an id that this log has given; 0 for one that only another log can have given.

        ``None`` for whatever no log has given.
        """
        match = _OFFSET.fullmatch(id)
        if match is None:
            return None
        if match[1] != self._epoch:
            return 0
        number = int(match[2])
        return number if number <= self.last else None

    def is_complete(self, number: int, since: float) -> bool:
        """Whether every packet after ``number`` that was emitted ``since`` then is still there."""
        return self._first <= number + 1 or self._lost_at < since

    def between(self, room: Hashable, after: int, until: int) -> Iterator[tuple[int, Record]]:
        """Those for a room whose numbers are above ``after`` and at most ``until``, the newest first."""
        number = self._newest.get(room, 0)
        while number > after:
            record = self._records.get(number)
            if record is None:
                return
            if number <= until:
                yield number, record
            number = record.previous[record.rooms.index(room)]

    def clear(self) -> None:
        """Lets go of all packets: nobody is there who could miss one. The numbers go on."""
        self._records.clear()
        self._newest.clear()
        self._bytes = 0
        self._first = self.last + 1

    def _drop(self, oldest: Record) -> None:
        number = self._first
        del self._records[number]
        newest = self._newest
        for room in oldest.rooms:
            if newest[room] == number:
                del newest[room]
        self._bytes -= oldest.size
        self._lost_at = oldest.emitted_at
        self._first = number + 1
