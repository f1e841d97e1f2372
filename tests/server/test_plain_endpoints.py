"""WebSocket endpoints of other applications on the fast lane: ASGI as any server speaks it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.protocol.wire import CLOSE, TEXT, client_frame, close_payload
from tests.server.fixtures import Serve
from tests.server.peer import open_websocket
from tests.server.site import Lane, Trouble, pass_time, rest, soon, until
from windsock.testing import Clock
from windsock.types import Receive, Scope, Send

Endpoint = Callable[[Scope, Receive, Send], Awaitable[None]]


def websocket_app(endpoint: Endpoint) -> Endpoint:
    """An application that is nothing but this endpoint."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await endpoint(scope, receive, send)

    return app


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


@pytest.fixture
async def serve_endpoint(host: Serve, lane: Lane, stack: AsyncExitStack) -> Any:
    async def start(endpoint: Endpoint, **options: Any) -> Any:
        site = await host(websocket_app(endpoint), lane, lifespan="off", **options.pop("config", {}))
        return site, await open_websocket(site.url + options.pop("path", "/"), stack, **options)

    return start


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_text_and_binary_there_and_back(serve_endpoint: Any, compression: str | None) -> None:
    _, websocket = await serve_endpoint(echo, compression=compression)
    messages: list[str | bytes] = ["", "é" * 100, b"", b"\x00\xff" * 40_000, "x" * 70_000]
    for message in messages:
        await websocket.send(message)
    assert [await soon(websocket.recv()) for _ in messages] == messages
    await websocket.send(iter(["in ", "frag", "ments"]))
    assert await soon(websocket.recv()) == "in fragments"
    await soon(await websocket.ping())


async def test_the_scope(serve_endpoint: Any) -> None:
    seen: dict[str, Any] = {}

    async def look(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update(scope)
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "two", "headers": [(b"x-colour", b"red")]})
        await receive()

    site, websocket = await serve_endpoint(
        look, path="/a%20b/%C3%A9?q=1&r=%20", subprotocols=["one", "two"], additional_headers={"X-Name": "Ada"}
    )
    assert websocket.subprotocol == "two"
    assert websocket.response.headers["x-colour"] == "red"
    assert (seen["path"], seen["raw_path"], seen["query_string"]) == ("/a b/é", b"/a%20b/%C3%A9", b"q=1&r=%20")
    assert seen["subprotocols"] == ["one", "two"]
    assert (seen["scheme"], seen["http_version"], seen["root_path"]) == ("ws", "1.1", "")
    assert seen["server"] == ("127.0.0.1", site.port)
    assert seen["client"][0] == "127.0.0.1"
    assert (b"x-name", b"Ada") in seen["headers"]
    assert "websocket.http.response" in seen["extensions"]


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (4001, "enough"), (1001, "é")])
async def test_the_application_closes(serve_endpoint: Any, code: int, reason: str) -> None:
    after: asyncio.Queue[Any] = asyncio.Queue()

    async def close(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "last"})
        await send({"type": "websocket.close", "code": code, "reason": reason})
        after.put_nowait(await receive())
        with pytest.raises(RuntimeError):
            await send({"type": "websocket.send", "text": "after the end"})

    site, websocket = await serve_endpoint(close)
    assert await soon(websocket.recv()) == "last"
    with pytest.raises(ConnectionClosed) as caught:
        await soon(websocket.recv())
    assert caught.value.rcvd is not None
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (code, reason)
    assert (await soon(after.get()))["type"] == "websocket.disconnect"
    await until(lambda: site.connections == 0, "the connection is closed")


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_the_client_leaves(serve_endpoint: Any, how: str) -> None:
    events: asyncio.Queue[Any] = asyncio.Queue()

    async def listen(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] != "websocket.disconnect":
            events.put_nowait(event)
        events.put_nowait(event)
        try:
            for _ in range(100):
                await send({"type": "websocket.send", "text": "nobody"})
                await asyncio.sleep(0)
        except OSError:
            events.put_nowait("told")

    site, websocket = await serve_endpoint(listen)
    await websocket.send("last")
    if how == "close":
        await websocket.close(4000, "bye")
    else:
        await soon(await websocket.ping())
        websocket.transport.abort()
    assert (await soon(events.get()))["text"] == "last"
    event = await soon(events.get())
    assert event["type"] == "websocket.disconnect"
    if how == "close":
        assert (event["code"], event.get("reason")) == (4000, "bye")
    else:
        assert event["code"] in (1005, 1006)
    assert await soon(events.get()) == "told"
    await until(lambda: site.connections == 0, "the connection is closed")


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close"})


