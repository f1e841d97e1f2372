"""Much comes from Redis at once, and by more ways than one."""

from __future__ import annotations

import asyncio

import orjson
from ormsgpack import packb, unpackb
from redis.asyncio import Redis

from tests.cluster.members import Gathering, Windsock
from tests.cluster.redis_server import RedisServer
from tests.server.site import WITHIN
from windsock.redis import RedisPubSubAdapter, RedisStreamsAdapter

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


async def test_a_question_waits_for_what_was_said_before_it() -> None:
    """It comes another way, and would overtake that."""
    with RedisServer() as server:
        async with (
            Gathering(server, (), [RedisStreamsAdapter(server.url)]) as cluster,
            Redis.from_url(server.url) as redis,
            redis.pubsub() as answers,
        ):
            await answers.subscribe("socket.io#/#asker#")
            for number in range(20):
                id = f"{2**48}-{number}"
                options: dict[str, list[str]] = {"rooms": [], "except": []}
                data = {"requestId": str(number), "opts": options}
                question = {"uid": "asker", "nsp": "/", "type": 7, "after": id, "data": data}
                order = orjson.dumps({"opts": options, "rooms": [f"new {number}"]})
                async with redis.pipeline(transaction=True) as both:
                    both.publish("socket.io#/#", packb(question))
                    both.xadd("socket.io", {"uid": "asker", "nsp": "/", "type": "4", "data": order}, id=id)
                    await both.execute()
                message = None
                async with asyncio.timeout(WITHIN):
                    while message is None:
                        message = await answers.get_message(ignore_subscribe_messages=True, timeout=1)
                (socket,) = unpackb(message["data"])["data"]["sockets"]
                assert f"new {number}" in socket["rooms"]
        assert len(cluster.guests) == 1
