"""When the clients' authentication ends: one timer for all of them."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windsock.server.socket import Socket

logger: logging.Logger = logging.getLogger("windsock.server")


class Expirations:
    """Sockets by the second in which they expire: at most a second late, never early.

    The timer ticks once a second as long as there are any, and keeps to the event loop's clock, which nobody sets.
    """

    __slots__ = ("_last", "_loop", "_seconds", "_timer")

    def __init__(self) -> None:
        self._seconds: dict[int, set[Socket]] = {}
        self._last = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def add(self, socket: Socket, at: float) -> int:
        """Has a socket expire, and returns the second to be given to :meth:`discard`.

        Args:
            socket: which has no such second yet.
            at: seconds since the epoch.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # the server is used again, on another: what waited there waits no more
            self._loop = loop
            self._seconds.clear()
            self._timer = None
        now = loop.time()
        if self._timer is None:
            self._last = math.floor(now)
            self._timer = loop.call_at(self._last + 1, self._tick)
        second = max(math.ceil(now + at - time.time()), self._last + 1)
        self._seconds.setdefault(second, set()).add(socket)
        return second

    def discard(self, socket: Socket, second: int) -> None:
        """Takes a socket out."""
        sockets = self._seconds.get(second)
        if sockets is not None:
            sockets.discard(socket)
            if not sockets:
                del self._seconds[second]

    def _tick(self) -> None:
        assert self._loop is not None
        now = math.floor(self._loop.time())
        if now - self._last < len(self._seconds):
            due = [second for second in range(self._last + 1, now + 1) if second in self._seconds]
        else:
            due = sorted(second for second in self._seconds if second <= now)
        self._last = now
        for second in due:
            for socket in tuple(self._seconds.get(second, ())):
                try:
                    socket.expire()
                except Exception:
                    logger.exception("%r did not expire", socket)
            self._seconds.pop(second, None)
        self._timer = self._loop.call_at(now + 1, self._tick) if self._seconds else None
