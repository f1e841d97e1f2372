"""Redis goes away, or says what makes no sense."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from tests.cluster.members import Gathering, Windsock
from tests.cluster.redis_server import RedisServer
from tests.server.site import until
from windsock import ConfigurationError, Server
from windsock.redis import RedisPubSubAdapter

BACK_WITHIN = 30.0
"""Seconds: two questions of a connection that is not answered, the longest delay, and a busy machine."""


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer() as redis:
        yield redis


class Two:
    """Two servers with a client each.

    Attributes:
        gaps: what the second was told of.
    """

    def __init__(self, cluster: Gathering, adapters: list[RedisPubSubAdapter], gaps: list[float]) -> None:
        self.cluster = cluster
        self.adapters = adapters
        self.gaps = gaps
        first, second = cluster.members
        assert isinstance(first, Windsock)
        assert isinstance(second, Windsock)
        self.first: Server = first.io
        self.second: Server = second.io

    async def speak(self) -> None:
        """The first server reaches its own client and the other's."""
        self.first.emit("hello")
        for guest in self.cluster.guests:
            await guest.got(["hello"])

    async def lose(self) -> None:
        """Waits until both have lost their connection."""
        await self._until("degraded")

    async def recover(self) -> None:
        """Waits until both are well, and reach each other."""
        await self._until("ok")
        await self.speak()

    async def _until(self, status: str) -> None:
        servers = (self.first, self.second)
        await until(lambda: all(io.health.status == status for io in servers), status, within=BACK_WITHIN)


@asynccontextmanager
async def two(redis: RedisServer) -> AsyncIterator[Two]:
    gaps: list[float] = []
    adapters = [RedisPubSubAdapter(redis.url), RedisPubSubAdapter(redis.url, on_gap=gaps.append)]
    async with Gathering(redis, (), adapters) as cluster:
        yield Two(cluster, adapters, gaps)


async def test_a_connection_is_killed(redis: RedisServer) -> None:
    async with two(redis) as servers:
        await servers.speak()
        redis.command("CLIENT", "KILL", "TYPE", "pubsub")
        await until(lambda: len(servers.gaps) == 1, "a gap is reported")
        await servers.recover()
        redis.command("CLIENT", "KILL", "TYPE", "normal")
        await until(lambda: len(servers.gaps) == 2, "another is")
        await servers.recover()
        assert all(0 <= seconds < BACK_WITHIN for seconds in servers.gaps)


async def test_it_is_restarted(redis: RedisServer) -> None:
    async with two(redis) as servers:
        await servers.speak()
        redis.stop()
        await servers.lose()
        assert servers.first.health.problems == {"/": "no connection to Redis", "/other": "no connection to Redis"}
        # Who is here hears on.
        servers.first.emit("here")
        await servers.cluster.guests[0].got(["here"])
        assert servers.adapters[0].lost == 1
        redis.start()
        await servers.recover()
        assert len(servers.gaps) == 1
        assert len(await servers.first.fetch_sockets()) == 2


async def test_it_stands_still(redis: RedisServer) -> None:
    async with two(redis) as servers:
        await servers.speak()
        redis.freeze()
        try:
            await servers.lose()
            servers.first.emit("here")
            await servers.cluster.guests[0].got(["here"])
        finally:
            redis.thaw()
        await servers.recover()


async def test_it_is_not_there_at_the_start(redis: RedisServer) -> None:
    redis.stop()
    async with two(redis) as servers:
        assert servers.second.health.status == "degraded"
        servers.first.emit("here")
        await servers.cluster.guests[0].got(["here"])
        redis.start()
        await servers.recover()


async def test_everything_is_flushed(redis: RedisServer) -> None:
    async with two(redis) as servers:
        redis.command("FLUSHALL")
        await servers.speak()
        assert servers.first.health.status == "ok"


async def test_garbage_is_counted_and_hurts_nobody(redis: RedisServer) -> None:
    async with two(redis) as servers:
        guest = servers.cluster.guests[1].id
        messages = [
            ("socket.io#/#", "garbage"),
            ("socket.io#/#", "\x93"),
            (f"socket.io#/#{guest}#", "{}"),
            ("socket.io-request#/#", '{"type":99}'),
            ("socket.io-request#/#", '{"type":5,"requestId":1}'),
            ("socket.io-request#/#", "[]"),
            ("socket.io-response#/#", "{"),
            ("socket.io-response#/#", '{"requestId":7}'),
        ]
        for channel, message in messages:
            redis.command("PUBLISH", channel, message)
        # For a room where nobody is: not looked at.
        redis.command("PUBLISH", "socket.io#/#nobody#", "garbage")
        await servers.speak()
        for adapter in servers.adapters:
            assert adapter.counters.garbage == len(messages) - (adapter is servers.adapters[0])


def test_an_url_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match="URL"):
        RedisPubSubAdapter("http://localhost")
