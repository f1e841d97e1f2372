"""Redis goes away, or says what makes no sense."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import hiredis
import pytest

from tests.cluster.adapters import ADAPTERS, FOR_ONE, GARBAGE
from tests.cluster.members import Gathering, Windsock
from tests.cluster.redis_server import RedisServer
from tests.server.site import until
from windsock import ConfigurationError, Server
from windsock.adapters.redis.wire import MAX_BACKLOG
from windsock.redis import RedisPubSubAdapter

BACK_WITHIN = 60.0
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

    def __init__(self, cluster: Gathering, adapters: list[Any], gaps: list[float]) -> None:
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


@pytest.fixture(params=ADAPTERS)
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
async def servers(redis: RedisServer, kind: str) -> AsyncIterator[Two]:
    async with two(redis, kind) as servers:
        yield servers


@asynccontextmanager
async def two(redis: RedisServer, kind: str) -> AsyncIterator[Two]:
    gaps: list[float] = []
    adapters = [ADAPTERS[kind](redis.url), ADAPTERS[kind](redis.url, on_gap=gaps.append)]
    async with Gathering(redis, (), adapters) as cluster:
        yield Two(cluster, adapters, gaps)


@pytest.mark.parametrize("kind", [kind for kind in ADAPTERS if kind != "streams"])
async def test_a_connection_is_killed(redis: RedisServer, servers: Two) -> None:
    await servers.speak()
    redis.command("CLIENT", "KILL", "TYPE", "pubsub")
    await until(lambda: len(servers.gaps) == 1, "a gap is reported")
    await servers.recover()
    redis.command("CLIENT", "KILL", "TYPE", "normal")
    await until(lambda: len(servers.gaps) == 2, "another is")
    await servers.recover()
    assert all(0 <= seconds < BACK_WITHIN for seconds in servers.gaps)


async def test_it_is_restarted(redis: RedisServer, servers: Two) -> None:
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


async def test_it_stands_still(redis: RedisServer, servers: Two) -> None:
    await servers.speak()
    redis.freeze()
    try:
        await servers.lose()
        servers.first.emit("here")
        await servers.cluster.guests[0].got(["here"])
    finally:
        redis.thaw()
    await servers.recover()


async def test_what_it_does_not_take_is_bounded(servers: Two) -> None:
    await servers.speak()
    long = "x" * 1024 * 1024
    # At once: none of it is answered meanwhile.
    for _ in range(2 * MAX_BACKLOG // len(long)):
        servers.first.to("nobody").emit("long", long)
    assert MAX_BACKLOG // len(long) - 2 <= servers.adapters[0].lost <= MAX_BACKLOG // len(long)

    def is_taken() -> bool:
        lost = servers.adapters[0].lost
        servers.first.to("nobody").emit("short")
        return bool(servers.adapters[0].lost == lost)

    await until(is_taken, "there is room again", within=BACK_WITHIN)
    await servers.recover()


async def test_it_is_not_there_at_the_start(redis: RedisServer, kind: str) -> None:
    redis.stop()
    async with two(redis, kind) as servers:
        assert servers.second.health.status == "degraded"
        servers.first.emit("here")
        await servers.cluster.guests[0].got(["here"])
        redis.start()
        await servers.recover()


async def test_everything_is_flushed(redis: RedisServer, servers: Two) -> None:
    redis.command("FLUSHALL")
    await servers.speak()
    assert servers.first.health.status == "ok"


async def test_garbage_is_counted_and_hurts_nobody(redis: RedisServer, kind: str, servers: Two) -> None:
    guest = servers.cluster.guests[1].id
    messages = GARBAGE[kind]
    for command in messages:
        redis.command(*(word.format(guest=guest) for word in command))
    await servers.speak()
    for_one = sum(any(name in word for name in FOR_ONE for word in command) for command in messages)
    assert [adapter.counters.garbage for adapter in servers.adapters] == [len(messages) - for_one, len(messages)]


async def test_a_message_for_a_room_where_nobody_is_is_not_looked_at(redis: RedisServer) -> None:
    async with two(redis, "pubsub") as servers:
        redis.command("PUBLISH", "socket.io#/#nobody#", "garbage")
        await servers.speak()
        assert servers.adapters[0].counters.garbage == 0


async def test_a_subscription_that_is_not_confirmed(caplog: pytest.LogCaptureFixture) -> None:
    """Who would not hear of the others is not well, whatever else is answered."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        commands = hiredis.Reader()
        while data := await reader.read(65536):
            commands.feed(data)
            while command := commands.gets():
                if not command[0].endswith(b"SUBSCRIBE"):
                    writer.write(b"+OK\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        io = Server(adapter=RedisPubSubAdapter(f"redis://127.0.0.1:{port}"))
        await io.start()
        status = io.health.status
        await io.close()
        assert status == "degraded"
    assert [record.message for record in caplog.records] == ["the connection to Redis is lost: it does not answer"]


# -- over a stream, what was missed can be read later --


def entry(*event: str) -> str:
    """The command of a program that emits to everybody."""
    listed = ",".join(f'"{word}"' for word in event)
    data = f'{{"packet":{{"type":2,"data":[{listed}]}},"opts":{{"rooms":[],"except":[]}}}}'
    return f"XADD socket.io * uid emitter nsp / type 3 data '{data}'"


def subscribers(redis: RedisServer) -> set[str]:
    """Whose connections are subscribed to something, by their ids."""
    return {line.split()[0] for line in redis.command("CLIENT", "LIST", "TYPE", "pubsub").splitlines()}


@pytest.mark.parametrize("kind", ["streams"])
async def test_what_was_missed_is_read(redis: RedisServer, servers: Two) -> None:
    await servers.speak()
    redis.at_once("CLIENT KILL TYPE normal", *(entry("missed", str(number)) for number in range(300)))
    for guest in servers.cluster.guests:
        await guest.got(*(["missed", str(number)] for number in range(300)))
    await servers.recover()
    before = subscribers(redis)
    redis.at_once("CLIENT KILL TYPE pubsub", entry("missed"))
    for guest in servers.cluster.guests:
        await guest.got(["missed"])
    await until(lambda: len(subscribers(redis) - before) == 2, "both have subscribed again", within=BACK_WITHIN)
    await servers.recover()
    assert servers.gaps == []


@pytest.mark.parametrize("kind", ["streams"])
@pytest.mark.parametrize(("how", "left"), [("FLUSHALL", 0), ("XTRIM socket.io MAXLEN 1", 1)])
async def test_what_is_gone_is_reported(redis: RedisServer, servers: Two, how: str, left: int) -> None:
    await servers.speak()
    redis.at_once("CLIENT KILL TYPE normal", entry("gone"), entry("gone"), how)
    await until(lambda: len(servers.gaps) == 1, "the gap is reported")
    for guest in servers.cluster.guests:
        await guest.got(*[["gone"]] * left)
    await servers.recover()


@pytest.mark.parametrize("kind", ["streams"])
async def test_a_stream_is_flushed_while_it_is_read(redis: RedisServer, servers: Two) -> None:
    redis.at_once("FLUSHALL", entry("after"))
    for guest in servers.cluster.guests:
        await guest.got(["after"])
    await servers.speak()
    assert servers.gaps == []


@pytest.mark.parametrize("kind", ["streams"])
async def test_who_reads_too_slowly_is_told_what_it_missed(redis: RedisServer, servers: Two) -> None:
    await servers.speak()
    # In one transaction: a reader comes round when the oldest have given way.
    redis.at_once(*(entry("late", str(number)) for number in range(250)), "XTRIM socket.io MAXLEN 150")
    for guest in servers.cluster.guests:
        await guest.got(*(["late", str(number)] for number in range(100, 250)))
    await until(lambda: len(servers.gaps) == 1, "the gap is reported")
    redis.at_once(*(entry("whole", str(number)) for number in range(250)))
    for guest in servers.cluster.guests:
        await guest.got(*(["whole", str(number)] for number in range(250)))
    await servers.speak()
    assert len(servers.gaps) == 1


@pytest.mark.parametrize("kind", ["streams"])
async def test_a_stream_that_began_anew_with_an_older_clock(redis: RedisServer, servers: Two) -> None:
    await servers.speak()
    redis.at_once("DEL socket.io", entry("older").replace("*", "1-1"))
    for guest in servers.cluster.guests:
        await guest.got(["older"])
    await until(lambda: len(servers.gaps) == 1, "the gap is reported")
    redis.command(*shlex.split(entry("next").replace("*", "1-2")))
    for guest in servers.cluster.guests:
        await guest.got(["next"])


@pytest.mark.parametrize("kind", ["streams"])
async def test_it_is_full(redis: RedisServer, servers: Two, caplog: pytest.LogCaptureFixture) -> None:
    await servers.speak()
    redis.command("CONFIG", "SET", "maxmemory", "1")
    for number in range(100):
        servers.first.emit("here", number)
    await servers.cluster.guests[0].got(*(["here", number] for number in range(100)))
    await until(lambda: servers.adapters[0].lost == 100, "all are refused")
    assert servers.first.health.problems["/"] == "Redis refuses commands"
    assert [record.message for record in caplog.records if "refuses" in record.message] == [
        "Redis refuses a command: OOM command not allowed when used memory > 'maxmemory'."
    ]
    redis.command("CONFIG", "SET", "maxmemory", "0")
    await servers.recover()


@pytest.mark.parametrize("kind", ["streams"])
async def test_it_has_become_a_replica(redis: RedisServer, servers: Two) -> None:
    await servers.speak()
    redis.command("REPLICAOF", "127.0.0.1", "1")
    servers.first.emit("here")
    await servers.cluster.guests[0].got(["here"])
    await until(lambda: servers.first.health.status == "degraded", "it says so")
    redis.command("REPLICAOF", "NO", "ONE")
    await servers.recover()


async def test_a_password_is_asked_for_and_there_is_none(
    redis: RedisServer, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    redis.command("CONFIG", "SET", "requirepass", "secret")
    async with two(redis, kind) as servers:
        assert servers.first.health.problems["/"] == "no connection to Redis"
        servers.first.emit("here")
        await servers.cluster.guests[0].got(["here"])
        said = {record.message for record in caplog.records}
        assert len(said) == 1
        assert "uthentication required" in said.pop()
        redis.command("-a", "secret", "CONFIG", "SET", "requirepass", "")
        await servers.recover()


@pytest.mark.parametrize("kind", ["streams"])
async def test_something_else_has_the_name_of_the_stream(redis: RedisServer, servers: Two) -> None:
    redis.at_once("DEL socket.io", "SET socket.io x", "CLIENT KILL TYPE normal")
    await servers.lose()
    redis.command("DEL", "socket.io")
    await servers.recover()


def test_an_url_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match="URL"):
        RedisPubSubAdapter("http://localhost")
