"""Connection state recovery over a stream: a client comes back to whichever server, and is what it was."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final, Self

import pytest

from tests.client.proxy import Proxy
from tests.cluster.conftest import Surroundings
from tests.cluster.members import Gathering, Member, Windsock
from tests.cluster.redis_server import RedisServer
from tests.conformance.javascript import Lines
from tests.conformance.oracle import unpack
from tests.server.site import until
from windsock.redis import RedisStreamsAdapter

KIND: Final = "streams+recovery"
NODE, OTHER_NODE, OURS, OTHER_OF_OURS = range(4)
BACK_WITHIN: Final = 60.0


class Wanderer:
    """A stock client behind a proxy that leads to one server or another.

    Attributes:
        events: that came, without their offsets.
        offset: of the last of them.
        pid: its secret.
        ids: it had, one for each time that it connected.
        recovered: whether it was, each time.
        lost: how often it lost its connection.
    """

    def __init__(self, proxy: Proxy, name: str) -> None:
        self.proxy = proxy
        self.name = name
        self.events: list[list[Any]] = []
        self.offset: str | None = None
        self.pid = ""
        self.ids: list[str] = []
        self.recovered: list[bool] = []
        self.lost: int = 0

    async def __aenter__(self) -> Self:
        self._lines = Lines("client.js", self.proxy.url, json.dumps({"name": self.name, "rooms": ["all", "there"]}))
        self._listening = asyncio.ensure_future(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.cancel()
        await asyncio.to_thread(self._lines.close)

    async def connected(self, times: int) -> None:
        """Waits until it has connected so often."""
        await until(lambda: len(self.ids) == times, f"{self.name} is there", within=BACK_WITHIN)

    async def got(self, *events: list[Any]) -> None:
        """Waits until it has got these, in this order, and nothing else; and forgets them."""
        await until(lambda: len(self.events) >= len(events), f"{self.name} gets {len(events)}", within=BACK_WITHIN)
        assert self.events == list(events)
        self.events = []

    async def cut(self) -> None:
        """Loses its connection, and cannot come back."""
        times = self.lost + 1
        self.proxy.accepting = False
        self.proxy.cut()
        await until(lambda: self.lost == times, "it is cut off", within=BACK_WITHIN)

    async def come_to(self, member: Member) -> None:
        """Comes back to a server."""
        times = len(self.ids) + 1
        self.lead_to(member)
        self.proxy.accepting = True
        await self.connected(times)

    def lead_to(self, member: Member) -> None:
        """Where it comes back to."""
        self.proxy.to(int(member.url.rpartition(":")[2]))

    async def _listen(self) -> None:
        while True:
            line = await asyncio.to_thread(self._lines.receive, within=3600)
            if "event" in line:
                event = unpack(line["event"])
                if isinstance(event[-1], str) and event[-1][:1].isdigit():
                    self.offset = event.pop()
                self.events.append(event)
            elif "connect" in line:
                self.pid = line["pid"]
                self.ids.append(line["connect"])
                self.recovered.append(line["recovered"])
            else:
                self.lost += 1


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async with Proxy() as proxy:
        yield proxy


@pytest.fixture
async def cluster(surroundings: Surroundings) -> AsyncIterator[Gathering]:
    redis = surroundings.redis(KIND)
    adapters = [RedisStreamsAdapter(redis.url) for _ in range(2)]
    nodes = surroundings.nodes(KIND)
    async with Gathering(redis, nodes, adapters, connection_state_recovery=True) as gathering:
        yield gathering


async def say(cluster: Gathering, member: Member, *event: Any, **target: Any) -> None:
    """Has a server emit something, and waits until it is in the stream."""
    before = entries_added(cluster.redis)
    await member.do("emit", *event, **target)
    await until(lambda: entries_added(cluster.redis) > before, "it is in the stream")


def entries_added(redis: RedisServer) -> int:
    words = redis.command("XINFO", "STREAM", "socket.io").split("\n")
    return int(words[words.index("entries-added") + 1])


async def is_away(cluster: Gathering, wanderer: Wanderer) -> None:
    """Waits until its state is in Redis."""
    await until(lambda: is_kept(cluster, wanderer), "it is kept", within=BACK_WITHIN)


def is_kept(cluster: Gathering, wanderer: Wanderer) -> bool:
    return cluster.redis.command("EXISTS", f"sio:session:{wanderer.pid}") == "1"


@pytest.mark.parametrize(
    ("first", "second"),
    [(NODE, OURS), (OURS, NODE), (OURS, OTHER_OF_OURS), (OURS, OURS), (NODE, OTHER_NODE)],
    ids=["node-ours", "ours-node", "ours-other", "ours-same", "node-node"],
)
async def test_a_client_comes_back(cluster: Gathering, proxy: Proxy, first: int, second: int) -> None:
    here, there = cluster.members[first], cluster.members[second]
    wanderer = Wanderer(proxy, "wanderer")
    wanderer.lead_to(here)
    async with wanderer:
        await wanderer.connected(1)
        await say(cluster, there, "news", 0, rooms=["there"])
        await wanderer.got(["news", 0])
        for place in (second, first):
            await wanderer.cut()
            await is_away(cluster, wanderer)
            for number, member in enumerate(cluster.members):
                await say(cluster, member, "news", number, rooms=["there"])
            await say(cluster, here, "bytes", b"\x00\xff")
            await say(cluster, there, "not for it", rooms=["elsewhere"])
            await say(cluster, there, "nor that", except_=["there"])
            await say(cluster, there, "last", {"a": None}, rooms=[wanderer.ids[0]])
            await wanderer.come_to(cluster.members[place])
            assert wanderer.recovered[-1]
            news = [["news", number] for number in range(4)]
            await wanderer.got(*news, ["bytes", b"\x00\xff"], ["last", {"a": None}])
            await say(cluster, here, "live", rooms=["there"])
            await wanderer.got(["live"])
        assert len(set(wanderer.ids)) == 1
        (socket,) = [each for each in await there.do("fetch") if each["id"] == wanderer.ids[0]]
        assert set(socket["rooms"]) == {wanderer.ids[0], "all", "there"}
        assert socket["data"]["name"] == "wanderer"
        assert not is_kept(cluster, wanderer), "it is given back once"


@pytest.mark.parametrize("second", [OURS, OTHER_OF_OURS])
async def test_nothing_came_before_the_cut(cluster: Gathering, proxy: Proxy, second: int) -> None:
    wanderer = Wanderer(proxy, "wanderer")
    wanderer.lead_to(cluster.members[OURS])
    async with wanderer:
        await wanderer.connected(1)
        await wanderer.cut()
        await is_away(cluster, wanderer)
        await say(cluster, cluster.members[NODE], "news", 1, rooms=["there"])
        await say(cluster, cluster.members[OURS], "news", 2)
        await wanderer.come_to(cluster.members[second])
        await wanderer.got(["news", 1], ["news", 2])
        assert wanderer.recovered == [False, True]


@pytest.mark.parametrize("second", [OURS, OTHER_OF_OURS])
async def test_events_are_on_their_way_when_it_comes_back(cluster: Gathering, proxy: Proxy, second: int) -> None:
    there = cluster.members[second]
    assert isinstance(there, Windsock)
    wanderer = Wanderer(proxy, "wanderer")
    wanderer.lead_to(cluster.members[OURS])
    async with wanderer:
        await wanderer.connected(1)
        await wanderer.cut()
        await is_away(cluster, wanderer)
        emitted = 0

        async def emit() -> None:
            nonlocal emitted
            while len(wanderer.ids) == 1:
                there.io.to("there").emit("news", emitted)
                emitted += 1
                await asyncio.sleep(0.0005)  # several at any moment have been written to Redis and not come back

        emitting = asyncio.ensure_future(emit())
        await wanderer.come_to(there)
        await emitting
        await wanderer.got(*[["news", number] for number in range(emitted)])
        assert wanderer.recovered == [False, True]


async def test_the_server_is_started_anew_meanwhile(cluster: Gathering, proxy: Proxy) -> None:
    wanderer = Wanderer(proxy, "wanderer")
    ours = cluster.members[OTHER_OF_OURS]
    assert isinstance(ours, Windsock)
    wanderer.lead_to(ours)
    async with wanderer:
        await wanderer.connected(1)
        await say(cluster, ours, "news", 0)
        await wanderer.got(["news", 0])
        # It has a client when it ends, and hands it over.
        proxy.accepting = False
        await ours.close()
        await is_away(cluster, wanderer)
        await say(cluster, cluster.members[NODE], "news", 1)
        again = await cluster.windsock(RedisStreamsAdapter(cluster.redis.url))
        await say(cluster, cluster.members[OURS], "news", 2)
        await wanderer.come_to(again)
        await wanderer.got(["news", 1], ["news", 2])
        assert wanderer.recovered == [False, True]
        assert len(set(wanderer.ids)) == 1


async def test_what_happens_to_it_while_it_is_away(cluster: Gathering, proxy: Proxy) -> None:
    wanderer = Wanderer(proxy, "wanderer")
    wanderer.lead_to(cluster.members[OURS])
    async with wanderer:
        await wanderer.connected(1)
        await say(cluster, cluster.members[NODE], "first")
        await wanderer.got(["first"])
        await wanderer.cut()
        await is_away(cluster, wanderer)
        node = cluster.members[NODE]
        await node.do("join", rooms=["there"], names=["new"])
        await node.do("leave", rooms=["all"], names=["there"])
        await say(cluster, node, "new", rooms=["new"])
        await say(cluster, node, "no more", rooms=["there"])
        await wanderer.come_to(cluster.members[OTHER_OF_OURS])
        await wanderer.got(["new"])
        assert wanderer.recovered == [False, True]
        (socket,) = await cluster.members[NODE].do("fetch", rooms=["new"])
        assert set(socket["rooms"]) == {wanderer.ids[0], "all", "new"}
        await wanderer.cut()
        await is_away(cluster, wanderer)
        await node.do("disconnect", rooms=["new"])
        await say(cluster, node, "for others")
        await wanderer.come_to(cluster.members[OURS])
        assert wanderer.recovered == [False, True, False]
        assert wanderer.events == []


@pytest.mark.parametrize("how", ["XTRIM socket.io MAXLEN 0", "XTRIM socket.io MAXLEN 1", "DEL socket.io", "FLUSHALL"])
async def test_what_it_missed_is_gone(cluster: Gathering, proxy: Proxy, how: str) -> None:
    wanderer = Wanderer(proxy, "wanderer")
    wanderer.lead_to(cluster.members[OURS])
    async with wanderer:
        await wanderer.connected(1)
        await say(cluster, cluster.members[OURS], "first")
        await wanderer.got(["first"])
        await wanderer.cut()
        await is_away(cluster, wanderer)
        await say(cluster, cluster.members[OURS], "gone")
        cluster.redis.command(*how.split())
        await cluster.members[OURS].do("emit", "kept")
        # To a client that is new there, it would be an event as any other.
        there = cluster.guests[OTHER_OF_OURS]
        await until(lambda: ["kept"] in there.events, "the other server has read it", within=BACK_WITHIN)
        await wanderer.come_to(cluster.members[OTHER_OF_OURS])
        assert wanderer.recovered == [False, False]
        assert wanderer.events == []


async def test_what_many_missed_is_read_once_from_where_it_is(surroundings: Surroundings, proxy: Proxy) -> None:
    """A server that has just come has nothing of what was emitted before, and asks Redis for it, page by page."""
    redis = surroundings.redis("recovery of many")
    async with Gathering(redis, (), [RedisStreamsAdapter(redis.url)], connection_state_recovery=True) as cluster:
        (ours,) = cluster.members
        wanderer = Wanderer(proxy, "wanderer")
        wanderer.lead_to(ours)
        async with wanderer:
            await wanderer.connected(1)
            await wanderer.cut()
            await is_away(cluster, wanderer)
            for number in range(1_200):
                await ours.do("emit", "news", number, rooms=["there" if number % 2 else "elsewhere"])
            again = await cluster.windsock(RedisStreamsAdapter(redis.url))
            await ours.do("emit", "news", 1_201, rooms=["there"])
            await wanderer.come_to(again)
            await wanderer.got(*(["news", number] for number in range(1, 1_202, 2)))
            assert wanderer.recovered == [False, True]
