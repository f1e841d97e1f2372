"""Write once a tick: the transports that have something to send at the end of this iteration."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Flushable(Protocol):
    """A transport that gathers what it sends."""

    def flush(self) -> None:
        """Writes what was gathered, in one go."""


class Outbox:
    """Flushes each transport marked during an iteration of the event loop once, at its end.

    However many messages a burst brings for one client, they cost it one write. Belongs to one event loop.

    Attributes:
        dirty: the marked transports; append through :meth:`mark`, or, in bulk, after :meth:`schedule`.
    """

    __slots__ = ("_loop", "_scheduled", "dirty")

    def __init__(self) -> None:
        self.dirty: list[Flushable] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._scheduled = False

    def mark(self, transport: Flushable) -> None:
        """Has the transport flushed at the end of this iteration."""
        self.dirty.append(transport)
        if not self._scheduled:
            self.schedule()

    def schedule(self) -> None:
        """Makes sure that ``dirty`` is flushed."""
        if self._scheduled:
            return
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        self._scheduled = True
        self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Flushes what is marked now."""
        self._scheduled = False
        dirty = self.dirty
        self.dirty = []
        for transport in dirty:
            transport.flush()
