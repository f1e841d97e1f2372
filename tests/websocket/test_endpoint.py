"""A plain WebSocket endpoint, on the fast lane and as an ASGI application."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from fastapi import WebSocket as FrameworkWebSocket
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.protocol.wire import CONTINUATION, TEXT, client_frame
from tests.server.fixtures import Serve
from tests.server.peer import open_http, open_websocket
from tests.server.site import Lane, Site, Trouble, rest, soon, until
from windsock import ConfigurationError, ConnectionRefused, EncodeError, NotConnected, WebSocketClosure
from windsock.testing import Clock
from windsock.websocket import CloseCode, Endpoint, WebSocket, may_come_back


async def dial(site: Site, stack: AsyncExitStack, path: str = "/", **options: Any) -> ClientConnection:
    return await open_websocket(site.url + path, stack, **options)


async def end(connection: ClientConnection) -> tuple[int, str]:
    """Reads until the connection is closed; code and reason."""
    try:
        while True:
            await soon(connection.recv())
    except ConnectionClosed as closed:
        return (1006, "") if closed.rcvd is None else (closed.rcvd.code, closed.rcvd.reason)


def make_echo(**options: Any) -> Endpoint:
    endpoint = Endpoint(**options)
    endpoint.on("message")(lambda socket, message: socket.send(message))
    return endpoint


# -- messages --


async def test_text_and_binary_come_as_they_are(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    connection = await dial(await host(make_echo(), lane), stack)
    for message in ("", "a", "é🎉\0", "x" * 125, "x" * 126, "x" * 70_000, b"", b"\0\xff", bytes(70_000)):
        await connection.send(message)
        assert await soon(connection.recv()) == message


async def test_handlers_may_be_coroutines_and_start_in_order(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = Endpoint()
    started: list[str] = []

    @endpoint.on("message")
    async def message(socket: WebSocket, text: str) -> None:
        started.append(text)
        await asyncio.sleep(0)
        socket.send(text.upper())

    connection = await dial(await host(endpoint, lane), stack)
    for number in range(20):
        await connection.send(f"m{number}")
    assert [await soon(connection.recv()) for _ in range(20)] == [f"M{number}" for number in range(20)]
    assert started == [f"m{number}" for number in range(20)]


class Move(BaseModel):
    x: int
    y: int


async def test_json_is_validated_by_the_annotation(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = Endpoint()

    @endpoint.on("message")
    def move(socket: WebSocket, move: Move) -> None:
        socket.send_json({"moved": move, 1: [move.x]})

    site = await host(endpoint, lane)
    connection = await dial(site, stack)
    await connection.send('{"x": 1, "y": 2}')
    assert json.loads(await soon(connection.recv())) == {"moved": {"x": 1, "y": 2}, "1": [1]}
    await connection.send(b'{"x": 3, "y": 4}')
    assert json.loads(await soon(connection.recv()))["1"] == [3]
    await connection.send('{"x": "left", "y": 2}')
    code, reason = await end(connection)
    assert code == 1007
    assert reason.startswith("x: ")
    other = await dial(site, stack)
    await other.send("no JSON")
    assert (await end(other))[0] == 1007


@pytest.mark.parametrize(("annotation", "wrong"), [(str, b"binary"), (bytes, "text")])
async def test_the_other_type_is_unsupported(
    host: Serve, lane: Lane, stack: AsyncExitStack, annotation: Any, wrong: Any
) -> None:
    endpoint = Endpoint()

    def message(socket: WebSocket, message: Any) -> None:
        socket.send(message)

    message.__annotations__["message"] = annotation
    endpoint.on("message")(message)
    connection = await dial(await host(endpoint, lane), stack)
    right = annotation(b"right", "ascii") if annotation is str else b"right"
    await connection.send(right)
    assert await soon(connection.recv()) == right
    await connection.send(wrong)
    assert (await end(connection))[0] == 1003


async def test_what_cannot_be_sent(host: Serve, stack: AsyncExitStack) -> None:
    endpoint = Endpoint()
    errors: list[type[Exception]] = []

    @endpoint.on("message")
    def message(socket: WebSocket, message: str) -> None:
        for send, value in [
            (socket.send, 1),
            (socket.send, "\ud800"),
            (socket.send_json, object()),
            (endpoint.group("g").send, None),
            (endpoint.everybody.send_json, {"a": object()}),
            (socket.close, 1006),
            (socket.close, 999),
        ]:
            try:
                send(value)  # type: ignore[operator]  # what is wrong is the point
            except (EncodeError, ValueError) as error:
                errors.append(type(error))
        socket.send("still here")

    connection = await dial(await host(endpoint), stack)
    await connection.send("go")
    assert await soon(connection.recv()) == "still here"
    assert errors == [EncodeError] * 5 + [ValueError] * 2


async def test_a_session_iterates(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = Endpoint()
    left: asyncio.Queue[str] = asyncio.Queue()

    @endpoint.on("session")
    async def session(socket: WebSocket) -> None:
        socket.send("hello")
        async for message in socket:
            if message == "enough":
                return
            socket.send(message)
        left.put_nowait("the client")

    site = await host(endpoint, lane)
    connection = await dial(site, stack)
    assert await soon(connection.recv()) == "hello"
    for number in range(200):  # more than is read ahead
        await connection.send(str(number))
    for number in range(200):
        assert await soon(connection.recv()) == str(number)
    await connection.send("enough")
    assert (await end(connection))[0] == 1000
    other = await dial(site, stack)
    await other.close()
    assert await soon(left.get()) == "the client"


async def test_a_session_reads_json(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = Endpoint()

    @endpoint.on("session")
    async def session(socket: WebSocket) -> None:
        async for value in socket.iter_json():
            socket.send_json([value])

    connection = await dial(await host(endpoint, lane), stack)
    await connection.send('{"a":1}')
    assert await soon(connection.recv()) == '[{"a":1}]'
    await connection.send("{")
    code, reason = await end(connection)
    assert code == 1007
    assert reason.startswith("expected JSON")


async def test_a_session_that_does_not_read_is_not_read_for(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = Endpoint(max_message_size=100_000)
    go = asyncio.Event()
    received = 0

    @endpoint.on("session")
    async def session(socket: WebSocket) -> None:
        nonlocal received
        await go.wait()
        async for _ in socket:
            received += 1

    connection = await dial(await host(endpoint, lane), stack)
    total = 600

    async def flood() -> None:
        for _ in range(total):
            await connection.send("x" * 50_000)

    flooding = asyncio.ensure_future(flood())
    await rest()
    assert not flooding.done(), "what it sends waits on its own side"
    go.set()
    await soon(flooding)
    await until(lambda: received == total, "all of it comes")


async def test_handlers_in_flight_are_bounded(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = Endpoint(max_handlers_in_flight=8)
    running = most = done = 0
    release = asyncio.Event()

    @endpoint.on("message")
    async def message(socket: WebSocket, message: str) -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await release.wait()
        running -= 1
        done += 1

    site = await host(endpoint, lane)
    connection, other = await dial(site, stack), await dial(site, stack)
    for _ in range(100):
        await connection.send("x")
    await until(lambda: running >= 8, "the bound is reached")
    pong = await other.ping()
    await soon(pong)
    assert most == 8
    release.set()
    await until(lambda: done == 100, "none is lost")
    assert most == 8


# -- connecting --


async def test_refusals(host: Serve, lane: Lane, stack: AsyncExitStack, trouble: Trouble) -> None:
    endpoint = make_echo()
    groups: list[int] = []

    @endpoint.on("connect")
    async def connect(socket: WebSocket) -> None:
        socket.join("admitted")
        name = socket.request.query.get("name")
        groups.append(len(endpoint.group("admitted")))
        await asyncio.sleep(0)
        if name == "mallory":
            raise ConnectionRefused("not you", {"why": "name"})
        if name == "bug":
            raise RuntimeError("oops")
        socket.data.name = name
        socket.send(f"hello {name}")

    site = await host(endpoint, lane)
    for name, status, message in (("mallory", 403, "not you"), ("bug", 500, "internal error")):
        with pytest.raises(InvalidStatus) as caught:
            await dial(site, stack, f"/?name={name}")
        assert caught.value.response.status_code == status
        assert json.loads(caught.value.response.body or b"")["message"] == message
    trouble.expect("the 'connect' handler")
    connection = await dial(site, stack, "/?name=ann")
    assert await soon(connection.recv()) == "hello ann"
    assert groups == [1, 1, 1], "who is refused is in no group any more"
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


# -- limits --


async def test_a_message_that_is_too_big(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    site = await host(make_echo(max_message_size=1000), lane)
    connection = await dial(site, stack)
    await connection.send("x" * 1000)
    assert await soon(connection.recv()) == "x" * 1000
    await connection.send("é" * 501)
    assert (await end(connection))[0] == 1009


async def test_fragments_are_bounded(host: Serve, stack: AsyncExitStack) -> None:
    connection = await dial(await host(make_echo(max_fragments=3)), stack)
    await connection.send(iter(["a", "b"]))  # and an empty last one
    assert await soon(connection.recv()) == "ab"
    frames = [client_frame(CONTINUATION if n else TEXT, b"x", final=False) for n in range(4)]
    connection.transport.write(b"".join(frames))
    assert (await end(connection))[0] == 1008


async def test_the_heartbeat(host: Serve, stack: AsyncExitStack) -> None:
    endpoint = make_echo(ping_interval=25, ping_timeout=20)
    left: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
    endpoint.on("disconnect")(lambda socket, code, reason: left.put_nowait((code, reason)))
    site = await host(endpoint)

    async def go_on(seconds: float) -> None:
        await clock.advance(seconds)
        for answer in ("a ping came before the first", "its pong went before the second"):
            await connection.send(answer)
            assert await soon(connection.recv()) == answer

    with Clock() as clock:
        connection, silent = await dial(site, stack), await dial(site, stack)
        silent.transport.pause_reading()
        for _ in range(4):
            await go_on(11)
        assert left.empty(), "45 seconds are not over"
        for _ in range(10):
            await go_on(11)
        assert left.get_nowait() == (1006, "ping timeout")
        assert left.empty(), "who answers stays"
    silent.transport.abort()


@pytest.mark.parametrize("compression", ["deflate", None])
async def test_compression(host: Serve, stack: AsyncExitStack, compression: Any) -> None:
    endpoint = make_echo(per_message_deflate=True)
    connection = await dial(await host(endpoint), stack, compression=compression)
    assert bool(connection.protocol.extensions) == (compression is not None)
    for message in ("short", "long " * 5000, bytes(5000)):
        await connection.send(message)
        assert await soon(connection.recv()) == message
        endpoint.everybody.send(message)
        assert await soon(connection.recv()) == message
        endpoint.everybody.send(message, compress=False)
        assert await soon(connection.recv()) == message


# -- where it is mounted --


async def test_as_a_route_and_in_front_of_a_framework(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = Endpoint()

    @endpoint.on("connect")
    def connect(socket: WebSocket) -> None:
        socket.send_json([socket.path_params, socket.request.headers["host"], socket.request.app is not None])

    async def hello(request: Request) -> PlainTextResponse:
        return PlainTextResponse("hello")

    routes = [Route("/", hello), WebSocketRoute("/rooms/{room}", endpoint)]
    web = Starlette(routes=routes)
    site = await host(endpoint.asgi(web, "/ws"), lane)
    http = await open_http(site.url, stack)
    assert (await http.get("/")).text == "hello"
    host_name = f"127.0.0.1:{site.port}"
    assert json.loads(await soon((await dial(site, stack, "/ws")).recv())) == [{}, host_name, True]
    connection = await dial(site, stack, "/rooms/lobby")
    assert json.loads(await soon(connection.recv())) == [{"room": "lobby"}, host_name, True]
    with pytest.raises(InvalidStatus):
        await dial(site, stack, "/nowhere")


def current_user(token: str) -> str:
    return token.upper()


async def test_behind_fastapi_and_its_dependencies(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = Endpoint()
    endpoint.on("connect")(lambda socket: socket.send(f"{socket.request.state['user']} in {socket.path_params}"))
    app = FastAPI()

    async def guarded(websocket: FrameworkWebSocket, user: Annotated[str, Depends(current_user)]) -> None:
        websocket.scope["state"] = {"user": user}
        await endpoint(websocket.scope, websocket.receive, websocket.send)

    app.add_api_websocket_route("/rooms/{room}", guarded)
    site = await host(app, lane)
    connection = await dial(site, stack, "/rooms/lobby?token=ann")
    assert await soon(connection.recv()) == "ANN in {'room': 'lobby'}"
    with pytest.raises(InvalidStatus):
        await dial(site, stack, "/rooms/lobby")


async def test_by_itself_it_answers_http_too(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    site = await host(make_echo(), lane)
    response = await (await open_http(site.url, stack)).get("/")
    assert response.status_code == 426
    assert response.headers["upgrade"] == "websocket"


# -- registration --


def test_registrations_that_make_no_sense() -> None:
    async def session(socket: WebSocket) -> None: ...

    endpoint = Endpoint()
    wrong: list[tuple[str, Any]] = [
        ("close", lambda socket: None),
        ("connect", lambda: None),
        ("connect", lambda socket, auth: None),
        ("message", lambda socket: None),
        ("message", lambda socket, message, more: None),
        ("session", lambda socket: None),
        ("disconnect", lambda socket, code, reason, more: None),
    ]
    for event, function in wrong:
        with pytest.raises(ConfigurationError):
            endpoint.on(event)(function)
    endpoint.on("message")(lambda *arguments: None)
    with pytest.raises(ConfigurationError):
        endpoint.on("message")(lambda socket, message: None)
    with pytest.raises(ConfigurationError):
        endpoint.on("session")(session)


@pytest.mark.parametrize(
    "options",
    [
        {"max_message_size": 0},
        {"max_handlers_in_flight": 0},
        {"ping_interval": 0},
        {"ping_timeout": -1},
        {"subprotocols": "chat"},
    ],
)
def test_options_out_of_their_range(options: Any) -> None:
    with pytest.raises(ConfigurationError):
        Endpoint(**options)


def test_which_codes_call_a_client_back() -> None:
    back = {code for code in range(5000) if may_come_back(code)}
    assert back == {1001, 1006, 1011, 1012, 1013, 1014}
    assert back == {code for code in range(5000) if WebSocketClosure(code).transient}, "server and client agree"
