"""What was emitted while the server was away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from windsock.client.session import MESSAGE_OVERHEAD
from windsock.errors import BufferFull
from windsock.protocol.engineio import Message


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that waits for a connection.

    Attributes:
        message: encoded.
        data: its name and arguments, for those who watch.
        id: of the acknowledgement it asks for.
    """

    message: Message
    data: list[Any]
    id: int | None


class OfflineBuffer:
    """Events in the order in which they were emitted.

    Args:
        max_bytes: that it may hold: an outage lasts as long as it likes.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._events: dict[int, Waiting] = {}
        self._next = 0
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._events)

    def add(self, event: Waiting) -> int:
        """Keeps an event; returns the key to discard it by.

        Raises:
            BufferFull: there is no room for it; one event has room however large it is.
        """
        size = event.message.size + MESSAGE_OVERHEAD
        if self._events and self._bytes + size > self._max_bytes:
            raise BufferFull(f"expected at most {self._max_bytes} bytes while offline, got {size} more")
        key = self._next
        self._next += 1
        self._events[key] = event
        self._bytes += size
        return key

    def discard(self, key: int) -> None:
        """Nobody wants the event any more; nothing happens when it has left."""
        event = self._events.pop(key, None)
        if event is not None:
            self._bytes -= event.message.size + MESSAGE_OVERHEAD

    def ids(self) -> set[int]:
        """Of the acknowledgements that its events ask for."""
        return {event.id for event in self._events.values() if event.id is not None}

    def first(self) -> tuple[int, Waiting] | None:
        """The oldest event and its key."""
        return next(iter(self._events.items()), None)
