"""Write once a tick: the transports that have something to send at the end of this iteration."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol


class Flushable(Protocol):
    """A transport that gathers what it sends."""

    def flush(self) -> None:
        """Writes what was gathered, in one go."""


FLUSH_AT: Final = 1024 * 1024
"""Bytes gathered in one iteration, after which they are written at once. One read from a client can hold thousands
of requests whose answers are large: without a bound, all of them would stand in memory before the first is written,
and no transport would have had occasion to find out that its client does not keep up."""


class Outbox:
    """Flushes each transport marked during an iteration of the event loop once, at its end.

    However many messages a burst brings for one client, they cost it one write. Belongs to one event loop.

    Attributes:
        dirty: the marked transports; append through :meth:`mark`, or, in bulk, after :meth:`schedule`.
        scheduled: whether the flush at the end of the iteration is arranged for.
        gathered: bytes put into them in this iteration, a broadcast's once; whoever adds to it calls
            :meth:`flush` when it passes ``FLUSH_AT``.
    """

    __slots__ = ("_loop", "dirty", "gathered", "scheduled")

    def __init__(self) -> None:
        self.dirty: list[Flushable] = []
        self.gathered: int = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self.scheduled: bool = False

    def mark(self, transport: Flushable) -> None:
        """Has the transport flushed at the end of this iteration."""
        self.dirty.append(transport)
        if not self.scheduled:
            self.schedule()

    def schedule(self) -> None:
        """Makes sure that ``dirty`` is flushed."""
        if self.scheduled:
            return
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        self.scheduled = True
        self._loop.call_soon(self._run)

    def __enter__(self) -> None:
        """Leaves the flush to the end of the block."""
        self.scheduled = True

    def __exit__(self, *_: object) -> None:
        self._run()

    def flush(self) -> None:
        """Flushes what is marked now."""
        self.gathered = 0
        dirty = self.dirty
        self.dirty = []
        for transport in dirty:
            transport.flush()

    def _run(self) -> None:
        self.scheduled = False
        self.flush()
