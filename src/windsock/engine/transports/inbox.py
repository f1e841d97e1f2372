"""Take in once a tick: what came for all connections in this iteration, together."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

from windsock.tasks import Turn, start

if TYPE_CHECKING:
    from windsock.engine.transports.outbox import Outbox

LARGE: Final = 4096
"""Bytes of one read that do not wait: what does is at most this for each connection."""

logger: logging.Logger = logging.getLogger("windsock.engine")


class Taker(Protocol):
    """A transport whose connection leaves to the inbox what it reads."""

    def take(self, data: bytes) -> None:
        """Takes in what came."""

    def abort(self) -> None:
        """Closes at once."""


class Inbox:
    """Gathers what the event loop reads in one iteration, and gives it to the transports at its end.

    The system calls that read a hundred connections then follow each other, and so do the hundred ways of their
    messages through the server. In turns they would push each other out of the processor's caches. What is sent
    meanwhile is written as soon as all is taken in.

    Args:
        outbox: of the same engine.

    Attributes:
        arrivals: what came for which transport; see :meth:`add`.
        turn: what handlers of what is taken in share.
    """

    __slots__ = ("_loop", "_outbox", "_untaken", "arrivals", "turn")

    def __init__(self, outbox: Outbox) -> None:
        self.arrivals: list[tuple[Taker, bytes]] = []
        self.turn: Turn = Turn()
        self._untaken: list[tuple[Taker, bytes]] = []  # of what is being taken in; the last is the next
        self._outbox = outbox
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, transport: Taker, data: bytes) -> None:
        """Keeps what came for a transport until the end of this iteration."""
        arrivals = self.arrivals
        if not arrivals:
            self.schedule()
        arrivals.append((transport, data))
        if len(data) > LARGE:
            self.take_in()

    def schedule(self) -> None:
        """Makes sure that what arrives is taken in at the end of this iteration; called before the first of it."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        try:
            self._loop.call_soon(self._run)
        except RuntimeError:  # it is closed: the server is used again, on another
            self._loop = asyncio.get_running_loop()
            self._loop.call_soon(self._run)

    def take_in(self) -> None:
        """Gives the transports what came for them, in the order in which it came."""
        untaken = self.arrivals
        if not untaken:
            return
        self.arrivals = []
        untaken.reverse()
        outer, self._untaken = self._untaken, untaken
        loop = asyncio.get_running_loop()
        while untaken:
            # Up to a handler that suspends: the task is that one's then, and waits in its place among the others.
            start(_take_in(self.turn, untaken), loop)
        self._untaken = outer

    def put_back(self, transport: Taker) -> None:
        """Has a transport called next, with nothing new: a handler has suspended before all it was given was taken."""
        self._untaken.append((transport, b""))

    def _run(self) -> None:
        with self._outbox:
            self.take_in()


async def _take_in(turn: Turn, untaken: list[tuple[Taker, bytes]]) -> Any:
    shared = turn.begin()
    try:
        while untaken and (turn.suspended is None or not shared):
            transport, data = untaken.pop()
            try:
                transport.take(data)
            except Exception:
                logger.exception("a connection failed")
                transport.abort()
    finally:
        suspended = turn.end() if shared else None
    # What has suspended goes on in this task; whoever started it keeps it.
    return None if suspended is None else await suspended
