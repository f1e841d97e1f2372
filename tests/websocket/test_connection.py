"""How connections to a plain WebSocket endpoint begin and end, on the fast lane and as an ASGI application."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack

import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.server.fixtures import Serve
from tests.server.site import Lane, Trouble, soon, until
from tests.websocket.peer import dial, end, make_echo
from windsock import ConnectionRefused, NotConnected, SlowConsumer, WebSocketClosure
from windsock.websocket import CloseCode, Endpoint, WebSocket, may_come_back

# -- connecting --


async def test_refusals(host: Serve, lane: Lane, stack: AsyncExitStack, trouble: Trouble) -> None:
    endpoint = make_echo()
    groups: list[int] = []
    came: list[WebSocket] = []

    @endpoint.on("connect")
    async def connect(socket: WebSocket) -> None:
        came.append(socket)
        socket.join("admitted")
        name = socket.request.query.get("name")
        groups.append(len(endpoint.group("admitted")))
        await asyncio.sleep(0)
        if name == "mallory":
            raise ConnectionRefused("not you", {"why": "name"})
        if name == "eve":
            raise ConnectionRefused("nor you")
        if name == "bug":
            raise RuntimeError("oops")
        socket.data.name = name
        socket.send(f"hello {name}")

    site = await host(endpoint, lane)
    for name, status, content in (
        ("mallory", 403, {"message": "not you", "data": {"why": "name"}}),
        ("eve", 403, {"message": "nor you"}),
        ("bug", 500, {"message": "internal error"}),
    ):
        with pytest.raises(InvalidStatus) as caught:
            await dial(site, stack, f"/?name={name}")
        assert caught.value.response.status_code == status
        assert json.loads(caught.value.response.body or b"") == content
        with pytest.raises(NotConnected):
            await soon(came[-1].drain())
    trouble.expect("the 'connect' handler")
    connection = await dial(site, stack, "/?name=ann")
    assert await soon(connection.recv()) == "hello ann"
    assert groups == [1, 1, 1, 1], "who is refused is in no group any more"
    (socket,) = endpoint.sockets
    assert socket.data.name == "ann"
    assert socket.groups == {"admitted"}


async def test_origins(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    same, one = make_echo(), make_echo(cors_allowed_origins=["https://app.example"])
    for endpoint, origin, allowed in [
        (same, None, True),
        (same, "https://evil.example", False),
        (one, "https://app.example", True),
        (one, "https://evil.example", False),
    ]:
        site = await host(endpoint, lane)
        if allowed:
            await dial(site, stack, origin=origin)
            await dial(site, stack, origin=f"http://127.0.0.1:{site.port}")
        else:
            with pytest.raises(InvalidStatus) as caught:
                await dial(site, stack, origin=origin)
            assert caught.value.response.status_code == 403


async def test_subprotocols(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = Endpoint(subprotocols=["chat.v2", "chat.v1"])
    endpoint.on("connect")(lambda socket: socket.send(str(socket.subprotocol)))
    site = await host(endpoint, lane)
    for offered, agreed in [(["chat.v1", "chat.v2"], "chat.v2"), (["x", "chat.v1"], "chat.v1"), (["x"], None)]:
        connection = await dial(site, stack, subprotocols=[Subprotocol(name) for name in offered])
        assert connection.subprotocol == agreed
        assert await soon(connection.recv()) == str(agreed)


async def test_connections_are_bounded(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = make_echo(max_connections=2)
    site = await host(endpoint, lane)
    first, _ = await dial(site, stack), await dial(site, stack)
    with pytest.raises(InvalidStatus) as caught:
        await dial(site, stack)
    assert caught.value.response.status_code == 503
    await first.close()
    await until(lambda: len(endpoint.sockets) == 1, "one has left")
    await dial(site, stack)


async def test_closed_before_it_begins(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = Endpoint()
    left: asyncio.Queue[int] = asyncio.Queue()

    @endpoint.on("connect")
    def connect(socket: WebSocket) -> None:
        socket.send("full, try later")
        socket.close(CloseCode.TRY_AGAIN_LATER, "é" * 100)

    endpoint.on("disconnect")(lambda socket, code: left.put_nowait(code))
    connection = await dial(await host(endpoint, lane), stack)
    assert await soon(connection.recv()) == "full, try later"
    assert await end(connection) == (1013, "é" * 61)
    assert await soon(left.get()) == 1013


async def test_a_disconnect_handler_that_fails(
    host: Serve, lane: Lane, stack: AsyncExitStack, trouble: Trouble
) -> None:
    endpoint = make_echo()

    @endpoint.on("disconnect")
    def disconnect(socket: WebSocket) -> None:
        raise RuntimeError("oops")

    site = await host(endpoint, lane)
    connection, other = await dial(site, stack), await dial(site, stack)
    await connection.close()
    await until(lambda: len(endpoint.sockets) == 1, "one has left")
    trouble.expect("the 'disconnect' handler")
    await other.send("still here")
    assert await soon(other.recv()) == "still here"
    endpoint.handlers.clear()  # the other one leaves in peace


async def test_too_much_before_it_begins(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = make_echo(slow_consumer=SlowConsumer(max_bytes=1000))

    @endpoint.on("connect")
    def connect(socket: WebSocket) -> None:
        for number in range(4):
            socket.send(f"{number}" * 400)
        socket.close(CloseCode.TRY_AGAIN_LATER, "of the application")

    connection = await dial(await host(endpoint, lane), stack)
    assert await end(connection) == (1013, "too much to begin with")


# -- the end --


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "away"), (4001, "é" * 61)])
async def test_who_closes_and_why(host: Serve, lane: Lane, stack: AsyncExitStack, code: int, reason: str) -> None:
    endpoint = Endpoint()
    left: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
    failed: list[Exception] = []

    @endpoint.on("message")
    def message(socket: WebSocket, message: str) -> None:
        socket.send("last")
        socket.close(code, reason)
        socket.close(1011)
        socket.send("too late")
        socket.join("late")

    @endpoint.on("disconnect")
    async def disconnect(socket: WebSocket, code: int, reason: str) -> None:
        try:
            await socket.drain()
        except NotConnected as error:
            failed.append(error)
        left.put_nowait((code, reason))

    site = await host(endpoint, lane)
    connection = await dial(site, stack)
    await connection.send("go")
    assert await soon(connection.recv()) == "last"
    assert await end(connection) == (code, reason)
    assert await soon(left.get()) == (code, reason)
    connection = await dial(site, stack)
    await connection.close(code, reason)
    assert await soon(left.get()) == (code, reason)
    assert len(failed) == 2
    assert not endpoint.sockets
    assert not endpoint.groups


async def test_a_client_that_vanishes(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = make_echo()
    left: asyncio.Queue[int] = asyncio.Queue()
    endpoint.on("disconnect")(lambda socket, code: left.put_nowait(code))
    connection = await dial(await host(endpoint, lane), stack)
    connection.transport.abort()
    assert await soon(left.get()) in (1005, 1006)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_handler_that_fails(
    host: Serve, lane: Lane, stack: AsyncExitStack, trouble: Trouble, asynchronous: bool
) -> None:
    endpoint = Endpoint()

    def fail(socket: WebSocket, message: str) -> None:
        raise RuntimeError("oops")

    async def fail_later(socket: WebSocket, message: str) -> None:
        await asyncio.sleep(0)
        raise RuntimeError("oops")

    endpoint.on("message")(fail_later if asynchronous else fail)
    site = await host(endpoint, lane)
    connection, other = await dial(site, stack), await dial(site, stack)
    await connection.send("go")
    assert (await end(connection))[0] == 1011
    trouble.expect("the 'message' handler")
    await soon(await other.ping())


async def test_a_session_that_fails(host: Serve, lane: Lane, stack: AsyncExitStack, trouble: Trouble) -> None:
    endpoint = Endpoint()

    @endpoint.on("session")
    async def session(socket: WebSocket) -> None:
        raise RuntimeError("oops")

    assert (await end(await dial(await host(endpoint, lane), stack)))[0] == 1011
    trouble.expect("the 'session' handler")


async def test_shutdown_tells_clients_to_come_back(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = make_echo()
    site = await host(endpoint, lane)
    connection = await dial(site, stack)
    endpoint.close()
    code, _ = await end(connection)
    assert code == 1012
    assert may_come_back(code)
    other = await dial(site, stack)
    site.ask_to_shut_down()
    code, _ = await end(other)
    assert may_come_back(code)


def test_which_codes_call_a_client_back() -> None:
    back = {code for code in range(5000) if may_come_back(code)}
    assert back == {1001, 1006, 1011, 1012, 1013, 1014}
    assert back == {code for code in range(5000) if WebSocketClosure(code).transient}, "server and client agree"
