"""Connection state recovery: what a client gets back, byte by byte, and what it does not."""

from __future__ import annotations

import asyncio
import json
import re
from functools import partial
from typing import Any

import pytest

from tests.server.fixtures import Dial, Serve, Way
from tests.server.returning import Client, make_server
from tests.server.site import Lane, pass_time, soon, until
from windsock import (
    ConfigurationError,
    Conflate,
    ConnectionRefused,
    ConnectionStateRecovery,
    MemoryAdapter,
    Server,
    SlowConsumer,
    Socket,
)
from windsock.testing import Clock


async def test_what_was_missed_comes_in_order(host: Serve, way: Way, dial: Dial) -> None:
    io = make_server()
    site = await host(io, way.lane)
    client = await Client(await dial(site)).connect()
    await client.peer.call("join", "room")
    io.to("room").emit("news", 0)
    assert await client.event("news") == [0]
    await client.lose(io)
    io.to("room").emit("news", 1)
    io.to("elsewhere").emit("news", "not for it")
    io.emit("news", 2, b"\x00\xff")
    io.to("room").except_("room").emit("news", "not for it either")
    io.in_(client.sid).emit("news", 3)
    back = await client.back(await dial(site))
    assert back.recovered_from(client)
    assert await back.event("news") == [1]
    packet = await back.peer.packet()
    assert packet.startswith('51-["news",2,{"_placeholder":true,"num":0},"')
    assert await back.peer.receive() == b"\x00\xff"
    assert await back.event("news") == [3]
    io.to("room").emit("news", 4)
    assert await back.event("news") == [4], "it is in its room"
    await back.peer.fence()


async def test_nothing_came_before_the_cut(host: Serve, way: Way, dial: Dial) -> None:
    """The original gives such a client nothing (socketio/socket.io#4888)."""
    io = make_server()
    site = await host(io, way.lane)
    io.emit("news", "before anybody was there")
    early = await Client(await dial(site)).connect()
    io.emit("news", "before it connected")
    client = await Client(await dial(site)).connect()
    assert await early.event("news") == ["before it connected"]
    await client.lose(io)
    io.emit("news", 1)
    io.in_(client.sid).emit("news", 2)
    back = await client.back(await dial(site))
    assert back.recovered_from(client)
    assert [await back.event("news") for _ in range(2)] == [[1], [2]]
    await back.peer.fence()


async def test_the_socket_is_what_it_was(host: Serve, way: Way, dial: Dial) -> None:
    io = make_server()
    seen: list[tuple[bool, frozenset[str], Any, dict[str, Any]]] = []

    @io.on("connect")
    async def connect(socket: Socket) -> None:
        seen.append((socket.recovered, socket.rooms, getattr(socket.data, "name", None), socket.handshake.auth))
        socket.data.name = "Ada"
        socket.join("room")

    site = await host(io, way.lane)
    client = await Client(await dial(site)).connect(token="t")
    await client.lose(io)
    back = await client.back(await dial(site), token="t")
    assert back.recovered_from(client)
    assert seen == [
        (False, frozenset({client.sid}), None, {"token": "t"}),
        (True, frozenset({client.sid, "room"}), "Ada", {"token": "t"}),
    ], "and the secret is not for the application"
    assert [socket.id for socket in await io.fetch_sockets()] == [client.sid]


