"""Who may come back over a stream, what Redis is believed, and what a server does while it waits for Redis."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest

from tests.cluster.members import Gathering, Windsock
from tests.cluster.redis_server import RedisServer
from tests.cluster.test_vocabulary import msgpack
from tests.server.site import WITHIN, until
from windsock import Client, ConnectionRefused, ConnectionStateRecovery, Socket
from windsock.redis import RedisStreamsAdapter

PID: Final = "a-pid-of-twenty-chars"
KEPT: Final[dict[str, Any]] = {"sid": "the-socket", "pid": PID, "rooms": ["the-socket", "r"], "data": {"name": "Ada"}}


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with RedisServer() as redis:
        yield redis


@pytest.fixture
async def cluster(redis: RedisServer) -> AsyncIterator[Gathering]:
    redis.thaw()
    redis.command("FLUSHALL")
    adapters = [RedisStreamsAdapter(redis.url) for _ in range(2)]
    async with Gathering(redis, (), adapters, connection_state_recovery=ConnectionStateRecovery()) as gathering:
        yield gathering


@pytest.fixture
def ours(cluster: Gathering) -> Windsock:
    member = cluster.members[0]
    assert isinstance(member, Windsock)
    return member


def keep(redis: RedisServer, value: Any) -> None:
    """Puts a socket's state into Redis, as a server does."""
    redis.command("SET", f"sio:session:{PID}", value if isinstance(value, str) else packed(value))


def packed(value: Any) -> str:
    return b64encode(msgpack(value)).decode()


def place(redis: RedisServer) -> str:
    """Id of the newest entry."""
    return redis.command("XREVRANGE", "socket.io", "+", "-", "COUNT", "1").split("\n")[0]


async def claim(ours: Windsock, pid: str = PID, namespace: str = "", **auth: Any) -> str:
    """The id of the socket that a client gets who says it was there."""
    client = Client(ours.url + namespace, auth={"pid": pid, **auth}, transports=["websocket"], reconnection=False)
    async with asyncio.timeout(WITHIN), client:
        assert client.id is not None
        return client.id


async def test_a_state_is_given_back_once(ours: Windsock, redis: RedisServer) -> None:
    keep(redis, KEPT)
    offset = place(redis)
    assert await claim(ours, offset=offset) == "the-socket"
    keep(redis, {**KEPT, "nsp": "/", "received": offset})
    assert await claim(ours) == "the-socket"
    redis.command("DEL", f"sio:session:{PID}")
    assert await claim(ours, offset=offset) != "the-socket"


@pytest.mark.parametrize(
    "offset", ["", "x", "1-1", "0-0", "99999999999999-0", "1-1-1", "(1-1", "-", "+", "$", "9" * 30 + "-0"]
)
async def test_offsets_that_are_none(ours: Windsock, redis: RedisServer, offset: str) -> None:
    keep(redis, KEPT)
    assert await claim(ours, offset=offset) != "the-socket"


@pytest.mark.parametrize("pid", ["", "*", "../x", "a b", "x" * 65, "é"])
async def test_secrets_that_are_none(ours: Windsock, redis: RedisServer, pid: str) -> None:
    redis.command("SET", f"sio:session:{pid}", packed({**KEPT, "pid": pid}))
    assert await claim(ours, pid, offset=place(redis)) != "the-socket"


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "garbage!",
        "Y29z",  # what a pickle may begin with
        packed("a text"),
        packed({**KEPT, "pid": "another"}),
        packed({**KEPT, "sid": 7}),
        packed({**KEPT, "sid": ""}),
        packed({**KEPT, "rooms": "r"}),
        packed({**KEPT, "rooms": [["r"]]}),
        packed({**KEPT, "rooms": ["r" * 1_001]}),
        packed({**KEPT, "rooms": [f"room {number}" for number in range(10_001)]}),
        packed({**KEPT, "received": "x"}),
        packed({**KEPT, "nsp": 1}),
        packed({**KEPT, "expires": float("nan")}),
        packed({**KEPT, "expires": "never"}),
        "A" * (1024 * 1024 + 4),
    ],
    ids=range(16),
)
async def test_forged_states(ours: Windsock, redis: RedisServer, forged: str) -> None:
    # More than a command line takes.
    parts = [forged[start : start + 100_000] for start in range(0, len(forged), 100_000)] or [""]
    redis.command("DEL", f"sio:session:{PID}")
    for part in parts:
        redis.command("APPEND", f"sio:session:{PID}", part)
    garbage = ours.counters.garbage
    assert await claim(ours, offset=place(redis)) != "the-socket"
    assert ours.counters.garbage == garbage + (forged != "")


