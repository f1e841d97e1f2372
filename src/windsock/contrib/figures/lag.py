"""How late the event loop is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from windsock.contrib.figures.times import Times

INTERVAL: Final = 0.25
"""Seconds between looks at the clock."""

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Seconds: the upper bounds of a histogram of them."""


class LoopLag:
    """Asks the event loop to wake it, and measures how late it does.

    Args:
        times: where the seconds go.
    """

    __slots__ = ("_due", "_loop", "_timer", "_times")

    def __init__(self, times: Times) -> None:
        self._times = times
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def start(self) -> None:
        """Begins, unless it has."""
        if self._timer is None:
            self._loop = asyncio.get_running_loop()
            self._wait(self._loop)

    def stop(self) -> None:
        """Ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + INTERVAL
        self._timer = loop.call_at(self._due, self._look)

    def _look(self) -> None:
        assert self._loop is not None
        self._times.record(max(0.0, self._loop.time() - self._due))
        self._wait(self._loop)