async def test_off_there_is_no_secret_and_no_offset(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()
    peer = await dial(await host(io, way.lane))
    await peer.send('40{"pid":"p","offset":"o"}')
    answer = json.loads((await peer.packet())[1:])
    assert set(answer) == {"sid"}
    io.emit("news", 1)
    assert await peer.event("news") == [1]


async def test_every_event_has_an_offset_that_may(host: Serve, way: Way, dial: Dial) -> None:
    io = make_server()
    client = await Client(await dial(await host(io, way.lane))).connect()
    (socket,) = io.of("/").sockets.values()
    offsets = []
    for emit in (io.emit, socket.emit, io.to(client.sid).emit, socket.compress(False).emit):
        emit("one", 1)
        assert await client.event("one") == [1]
        offsets.append(client.offset)
    assert len(set(offsets)) == len(offsets)
    waiting = asyncio.ensure_future(socket.emit_with_ack("question", 1))
    assert await client.peer.packet() == '21["question",1]', "it is acknowledged, so it cannot be repeated"
    await client.peer.send('431["answer"]')
    assert await soon(waiting) == "answer"


async def test_back_before_the_server_knows_that_it_was_gone(host: Serve, way: Way, dial: Dial) -> None:
    io = make_server()
    left: list[str] = []

    @io.on("disconnect")
    def disconnect(socket: Socket, reason: str) -> None:
        left.append(reason)

    site = await host(io, way.lane)
    client = await Client(await dial(site)).connect()
    await client.peer.call("join", "room")
    io.to("room").emit("news", 1)
    back = await client.back(await dial(site))
    assert back.recovered_from(client)
    assert await back.event("news") == [1]
    assert left == ["transport close"]
    io.to("room").emit("news", 2)
    assert await back.event("news") == [2]
    await back.peer.fence()


async def test_what_is_done_to_those_who_are_away(host: Serve, lane: Lane, dial: Dial) -> None:
    io = make_server()
    site = await host(io, lane)
    banned, moved = [await Client(await dial(site, "websocket")).connect() for _ in range(2)]
    for client in (banned, moved):
        await client.peer.call("join", "secret")
        await client.lose(io)
    io.in_(banned.sid).disconnect_sockets()
    io.to("secret").emit("news", "while it was in")
    io.to("open").emit("news", "before it was in")
    io.in_(moved.sid).sockets_leave("secret")
    io.in_(moved.sid).sockets_join("open")
    io.to("secret").emit("news", "no more for it")
    io.to("open").emit("news", "while it is in")
    io.to("open").except_("secret").emit("news", "it is not in secret by now")
    stranger = await banned.back(await dial(site, "websocket"))
    assert not stranger.recovered_from(banned)
    await stranger.peer.fence()
    back = await moved.back(await dial(site, "websocket"))
    assert back.recovered_from(moved)
    expected = ["while it was in", "while it is in", "it is not in secret by now"]
    assert [(await back.event("news"))[0] for _ in expected] == expected
    await back.peer.fence()


@pytest.mark.parametrize("skip", [True, False])
async def test_who_is_refused_gets_nothing_of_what_it_missed(host: Serve, lane: Lane, dial: Dial, skip: bool) -> None:
    io = make_server(skip_middlewares=skip)
    refused_by = {"middleware": False, "handler": False}

    @io.use
    async def guard(socket: Socket) -> None:
        await asyncio.sleep(0)
        if refused_by["middleware"]:
            raise ConnectionRefused("by the middleware")

    @io.on("connect")
    async def connect(socket: Socket) -> None:
        await asyncio.sleep(0)
        if refused_by["handler"]:
            raise ConnectionRefused("by the handler")

    site = await host(io, lane)
    client = await Client(await dial(site, "websocket")).connect()
    await client.lose(io)
    io.emit("news", 1)
    refused_by["middleware" if not skip else "handler"] = True
    peer = await dial(site, "websocket")
    error = await peer.refused(auth={"pid": client.pid})
    assert error["message"] == ("by the handler" if skip else "by the middleware")
    refused_by.update(middleware=False, handler=False)
    again = await client.back(peer)
    assert not again.recovered_from(client), "a state that was refused is gone"
    await peer.fence()


async def test_middlewares_are_skipped(host: Serve, lane: Lane, dial: Dial) -> None:
    io = make_server()
    asked: list[bool] = []
    io.use(lambda socket: asked.append(socket.recovered))
    site = await host(io, lane)
    client = await Client(await dial(site, "websocket")).connect()
    await client.lose(io)
    assert (await client.back(await dial(site, "websocket"))).recovered_from(client)
    assert asked == [False]


async def test_lost_again_while_the_connect_handler_runs(host: Serve, lane: Lane, dial: Dial) -> None:
    io = make_server()
    gates: list[asyncio.Event] = []
    left: list[str] = []

    @io.on("connect")
    async def connect(socket: Socket) -> None:
        if socket.recovered and not gates:
            gates.append(asyncio.Event())
            await gates[0].wait()

    @io.on("disconnect")
    def disconnect(socket: Socket, reason: str) -> None:
        left.append(socket.id)

    site = await host(io, lane)
    client = await Client(await dial(site, "websocket")).connect()
    await client.lose(io)
    io.emit("news", 1)
    between = await dial(site, "websocket")
    await between.send("40" + json.dumps({"pid": client.pid}))
    await until(lambda: bool(gates), "its handler runs")
    io.emit("news", 2)
    await between.close()
    await until(lambda: not io.of("/").sockets, "it is lost again")
    io.emit("news", 3)
    back = await client.back(await dial(site, "websocket"))
    assert back.recovered_from(client)
    assert [await back.event("news") for _ in range(3)] == [[1], [2], [3]]
    gates[0].set()
    await until(lambda: left == [client.sid] * 2, "the handler of the lost one has ended")
    io.emit("news", 4)
    assert await back.event("news") == [4], "and took nothing of the one that came after"
    assert set(io.of("/").sockets) == {client.sid}
    await back.peer.fence()


async def test_a_volatile_event_spoils_no_offset(host: Serve, lane: Lane, dial: Dial) -> None:
    """The stock client takes whatever text comes last, be it the event's name, for its offset."""
    io = make_server()
    site = await host(io, lane)
    client = await Client(await dial(site, "websocket")).connect()
    (socket,) = io.of("/").sockets.values()
    socket.emit("news", 1)
    assert await client.event("news") == [1]
    socket.volatile.emit("typing", "Ada")
    assert await client.event("typing") == ["Ada"]
    io.volatile.emit("tick")
    assert await client.event("tick") == []
    io.volatile.emit("count", 1)
    assert await client.peer.event("count") == [1]
    await client.lose(io)
    io.emit("news", 2)
    back = await client.back(await dial(site, "websocket"))
    assert back.recovered_from(client)
    assert await back.event("news") == [2]


async def test_more_than_can_be_sent_or_kept(host: Serve, lane: Lane, dial: Dial) -> None:
    for options in ({"max_bytes": 100_000}, {}):
        io = make_server(**options)
        site = await host(io, lane)
        client = await Client(await dial(site, "websocket")).connect()
        await client.lose(io)
        for _ in range(6):
            io.emit("news", "x" * 1_000_000)
        back = await client.back(await dial(site, "websocket"))
        assert not back.recovered_from(client)
        await back.peer.fence()


@pytest.mark.clock
async def test_a_dynamic_namespace_stays_for_those_who_are_away(host: Serve, lane: Lane, dial: Dial) -> None:
    io = make_server(max_disconnection_duration=60)
    io.of(re.compile(r"^/org-\d+$"))
    site = await host(io, lane)
    with Clock() as clock:
        peer = await dial(site, "websocket")
        client = await Client(peer).connect("/org-1")
        await peer.close()
        await pass_time(clock, 59, 10)
        assert not io.engine.sessions
        assert "/org-1" in io.namespaces
        await pass_time(clock, 61, 10)
        assert "/org-1" not in io.namespaces, "nobody may come back any more"
    assert client.pid


def test_options_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="max_bytes above zero"):
        ConnectionStateRecovery(max_bytes=0)
    with pytest.raises(ConfigurationError, match="an adapter with connection state recovery, got MemoryAdapter"):
        Server(connection_state_recovery=True, adapter=partial(MemoryAdapter))
    assert Server(connection_state_recovery=True).of("/").recovery is not None
    assert Server(connection_state_recovery=False).of("/").recovery is None


async def test_the_offset_is_no_argument_of_a_policy_s_key(host: Serve, lane: Lane, dial: Dial) -> None:
    keys: list[tuple[Any, ...]] = []

    def key(*event: Any) -> None:
        keys.append(event)

    io = Server(connection_state_recovery=True, slow_consumer=SlowConsumer(policy=Conflate(key)))

    @io.on("connect")
    async def connect(socket: Socket) -> None:
        """Until it has ended, the client is as good as slow."""
        io.emit("price", "A", 1)
        socket.emit("price", "B", 2)

    client = await Client(await dial(await host(io, lane), "websocket")).connect()
    assert [await client.event("price") for _ in range(2)] == [["A", 1], ["B", 2]]
    assert keys == [("price", "A", 1), ("price", "B", 2)]
