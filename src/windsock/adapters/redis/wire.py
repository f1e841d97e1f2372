"""One connection to Redis, written to without waiting."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast

from hiredis import Reader, pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, ResponseError

MAX_BACKLOG: Final = 32 * 1024 * 1024
"""Bytes of commands that Redis has not taken yet: one that is slow, or stands still, must not take a node's memory. As
much as some large messages have, and some seconds of what one core can publish."""

PING_INTERVAL: Final = 5.0
"""Seconds between questions whether the server is still there. What does not answer before the next is gone."""

_TURN: Final = 100
"""Answers that are taken before others have their turn in the event loop."""

_NOTHING: Final = object()


class Wire(asyncio.Protocol):
    """Commands go out in the order in which they were sent: the first of an iteration of the event loop at once, those
    that follow it together.

    It takes the connection's transport over: what redis-py does to read one answer, a task that wakes and the streams
    and time limits below it, costs several times what reading it does.

    Args:
        connection: connected already, by a task of this event loop.
        take: gets each answer.
        sent: told the size of each command.
    """

    def __init__(
        self, connection: AbstractConnection, take: Callable[[Any], None], sent: Callable[[int], None] | None = None
    ) -> None:
        self._connection = connection
        self._take = take
        self._sent = sent
        self._loop = asyncio.get_running_loop()
        self._commands: list[bytes] = []
        self._gathering = False
        self._answers = Reader(protocolError=InvalidResponse, replyError=ResponseError, notEnoughData=_NOTHING)
        self._heard = True
        self._lost: asyncio.Future[Exception | None] = self._loop.create_future()
        self._transport = _transport_of(connection)
        self._transport.set_protocol(self)

    def send(self, *command: bytes | str) -> None:
        """Sends a command in this iteration of the event loop, or at its end."""
        packed = pack_command(command)  # type: ignore[arg-type]  # its stub has tuples of one part alone
        if self._gathering:
            self._commands.append(packed)
        else:
            # The first does not wait: others then have it while this node still writes to its own clients.
            self._gathering = True
            self._loop.call_soon(self._write)
            if not self._transport.is_closing():
                self._transport.write(packed)
        if self._sent is not None:
            self._sent(len(packed))

    async def run(self) -> None:
        """Asks now and then whether Redis is there, until it is not, and raises why: ``RedisError``."""
        try:
            while self._heard:
                self._heard = False
                self.send("PING")
                await asyncio.wait([self._lost], timeout=PING_INTERVAL)
                if self._lost.done():
                    raise RedisConnectionError("the connection was closed") from self._lost.result()
            raise RedisConnectionError(f"no word within {PING_INTERVAL:g} s")
        finally:
            await self._connection.disconnect(nowait=True)

    # -- asyncio.Protocol --

    def data_received(self, data: bytes) -> None:
        self._heard = True
        self._answers.feed(data)
        self._read()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._lost.done():
            self._lost.set_result(exc)

    # -- inside --

    def _write(self) -> None:
        self._gathering = False
        if self._commands:
            data, self._commands = b"".join(self._commands), []
            if not self._transport.is_closing():
                self._transport.write(data)

    def _read(self) -> None:
        gets, take = self._answers.gets, self._take
        for _ in range(_TURN):
            answer = gets()
            if answer is _NOTHING:
                return
            take(answer)
        self._transport.pause_reading()
        self._loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._read()


def _transport_of(connection: AbstractConnection) -> asyncio.Transport:
    # redis-py has no other word for it. What it has asked is answered, so it has nothing left to read.
    writer = connection._writer
    assert writer is not None, "it is connected"
    return cast("asyncio.Transport", writer.transport)


class Publisher:
    """A connection for commands, whose answers come in order.

    Args:
        connection: connected already.
        refused: told what Redis says of a command that nobody awaits the answer of.
    """

    def __init__(self, connection: AbstractConnection, refused: Callable[[str], None]) -> None:
        self._refused = refused
        self._expected: deque[tuple[asyncio.Future[Any] | Callable[[Any], None] | None, int]] = deque()
        self._backlog = 0
        self._wire = Wire(connection, self._answer, self._expect)

    def send(self, *command: bytes | str, answered: Callable[[Any], None] | None = None) -> bool:
        """Sends a command; returns whether there is room for it.

        Args:
            command: its words.
            answered: called with the answer, if there is one, and it is no error.
        """
        if self._backlog > MAX_BACKLOG:
            return False
        self._wire.send(*command)
        if answered is not None:
            self._expected[-1] = (answered, self._expected[-1][1])
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
                if isinstance(future, asyncio.Future) and not future.done():
                    future.set_exception(RedisConnectionError("the connection was lost"))
                    future.exception()  # whoever waits hears of it; nobody need wait

    def _expect(self, size: int) -> None:
        self._expected.append((None, size))
        self._backlog += size

    def _answer(self, answer: Any) -> None:
        waiting, size = self._expected.popleft()
        self._backlog -= size
        failed = isinstance(answer, ResponseError)
        if isinstance(waiting, asyncio.Future):
            if not waiting.done():
                (waiting.set_exception if failed else waiting.set_result)(answer)
        elif failed:
            self._refused(str(answer))
        elif waiting is not None:
            waiting(answer)
