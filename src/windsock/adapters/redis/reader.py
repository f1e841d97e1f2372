"""What reads a stream of Redis, for all namespaces of a server."""

from __future__ import annotations

import asyncio
import heapq
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from windsock.adapters.redis.entries import BEGINNING, MARK, id_of, place_of
from windsock.adapters.redis.tail import Tail

logger: logging.Logger = logging.getLogger("windsock.adapters.redis")

ANSWER_TIMEOUT: Final = 2.0
"""Seconds that Redis has to answer, beyond those that it is to wait for entries."""

GAP_INTERVAL: Final = 1.0
"""Seconds between two reports of what is gone from a stream that is written faster than it is read."""

MAX_WAITING: Final = 10_000
"""Who waits for an entry: each costs memory, and whoever can publish could name entries that will not come."""


class StreamListener(Protocol):
    """Who takes the entries of one namespace."""

    def take(self, place: int, fields: Mapping[bytes, bytes]) -> None:
        """An entry came; in order, each once."""


class StreamReader:
    """Reads one stream from the moment on when it was first opened, and goes on there when it is opened again.

    See :class:`windsock.adapters.redis.link.Reader`.

    Args:
        name: of the stream.
        max_len: see :class:`RedisStreamsAdapter`.
        count: entries that are read at once.
        block: seconds that Redis waits for some.
        missed: told of how many seconds entries were gone before they were read: it stood still, or is too slow.

    Attributes:
        place: of the newest entry that was read.
        listeners: by namespace.
        complete: whether it could go on when it was opened last: otherwise what lay between is gone.
        tail: the newest entries, of those namespaces that keep them.
    """

    def __init__(
        self, name: str, max_len: int, count: int, block: float, missed: Callable[[float], object] = lambda _: None
    ) -> None:
        self.place: int = BEGINNING
        self.listeners: dict[str, StreamListener] = {}
        self.complete: bool = True
        self.tail: Tail = Tail()
        self._name = name
        self._max_len = max_len
        self._count = count
        self._block = block
        self._missed = missed
        self._gap = 0.0
        self._reported_at = -math.inf
        self._opened = False
        # Futures by the place that is waited for, and a number that makes each of them a different one.
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._waits = 0

    async def open(self, connection: AbstractConnection) -> None:
        """See :class:`windsock.adapters.redis.link.Reader`."""
        first, last = await self._extent(connection)
        if first is None:
            id = await _ask(connection, "XADD", self._name, "MAXLEN", "~", str(self._max_len), "*", *MARK)
            first = last = _place(id)
        if not self._opened:
            self._opened = True
            self._begin(last)
        elif last < self.place:
            # Another stream of that name, made with a clock that is behind.
            self.complete = False
            self._begin(BEGINNING)
        else:
            self.complete = first <= self.place
            if not self.complete:
                self.tail.begin(self.place)

    async def run(self, connection: AbstractConnection) -> None:
        """See :class:`windsock.adapters.redis.link.Reader`."""
        block = str(max(1, round(self._block * 1000)))
        while True:
            command = ("XREAD", "COUNT", str(self._count), "BLOCK", block, "STREAMS", self._name, id_of(self.place))
            answer = await _ask(connection, *command, timeout=self._block + ANSWER_TIMEOUT)
            entries = answer[0][1] if answer else ()
            behind = len(entries) >= min(self._count, self._max_len)
            if behind or not entries:
                await self._look_for_gap(connection, behind)
            for id, fields in entries:
                self._take(_place(id), fields)
            self._wake()
            now = asyncio.get_running_loop().time()
            self.tail.mark(now, self.place)
            if self._gap and (not behind or self._reported_at + GAP_INTERVAL <= now):
                gap, self._gap, self._reported_at = self._gap, 0.0, now
                self._missed(gap)

    def reset(self) -> None:
        """Nobody listens any more: it begins anew when it is opened again, and be it on another event loop."""
        self._opened = False
        self.complete = True
        self._begin(BEGINNING)
        for _, _, future in self._waiting:
            future.cancel()
        self._waiting.clear()

    def reach(self, place: int) -> asyncio.Future[None]:
        """Done when the entries up to a place have been read; cancel it when it is not waited for any more."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if len(self._waiting) >= MAX_WAITING:
            self._waiting = [each for each in self._waiting if not each[2].done()]
            heapq.heapify(self._waiting)
        if self.place >= place or len(self._waiting) >= MAX_WAITING:
            future.set_result(None)
        else:
            self._waits += 1
            heapq.heappush(self._waiting, (place, self._waits, future))
        return future

    # -- inside --

    def _begin(self, place: int) -> None:
        self.place = place
        self.tail.begin(place)

    async def _look_for_gap(self, connection: AbstractConnection, behind: bool) -> None:
        """Who is behind may be too late for some entries, and who hears nothing may wait for those of a stream that was
        made anew, by a clock that had been set back."""
        first, last = await self._extent(connection)
        if not behind:
            if BEGINNING < last < self.place:
                raise RedisConnectionError("the stream has begun anew")
        elif first is not None and first > self.place + 1:
            self._gap += (first - self.place) / 2**64 / 1000
            self.tail.begin(self.place)

    async def _extent(self, connection: AbstractConnection) -> tuple[int | None, int]:
        """Places of the first entry that is there, and of the last that there was."""
        try:
            answer = await _ask(connection, "XINFO", "STREAM", self._name)
        except ResponseError as error:
            if "no such key" in str(error):
                return None, BEGINNING
            raise
        info = dict(zip(answer[::2], answer[1::2], strict=True))
        first = info[b"first-entry"]
        return (None if first is None else _place(first[0])), _place(info[b"last-generated-id"])

    def _take(self, place: int, fields: list[bytes]) -> None:
        self.place = place
        content = dict(zip(fields[::2], fields[1::2], strict=True))
        listener = self.listeners.get(content.get(b"nsp", b"").decode(errors="replace"))
        if listener is not None:
            try:
                listener.take(place, content)
            except Exception:
                # One entry that is not understood is no reason to read no more.
                logger.exception("an entry of the stream %s could not be taken", self._name)

    def _wake(self) -> None:
        waiting = self._waiting
        while waiting and (waiting[0][0] <= self.place or waiting[0][2].done()):
            _, _, future = heapq.heappop(waiting)
            if not future.done():
                future.set_result(None)


async def _ask(connection: AbstractConnection, *command: str, timeout: float = ANSWER_TIMEOUT) -> Any:
    async with asyncio.timeout(timeout):
        await connection.send_command(*command, check_health=False)
        return await connection.read_response(disable_decoding=True, timeout=math.inf)


def _place(id: bytes) -> int:
    place = place_of(id.decode())
    assert place is not None, "Redis makes the ids"
    return place
