"""At least once: events that are sent again until they are acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from windsock.client.flags import Flags
from windsock.client.session import MESSAGE_OVERHEAD
from windsock.errors import AckTimeout, BufferFull, NotConnected

logger: logging.Logger = logging.getLogger("windsock.client")

Attempt = Callable[[str, tuple[Any, ...], Flags], Awaitable[Any]]
"""Sends an event once, and returns the value of its acknowledgement."""


@dataclass(slots=True)
class Entry:
    """An event on its way.

    Attributes:
        flags: how it is sent, each time.
        size: bytes.
        answer: the acknowledgement's value, once it has come.
    """

    event: str
    arguments: tuple[Any, ...]
    flags: Flags
    size: int
    answer: asyncio.Future[Any]


class RetryQueue:
    """Sends events one at a time, in order, each again until it is acknowledged.

    An event that was sent ``retries + 1`` times in vain is given up: each time, its acknowledgement did not come in
    time or the connection was lost before it. A server sees an event twice when its acknowledgement was lost.

    Args:
        attempt: sends an event once, waiting for the connection first.
        retries: further attempts.
        max_bytes: that may wait.
    """

    def __init__(self, attempt: Attempt, retries: int, max_bytes: int) -> None:
        self._attempt = attempt
        self._retries = retries
        self._max_bytes = max_bytes
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._worker: asyncio.Task[None] | None = None

    def add(self, event: str, arguments: tuple[Any, ...], flags: Flags, size: int) -> asyncio.Future[Any]:
        """Queues an event; the future has the acknowledgement's value, and cancelled takes the event back.

        Raises:
            BufferFull: too much waits already.
        """
        size += MESSAGE_OVERHEAD
        if self._entries and self._bytes + size > self._max_bytes:
            raise BufferFull(f"expected at most {self._max_bytes} bytes unacknowledged, got {size} more")
        loop = asyncio.get_running_loop()
        entry = Entry(event, arguments, flags, size, loop.create_future())
        self._entries.append(entry)
        self._bytes += size
        if self._worker is None:
            self._worker = loop.create_task(self._work())
        return entry.answer

    def close(self) -> None:
        """Gives up all that waits."""
        if self._worker is not None:
            self._worker.cancel()
            self._worker = None
        while self._entries:
            self._settle(NotConnected("the client was closed before the acknowledgement came"))

    async def _work(self) -> None:
        while self._entries:
            entry = self._entries[0]
            error: Exception | None = NotConnected("taken back")
            tries = 0
            while tries <= self._retries and not entry.answer.done():
                tries += 1
                try:
                    answer = await self._attempt(entry.event, entry.arguments, entry.flags)
                except (AckTimeout, NotConnected) as failure:
                    error = failure
                    logger.debug("attempt %d of %r failed: %s", tries, entry.event, failure)
                except Exception as failure:  # noqa: BLE001  whatever it is, it is this event's and not the next one's
                    error = failure
                    break
                else:
                    if not entry.answer.done():
                        entry.answer.set_result(answer)
                    error = None
                    break
            self._settle(error)
        self._worker = None

    def _settle(self, error: Exception | None) -> None:
        entry = self._entries.popleft()
        self._bytes -= entry.size
        if not entry.answer.done():
            assert error is not None
            entry.answer.set_exception(error)
            entry.answer.exception()  # nobody need be waiting for it
            logger.warning("%r was given up: %s", entry.event, error)
