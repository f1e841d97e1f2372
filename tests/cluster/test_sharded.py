"""Which channels servers listen to when each room has one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.cluster.members import Gathering, Windsock
from tests.cluster.redis_server import RedisServer
from tests.server.site import until
from windsock import ConfigurationError, Server
from windsock.adapters.redis import joined, rooms
from windsock.redis import RedisShardedAdapter
from windsock.testing import Harness


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer() as redis:
        yield redis


def channels(redis: RedisServer) -> set[str]:
    """Those of rooms, to which somebody listens."""
    found = redis.command("PUBSUB", "SHARDCHANNELS", "socket.io#/#*").splitlines()
    names = {name.removeprefix("socket.io#/#").removesuffix("#") for name in found}
    return {name for name in names if name and len(name) != 16}  # the ids of servers


async def listening(redis: RedisServer, *names: str) -> None:
    await until(lambda: channels(redis) == set(names), f"channels of {names}, not {channels(redis)}")


@asynccontextmanager
async def two(redis: RedisServer, **options: Any) -> AsyncIterator[tuple[Gathering, Server, Server]]:
    adapters = [RedisShardedAdapter(redis.url, **options) for _ in range(2)]
    async with Gathering(redis, (), adapters) as cluster:
        first, second = cluster.members
        assert isinstance(first, Windsock)
        assert isinstance(second, Windsock)
        yield cluster, first.io, second.io


async def test_a_room_has_a_channel_as_long_as_somebody_is_in_it(redis: RedisServer) -> None:
    async with two(redis) as (cluster, first, second):
        await listening(redis, "all", "room 0", "room 1")
        first.to("room 1").emit("hello")
        await cluster.guests[1].got(["hello"])
        second.in_("room 0").sockets_leave("room 0")
        second.in_(cluster.guests[0].id).sockets_join("new")
        # Before its server can have subscribed.
        second.to("new").emit("at once")
        await cluster.guests[0].got(["at once"])
        await listening(redis, "all", "new", "room 1")
        await cluster.guests[1].client.close()
        await listening(redis, "all", "new")
    assert channels(redis) == set()


async def test_static(redis: RedisServer) -> None:
    async with two(redis, subscription_mode="static") as (cluster, first, _):
        assert channels(redis) == set()
        first.to("room 1").emit("hello")
        first.to(cluster.guests[1].id).emit("you")
        await cluster.guests[1].got(["hello"], ["you"])


async def test_dynamic_private(redis: RedisServer) -> None:
    async with two(redis, subscription_mode="dynamic-private") as (cluster, first, _):
        await listening(redis, "all", "room 0", "room 1", *(guest.id for guest in cluster.guests))
        first.to(cluster.guests[1].id).emit("you")
        await cluster.guests[1].got(["you"])


async def test_channels_of_rooms_come_back_with_the_connection(redis: RedisServer) -> None:
    async with two(redis) as (cluster, first, second):
        await listening(redis, "all", "room 0", "room 1")
        redis.stop()
        await until(lambda: {first.health.status, second.health.status} == {"degraded"}, "degraded", within=60)
        (socket,) = second.of("/").sockets.values()
        socket.join("meanwhile")
        socket.leave("room 1")
        redis.start()
        await until(lambda: {first.health.status, second.health.status} == {"ok"}, "ok", within=60)
        await listening(redis, "all", "room 0", "meanwhile")
        first.to("meanwhile").emit("hello")
        await cluster.guests[1].got(["hello"])


async def test_an_application_of_which_clients_name_the_rooms(redis: RedisServer) -> None:
    async with two(redis) as (cluster, first, second):
        (socket,) = second.of("/").sockets.values()
        adapter: Any = second.of("/").adapter
        # A name that cannot be written, this server's own, none; then one that makes another namespace's channel.
        socket.join("\ud800", adapter.uid, "")
        second.of("/#x").on("connect")(lambda socket: None)
        socket.join("x")
        first.emit("once")
        assert len(await first.fetch_sockets()) == 2
        await cluster.guests[1].got(["once"])
        socket.leave("\ud800", adapter.uid, "", "x")
        await listening(redis, "all", "room 0", "room 1")
        assert len(await first.fetch_sockets()) == 2


async def test_rooms_beyond_the_bound(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "MAX_CHANNELS", 3)
    async with two(redis) as (cluster, first, second):
        (socket,) = second.of("/").sockets.values()
        for room in ("a", "b", "c"):
            socket.join(room)
        await listening(redis, "all", "room 0", "room 1", "a")
        assert second.health.problems["/"] == "2 rooms are beyond the 3 that have a channel on Redis"
        socket.leave("c", "all")
        await listening(redis, "all", "room 0", "room 1", "a", "b")
        assert second.health.problems == {}
        first.to("b").emit("hello")
        await cluster.guests[1].got(["hello"])


async def test_who_is_away_misses_nothing_of_other_servers(redis: RedisServer) -> None:
    async with Harness() as harness:
        a, b = [Server(adapter=RedisShardedAdapter(redis.url), connection_state_recovery=True) for _ in range(2)]
        for io in (a, b):
            io.on("connect")(lambda socket: None if socket.recovered else socket.join("red"))
            await io.start()
        try:
            peer = await harness.connect(a)
            stranger = await harness.connect(b)
            await b.fetch_sockets()
            b.to("red").emit("n", 1)
            await peer.assert_emitted("n", 1)
            peer.wire.cut()
            await harness.settle()
            assert not a.of("/").sockets
            await a.fetch_sockets()
            b.to("red").emit("n", 2)
            await stranger.assert_emitted("n", 2)
            await a.fetch_sockets()
            assert await peer.reconnect()
            assert [event.arguments for event in peer.unread] == [[2]]
            b.to("red").emit("n", 3)
            await peer.assert_emitted("n", 3)
        finally:
            for io in (a, b):
                await io.close()


def test_rooms_that_somebody_has_just_been_put_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joined, "MAX_JOINED", 3)
    known = joined.JoinedRooms()
    assert known.settled("a", 0.0)
    known.add(["a", "b"], 0.0)
    assert not known.settled("a", 4.0)
    assert known.settled("c", 4.0)
    known.add(["a"], 4.0)
    assert known.settled("b", 6.0)
    assert not known.settled("a", 6.0)
    assert known.settled("a", 9.0)
    # More than are remembered: all count.
    known.add(["a", "b", "c", "d"], 10.0)
    assert not known.settled("x", 14.0)
    assert known.settled("x", 15.0)
    assert known.settled("d", 15.0)


def test_a_mode_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match="subscription mode"):
        RedisShardedAdapter(subscription_mode="often")  # type: ignore[arg-type]  # as from a file of settings
