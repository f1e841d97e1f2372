"""Many time-outs of one length, for the price of one timer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_SLICES = 64
"""Slices of the delay that share an expiry: a time-out may come late by one slice, never early."""


class Deadlines(Generic[T]):
    """Calls ``expire(item)`` once ``delay`` seconds after ``start(item)``, unless stopped before.

    Since all delays are equal, items expire in the order in which they were started, so a queue of
    slices replaces a heap, an idle item costs one set entry, and the event loop sees a single timer.

    Args:
        delay: seconds.
        expire: called with each item whose time is over.
    """

    __slots__ = ("_delay", "_expire", "_loop", "_opened", "_slices", "_span", "_timer")

    def __init__(self, delay: float, expire: Callable[[T], None]) -> None:
        self._delay = delay
        self._expire = expire
        self._span = delay / _SLICES
        self._slices: deque[tuple[float, set[T]]] = deque()
        self._opened = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, item: T) -> set[T]:
        """Starts an item's time; returns its slice: ``slice.discard(item)`` stops it."""
        loop = self._loop
        if loop is None or loop.is_closed():
            # Closed, when the server is used again on another: what waited there waits no more.
            self._slices.clear()
            self._timer = None
            loop = self._loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._slices or now - self._opened >= self._span:
            self._opened = now
            due = now + self._span + self._delay
            self._slices.append((due, set()))
            if self._timer is None:
                self._timer = loop.call_at(due, self._run)
        items = self._slices[-1][1]
        items.add(item)
        return items

    def close(self) -> None:
        """Forgets every item."""
        self._slices.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self) -> None:
        loop = self._loop
        assert loop is not None
        self._timer = None
        now = loop.time()
        slices = self._slices
        while slices and slices[0][0] <= now:
            items = slices.popleft()[1]
            while items:
                self._expire_one(items.pop())
        # Slices whose items have all been stopped are dropped with the slices before them, so that an
        # event loop with nothing to wait for has no timer.
        while slices and not slices[0][1] and len(slices) > 1:
            slices.popleft()
        if slices and self._timer is None:
            self._timer = loop.call_at(slices[0][0], self._run)

    def _expire_one(self, item: T) -> None:
        try:
            self._expire(item)
        except Exception as error:  # noqa: BLE001  one that fails may not keep the others from expiring
            assert self._loop is not None
            context = {"message": "a time-out's callback failed", "exception": error}
            self._loop.call_exception_handler(context)