async def test_a_state_of_another_namespace(ours: Windsock, redis: RedisServer) -> None:
    """Servers on Node do not say whose a state is. The secret of one namespace must not open another."""
    admitted: list[bool] = []

    @ours.io.of("/other").use
    def guard(socket: Socket) -> None:
        admitted.append(socket.recovered)
        if socket.handshake.auth.get("key") != "right":
            raise ConnectionRefused("the key is wrong")

    keep(redis, {**KEPT, "nsp": "/"})
    offset = place(redis)
    assert await claim(ours, namespace="/other", offset=offset, key="right") != "the-socket"
    keep(redis, KEPT)
    client = Client(ours.url + "/other", auth={"pid": PID, "offset": offset}, reconnection=False)
    with pytest.raises(Exception, match="the key is wrong"):
        async with asyncio.timeout(WITHIN), client:
            pass
    keep(redis, KEPT)
    assert await claim(ours, namespace="/other", offset=offset, key="right") == "the-socket"
    keep(redis, {**KEPT, "nsp": "/other"})
    assert await claim(ours, namespace="/other", offset=offset) == "the-socket"
    assert admitted == [False, True, True], "and who is certain to have been here is not asked again"


async def test_a_socket_that_is_here_is_not_taken_over(ours: Windsock, cluster: Gathering, redis: RedisServer) -> None:
    guest = cluster.guests[0]
    keep(redis, {**KEPT, "sid": guest.id})
    assert await claim(ours, offset=place(redis)) != guest.id
    ours.io.in_(guest.id).emit("still", 1)
    await guest.got(["still", 1])


async def test_what_was_emitted_before_goes_first(ours: Windsock, cluster: Gathering) -> None:
    here, other = cluster.guests
    socket = ours.io.of("/").sockets[here.id]
    ours.io.to("room 0").emit("one")
    socket.leave("room 0")
    ours.io.to("room 0").emit("not for it")
    ours.io.to("new").emit("nor that")
    socket.join("new")
    ours.io.to("new").emit("two")
    await here.got(["one"], ["two"])
    socket.emit("last words", 1)
    socket.disconnect()
    ours.io.emit("after")
    await other.got(["after"])
    assert here.events == [["last words", 1]]
    assert here.gone


async def test_clients_of_this_server_go_on_without_redis(
    ours: Windsock, cluster: Gathering, redis: RedisServer
) -> None:
    here, other = cluster.guests
    ours.io.emit("before")
    await here.got(["before"])
    await other.got(["before"])
    redis.freeze()
    try:
        for number in range(3):
            ours.io.emit("meanwhile", number, "text")
        await here.got(*(["meanwhile", number, "text"] for number in range(3)))
        # One was waited for in vain: the next does not wait, and nothing overtakes it.
        ours.io.to(here.id).emit("at once")
        ours.io.local.emit("behind it")
        await here.got(["at once"], ["behind it"])
        await until(lambda: ours.io.health.status == "degraded", "it is noticed", within=60)
        ours.io.emit("long after")
        await here.got(["long after"])
    finally:
        redis.thaw()
    await until(lambda: ours.io.health.status == "ok", "Redis is there again", within=60)
    await until(lambda: cluster.members[1].io.health.status == "ok", "for the other", within=60)  # type: ignore[attr-defined]
    other.events.clear()
    ours.io.emit("again")
    await here.got(["again"])
    await until(lambda: ["again"] in other.events, "the other hears on")
