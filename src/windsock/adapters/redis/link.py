"""What connects a process to Redis: made again when it is lost, with all subscriptions that there were."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from windsock.adapters.redis.wire import Publisher, Wire
from windsock.errors import ConfigurationError

logger: logging.Logger = logging.getLogger("windsock.adapters.redis")

Kind = Literal["subscribe", "psubscribe", "ssubscribe"]
Topic = tuple[Kind, str]
"""How to subscribe, and to which channel or pattern."""

Receive = Callable[[bytes, bytes], None]
"""Gets the channel and the message."""

Gap = Callable[[float], object]
"""Told for how many seconds messages of other nodes may have been missed, when they come again."""

CONNECT_TIMEOUT: Final = 5.0
"""Seconds until a connection is there with its subscriptions, or is tried anew."""

ANSWER_TIMEOUT: Final = 2.0
"""Seconds that Redis has to answer a question."""

CLOSE_TIMEOUT: Final = 1.0
"""Seconds that Redis has to take the last messages."""

FIRST_DELAY: Final = 0.1
"""Seconds until a lost connection is made again; twice as many after each failure, and some of them at random, so that
the nodes of a cluster do not all come at once."""

LONGEST_DELAY: Final = 5.0

REFUSAL_SHOWN: Final = 10.0
"""Seconds for which health says that Redis refused something: it is full, or has become a replica. Meanwhile the log
has it once, however many messages there are."""

_MESSAGES: Final[dict[Kind, bytes]] = {"subscribe": b"message", "ssubscribe": b"smessage", "psubscribe": b"pmessage"}
_CONFIRMED: Final[dict[bytes, Kind]] = {
    b"subscribe": "subscribe",
    b"ssubscribe": "ssubscribe",
    b"psubscribe": "psubscribe",
}


class Reader(Protocol):
    """What has a connection of its own, on which it waits for something."""

    @property
    def complete(self) -> bool:
        """Whether it has, or will get, all that there was while it had no connection."""

    async def open(self, connection: AbstractConnection) -> None:
        """Finds out where to go on; raises ``RedisError`` or ``OSError``."""

    async def run(self, connection: AbstractConnection) -> None:
        """Reads until the connection is lost, and raises why."""


class Link:
    """Two connections to one Redis server, shared by all namespaces of a server: one that hears, one that speaks.

    They are opened with the first subscription, and closed with the last.

    Args:
        url: of the server: ``redis://``, ``rediss://`` or ``unix://``, as redis-py has it.
        on_gap: see :data:`Gap`.
        readers: each gets a connection besides; with readers, there is a gap when one of them says so.

    Attributes:
        lost: messages that could not be sent, or were refused.

    Raises:
        ConfigurationError: the URL is none.
    """

    def __init__(self, url: str, on_gap: Gap | None = None, readers: Sequence[Reader] = ()) -> None:
        # A socket of this host has nothing to keep alive, and redis-py no such option for it.
        keepalive = {} if url.startswith("unix:") else {"socket_keepalive": True}
        try:
            # It only knows how connections are made.
            self._pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
                url,
                protocol=2,
                socket_timeout=None,
                socket_connect_timeout=CONNECT_TIMEOUT,
                retry=Retry(NoBackoff(), 0),
                health_check_interval=0,
                **keepalive,
            )
            _connection(self._pool)  # which knows what options there are
        except (ValueError, TypeError):
            # Neither the URL nor what redis-py says of it is shown: a password may be in it, or a part of one.
            raise ConfigurationError(
                "expected the URL of a Redis server, redis://, rediss:// or unix://, with options of redis-py; "
                "got another one"
            ) from None
        self.lost: int = 0
        self._problem: str | None = None
        self._refused_at: float | None = None
        self._on_gap = on_gap
        self._readers = readers
        # Of several where the channel of a room has the name of another namespace's.
        self._receivers: dict[Kind, dict[bytes, list[Receive]]] = {kind: {} for kind in _MESSAGES}
        # The same, as messages name their kind.
        self._heard = {_MESSAGES[kind]: channels for kind, channels in self._receivers.items()}
        self._awaited: dict[Topic, asyncio.Future[None]] = {}
        self._publisher: Publisher | None = None
        self._subscriber: Wire | None = None
        self._refusal: asyncio.Future[None] | None = None
        self._running: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._heard_until: float | None = None

    @property
    def problem(self) -> str | None:
        """Why it does not work at the moment, in words for anybody; ``None`` when it does."""
        if self._problem is None and self._refused_at is not None:
            return "Redis refuses commands" if time.monotonic() - self._refused_at < REFUSAL_SHOWN else None
        return self._problem

    async def attach(self, receivers: Mapping[Topic, Receive]) -> None:
        """Subscribes, and returns when messages are received, or it is known that they are not yet."""
        if self._running is None:
            self._add(receivers)
            self._tried = asyncio.Event()
            self._running = asyncio.ensure_future(self._run())
        else:
            self.subscribe(receivers)
        # Bounded: an attempt takes so long at the most.
        await self._tried.wait()
        awaited = [self._awaited[topic] for topic in receivers if topic in self._awaited]
        if awaited:
            await asyncio.wait(awaited, timeout=CONNECT_TIMEOUT)

    def subscribe(self, receivers: Mapping[Topic, Receive]) -> None:
        """Subscribes, at once or when there is a connection."""
        self._add(receivers)
        if self._subscriber is not None:
            self._send_subscriptions(self._subscriber, receivers)

    def unsubscribe(self, receivers: Mapping[Topic, Receive]) -> None:
        """Ends subscriptions."""
        for topic, receive in receivers.items():
            kind, name = topic
            others = self._receivers[kind].get(name.encode(), [])
            if receive in others:
                others.remove(receive)
            if others:
                continue
            self._receivers[kind].pop(name.encode(), None)
            awaited = self._awaited.pop(topic, None)
            if awaited is not None:
                awaited.cancel()
            if self._subscriber is not None:
                self._subscriber.send(kind.replace("sub", "unsub").upper(), name)

    async def detach(self, receivers: Mapping[Topic, Receive]) -> None:
        """Ends subscriptions, and the connections with the last of them; returns when all was sent."""
        if self._publisher is not None:
            # Answers are in order: with this one, all before it are there.
            done, _ = await asyncio.wait([self._publisher.ask("PING")], timeout=CLOSE_TIMEOUT)
            for answer in done:
                answer.exception()  # whatever it is: it was lost, or is not of interest
        self.unsubscribe(receivers)
        running = self._running
        if not any(self._receivers.values()) and running is not None:
            self._running = None
            running.cancel()
            await asyncio.wait([running])
            self._problem = self._refused_at = None
            self._heard_until = None

    def publish(self, command: str, channel: str, message: bytes) -> None:
        """Publishes with a command, PUBLISH or SPUBLISH."""
        self.send(command, channel, message)

    def send(self, *command: bytes | str, answered: Callable[[Any], None] | None = None) -> bool:
        """Sends a command, or counts it as lost; returns which. See :meth:`Publisher.send`."""
        if self._publisher is None or not self._publisher.send(*command, answered=answered):
            self.lost += 1
            return False
        return True

    async def ask(self, *command: str) -> Any:
        """The answer to a command.

        Raises:
            RedisError: there is none, or it is an error.
            TimeoutError: it takes too long.
        """
        if self._publisher is None:
            raise RedisError("there is no connection")
        async with asyncio.timeout(ANSWER_TIMEOUT):
            return await self._publisher.ask(*command)

    # -- inside --

    def _add(self, receivers: Mapping[Topic, Receive]) -> None:
        for topic, receive in receivers.items():
            kind, name = topic
            self._receivers[kind].setdefault(name.encode(), []).append(receive)

    async def _run(self) -> None:
        failures = 0
        self._heard_until = asyncio.get_running_loop().time()
        while True:
            try:
                await self._serve()
            except (RedisError, OSError) as error:  # TimeoutError is one of the latter
                if self._problem is None:
                    logger.warning("the connection to Redis is lost: %s", str(error) or "it does not answer")
                    failures = 0
                self._problem = "no connection to Redis"
            self._tried.set()
            delay = min(FIRST_DELAY * 2**failures, LONGEST_DELAY)
            failures = min(failures + 1, 10)
            await asyncio.sleep(delay * random.uniform(0.5, 1))  # noqa: S311  not for secrecy

    async def _serve(self) -> None:
        """Connects, and lets messages through until the connection is lost."""
        loop = asyncio.get_running_loop()
        connections: list[AbstractConnection] = [_connection(self._pool) for _ in range(2 + len(self._readers))]
        tasks: list[asyncio.Future[None]] = []
        self._refusal = loop.create_future()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                for connection in connections:
                    await connection.connect()  # type: ignore[no-untyped-call]  # redis-py
                subscriber = Wire(connections[0], self._take)
                publisher = Publisher(connections[1], self._refuse)
                tasks = [self._refusal, *(asyncio.ensure_future(wire.run()) for wire in (subscriber, publisher))]
                topics = [(kind, name.decode()) for kind, names in self._receivers.items() for name in names]
                self._send_subscriptions(subscriber, topics)
                self._subscriber = subscriber
                for reader, connection in zip(self._readers, connections[2:], strict=True):
                    await reader.open(connection)
                    tasks.append(asyncio.ensure_future(reader.run(connection)))
                restored = asyncio.ensure_future(_all(self._awaited.values()))
                await asyncio.wait([*tasks, restored], return_when=asyncio.FIRST_COMPLETED)
                restored.cancel()
            if not any(task.done() for task in tasks):
                self._publisher = publisher
                self._up()
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self._publisher is not None:
                self._heard_until = loop.time()
            self._publisher = self._subscriber = None
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)
            for connection in connections:
                await connection.disconnect(nowait=True)
            self._forget_awaited()
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    def _up(self) -> None:
        since, self._heard_until = self._heard_until, None
        was, self._problem = self._problem, None
        self._tried.set()
        if was is None or since is None:
            return
        seconds = asyncio.get_running_loop().time() - since
        if self._readers and all(reader.complete for reader in self._readers):
            logger.warning("Redis is there again after %.1f s; what was missed is read now", seconds)
            return
        logger.warning("Redis is there again")
        self.report(seconds)

    def report(self, seconds: float) -> None:
        """Messages of other nodes may have been missed."""
        logger.warning("messages of other nodes were missed for up to %.1f s", seconds)
        if self._on_gap is not None:
            try:
                self._on_gap(seconds)
            except Exception:
                logger.exception("on_gap failed")

    def _send_subscriptions(self, subscriber: Wire, topics: Iterable[Topic]) -> None:
        loop = asyncio.get_running_loop()
        for kind, name in topics:
            self._awaited.setdefault((kind, name), loop.create_future())
            subscriber.send(kind.upper(), name)

    def _forget_awaited(self) -> None:
        for future in self._awaited.values():
            future.cancel()
        self._awaited.clear()

    def _take(self, answer: Any) -> None:
        if type(answer) is not list:
            if isinstance(answer, Exception):
                self._refuse_subscription(answer)
            return
        what = answer[0]
        heard = self._heard.get(what)
        if heard is not None:
            for receive in heard.get(answer[1], ()):
                try:
                    receive(answer[-2], answer[-1])
                except Exception:
                    # One message that is not understood is no reason to hear no more.
                    logger.exception("a message on Redis could not be taken")
        elif what in _CONFIRMED:
            future = self._awaited.pop((_CONFIRMED[what], answer[1].decode(errors="replace")), None)
            if future is not None and not future.done():
                future.set_result(None)

    def _refuse_subscription(self, error: Exception) -> None:
        refusal = self._refusal
        if self._publisher is not None:
            self._note(str(error))
        elif refusal is not None and not refusal.done():
            refusal.set_exception(error)  # it would be waited for in vain

    def _refuse(self, reason: str) -> None:
        if self._publisher is not None:
            self.lost += 1
            self._note(reason)

    def _note(self, reason: str) -> None:
        if self._refused_at is None or time.monotonic() - self._refused_at >= REFUSAL_SHOWN:
            logger.error("Redis refuses a command: %s", reason)
        self._refused_at = time.monotonic()


def _connection(pool: BlockingConnectionPool) -> AbstractConnection:
    connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]  # redis-py
    return connection


async def _all(futures: Iterable[asyncio.Future[None]]) -> None:
    waiting = list(futures)
    if waiting:
        await asyncio.wait(waiting)
