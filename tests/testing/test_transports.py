"""Clients on each transport, with each parser: for a test of handlers they are the same, and so are their faults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from windsock import ConnectionFailed, ConnectionRefused, Server, SlowConsumer, Socket
from windsock.parsers import JsonParser, MsgpackParser, Parser
from windsock.testing import Harness, Peer
from windsock.types import TransportName

Connect = Callable[..., Awaitable[Peer]]


@pytest.fixture(params=["websocket", "polling", "upgraded"])
def connect(windsock_harness: Harness, request: pytest.FixtureRequest) -> Connect:
    """Connects on each transport in turn."""

    async def connect(io: Server, *arguments: Any, **options: Any) -> Peer:
        first: TransportName = "websocket" if request.param == "websocket" else "polling"
        peer = await windsock_harness.connect(io, *arguments, transport=first, **options)
        assert peer.transport == first
        if request.param == "upgraded":
            await peer.upgrade()
            assert peer.transport == "websocket"
        (*_, session) = io.engine.sessions.values()
        assert session.transport.name == peer.transport
        return peer

    return connect


@pytest.fixture(params=[JsonParser, MsgpackParser])
def parser(request: pytest.FixtureRequest) -> Parser:
    """Each in turn."""
    made: Parser = request.param()
    return made


def make_server(**options: Any) -> tuple[Server, list[str]]:
    io = Server(**options)
    left: list[str] = []
    io.on("disconnect")(lambda socket, reason: left.append(reason))

    @io.on("echo")
    def echo(socket: Socket, *values: Any) -> Any:
        return values

    return io, left


async def test_events_and_acknowledgements(connect: Connect, parser: Parser) -> None:
    io, left = make_server(parser=parser)
    ada, bob = await connect(io), await connect(io)
    assert await ada.emit_with_ack("echo", "é", b"\x00\xff", {"deep": [b"\x01"]}) == [
        "é",
        b"\x00\xff",
        {"deep": [b"\x01"]},
    ]
    for number in range(100):
        ada.emit("echo", number)
    io.except_(ada.id).emit("news", 1, b"\x00")
    await bob.assert_emitted("news", 1, b"\x00")
    await ada.assert_nothing()
    bob.answer("ask", lambda number: number + 1)
    assert await io.in_(bob.id).timeout(5).emit_with_ack("ask", 1) == [2]
    admin = io.of("/admin")
    admin.on("who")(lambda socket: socket.id)
    there = await ada.join("/admin")
    assert await there.emit_with_ack("who") == there.id
    await ada.disconnect()
    assert left == ["client namespace disconnect"]
    with pytest.raises(ConnectionRefused):
        await connect(io, "/nowhere")


async def test_the_server_disconnects(connect: Connect, parser: Parser) -> None:
    io, left = make_server(parser=parser)
    ada = await connect(io)
    io.emit("last words")
    io.in_(ada.id).disconnect_sockets(close=True)
    await ada.assert_emitted("last words")
    await ada.assert_disconnected("io server disconnect")
    assert left == ["server namespace disconnect"]
    assert io.engine.sessions == {}


async def test_more_than_one_request_may_hold(connect: Connect) -> None:
    io, _ = make_server(max_http_buffer_size=10_000)
    peer = await connect(io)
    asking = [asyncio.ensure_future(peer.emit_with_ack("echo", number, "x" * 3000)) for number in range(20)]
    assert [(await answer)[0] for answer in asking] == list(range(20))


async def test_heartbeat_and_drop(connect: Connect, windsock_harness: Harness) -> None:
    io, left = make_server(ping_interval=25, ping_timeout=20)
    alive, dead = await connect(io), await connect(io)
    await windsock_harness.advance(3600)
    assert left == []
    dead.wire.drop()
    io.emit("lost")
    dead.emit("echo", 1)
    await dead.assert_nothing()
    await windsock_harness.advance(46)
    assert left == ["ping timeout"]
    assert dead.wire.open, "nobody can tell the client"
    await alive.assert_emitted("lost")


async def test_delay(connect: Connect, windsock_harness: Harness) -> None:
    io, _ = make_server()
    peer = await connect(io)
    peer.wire.delay(2)
    before = windsock_harness.clock.time()
    assert await windsock_harness.advance_until(peer.emit_with_ack("echo", 5)) == 5
    took = windsock_harness.clock.time() - before
    assert took == pytest.approx(4), "there and back"


@pytest.mark.parametrize("abruptly", [False, True])
async def test_cut(connect: Connect, windsock_harness: Harness, abruptly: bool) -> None:
    io, left = make_server()
    peer = await connect(io)
    peer.wire.cut(abruptly=abruptly)
    await peer.assert_disconnected("transport close")
    await windsock_harness.settle()
    # Of a request that is gone nobody knows how.
    error = abruptly or peer.transport == "polling"
    assert left == ["transport error" if error else "transport close"]
    assert io.engine.sessions == {}


async def test_a_client_that_stops_reading(connect: Connect, windsock_harness: Harness) -> None:
    io, left = make_server(slow_consumer=SlowConsumer(max_bytes=200_000))
    stopped, healthy = await connect(io), await connect(io)
    stopped.wire.stop_reading()
    for number in range(10):
        io.emit("news", number, "x" * 10_000)
        await windsock_harness.settle()
    assert stopped.unread == []
    stopped.wire.start_reading()
    for peer in (stopped, healthy):
        for number in range(10):
            assert (await peer.assert_emitted("news")).arguments[0] == number
    stopped.wire.stop_reading()
    for _ in range(50):
        io.emit("news", "x" * 10_000)
        await windsock_harness.settle()
    assert left == ["transport error"], "its budget is used up"
    assert len(healthy.unread) == 50


# -- long-polling --


async def test_what_is_said_during_an_upgrade_is_not_lost(windsock_harness: Harness) -> None:
    io, left = make_server()
    heard: list[int] = []
    io.on("note")(lambda socket, number: heard.append(number))
    peer = await windsock_harness.connect(io, transport="polling")
    for number in range(5):
        peer.emit("note", number)
        io.emit("news", number)
    upgrading = asyncio.ensure_future(peer.upgrade())
    for number in range(5, 60):
        peer.emit("note", number)
        io.emit("news", number)
        await asyncio.sleep(0)
    await upgrading
    peer.emit("note", 60)
    io.emit("news", 60)
    await windsock_harness.settle()
    assert heard == list(range(61))
    assert [event.arguments for event in peer.unread] == [[number] for number in range(61)]
    await windsock_harness.advance(3600)
    assert left == []
    with pytest.raises(AssertionError, match="got one on websocket"):
        await peer.upgrade()


async def test_an_upgrade_that_the_server_does_not_let(windsock_harness: Harness) -> None:
    io, _ = make_server(allow_upgrades=False)
    peer = await windsock_harness.connect(io, transport="polling")
    with pytest.raises(ConnectionFailed, match=r"400 .*Bad request"):
        await peer.upgrade()
    assert await peer.emit_with_ack("echo", 1) == 1


async def test_an_upgrade_whose_connection_is_cut(windsock_harness: Harness) -> None:
    io, left = make_server()
    peer = await windsock_harness.connect(io, transport="polling")
    peer.wire.delay(1)
    upgrading = asyncio.ensure_future(peer.upgrade())
    await windsock_harness.advance(0.5)
    peer.wire.cut()
    with pytest.raises(ConnectionFailed):
        await windsock_harness.advance_until(upgrading)
    assert left == ["transport error"]


async def test_a_session_that_is_refused(windsock_harness: Harness) -> None:
    io, _ = make_server(cors_allowed_origins="https://shop.example", transports=["websocket"])
    with pytest.raises(ConnectionFailed, match=r"400 .*Transport unknown"):
        await windsock_harness.connect(io, transport="polling")


async def test_middlewares_that_look_at_answers(windsock_harness: Harness) -> None:
    io, _ = make_server()
    app = Starlette(middleware=[Middleware(GZipMiddleware)])
    app.mount("/", io.asgi())
    peer = await windsock_harness.connect(io, app=app, transport="polling")
    assert await peer.emit_with_ack("echo", 1) == 1


async def test_an_application_that_fails(windsock_harness: Harness) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("this one fails")

    with pytest.raises(ConnectionFailed, match="500"):
        await windsock_harness.connect(Server(), app=app, transport="polling")
    windsock_harness.expect_error("this one fails")


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_nothing_is_left_behind(transport: TransportName) -> None:
    io, left = make_server()
    before = asyncio.all_tasks()
    async with Harness() as harness:
        for fault in ("", "drop", "stop_reading", "cut"):
            peer = await harness.connect(io, transport=transport)
            if fault:
                getattr(peer.wire, fault)()
        io.emit("news")
        await harness.settle()
    assert asyncio.all_tasks() == before
    assert io.engine.sessions == {}
    assert len(left) == 4
