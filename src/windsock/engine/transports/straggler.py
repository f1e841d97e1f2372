"""A client that does not keep up, from then until it has caught up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from windsock.engine.backlog import Backlog

if TYPE_CHECKING:
    from windsock.engine.wiring import Wiring
    from windsock.slow_consumer import Terms

CHECKS: Final = 4
"""How often a slow client is looked at in one stall time: it is closed late by a quarter of it at most."""

PORTION: Final = 64 * 1024
"""Bytes given to a connection that is ready for more. What is given cannot be dropped any more, nor replaced by what is
newer, so it is little; and it is enough to fill the connection's buffer, so that the next portion waits until that is
needed."""


class Straggler:
    """What waits for a slow client, and whether it takes any of it.

    A transport makes one when its client falls behind, and ends it when the client has caught up or is gone.

    Args:
        wiring: of the engine.
        give_up: closes the client.
        progress: a number that changes when the client takes something beside what is taken from here.
    """

    __slots__ = ("_backlog", "_give_up", "_loop", "_marks", "_progress", "_since", "_taken", "_timeout", "_timer",
                 "_waiters", "_wiring")  # fmt: skip

    def __init__(self, wiring: Wiring, give_up: Callable[[], None], progress: Callable[[], int]) -> None:
        policy = wiring.options.slow_consumer
        self._wiring = wiring
        self._give_up = give_up
        self._progress = progress
        self._backlog: Backlog[Any] = Backlog(policy, wiring.slow_consumers)
        self._taken = 0
        self._timeout: float | None = None
        self._timer: set[Straggler] | None = None
        self._marks = (0, 0)
        self._since = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiters: set[asyncio.Future[None]] | None = None
        wiring.slow_consumers.slow_clients += 1
        if policy.stall_timeout is not None:
            self._watch(policy.stall_timeout)

    def add(self, item: Any, size: int, terms: Terms | None = None) -> None:
        """Keeps an item for later, drops what the policy says, or gives the client up."""
        if not self._backlog.add(item, size, terms):
            self._close()
            return
        timeout = None if terms is None else terms.policy.stall_timeout
        # Of several policies' stall times the shortest counts.
        if timeout is not None and (self._timeout is None or timeout < self._timeout):
            self._watch(timeout)

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._backlog.size

    def take(self, size: int | None = None) -> list[Any]:
        """The next items, for the client to have; see :meth:`Backlog.take`."""
        self._taken += 1
        return self._backlog.take(size)

    def notify(self, future: asyncio.Future[None]) -> None:
        """Has a future resolved when the client has caught up, or is gone."""
        if self._waiters is None:
            self._waiters = set()
        self._waiters.add(future)
        future.add_done_callback(self._waiters.discard)

    def end(self) -> None:
        """The client has caught up, or is gone."""
        if self._timer is not None:
            self._timer.discard(self)
            self._timer = None
        for future in list(self._waiters or ()):
            if not future.done():
                future.set_result(None)

    def check(self) -> None:
        """Gives the client up if it has taken nothing for the stall time."""
        assert self._loop is not None
        assert self._timeout is not None
        self._timer = None
        marks = (self._taken, self._progress())
        now = self._loop.time()
        if marks != self._marks:
            self._marks = marks
            self._since = now
        elif now - self._since >= self._timeout:
            self._close()
            return
        self._timer = self._wiring.stalls(self._timeout).start(self)

    def _watch(self, timeout: float) -> None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._since = self._loop.time()
            self._marks = (self._taken, self._progress())
        if self._timer is not None:
            self._timer.discard(self)
        self._timeout = timeout
        self._timer = self._wiring.stalls(timeout).start(self)

    def _close(self) -> None:
        self._wiring.slow_consumers.closed_clients += 1
        self._give_up()
