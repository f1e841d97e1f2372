"""Much comes from Redis at once."""

from __future__ import annotations

from tests.cluster.members import Gathering, Windsock
from tests.cluster.redis_server import RedisServer
from windsock.redis import RedisPubSubAdapter

MESSAGES = 2000
"""More than one reading of a connection brings, and many times what is taken in one turn."""


async def test_all_of_it_comes_once_and_in_order() -> None:
    with RedisServer() as redis:
        adapters = [RedisPubSubAdapter(redis.url) for _ in range(2)]
        async with Gathering(redis, (), adapters) as cluster:
            first, second = cluster.members
            assert isinstance(first, Windsock)
            assert isinstance(second, Windsock)
            # Both at once: each reads its own messages, which Redis brings back, beside the other's.
            for number in range(MESSAGES):
                first.io.to("room 1").emit("from first", number)
                second.io.to("room 0").emit("from second", number)
            await cluster.guests[1].got(*(["from first", number] for number in range(MESSAGES)))
            await cluster.guests[0].got(*(["from second", number] for number in range(MESSAGES)))
            assert adapters[0].lost == adapters[1].lost == 0
