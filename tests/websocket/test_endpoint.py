"""A plain WebSocket endpoint's limits, where it is mounted, and what may be registered."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from fastapi import WebSocket as FrameworkWebSocket
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from websockets.exceptions import InvalidStatus

from tests.protocol.wire import CONTINUATION, TEXT, client_frame
from tests.server.fixtures import Serve
from tests.server.peer import open_http
from tests.server.site import Lane, soon
from tests.websocket.peer import dial, end, make_echo
from windsock import ConfigurationError
from windsock.testing import Clock
from windsock.websocket import Endpoint, WebSocket

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
        connection.transport.pause_reading()
        for _ in range(10):
            await clock.advance(11)
        assert left.get_nowait() == (1006, "ping timeout"), "and is asked again"
    connection.transport.abort()
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
