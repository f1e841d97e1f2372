"""What a program that only emits is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import redis as redis_py
import redis.asyncio as redis_asyncio

from tests.cluster.adapters import ADAPTERS
from tests.cluster.members import Gathering
from tests.cluster.redis_server import RedisServer
from windsock import ConfigurationError, EncodeError
from windsock.redis import Emitter, RedisShardedAdapter, SyncEmitter


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as redis:
        yield redis


@pytest.fixture(params=ADAPTERS)
async def cluster(request: pytest.FixtureRequest, redis: RedisServer) -> AsyncIterator[Gathering]:
    """Two servers of ours."""
    adapters = [ADAPTERS[request.param](redis.url) for _ in range(2)]
    async with Gathering(redis, (), adapters) as cluster:
        yield cluster


@pytest.fixture
def emitter(cluster: Gathering, request: pytest.FixtureRequest) -> Iterator[SyncEmitter]:
    with SyncEmitter(cluster.redis.url, adapter=request.node.callspec.params["cluster"]) as emitter:
        yield emitter


async def test_whom_an_event_reaches(cluster: Gathering, emitter: SyncEmitter) -> None:
    one, two = cluster.guests
    other = await cluster.guest(cluster.members[0], "other", namespace="/other")
    emitter.of("other").emit("elsewhere", {"b": b"\x00"})
    emitter.to("room 0", ["room 1"]).except_("room 1").emit("first", 1)
    emitter.in_(two.id).emit("second", None)
    emitter.volatile.compress(False).emit("volatile")
    await one.got(["first", 1], ["volatile"])
    await two.got(["second", None], ["volatile"])
    await other.got(["elsewhere", {"b": b"\x00"}])


async def test_it_is_in_order(cluster: Gathering, emitter: SyncEmitter) -> None:
    for number in range(50):
        (emitter.to("room 1") if number % 2 else emitter).emit("n", number)
    await cluster.guests[1].got(*(["n", number] for number in range(50)))


async def test_a_connection_that_was_lost_meanwhile(cluster: Gathering, emitter: SyncEmitter) -> None:
    emitter.emit("one")
    cluster.redis.command("CLIENT", "KILL", "TYPE", "normal")
    emitter.emit("two")
    await cluster.guests[1].got(["one"], ["two"])


def test_redis_is_away() -> None:
    with RedisServer() as redis, SyncEmitter(redis.url) as emitter:
        emitter.emit("one")
        redis.stop()
        with pytest.raises(redis_py.RedisError):
            emitter.emit("two")
        redis.start()
        emitter.emit("three")
        redis.freeze()
        try:
            with pytest.raises(redis_py.RedisError):
                emitter.emit("four")
        finally:
            redis.thaw()
        emitter.emit("five")
        # It did take the fourth, late; nobody has tried again meanwhile. It was stopped after the first.
        assert "cmdstat_publish:calls=3," in redis.command("INFO", "commandstats")


async def test_redis_is_away_from_an_event_loop() -> None:
    with RedisServer() as redis:
        async with Emitter(redis.url) as emitter:
            await emitter.emit("one")
            redis.stop()
            with pytest.raises(redis_py.RedisError):
                await emitter.emit("two")
            redis.start()
            await emitter.emit("three")


async def test_a_client_of_ones_own_stays_open(redis: RedisServer) -> None:
    async with redis_asyncio.Redis.from_url(redis.url) as client:
        async with Emitter(client) as emitter:
            await emitter.emit("one")
        assert await client.ping()
    with redis_py.Redis.from_url(redis.url) as sync:
        with SyncEmitter(sync) as emitter_2:
            emitter_2.emit("two")
        assert sync.ping()


async def test_static_channels(redis: RedisServer) -> None:
    adapter = RedisShardedAdapter(redis.url, channel_prefix="app", subscription_mode="static")
    async with Gathering(redis, (), [adapter]) as cluster:
        with SyncEmitter(redis.url, adapter="sharded", key="app", subscription_mode="static") as emitter:
            emitter.to("room 0").emit("hello")
        await cluster.guests[0].got(["hello"])


async def test_servers_do_not_answer_it(cluster: Gathering, emitter: SyncEmitter) -> None:
    emitter.server_side_emit("echo", 1)
    emitter.server_side_emit("news", 2)
    emitter.emit("end")
    for guest in cluster.guests:
        await guest.got(["end"])
    heard: list[Any] = []
    for member in cluster.members:
        await member.do("fetch")
        heard.append(await member.do("heard"))
    assert heard == [[[2]], [[2]]]


def test_what_cannot_be_sent(redis: RedisServer) -> None:
    with SyncEmitter(redis.url) as emitter:
        with pytest.raises(EncodeError):
            emitter.emit("e", object())
        with pytest.raises(ValueError, match="reserved"):
            emitter.emit("connect")
        with pytest.raises(ValueError, match="for servers"):
            emitter.to("room").server_side_emit("e")


@pytest.mark.parametrize("kind", [Emitter, SyncEmitter])
def test_options_that_are_none(kind: Any) -> None:
    with pytest.raises(ConfigurationError, match="URL") as caught:
        kind("http://user:secret@localhost")
    assert "secret" not in str(caught.value)
    for options in ({"adapter": "nats"}, {"adapter": "streams", "stream_count": 0}):
        with pytest.raises(ConfigurationError):
            kind("redis://localhost", **options)
    with pytest.raises(ConfigurationError, match="mode"):
        kind("redis://localhost", adapter="sharded", subscription_mode="often")
