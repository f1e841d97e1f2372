"""What older versions of ``@socket.io/redis-adapter`` ask for, and expect an answer to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from tests.cluster.members import Gathering
from tests.cluster.redis_server import RedisServer
from windsock.redis import RedisPubSubAdapter

WITHIN = 30.0


class Old:
    """A server of such a version."""

    def __init__(self, redis: Redis, answers: Any) -> None:
        self._redis = redis
        self._answers = answers

    async def ask(self, **request: Any) -> list[Any]:
        """All answers to a request: those that are there when each server has answered another one."""
        await self._redis.publish("socket.io-request#/#", orjson.dumps({"uid": "old", "requestId": "1", **request}))
        await self._redis.publish("socket.io-request#/#", orjson.dumps({"uid": "old", "requestId": "2", "type": 1}))
        answers: list[Any] = []
        others = 0
        async with asyncio.timeout(WITHIN):
            while others < 2:
                message = await self._answers.get_message(ignore_subscribe_messages=True, timeout=1)
                if message is not None:
                    answer = orjson.loads(message["data"])
                    if answer["requestId"] == "1":
                        answers.append(answer)
                    else:
                        others += 1
        return answers


@pytest.fixture
async def cluster() -> AsyncIterator[Gathering]:
    with RedisServer() as redis:
        async with Gathering(redis, (), [RedisPubSubAdapter(redis.url) for _ in range(2)]) as cluster:
            yield cluster


@pytest.fixture
async def old(cluster: Gathering) -> AsyncIterator[Old]:
    async with Redis.from_url(cluster.redis.url) as redis, redis.pubsub() as answers:
        await answers.subscribe("socket.io-response#/#old#")
        yield Old(redis, answers)


async def test_ids_of_sockets(cluster: Gathering, old: Old) -> None:
    answers = await old.ask(type=0, rooms=["all"])
    assert sorted(answer["sockets"] for answer in answers) == sorted([guest.id] for guest in cluster.guests)


async def test_one_socket(cluster: Gathering, old: Old) -> None:
    """The server of that socket answers, and no other."""
    guest, other = cluster.guests
    assert await old.ask(type=2, sid=guest.id, room="x") == [{"requestId": "1"}]
    assert await old.ask(type=3, sid=guest.id, room="all") == [{"requestId": "1"}]
    assert await cluster.rooms() == {"guest 0": {"room 0", "x"}, "guest 1": {"room 1", "all"}}
    assert await old.ask(type=4, sid=other.id, close=True) == [{"requestId": "1"}]
    assert await old.ask(type=2, sid="nobody", room="x") == []
