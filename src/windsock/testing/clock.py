"""Time under a test's control: the clock of the running event loop stands still until the test moves it.

The seam is the event loop. Heartbeats, time-outs, ``asyncio.sleep`` and ``asyncio.timeout`` all ask it for the time and
leave their timers to it, so that one clock moves them all, Windsock's and the application's alike.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar

from windsock.errors import ConfigurationError

T = TypeVar("T")

PATIENCE: Final = 10.0
"""Seconds of real time for what runs outside of the event loop, in threads or behind files and sockets: far more than
that takes, for a busy machine is to fail no test."""

MAX_ITERATIONS: Final = 1_000_000
"""Of the event loop, before it counts as never coming to rest: some ten seconds of callbacks that make each other."""

_RESOLUTION: Final = 1e-9
"""Seconds by which a timer is not worth stopping for: more than arithmetic loses on the way to it."""


class Stalled(AssertionError):
    """Nothing can happen any more that the test waits for, or it never comes to rest."""


@dataclass(frozen=True, slots=True)
class _Shifted:
    """The time of a loop whose clock was moved and then let go: it must not run backwards."""

    time: Callable[[], float]
    offset: float

    def __call__(self) -> float:
        return self.time() + self.offset


class _Selector:
    """Stands before the loop's own selector, which the loop asks when it has nothing to do by itself.

    Args:
        inner: the loop's own.
        clock: whose loop it is.

    Attributes:
        resting: who waits for the loop to be at rest.
        waiting: who waits for a condition to hold.
        due: when the next timer is due, as of when the loop last came to rest.
    """

    def __init__(self, inner: Any, clock: Clock) -> None:
        self.inner = inner
        self.resting: deque[asyncio.Future[None]] = deque()
        self.waiting: list[tuple[asyncio.Future[bool], Callable[[], bool]]] = []
        self.due: float | None = None
        self._clock = clock
        self._own_files = len(inner.get_map() or ())
        self._iterations = 0
        self._impatient_at: float | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def select(self, timeout: float | None = None) -> Any:
        """What is ready. It does not wait for timers: they are due when the clock says so."""
        if timeout is not None and timeout <= _RESOLUTION:
            self._iterations += 1
            if self._iterations > MAX_ITERATIONS:
                self._iterations = 0
                raise Stalled(f"expected the event loop to come to rest, got {MAX_ITERATIONS} iterations on end")
            self._clock.nudge(timeout)
            return self._take(0)
        self._iterations = 0
        self.due = None if timeout is None else self._clock.time() + timeout
        events = self._take(0)
        if events or self._wake():
            return events
        if not self._outside:
            if self._give_up():
                return events
            after = "there is no timer" if timeout is None else f"the next timer is due in {timeout:.3f} s: advance()"
            raise Stalled(f"expected something to happen, but the clock stands still, and {after}")
        if not self.waiting:
            return self._take(None)
        if self._impatient_at is None:
            self._impatient_at = time.monotonic() + PATIENCE
        events = self._take(max(0.0, self._impatient_at - time.monotonic()))
        if not events and time.monotonic() >= self._impatient_at:
            self._give_up()
        return events

    @property
    def _outside(self) -> bool:
        """Whether anything but the loop itself could bring something: a thread, a file, a socket."""
        return threading.active_count() > 1 or len(self.inner.get_map() or ()) > self._own_files

    def _take(self, seconds: float | None) -> Any:
        events = self.inner.select(seconds)
        if events:
            self._impatient_at = None
        return events

    def _wake(self) -> bool:
        """Wakes one of those whose condition holds, else of those who wait for the loop to rest."""
        for place, (future, holds) in enumerate(self.waiting):
            if future.done() or holds():
                del self.waiting[place]
                return self._resolve(future, True)
        while self.resting:
            resting = self.resting.popleft()
            if not resting.done():
                resting.set_result(None)
                return True
        return False

    def _give_up(self) -> bool:
        """Tells whoever waits that its condition will not hold: the latest first, on whom the others may wait."""
        return bool(self.waiting) and self._resolve(self.waiting.pop()[0], False)

    def _resolve(self, future: asyncio.Future[bool], value: bool) -> bool:
        self._impatient_at = None
        if not future.done():
            future.set_result(value)
        return True


class Clock:
    """The clock of the running event loop, from ``with`` to its end.

    It needs an event loop of the standard library. It starts at the loop's own time and stands still; the loop still
    takes what comes from files, sockets and threads. ``time.time()`` and ``time.monotonic()`` are not the loop's, and
    go on.

    Raises:
        ConfigurationError: the loop keeps its time to itself, as uvloop does, or has such a clock already.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._loop: Any = None
        self._selector: _Selector
        self._real: Callable[[], float]

    def __enter__(self) -> Self:
        loop: Any = asyncio.get_running_loop()
        # asyncio has no public way to see that a running loop is idle. Since Python 3.4 each of its loops keeps its
        # selector in this place.
        selector = getattr(loop, "_selector", None)
        if selector is None:
            raise ConfigurationError(f"expected an event loop of the standard library, got {type(loop).__name__}")
        if isinstance(selector, _Selector):
            raise ConfigurationError("expected one clock for the event loop, got a second")
        self._now = loop.time()
        self._real = loop.time.time if isinstance(loop.time, _Shifted) else loop.time
        self._loop = loop
        self._selector = _Selector(selector, self)
        loop.time = self.time
        loop._selector = self._selector
        return self

    def __exit__(self, *_: object) -> None:
        loop = self._loop
        loop._selector = self._selector.inner
        loop.time = _Shifted(self._real, max(0.0, self._now - self._real()))

    def time(self) -> float:
        """Seconds, as the event loop has them."""
        return self._now

    @property
    def next_timer(self) -> float | None:
        """Seconds until the next timer is due, as of when the loop last came to rest; ``None`` when there is none."""
        due = self._selector.due
        return None if due is None else max(0.0, due - self._now)

    def nudge(self, seconds: float) -> None:
        """Moves it by less than it can tell, to a timer that it was moved to and missed by a rounding."""
        self._now += seconds

    async def settle(self) -> None:
        """Lets everything happen that can happen without time going by: until the event loop is at rest.

        What runs outside of it, in threads or behind sockets, is not waited for.

        Raises:
            Stalled: it does not come to rest.
        """
        future: asyncio.Future[None] = self._loop.create_future()
        self._selector.resting.append(future)
        await future

    async def advance(self, seconds: float) -> None:
        """Lets time go by: each timer that becomes due runs at its time, in order, and all that follows from it."""
        if seconds < 0:
            raise ValueError(f"expected seconds of at least zero, got {seconds}")
        target = self._now + seconds
        await self.settle()
        while self._selector.due is not None and self._selector.due <= target:
            await self._jump(self._selector.due)
        await self._jump(target)

    async def advance_until(self, awaitable: Awaitable[T], *, within: float = 3600.0) -> T:
        """The result of an awaitable; lets as much time go by as it needs.

        Args:
            awaitable: what is waited for.
            within: seconds on this clock.

        Raises:
            Stalled: it is not there in time, or no timer is left that could bring it.
        """
        future = asyncio.ensure_future(awaitable)
        target = self._now + within
        try:
            await self.settle()
            while not future.done():
                due = self._selector.due
                if due is not None and due <= target:
                    await self._jump(due)
                elif not await self.wait_for(future.done):
                    raise Stalled(f"expected a result within {within} s of the clock, got none")
            return await future
        finally:
            future.cancel()

    async def wait_for(self, condition: Callable[[], bool]) -> bool:
        """Whether a condition comes to hold. It is looked at whenever the event loop is at rest.

        ``False`` as soon as nothing can happen any more: the loop is at rest, and nobody moves the clock. What
        threads, files and sockets could still bring has ten seconds of real time.
        """
        future: asyncio.Future[bool] = self._loop.create_future()
        self._selector.waiting.append((future, condition))
        return await future

    async def _jump(self, to: float) -> None:
        self._now = max(self._now, to)
        await self.settle()
