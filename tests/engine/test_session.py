"""The heartbeat of a session, whichever transport carries it."""

from __future__ import annotations

import asyncio

import pytest

from tests.server.fixtures import Dial, Serve, Way
from tests.server.peer import WebSocketPeer
from tests.server.site import Lane, pass_time, pass_time_until, until
from windsock import Server
from windsock.testing import Clock

INTERVAL = 5.0
TIMEOUT = 4.0
SLICE = 0.5
"""Seconds of the clock that a test lets go by at once; a heartbeat is late by less."""


@pytest.fixture
def left() -> asyncio.Queue[str]:
    return asyncio.Queue()


@pytest.fixture
def io(left: asyncio.Queue[str]) -> Server:
    io = Server(ping_interval=INTERVAL, ping_timeout=TIMEOUT)
    io.on("disconnect")(lambda socket, reason: left.put_nowait(reason))
    return io


async def test_a_client_that_answers_stays(
    host: Serve, way: Way, dial: Dial, io: Server, left: asyncio.Queue[str]
) -> None:
    site = await host(io, way.lane)
    with Clock() as clock:
        since = clock.time()
        peer = await dial(site)
        await peer.connect()
        for beat in range(1, 5):
            assert await pass_time_until(clock, peer.receive(), SLICE) == "2"
            assert beat * INTERVAL <= clock.time() - since <= beat * (INTERVAL + SLICE)
            await peer.send("3")
        assert left.empty()
        await peer.fence()


async def test_a_client_that_does_not_answer_is_given_up(
    host: Serve, way: Way, dial: Dial, io: Server, left: asyncio.Queue[str]
) -> None:
    site = await host(io, way.lane)
    with Clock() as clock:
        since = clock.time()
        peer = await dial(site)
        await peer.connect()
        assert await pass_time_until(clock, peer.receive(), SLICE) == "2"
        assert left.empty()
        assert await pass_time_until(clock, left.get(), SLICE) == "ping timeout"
        assert INTERVAL + TIMEOUT <= clock.time() - since <= INTERVAL + TIMEOUT + 2 * SLICE
        await pass_time_until(clock, peer.gone(), SLICE)
    await until(lambda: not io.engine.sessions, "the session is forgotten")
    if isinstance(peer, WebSocketPeer):
        await until(lambda: site.connections == 0, "the connection is cut")


async def test_a_client_that_hears_nothing_is_given_up(
    host: Serve, way: Way, dial: Dial, io: Server, left: asyncio.Queue[str]
) -> None:
    """A polling client that never fetches, or a WebSocket that is never read, cannot know of the ping."""
    site = await host(io, way.lane)
    with Clock() as clock:
        peer = await dial(site)
        await peer.connect()
        assert await pass_time_until(clock, left.get(), SLICE) == "ping timeout"


async def test_pongs_that_answer_nothing_buy_no_time(
    host: Serve, way: Way, dial: Dial, io: Server, left: asyncio.Queue[str]
) -> None:
    site = await host(io, way.lane)
    with Clock() as clock:
        peer = await dial(site)
        await peer.connect()
        await peer.send("3", "3", "3")
        assert await pass_time_until(clock, peer.receive(), SLICE) == "2"
        await peer.send("3")
        await peer.send("3", "3")
        since = clock.time()
        assert await pass_time_until(clock, peer.receive(), SLICE) == "2"
        assert left.empty()
        assert await pass_time_until(clock, left.get(), SLICE) == "ping timeout"
        assert clock.time() - since <= INTERVAL + TIMEOUT + 2 * SLICE


async def test_pongs_do_not_put_off_the_ping(host: Serve, way: Way, dial: Dial, io: Server) -> None:
    site = await host(io, way.lane)
    with Clock() as clock:
        peer = await dial(site)
        await peer.connect()
        for _ in range(int(INTERVAL / SLICE) + 1):
            await peer.send("3")
            await pass_time(clock, SLICE, SLICE)
        since = clock.time()
        assert await pass_time_until(clock, peer.receive(), SLICE) == "2"
        assert clock.time() - since <= SLICE, "it has come already"


async def test_messages_are_no_pongs(host: Serve, way: Way, dial: Dial, io: Server, left: asyncio.Queue[str]) -> None:
    site = await host(io, way.lane)
    with Clock() as clock:
        peer = await dial(site)
        await peer.connect()
        assert await pass_time_until(clock, peer.receive(), SLICE) == "2"
        for _ in range(int(TIMEOUT / SLICE) - 1):
            await peer.send('42["hello"]')
            await pass_time(clock, SLICE, SLICE)
        assert left.empty()
        await pass_time(clock, 3 * SLICE, SLICE)
        assert left.get_nowait() == "ping timeout"


async def test_every_session_has_a_heart_of_its_own(
    host: Serve, lane: Lane, dial: Dial, io: Server, left: asyncio.Queue[str]
) -> None:
    site = await host(io, lane)
    with Clock() as clock:
        silent = [await dial(site, "websocket") for _ in range(3)]
        alive = [await dial(site, "websocket"), await dial(site, "polling")]
        for peer in (*silent, *alive):
            await peer.connect()
        for _ in range(3):
            for peer in alive:
                assert await pass_time_until(clock, peer.receive(), SLICE) == "2"
                await peer.send("3")
        assert [left.get_nowait() for _ in silent] == ["ping timeout"] * 3
        assert left.empty()
        assert len(io.engine.sessions) == 2, "three are forgotten, and two are not"
        for peer in alive:
            await peer.fence()


async def test_a_session_that_never_joined_has_a_heart_too(host: Serve, way: Way, dial: Dial, io: Server) -> None:
    site = await host(io, way.lane)
    with Clock() as clock:
        peer = await dial(site)
        assert await pass_time_until(clock, peer.receive(), SLICE) == "2"
        assert len(io.engine.sessions) == 1
        await pass_time_until(clock, peer.gone(), SLICE)
    await until(lambda: not io.engine.sessions, "the session is given up")
