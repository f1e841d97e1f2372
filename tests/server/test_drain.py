"""``await socket.drain()``: a handler that sends as fast as its client takes it."""

from __future__ import annotations

import asyncio

import pytest

from tests.server.fixtures import Dial, Serve, Way
from tests.server.peer import PollingPeer
from tests.server.site import soon, until
from windsock import NotConnected, Server, SlowConsumer, Socket

SIZE = 50_000
TOTAL = 600
BUDGET = 200_000


async def test_a_handler_that_drains_sends_more_than_the_budget(host: Serve, way: Way, dial: Dial) -> None:
    io = Server(slow_consumer=SlowConsumer(BUDGET), ping_interval=60)
    sent = 0

    @io.on("download")
    async def download(socket: Socket) -> str:
        nonlocal sent
        for number in range(TOTAL):
            socket.emit("n", number, "x" * SIZE)
            sent += 1
            await socket.drain()
        return "done"

    site = await host(io, way.lane)
    peer, other = await dial(site), await dial(site)
    await peer.connect()
    await other.connect()
    await peer.emit("download", id=1)
    before = -1
    while before != sent:  # until nothing moves any more
        before = sent
        for _ in range(20):
            await other.fence()
    assert 0 < sent < TOTAL, "it waits for its client"
    for number in range(TOTAL):
        assert (await peer.event("n"))[0] == number
    assert await peer.acknowledgement(1) == ["done"]
    assert io.slow_consumers.closed_clients == 0
    assert io.slow_consumers.dropped_messages == 0


async def test_it_returns_at_once_while_the_client_keeps_up(host: Serve, dial: Dial) -> None:
    io = Server()
    turns: list[str] = []

    @io.on("go")
    async def go(socket: Socket) -> None:
        asyncio.get_running_loop().call_soon(turns.append, "the loop came round")
        for _ in range(100):
            socket.emit("n")
            await socket.drain()
        turns.append("drained")

    peer = await dial(await host(io), "websocket")
    await peer.connect()
    await peer.emit("go")
    for _ in range(100):
        await peer.event("n")
    await until(lambda: len(turns) == 2, "both happened")
    assert turns == ["drained", "the loop came round"]


@pytest.mark.parametrize("leave", ["connection", "namespace"])
async def test_it_ends_when_the_client_leaves(host: Serve, way: Way, dial: Dial, leave: str) -> None:
    io = Server(slow_consumer=SlowConsumer(100_000_000), ping_interval=60)
    ended: asyncio.Queue[Exception] = asyncio.Queue()
    waits = asyncio.Event()

    @io.on("go")
    async def go(socket: Socket) -> None:
        try:
            for _ in range(TOTAL):
                socket.emit("n", "x" * SIZE)
            waits.set()
            await socket.drain()
        except NotConnected as error:
            ended.put_nowait(error)
            await socket.drain()  # as often as one asks

    site = await host(io, way.lane)
    peer = await dial(site)
    await peer.connect()
    await peer.emit("go")
    await soon(waits.wait())
    assert ended.empty()
    (socket,) = io.namespaces["/"].sockets.values()
    if leave == "namespace":
        socket.disconnect()
        await soon(ended.get())
        assert not socket.connected
    if isinstance(peer, PollingPeer):
        socket.disconnect(close=True)
        io.engine.close()
    else:
        await peer.close()
    if leave == "connection":
        await soon(ended.get())


async def test_one_that_is_given_up_waiting_leaves_nothing(host: Serve, dial: Dial) -> None:
    io = Server()
    peer = await dial(await host(io), "polling")
    await peer.connect()
    (socket,) = io.namespaces["/"].sockets.values()
    socket.emit("n")
    for _ in range(100):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.drain(), 0)
    draining = asyncio.ensure_future(socket.drain())
    await asyncio.sleep(0)
    assert socket.drains is not None
    assert len(socket.drains) == 1
    assert await peer.event("n") == []
    await soon(draining)
    assert not socket.drains
