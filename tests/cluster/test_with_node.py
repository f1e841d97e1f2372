"""Two servers on Node and two of ours in one cluster: each does everything, and reaches the others."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import pytest
from ormsgpack import packb

from tests.cluster.adapters import EMITTERS, OF_EMITTERS, VARIANTS
from tests.cluster.conftest import Surroundings
from tests.cluster.members import Announcer, Gathering, Member
from tests.cluster.redis_server import RedisServer
from tests.server.site import until
from windsock.redis import Emitter, SyncEmitter

PLACES: Final = {"node": 0, "windsock": 2}


@pytest.fixture
def options(request: pytest.FixtureRequest, cluster: Gathering) -> Mapping[str, Any]:
    """Those of our emitters for what the servers have."""
    return OF_EMITTERS[request.node.callspec.params["cluster"]]


@pytest.fixture(params=VARIANTS)
async def cluster(request: pytest.FixtureRequest, surroundings: Surroundings) -> AsyncIterator[Gathering]:
    redis = surroundings.redis(request.param)
    adapters = [VARIANTS[request.param](redis.url) for _ in range(2)]
    async with Gathering(redis, surroundings.nodes(request.param), adapters) as gathering:
        # A server on Node tells its client that it is connected, and only then Redis that it listens to a room.
        await gathering.rooms()
        yield gathering


@pytest.fixture(params=PLACES.values(), ids=list(PLACES))
def place(request: pytest.FixtureRequest) -> int:
    place: int = request.param
    return place


@pytest.fixture
def speaker(cluster: Gathering, place: int) -> Member:
    """The server that speaks, of each kind in turn."""
    return cluster.members[place]


async def test_events_for_clients(cluster: Gathering, speaker: Member) -> None:
    content = ["all", 1, 2.5, "é", None, True, {"deep": [{"a": b"\x00\xff"}]}, b"\x01\x02"]
    await speaker.do("emit", *content)
    await speaker.do("emit", "one room", rooms=["room 1"])
    await speaker.do("emit", "two rooms", rooms=["room 0", "room 3"])
    await speaker.do("emit", "but", rooms=["all"], except_=["room 0", "room 2"])
    await speaker.do("emit", "one", rooms=[cluster.guests[2].id])
    await speaker.do("emit", "end")
    a, b, c, d = cluster.guests
    await a.got(content, ["two rooms"], ["end"])
    await b.got(content, ["one room"], ["but"], ["end"])
    await c.got(content, ["one"], ["end"])
    await d.got(content, ["two rooms"], ["but"], ["end"])
    # By itself: a client that is just being written to does not get what is volatile.
    await speaker.do("volatile", "volatile", rooms=["all"], except_=["nobody"])
    for guest in cluster.guests:
        await guest.got(["volatile"])


async def test_namespaces(cluster: Gathering, speaker: Member) -> None:
    others = [await cluster.guest(member, "other", "all", namespace="/other") for member in cluster.members]
    assert len(await speaker.do("fetch", namespace="/other")) == 4, "each server listens to the room"
    await speaker.do("emit", "hello", rooms=["all"], namespace="/other")
    await speaker.do("emit", "end")
    for guest in others:
        await guest.got(["hello"])
    for guest in cluster.guests:
        await guest.got(["end"])


async def test_acknowledgements(cluster: Gathering, speaker: Member) -> None:
    answers = await speaker.do("ask", "ask", 1, b"\x00")
    assert sorted(answers, key=str) == [[f"guest {place}", 1, b"\x00"] for place in range(4)]
    answers = await speaker.do("ask", "ask", rooms=["room 0", "room 2", "room 3"], except_=["room 2"])
    assert sorted(answers) == [["guest 0"], ["guest 3"]]
    assert await speaker.do("ask", "ask", rooms=["nobody"]) == []


async def test_fetched_sockets(cluster: Gathering, speaker: Member) -> None:
    sockets = sorted(await speaker.do("fetch"), key=lambda socket: str(socket["data"]["name"]))
    assert [socket["id"] for socket in sockets] == [guest.id for guest in cluster.guests]
    for place, socket in enumerate(sockets):
        assert set(socket["rooms"]) == {socket["id"], "all", f"room {place}"}
        assert socket["data"]["name"] == socket["handshake"]["auth"]["name"] == f"guest {place}"
        assert socket["handshake"]["headers"]["host"] in cluster.members[place].url
    (socket,) = await speaker.do("fetch", rooms=["room 1", "room 3"], except_=["room 3"])
    assert socket["id"] == cluster.guests[1].id


async def test_joining_and_leaving(cluster: Gathering, speaker: Member) -> None:
    await speaker.do("join", rooms=["room 1", "room 2"], names=["x", "y"])
    await speaker.do("join", names=["z"], except_=["room 3"])
    await speaker.do("leave", rooms=["all"], except_=["room 0"], names=["all", "y"])
    await assert_rooms(
        cluster,
        {
            "guest 0": {"all", "room 0", "z"},
            "guest 1": {"room 1", "x", "z"},
            "guest 2": {"room 2", "x", "z"},
            "guest 3": {"room 3"},
        },
    )


async def test_disconnecting(cluster: Gathering, speaker: Member) -> None:
    await speaker.do("disconnect", rooms=["room 1", "room 2"])
    await until(lambda: cluster.guests[1].gone and cluster.guests[2].gone, "both are disconnected")
    assert set(await cluster.rooms()) == {"guest 0", "guest 3"}


async def test_events_for_servers(cluster: Gathering, speaker: Member, place: int) -> None:
    await speaker.do("serverEmit", "news", 1, {"a": None})
    answers = await speaker.do("serverAsk", "echo", "x", [2])
    assert answers == [["x", [2]]] * 3
    heard = [await member.do("heard") for member in cluster.members]
    assert heard == [[] if here == place else [[1, {"a": None}]] for here in range(4)]


async def test_counting(cluster: Gathering, speaker: Member) -> None:
    assert await speaker.do("count") == 4
    rooms = {"all", *(f"room {place}" for place in range(4)), *(guest.id for guest in cluster.guests)}
    assert set(await speaker.do("rooms")) == rooms


@pytest.mark.parametrize("cluster", EMITTERS, indirect=True)
async def test_a_program_that_only_emits(cluster: Gathering) -> None:
    await assert_emitter(cluster, cluster.members[0])


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_program_of_ours_that_only_emits(cluster: Gathering, options: Mapping[str, Any], kind: str) -> None:
    with SyncEmitter(cluster.redis.url, **options) as sync:
        async with Emitter(cluster.redis.url, **options) as emitter:
            await assert_emitter(cluster, Announcer(sync if kind == "sync" else emitter))


@pytest.mark.parametrize("cluster", ["streams"], indirect=True)
async def test_a_program_that_only_writes_to_the_stream(cluster: Gathering) -> None:
    await assert_emitter(cluster, StreamsEmitter(cluster.redis))


class StreamsEmitter:
    """Writes the entries that ``@socket.io/redis-streams-emitter`` 0.1 writes: all that it has to say is one, what
    is for the servers, too."""

    def __init__(self, redis: RedisServer) -> None:
        self._redis = redis

    async def do(
        self,
        operation: str,
        *event: Any,
        rooms: Sequence[str] = (),
        except_: Sequence[str] = (),
        names: Sequence[str] = (),
        namespace: str = "/",
    ) -> None:
        """See :class:`Member`."""
        options = {"rooms": list(rooms), "except": list(except_), "flags": {}}
        packet = {"type": 2, "data": list(event), "nsp": namespace}
        number, data = {
            "emitterEmit": ("3", {"packet": packet, "opts": options}),
            "emitterJoin": ("4", {"opts": options, "rooms": list(names)}),
            "emitterLeave": ("5", {"opts": options, "rooms": list(names)}),
            "emitterDisconnect": ("6", {"opts": options, "close": True}),
            "emitterServerEmit": ("9", {"packet": list(event)}),
        }[operation]
        binary = any(isinstance(value, bytes) for value in event)
        written = b64encode(packb(data)).decode() if binary else json.dumps(data)
        trim = ("MAXLEN", "~", "10000")
        fields = ("uid", "emitter", "nsp", namespace, "type", number, "data", written)
        self._redis.command("XADD", "socket.io", *trim, "*", *fields)


async def assert_emitter(cluster: Gathering, emitter: Member | Announcer | StreamsEmitter) -> None:
    await emitter.do("emitterEmit", "hello", b"\x01", rooms=["room 1", "room 2"])
    await emitter.do("emitterEmit", "all", except_=["room 3"])
    await emitter.do("emitterServerEmit", "news", 7)
    await emitter.do("emitterJoin", rooms=["room 0", "room 2"], names=["x"])
    await emitter.do("emitterEmit", "joined", rooms=["x"])
    await emitter.do("emitterLeave", rooms=["room 1", "room 3"], names=["all"])
    a, b, c, d = cluster.guests
    await a.got(["all"], ["joined"])
    await b.got(["hello", b"\x01"], ["all"])
    await c.got(["hello", b"\x01"], ["all"], ["joined"])
    await assert_rooms(
        cluster,
        {
            "guest 0": {"all", "room 0", "x"},
            "guest 1": {"room 1"},
            "guest 2": {"all", "room 2", "x"},
            "guest 3": {"room 3"},
        },
    )
    assert d.events == []
    assert [await member.do("heard") for member in cluster.members] == [[[7]]] * 4
    await emitter.do("emitterDisconnect", rooms=["room 0", "room 3"])
    await until(lambda: a.gone and d.gone, "both are disconnected")


async def assert_rooms(cluster: Gathering, expected: dict[str, set[str]]) -> None:
    assert await cluster.rooms() == expected
