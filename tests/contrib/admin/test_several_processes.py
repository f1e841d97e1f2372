"""Administrators and several processes: whichever one a page is with, it sees all, and is known to all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.cluster.redis_server import RedisServer
from tests.contrib.admin.test_authentication import CHEAP
from tests.server.client import Refused
from tests.server.fixtures import Join, Serve
from tests.workers.fixtures import Workers
from windsock import Client, ConfigurationError, Server
from windsock.contrib.admin import Admin, BasicAuth
from windsock.contrib.admin.redis import RedisSessions

WITHIN = 60.0


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer() as redis:
        yield redis


async def enter(join: Join, site: Any, **auth: Any) -> Any:
    return await join(site, namespaces=("/admin",), auth=auth, transports=["websocket"])


async def refusal(join: Join, site: Any, **auth: Any) -> Any:
    with pytest.raises(Refused) as caught:
        await enter(join, site, **auth)
    return caught.value.error


def make_server(redis: RedisServer) -> Server:
    io = Server()
    Admin(io, auth=BasicAuth("admin", CHEAP["bcrypt"]), sessions=RedisSessions(redis.url))
    return io


async def test_a_session_is_one_of_all_servers(host: Serve, join: Join, redis: RedisServer) -> None:
    one, two = [await host(make_server(redis), "lane") for _ in range(2)]
    page = await enter(join, one, username="admin", password="changeit")
    (session,) = await page.event("session", "/admin")
    page = await enter(join, two, sessionId=session)
    await page.event("config", "/admin")
    assert await refusal(join, two, sessionId=session[:-1]) == {"message": "invalid credentials"}
    assert 86_000 < int(redis.command("TTL", f"socket.io-admin#{session}")) <= 86_400
    # One that a server on Node has let in.
    redis.command("SET", "socket.io-admin#of-node", "true")
    await enter(join, two, sessionId="of-node")


async def test_redis_is_away(host: Serve, join: Join, redis: RedisServer) -> None:
    site = await host(make_server(redis), "lane")
    redis.stop()
    assert await refusal(join, site, sessionId="any") == {"message": "invalid credentials"}
    page = await enter(join, site, username="admin", password="changeit")
    await page.event("session", "/admin")


def test_what_is_no_url() -> None:
    with pytest.raises(ConfigurationError, match="expected the URL of a Redis server"):
        RedisSessions("http://localhost")


@pytest.mark.parametrize("shared", [False, True], ids=["one host", "over redis"])
async def test_all_workers_are_seen(redis: RedisServer, shared: bool) -> None:
    with ExitStack() as stack:
        options = ["--redis", redis.url] if shared else []
        workers = stack.enter_context(
            Workers(2, *options, target="tests.contrib.admin.app:io", environment={"SERVER_ID": ""})
        )
        told: list[Any] = []
        sessions: list[str] = []
        both = asyncio.Event()
        page = Client(f"{workers.url}/admin", auth={"username": "admin", "password": "changeit"})
        page.on("session")(sessions.append)

        @page.on("server_stats")
        def tell(figures: dict[str, Any]) -> None:
            told.append(figures)
            if len({figures["serverId"] for figures in told}) == 2:
                both.set()

        async with page:
            async with asyncio.timeout(WITHIN):
                await both.wait()
            servers = {figures["serverId"]: figures for figures in told}
            assert {figures["pid"] for figures in servers.values()} == set(workers.pids)
            if shared:
                # More than one of them is with the other worker.
                for _ in range(6):
                    again = Client(f"{workers.url}/admin", auth={"sessionId": sessions[0]})
                    async with asyncio.timeout(WITHIN), again:
                        assert again.connected
        assert not workers.trouble(), workers.log()
