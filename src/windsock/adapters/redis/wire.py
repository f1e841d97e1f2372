"""One connection to Redis, written to without waiting."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

MAX_BACKLOG: Final = 32 * 1024 * 1024
"""Bytes of commands that Redis has not taken yet: one that is slow, or stands still, must not take a node's memory. As
much as some large messages have, and some seconds of what one core can publish."""

PING_INTERVAL: Final = 5.0
"""Seconds between questions whether the server is still there. What does not answer before the next is gone."""

_TURN: Final = 100
"""Answers that are taken before others have their turn in the event loop."""


class Wire:
    """Commands go out in the order in which they were sent, those of one iteration of the event loop together.

    Args:
        connection: connected already.
        take: gets each answer.
        sent: told the size of each command.
    """

    def __init__(
        self, connection: AbstractConnection, take: Callable[[Any], None], sent: Callable[[int], None] | None = None
    ) -> None:
        self._connection = connection
        self._take = take
        self._sent = sent
        self._commands: list[bytes] = []
        self._wake = asyncio.Event()
        self._heard = True

    def send(self, *command: bytes | str) -> None:
        """Sends a command in this iteration of the event loop."""
        packed = pack_command(command)  # type: ignore[arg-type]  # its stub has tuples of one part alone
        self._commands.append(packed)
        self._wake.set()
        if self._sent is not None:
            self._sent(len(packed))

    async def run(self) -> None:
        """Reads and writes until the connection is lost, and raises why: ``RedisError``, ``OSError``."""
        tasks = [asyncio.ensure_future(each()) for each in (self._write, self._read, self._ping)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await self._connection.disconnect(nowait=True)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            data, self._commands = b"".join(self._commands), []
            await self._connection.send_packed_command(data, check_health=False)

    async def _read(self) -> None:
        taken = 0
        while True:
            try:
                answer = await self._connection.read_response(disable_decoding=True, timeout=math.inf)
            except ResponseError as error:
                answer = error
            self._heard = True
            self._take(answer)
            taken += 1
            if taken % _TURN == 0:
                # What is in the buffer already is read without waiting.
                await asyncio.sleep(0)

    async def _ping(self) -> None:
        while self._heard:
            self._heard = False
            self.send("PING")
            await asyncio.sleep(PING_INTERVAL)
        raise RedisConnectionError(f"no word within {PING_INTERVAL:g} s")


class Publisher:
    """A connection for commands, whose answers come in order.

    Args:
        connection: connected already.
        refused: told what Redis says of a command that nobody awaits the answer of.
    """

    def __init__(self, connection: AbstractConnection, refused: Callable[[str], None]) -> None:
        self._refused = refused
        self._expected: deque[tuple[asyncio.Future[Any] | None, int]] = deque()
        self._backlog = 0
        self._wire = Wire(connection, self._answer, self._expect)

    def send(self, *command: bytes | str) -> bool:
        """Sends a command; returns whether there is room for it."""
        if self._backlog > MAX_BACKLOG:
            return False
        self._wire.send(*command)
        return True

    def ask(self, *command: bytes | str) -> asyncio.Future[Any]:
        """Sends a command; its answer, or the ``RedisError`` there was instead."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._wire.send(*command)
        self._expected[-1] = (future, self._expected[-1][1])
        return future

    async def run(self) -> None:
        """See :meth:`Wire.run`."""
        try:
            await self._wire.run()
        finally:
            for future, _ in self._expected:
                if future is not None and not future.done():
                    future.set_exception(RedisConnectionError("the connection was lost"))
                    future.exception()  # whoever waits hears of it; nobody need wait

    def _expect(self, size: int) -> None:
        self._expected.append((None, size))
        self._backlog += size

    def _answer(self, answer: Any) -> None:
        future, size = self._expected.popleft()
        self._backlog -= size
        if future is None:
            if isinstance(answer, ResponseError):
                self._refused(str(answer))
        elif not future.done():
            if isinstance(answer, ResponseError):
                future.set_exception(answer)
            else:
                future.set_result(answer)
