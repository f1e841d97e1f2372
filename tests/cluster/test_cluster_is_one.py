"""Servers that share a real Redis server are held against a single one, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.adapters.sites import Site, one
from tests.adapters.test_cluster_is_one import NODES, ROOMS, ClusterIsOne, World, clients, make, places
from tests.cluster.redis_server import RedisServer
from windsock.redis import RedisPubSubAdapter, RedisShardedAdapter, RedisStreamsAdapter
from windsock.testing import Harness

ADAPTERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "pubsub": RedisPubSubAdapter,
    "sharded": RedisShardedAdapter,
    "sharded-static": lambda url: RedisShardedAdapter(url, subscription_mode="static"),
    "sharded-private": lambda url: RedisShardedAdapter(url, subscription_mode="dynamic-private"),
    "streams": RedisStreamsAdapter,
}


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as redis:
        yield redis


@asynccontextmanager
async def many(adapters: list[Any]) -> AsyncIterator[Site]:
    async with Harness() as harness:
        servers = [make(adapter=adapter) for adapter in adapters]
        for io in servers:
            await io.start()
        try:
            yield Site(harness, servers, late=True)
        finally:
            for io in servers:
                await io.close()


class RedisWorld(World):
    """One in which every client answers: the clock stands still, as Redis has a time of its own, and who is silent is
    waited for by the clock."""

    def __init__(self, adapters: list[Any]) -> None:
        self.loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        site = many(adapters) if adapters else one(NODES, make)
        self.site: Site = self.run(self._stack.enter_async_context(site))
        self.peers = []

    async def connect(self, place: int) -> None:
        await super().connect(place)
        number = len(self.peers) - 1
        self.peers[-1][1].answer("ask", lambda: number)
        await self.site.settle()

    async def ask(self, place: int, mask: tuple[int, int]) -> tuple[list[int], list[str]]:
        return sorted(await self.target(self.site.servers[place], mask).emit_with_ack("ask")), []


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_cluster_over_redis_is_as_one_server(adapter: str, redis: RedisServer) -> None:
    class Machine(ClusterIsOne):
        def __init__(self) -> None:
            RuleBasedStateMachine.__init__(self)
            adapters = [ADAPTERS[adapter](redis.url) for _ in range(NODES)]
            self.worlds = [RedisWorld([]), RedisWorld(adapters)]
            self.number = 0

        @rule(place=places, room=st.integers(0, len(ROOMS) - 1))
        def emit_to_one_room(self, place: int, room: int) -> None:
            self.emit(place, (1 << room, 0))

        @rule(client=clients)
        def join_all_rooms(self, client: int) -> None:
            self.join(client, list(ROOMS))

    # What fails is not made smaller: each attempt starts servers.
    bounds = settings(max_examples=20, stateful_step_count=20, deadline=None, phases=[Phase.generate])
    run_state_machine_as_test(Machine, settings=bounds)
