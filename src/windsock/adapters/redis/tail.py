"""The newest entries of a stream, as far as they are kept here for clients that come back."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final

from windsock.adapters.redis.entries import BEGINNING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windsock.adapters.messages import ClusterMessage
    from windsock.protocol.engineio import Message

MAX_BYTES: Final = 16 * 1024 * 1024
"""Bytes of the entries kept of one stream. After a server has ended, all its clients come back at once and ask for the
same few seconds: then Redis need not be asked by each of them. What is older is asked of Redis."""

ENTRY_BYTES: Final = 1_000
"""What an entry costs beside its content: with short events it is most of it."""

MARK_INTERVAL: Final = 1.0
"""Seconds between notes of which place had been read when."""

MAX_MARKS: Final = 600
"""Ten minutes: more than any heartbeat takes to find out that a client is gone."""


class Entry:
    """One of a stream.

    Args:
        place: where it stands.
        namespace: whose it is.
        message: what it says.
        size: bytes of its content.

    Attributes:
        sent: as it is sent to clients, once it was.
    """

    __slots__ = ("message", "namespace", "place", "sent", "size")

    def __init__(self, place: int, namespace: str, message: ClusterMessage, size: int) -> None:
        self.place: int = place
        self.namespace: str = namespace
        self.message: ClusterMessage = message
        self.size: int = size
        self.sent: Message | None = None


class Tail:
    """The newest entries of one stream.

    Args:
        max_bytes: of all; the oldest give way.

    Attributes:
        start: everything after this place is there.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.start: int = BEGINNING
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: deque[Entry] = deque()
        self._marks: deque[tuple[float, int]] = deque(maxlen=MAX_MARKS)

    def begin(self, place: int) -> None:
        """Nothing is there: entries are read from this place on."""
        self.start = place
        self._bytes = 0
        self._entries.clear()
        self._marks.clear()

    def append(self, entry: Entry) -> None:
        """Adds the newest entry."""
        entries = self._entries
        entries.append(entry)
        # Read, and written again for clients.
        self._bytes += 2 * entry.size + ENTRY_BYTES
        while self._bytes > self._max_bytes:
            oldest = entries.popleft()
            self._bytes -= 2 * oldest.size + ENTRY_BYTES
            self.start = oldest.place

    def after(self, place: int, namespace: str) -> Iterator[Entry]:
        """The entries of a namespace after a place, in order."""
        first = bisect_right(self._entries, place, key=_place_of)
        return (entry for entry in islice(self._entries, first, None) if entry.namespace == namespace)

    def mark(self, now: float, place: int) -> None:
        """All entries up to a place have been taken at this time."""
        if not self._marks or self._marks[-1][0] <= now - MARK_INTERVAL:
            self._marks.append((now, place))

    def place_at(self, time: float) -> int:
        """A place up to which all entries had been taken at a time; ``BEGINNING`` if it is not known."""
        number = bisect_right(self._marks, time, key=_time_of)
        return self._marks[number - 1][1] if number else BEGINNING


def _place_of(entry: Entry) -> int:
    return entry.place


def _time_of(mark: tuple[float, int]) -> float:
    return mark[0]
