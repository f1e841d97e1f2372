"""The heartbeat of a session, whichever transport carries it."""

from __future__ import annotations

import asyncio

import pytest

from tests.server.fixtures import Dial, Serve, Way
from tests.server.peer import PollingPeer, WebSocketPeer
from tests.server.site import WITHIN, Lane, soon, until
from windsock import Server

INTERVAL = 0.1
# Where a client answers, it may be slow: what is tested is that nobody gives it up for another reason.
PATIENT = 5.0
SHORT = 0.4


@pytest.fixture
def left() -> asyncio.Queue[str]:
    return asyncio.Queue()


@pytest.fixture
def io(left: asyncio.Queue[str], request: pytest.FixtureRequest) -> Server:
    """A server with the ``ping_timeout`` of the test's mark, or a short one."""
    io = Server(ping_interval=INTERVAL, ping_timeout=getattr(request, "param", SHORT))
    io.on("disconnect")(lambda socket, reason: left.put_nowait(reason))
    return io


patient = pytest.mark.parametrize("io", [PATIENT], indirect=True, ids=[""])


@patient
async def test_a_client_that_answers_stays(
    host: Serve, way: Way, dial: Dial, io: Server, left: asyncio.Queue[str]
) -> None:
    loop = asyncio.get_running_loop()
    since = loop.time()
    peer = await dial(await host(io, way.lane))
    await peer.connect()
    for _ in range(4):
        assert await peer.receive() == "2"
        await peer.send("3")
    assert loop.time() - since >= 4 * INTERVAL
    assert left.empty()
    await peer.fence()


async def test_a_client_that_does_not_answer_is_given_up(
    host: Serve, way: Way, dial: Dial, io: Server, left: asyncio.Queue[str]
) -> None:
    site = await host(io, way.lane)
    loop = asyncio.get_running_loop()
    since = loop.time()
    peer = await dial(site)
    await peer.connect()
    assert await peer.receive() == "2"
    assert await soon(left.get()) == "ping timeout"
    assert loop.time() - since >= INTERVAL + SHORT
    await peer.gone()
    await until(lambda: not io.engine.sessions, "the session is forgotten")
    if isinstance(peer, WebSocketPeer):
        await until(lambda: site.connections == 0, "the connection is cut")


async def test_a_client_that_hears_nothing_is_given_up(
    host: Serve, way: Way, dial: Dial, io: Server, left: asyncio.Queue[str]
) -> None:
    """A polling client that never fetches, or a WebSocket that is never read, cannot know of the ping."""
    peer = await dial(await host(io, way.lane))
    await peer.connect()
    assert await soon(left.get()) == "ping timeout"


async def test_pongs_that_answer_nothing_buy_no_time(
    host: Serve, way: Way, dial: Dial, io: Server, left: asyncio.Queue[str]
) -> None:
    peer = await dial(await host(io, way.lane))
    await peer.connect()
    await peer.send("3", "3", "3")
    assert await peer.receive() == "2"
    await peer.send("3")
    await peer.send("3", "3")
    assert await peer.receive() == "2"
    assert left.empty()
    assert await soon(left.get()) == "ping timeout"


async def test_pongs_do_not_put_off_the_ping(host: Serve, way: Way, dial: Dial, io: Server) -> None:
    peer = await dial(await host(io, way.lane))
    await peer.connect()

    async def chatter() -> None:
        while True:
            await peer.send("3")
            await asyncio.sleep(INTERVAL / 10)

    chattering = asyncio.ensure_future(chatter())
    try:
        assert await peer.receive() == "2"
    finally:
        chattering.cancel()


async def test_messages_are_no_pongs(host: Serve, way: Way, dial: Dial, io: Server, left: asyncio.Queue[str]) -> None:
    peer = await dial(await host(io, way.lane))
    await peer.connect()
    assert await peer.receive() == "2"
    async with asyncio.timeout(WITHIN):
        while left.empty():
            if isinstance(peer, PollingPeer):
                await peer.post(b'42["hello"]')
            else:
                await peer.send('42["hello"]')
            await asyncio.sleep(0.005)
    assert left.get_nowait() == "ping timeout"


async def test_every_session_has_a_heart_of_its_own(
    host: Serve, lane: Lane, dial: Dial, io: Server, left: asyncio.Queue[str]
) -> None:
    site = await host(io, lane)
    silent = [await dial(site, "websocket") for _ in range(3)]
    alive = [await dial(site, "websocket"), await dial(site, "polling")]
    for peer in (*silent, *alive):
        await peer.connect()
    async with asyncio.timeout(WITHIN):
        while left.qsize() < 3:
            for peer in alive:
                assert await peer.receive() == "2"
                await peer.send("3")
    assert [left.get_nowait() for _ in silent] == ["ping timeout"] * 3
    for peer in alive:
        assert await peer.receive() == "2"
        await peer.send("3")
    await until(lambda: len(io.engine.sessions) == 2, "three are forgotten, and two are not")


async def test_a_session_that_never_joined_has_a_heart_too(host: Serve, way: Way, dial: Dial, io: Server) -> None:
    peer = await dial(await host(io, way.lane))
    assert await peer.receive() == "2"
    await until(lambda: not io.engine.sessions, "the session is given up")