async def deny(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    headers = [(b"content-type", b"text/plain"), (b"x-colour", b"red")]
    await send({"type": "websocket.http.response.start", "status": 402, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b"pay ", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"first"})


async def fail(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("before the handshake")


async def forget(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()


@pytest.mark.parametrize(
    ("endpoint", "status", "errors"),
    [
        (refuse, 403, []),
        (deny, 402, []),
        (fail, 500, ["Exception in ASGI application"]),
        (forget, 500, []),
    ],
)
async def test_handshakes_that_are_not_accepted(
    host: Serve, lane: Lane, stack: AsyncExitStack, trouble: Trouble, endpoint: Endpoint, status: int, errors: list[str]
) -> None:
    site = await host(websocket_app(endpoint), lane, lifespan="off")
    with pytest.raises(InvalidStatus) as caught:
        await open_websocket(site.url, stack)
    response = caught.value.response
    assert response.status_code == status
    if endpoint is deny:
        assert (response.body, response.headers["x-colour"]) == (b"pay first", "red")
    await until(lambda: site.connections == 0, "the connection is closed")
    trouble.expect(*errors)
    if endpoint is forget and lane == "lane":
        trouble.expect("without completing")


async def test_an_endpoint_that_fails_closes_with_1011(host: Serve, stack: AsyncExitStack, trouble: Trouble) -> None:
    async def fail_later(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        raise RuntimeError("after the handshake")

    site = await host(websocket_app(fail_later), lifespan="off")
    websocket = await open_websocket(site.url, stack)
    with pytest.raises(ConnectionClosed) as caught:
        await soon(websocket.recv())
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1011
    trouble.expect("Exception in ASGI application")


async def test_messages_that_are_too_large_close_with_1009(serve_endpoint: Any) -> None:
    _, websocket = await serve_endpoint(echo, config={"ws_max_size": 1000})
    await websocket.send("x" * 1000)
    assert len(await soon(websocket.recv())) == 1000
    await websocket.send("x" * 1001)
    with pytest.raises(ConnectionClosed) as caught:
        await soon(websocket.recv())
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1009


async def test_frames_that_do_not_wait_for_the_handshake(host: Serve, stack: AsyncExitStack) -> None:
    """What a client sends behind its request is read once the application has accepted."""
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        entered.set()
        await go_on.wait()
        await echo(scope, receive, send)

    site = await host(websocket_app(slow), lifespan="off")
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    stack.push_async_callback(writer.wait_closed)
    stack.callback(writer.close)
    writer.write(
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        + client_frame(TEXT, b"early")
    )
    await soon(entered.wait())
    writer.write(client_frame(TEXT, b"later"))
    go_on.set()
    assert (await soon(reader.readuntil(b"\r\n\r\n"))).startswith(b"HTTP/1.1 101 ")
    assert await soon(reader.readexactly(14)) == b"\x81\x05early\x81\x05later"
    writer.write(client_frame(CLOSE, close_payload(1000)))
    assert await soon(reader.read()) == b"\x88\x02\x03\xe8"


@pytest.mark.clock
async def test_a_slow_endpoint_is_not_run_over(host: Serve, stack: AsyncExitStack) -> None:
    """What an endpoint has not taken yet waits on the client's side."""
    release = asyncio.Event()
    taken = 0

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal taken
        await receive()
        await send({"type": "websocket.accept"})
        await release.wait()
        while (await receive())["type"] == "websocket.receive":
            taken += 1
        await send({"type": "websocket.send", "text": "gone"})

    async def flood() -> None:
        for _ in range(2000):
            await websocket.send("x" * 10_000)

    site = await host(websocket_app(slow), lifespan="off")
    websocket = await open_websocket(site.url, stack)
    flooding = asyncio.ensure_future(flood())
    await rest()
    assert not flooding.done(), "20 MB were read ahead of an endpoint that takes nothing"
    release.set()
    await soon(flooding)
    await until(lambda: taken == 2000, "every message is taken in the end")


@pytest.mark.clock
async def test_a_client_that_does_not_read_slows_the_endpoint_down(
    host: Serve, lane: Lane, stack: AsyncExitStack
) -> None:
    sent = 0

    async def pour(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await receive()
        await send({"type": "websocket.accept"})
        for _ in range(500):
            await send({"type": "websocket.send", "bytes": bytes(100_000)})
            sent += 1
        await send({"type": "websocket.close"})
        await receive()

    site = await host(websocket_app(pour), lane, lifespan="off")
    websocket = await open_websocket(site.url, stack, max_queue=1)
    await rest()
    assert 0 < sent < 400
    for _ in range(500):
        assert len(await soon(websocket.recv())) == 100_000


async def hold_open(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads until the client is gone, and keeps how it went."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        pass
    scope["state"]["ended"].append(message["code"])


@pytest.mark.clock
async def test_a_client_that_is_gone_without_a_word_is_found_out(
    host: Serve, lane: Lane, stack: AsyncExitStack
) -> None:
    """uvicorn's ``ws_ping_interval`` and ``ws_ping_timeout``, of 20 seconds each: no pong, no connection."""
    ended: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await hold_open({**scope, "state": {"ended": ended}}, receive, send)

    site = await host(websocket_app(app), lane, lifespan="off")
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    stack.push_async_callback(writer.wait_closed)
    stack.callback(writer.close)
    writer.write(
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    await soon(reader.readuntil(b"\r\n\r\n"))
    with Clock() as clock:
        await pass_time(clock, 21, 1)
        head = await soon(reader.readexactly(2))
        assert head[0] == 0x89
        await soon(reader.readexactly(head[1]))
        assert not ended
        await pass_time(clock, 35, 1)
        assert ended == [1011 if lane == "lane" else ended[0]]
        await soon(reader.read())


@pytest.mark.clock
async def test_a_client_that_answers_pings_may_say_nothing(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    site = await host(websocket_app(echo), lane, lifespan="off")
    websocket = await open_websocket(site.url, stack)
    with Clock() as clock:
        await pass_time(clock, 300, 1)
    await websocket.send("still here")
    assert await soon(websocket.recv()) == "still here"


@pytest.mark.clock
async def test_a_pong_may_stand_behind_what_the_endpoint_has_not_read(host: Serve, stack: AsyncExitStack) -> None:
    release = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await release.wait()
        while (message := await receive())["type"] == "websocket.receive":
            await send({**message, "type": "websocket.send"})

    site = await host(websocket_app(slow), lifespan="off")
    websocket = await open_websocket(site.url, stack)
    for number in range(100):
        await websocket.send(str(number))
    with Clock() as clock:
        await pass_time(clock, 300, 1)
    release.set()
    assert [await soon(websocket.recv()) for _ in range(100)] == [str(number) for number in range(100)]
