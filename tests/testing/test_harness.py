"""Clients without a network: what they say goes through the engine, and what they hear came through it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from starlette.applications import Starlette

from windsock import AckTimeout, ConnectionFailed, ConnectionRefused, EventError, NotConnected, Server, Socket
from windsock.testing import Event, Harness
from windsock.types import Receive, Scope, Send


def make_shop() -> Server:
    io = Server()

    @io.on("connect")
    async def connect(socket: Socket, auth: dict[str, Any]) -> None:
        if auth.get("token") == "wrong":
            raise ConnectionRefused("bad token", {"code": 7})
        socket.data.name = auth.get("name")

    @io.on("say")
    async def say(socket: Socket, *words: Any) -> dict[str, Any]:
        io.emit("said", *words)
        return {"ok": True}

    @io.on("fail")
    async def fail(socket: Socket) -> None:
        raise RuntimeError("it broke")

    @io.on("refuse")
    def refuse(socket: Socket) -> None:
        raise EventError("no")

    @io.on("slow")
    async def slow(socket: Socket, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "done"

    io.of("/admin").on("who")(lambda socket: socket.id)
    return io


async def test_connecting_and_being_refused(windsock_harness: Harness) -> None:
    io = make_shop()
    ada = await windsock_harness.connect(io, auth={"name": "ada"})
    (socket,) = await io.fetch_sockets()
    assert socket.id == ada.id
    assert socket.data.name == "ada"
    with pytest.raises(ConnectionRefused) as caught:
        await windsock_harness.connect(io, auth={"token": "wrong"})
    assert (caught.value.message, caught.value.data) == ("bad token", {"code": 7})
    with pytest.raises(ConnectionRefused, match="Invalid namespace"):
        await windsock_harness.connect(io, "/nowhere")


async def test_events_acknowledgements_and_binary(windsock_harness: Harness) -> None:
    io = make_shop()
    ada, bob = await windsock_harness.connect(io), await windsock_harness.connect(io)
    assert await ada.emit_with_ack("say", "hello", b"\x00\x01", {"deep": [b"\x02"]}) == {"ok": True}
    for peer in (ada, bob):
        event = await peer.assert_emitted("said", "hello", b"\x00\x01", {"deep": [b"\x02"]})
        assert event.name == "said"
        await peer.assert_nothing()
    assert await ada.emit_with_ack("refuse") == {"error": {"code": "no", "message": ""}}
    ada.emit("say", "no answer wanted")
    assert (await bob.assert_emitted("said")).arguments == ["no answer wanted"]


async def test_an_event_is_found_among_others(windsock_harness: Harness) -> None:
    io = make_shop()
    peer = await windsock_harness.connect(io)
    for number in range(3):
        io.emit("n", number)
    io.emit("other")
    await peer.assert_emitted("n", 1)
    assert (await peer.assert_emitted("n")).arguments == [0]
    assert [str(event) for event in peer.unread] == ["'n' with [2]", "'other' with []"]
    await peer.assert_nothing("absent")
    with pytest.raises(
        AssertionError, match=r"expected no 'n', got these:\n    'n' with \[2\]\n    'other' with \[\]$"
    ):
        await peer.assert_nothing("n")
    with pytest.raises(AssertionError, match="expected nothing, got"):
        await peer.assert_nothing()


async def test_nothing_is_known_when_all_is_at_rest(windsock_harness: Harness) -> None:
    io = Server()

    @io.on("count")
    async def count(socket: Socket) -> None:
        for _ in range(500):
            await asyncio.sleep(0)
        socket.emit("late")

    peer = await windsock_harness.connect(io)
    peer.emit("count")
    with pytest.raises(AssertionError, match="late"):
        await peer.assert_nothing()


async def test_what_does_not_come(windsock_harness: Harness) -> None:
    io = make_shop()
    peer = await windsock_harness.connect(io)
    with pytest.raises(AssertionError, match=r"expected 'never' with \[1\], got nothing; the clock stands still"):
        await peer.assert_emitted("never", 1)
    with pytest.raises(AssertionError, match=r"an acknowledgement of 'slow', got none; .* due in 3.000 s"):
        await peer.emit_with_ack("slow", 3)
    with pytest.raises(AssertionError, match="expected the client to be disconnected"):
        await peer.assert_disconnected()


async def test_handlers_that_sleep(windsock_harness: Harness) -> None:
    peer = await windsock_harness.connect(make_shop())
    assert await windsock_harness.advance_until(peer.emit_with_ack("slow", 100)) == "done"
    asking = asyncio.ensure_future(peer.emit_with_ack("slow", 10))
    await windsock_harness.advance(9)
    await windsock_harness.advance(0.9)
    assert not asking.done()
    await windsock_harness.advance(0.1)
    assert await asking == "done"


async def test_namespaces_over_one_connection(windsock_harness: Harness) -> None:
    io = make_shop()
    ada = await windsock_harness.connect(io)
    admin = await ada.join("/admin")
    assert await admin.emit_with_ack("who") == admin.id != ada.id
    assert len(io.engine.sessions) == 1
    await admin.disconnect()
    assert io.of("/admin").sockets == {}
    assert (await ada.emit_with_ack("say"))["ok"]
    with pytest.raises(NotConnected):
        admin.emit("who")


async def test_both_sides_disconnect(windsock_harness: Harness) -> None:
    io = make_shop()
    left: list[tuple[str, str]] = []
    io.on("disconnect")(lambda socket, reason: left.append((socket.data.name, reason)))
    ada = await windsock_harness.connect(io, auth={"name": "ada"})
    bob = await windsock_harness.connect(io, auth={"name": "bob"})
    await ada.disconnect()
    assert left == [("ada", "client namespace disconnect")]
    assert await ada.assert_disconnected() == "io client disconnect"
    io.in_(bob.id).disconnect_sockets(close=True)
    with pytest.raises(AssertionError, match="was disconnected: io server disconnect"):
        await bob.assert_nothing()
    await bob.assert_disconnected("io server disconnect")
    with pytest.raises(AssertionError, match="by 'transport close', got 'io server disconnect'"):
        await bob.assert_disconnected("transport close")
    await bob.assert_nothing()
    assert left[1:] == [("bob", "server namespace disconnect")]


async def test_acknowledging_the_server(windsock_harness: Harness) -> None:
    io = make_shop()
    ada, bob = await windsock_harness.connect(io), await windsock_harness.connect(io)
    ada.answer("ask", lambda number: number + 1)
    asking = asyncio.ensure_future(io.emit_with_ack("ask", 1))
    event: Event = await bob.assert_emitted("ask", 1)
    event.acknowledge("several", b"\x00")
    assert await asking == [2, ["several", b"\x00"]]
    asking = asyncio.ensure_future(io.timeout(5).emit_with_ack("ask", 1))
    await windsock_harness.advance(4.9)
    assert not asking.done()
    await windsock_harness.advance(0.1)
    with pytest.raises(AckTimeout) as caught:
        await asking
    assert caught.value.answers == [2]


async def test_time_outs_of_the_engine(windsock_harness: Harness) -> None:
    io = Server(ping_interval=25, ping_timeout=20)
    left: list[str] = []
    io.on("disconnect")(lambda socket, reason: left.append(reason))
    alive, dead = await windsock_harness.connect(io), await windsock_harness.connect(io)
    await windsock_harness.advance(3600)
    assert left == [], "a client that answers pings stays"
    dead.wire.drop()
    await windsock_harness.advance(19)
    assert left == []
    await windsock_harness.advance(30)
    assert left == ["ping timeout"]
    await alive.assert_nothing()


async def test_the_request(windsock_harness: Harness) -> None:
    io = Server(path="/ws", cors_allowed_origins="https://shop.example")
    seen: list[Socket] = []
    io.on("connect")(seen.append)
    await windsock_harness.connect(
        io,
        headers={"X-Colour": "red", "Origin": "https://shop.example"},
        query={"room": "a b"},
        address="10.0.0.1",
    )
    handshake = seen[0].handshake
    assert handshake.headers["x-colour"] == "red"
    assert handshake.query["room"] == "a b"
    assert handshake.address == "10.0.0.1"
    with pytest.raises(ConnectionFailed, match="403"):
        await windsock_harness.connect(io, headers={"Origin": "https://evil.example"})
    with pytest.raises(ConnectionFailed, match=r"got websocket\.close"):
        await windsock_harness.connect(io, path="/elsewhere/")


async def test_an_application_around(windsock_harness: Harness) -> None:
    io = Server()
    seen: list[Any] = []
    io.on("connect")(lambda socket: seen.append((socket.handshake.app, socket.handshake.state)))
    events: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for what in ("startup", "shutdown"):
                events.append((await receive())["type"])
                scope["state"]["pool"] = "open"
                await send({"type": f"lifespan.{what}.complete"})

    inner = io.asgi(app)

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        async def wrapped(message: Any) -> None:
            await send(message)

        await inner(scope, receive, wrapped)  # as a middleware does that looks at answers

    async with asyncio.timeout(5):
        await windsock_harness.start(outer)
        await windsock_harness.connect(io, app=outer)
    assert events == ["lifespan.startup"]
    assert seen == [(app, {"pool": "open"})]


async def test_an_application_that_does_not_start(windsock_harness: Harness) -> None:
    async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("no lifespan here")

    with pytest.raises(AssertionError, match="no database"):
        await windsock_harness.start(refusing)
    with pytest.raises(RuntimeError, match="no lifespan here"):
        await windsock_harness.start(failing)


async def test_a_framework_s_objects_are_within_reach(windsock_harness: Harness) -> None:
    io = Server()
    app = Starlette()
    app.state.greeting = "hello"
    app.mount("/", io.asgi())

    @io.on("greet")
    def greet(socket: Socket) -> str:
        greeting: str = socket.handshake.app.state.greeting
        return greeting

    peer = await windsock_harness.connect(io, app=app)
    assert await peer.emit_with_ack("greet") == "hello"


async def test_an_application_that_fails(windsock_harness: Harness) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("this one fails")

    with pytest.raises(RuntimeError, match="this one fails"):
        await windsock_harness.connect(Server(), app=app)


# -- errors --


async def test_what_a_handler_raises_fails_the_test() -> None:
    async def test() -> None:
        async with Harness() as harness:
            peer = await harness.connect(make_shop())
            peer.emit("fail")
            await harness.settle()

    with pytest.raises(AssertionError, match=r"RuntimeError\('it broke'\)") as caught:
        await test()
    assert isinstance(caught.value.__cause__, RuntimeError)


async def test_an_error_that_is_expected(windsock_harness: Harness) -> None:
    peer = await windsock_harness.connect(make_shop())
    assert (await peer.emit_with_ack("fail"))["error"]["code"] == "internal_error"
    with pytest.raises(AssertionError, match=r"expected an error with 'other', got .*it broke"):
        windsock_harness.expect_error("other")
    windsock_harness.expect_error("it broke")


async def test_the_test_s_own_error_goes_first() -> None:
    async def test() -> None:
        async with Harness() as harness:
            peer = await harness.connect(make_shop())
            peer.emit("fail")
            await harness.settle()
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await test()


async def test_a_harness_that_many_tests_share() -> None:
    io = make_shop()
    async with Harness() as harness:
        peer = await harness.connect(io)
        harness.check_errors()
        peer.emit("fail")
        await harness.settle()
        with pytest.raises(AssertionError, match="it broke"):
            harness.check_errors()
        harness.check_errors()  # that was the other test's


async def test_what_was_read_is_read(windsock_harness: Harness) -> None:
    io = make_shop()
    peer = await windsock_harness.connect(io)
    io.emit("n", 1)
    await windsock_harness.settle()
    assert [event.arguments for event in peer.take_unread()] == [[1]]
    assert peer.take_unread() == peer.unread == []


def test_errors_of_other_event_loops_are_others_(caplog: pytest.LogCaptureFixture) -> None:
    """As of other tests, while a harness of the whole session is open."""

    async def fail() -> None:
        async with Harness() as harness:
            peer = await harness.connect(make_shop())
            await peer.emit_with_ack("fail")
            harness.expect_error("it broke")

    async def test() -> None:
        async with Harness():
            await asyncio.to_thread(asyncio.run, fail())

    asyncio.run(test())
    assert "it broke" in caplog.text


# -- the end --


async def test_it_closes_what_it_opened() -> None:
    io = make_shop()
    left: list[str] = []
    io.on("disconnect")(lambda socket, reason: left.append(reason))
    async with Harness() as harness:
        peer = await harness.connect(io)
        await peer.join("/admin")
        await harness.connect(io)
    assert left == ["transport close", "transport close"]
    assert io.engine.sessions == {}
    assert all(not namespace.sockets for namespace in io.namespaces.values())


def test_one_server_over_many_event_loops() -> None:
    """As when it is a module's, and each test has an event loop of its own."""
    io = Server(ping_interval=1, ping_timeout=1)
    io.on("echo")(lambda socket, value: value)

    async def play() -> None:
        async with Harness() as harness:
            dead, alive = await harness.connect(io), await harness.connect(io)
            assert await alive.emit_with_ack("echo", 1) == 1
            dead.wire.drop()
            await harness.advance(2.5)
            assert list(io.of("/").sockets) == [alive.id]

    for _ in range(3):
        asyncio.run(play())


def test_what_others_log_while_its_event_loop_stands_still_is_not_its_own() -> None:
    """One harness for many tests, on an event loop of the session: in between, other tests log what they like."""
    harness = Harness()

    async def fail() -> None:
        logging.getLogger("windsock.server").error("a failure")

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(harness.__aenter__())
        logging.getLogger("windsock").error("somebody else's")
        runner.run(fail())
        with pytest.raises(AssertionError, match="an error was logged: a failure"):
            harness.check_errors()
        runner.run(harness.__aexit__(None, None, None))
