"""In front of other applications, behind middleware, and with their lifespans."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus

from tests.server.fixtures import Dial, Serve
from tests.server.peer import ENGINE, PollingPeer, WebSocketPeer, open_http, open_websocket
from tests.server.site import Lane, soon
from windsock import Server
from windsock.types import ASGIApp, Receive, Scope, Send


async def hello(request: Request) -> Response:
    return PlainTextResponse(f"hello from {request.url.path}")


async def shout(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text.upper())


def make_web(**options: Any) -> Starlette:
    """An application with a page and a WebSocket of its own."""
    routes = [Route("/", hello), Route("/socket.io", hello), WebSocketRoute("/shout", shout)]
    return Starlette(routes=[*routes, *options.pop("routes", [])], **options)


def make_server() -> Server:
    io = Server()
    io.on("echo")(lambda socket, *arguments: arguments)
    return io


async def speaks_socket_io(site: Any, dial: Dial) -> None:
    for transport in ("polling", "websocket"):
        peer = await dial(site, transport)
        await peer.connect()
        assert await peer.call("echo", 1) == [1]


async def test_everything_else_is_the_application_s(host: Serve, lane: Lane, stack: AsyncExitStack, dial: Dial) -> None:
    io = make_server()
    site = await host(io.asgi(make_web()), lane)
    http = await open_http(site.url, stack)
    assert (await http.get("/")).text == "hello from /"
    assert (await http.get("/socket.io")).text == "hello from /socket.io"
    assert (await http.get("/nowhere")).status_code == 404
    websocket = await open_websocket(f"{site.url}/shout", stack)
    await websocket.send("louder")
    assert await soon(websocket.recv()) == "LOUDER"
    await speaks_socket_io(site, dial)


async def test_alone_it_answers_nothing_else(host: Serve, lane: Lane, stack: AsyncExitStack, dial: Dial) -> None:
    site = await host(make_server().asgi(), lane)
    http = await open_http(site.url, stack)
    response = await http.get("/")
    assert (response.status_code, response.text) == (404, "Not Found")
    assert (await http.post("/", content=b"x" * 100_000)).status_code == 404
    with pytest.raises(InvalidStatus) as caught:
        await open_websocket(f"{site.url}/nowhere", stack)
    assert caught.value.response.status_code in (403, 404)
    await speaks_socket_io(site, dial)


async def test_mounted_under_a_path(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    io = make_server()
    site = await host(make_web(routes=[Mount("/live", app=io.asgi())]), lane)
    http = await open_http(site.url, stack)
    assert (await http.get("/")).text == "hello from /"
    assert (await http.get("/live/nowhere")).status_code == 404
    response = await http.get(f"/live{ENGINE}&transport=polling")
    assert response.text.startswith("0{")
    websocket = await open_websocket(f"{site.url}/live{ENGINE}&transport=websocket", stack)
    assert str(await soon(websocket.recv())).startswith("0{")
    peer = WebSocketPeer(websocket)
    await peer.connect()
    assert await peer.call("echo", 1) == [1]


async def test_behind_a_root_path(host: Serve, lane: Lane, dial: Dial) -> None:
    io = make_server()
    site = await host(io.asgi(make_web()), lane, root_path="/behind/a/proxy")
    await speaks_socket_io(site, dial)


# -- middleware --


class AddHeader:
    """Adds a header to every HTTP response, as ASGI middleware does that knows nothing of us."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_header(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"x-frame-options", b"DENY")]
            await send(message)

        await self.app(scope, receive, send_with_header)


class Base(BaseHTTPMiddleware):
    """The kind that most applications have."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers["x-frame-options"] = "DENY"
        return response


@pytest.mark.parametrize("middleware", [AddHeader, Base])
async def test_middleware_sees_the_answers(
    host: Serve, lane: Lane, stack: AsyncExitStack, dial: Dial, middleware: Any
) -> None:
    io = make_server()
    web = Starlette(routes=[Mount("/", app=io.asgi(make_web()))], middleware=[Middleware(middleware)])
    site = await host(web, lane)
    peer = await PollingPeer.open(site.url, stack)
    waiting = asyncio.ensure_future(peer.get())
    posted = await peer.post(b"40")
    got = await soon(waiting)
    assert got.text.startswith('40{"sid":')
    refused = await peer.http.get("/socket.io/?EIO=3&transport=polling")
    page = await peer.http.get("/")
    preflight = await peer.http.options("/socket.io/")
    for response in (posted, got, refused, page, preflight):
        assert response.headers["x-frame-options"] == "DENY", response.request.url
    await speaks_socket_io(site, dial)


async def test_behind_a_compressing_middleware(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    io = Server(http_compression=False)
    site = await host(Starlette(routes=[Mount("/", app=io.asgi())], middleware=[Middleware(GZipMiddleware)]), lane)
    peer = await PollingPeer.open(site.url, stack)
    await peer.connect()
    io.emit("news", "x" * 10_000)
    response = await peer.get()
    assert response.headers["content-encoding"] == "gzip"
    assert response.text == f'42["news","{"x" * 10_000}"]'


async def test_a_middleware_that_refuses(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    class Closed:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await PlainTextResponse("closed", status_code=503)(scope, receive, send)
            elif scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1000})
            else:
                await self.app(scope, receive, send)

    io = make_server()
    site = await host(Closed(io.asgi()), lane)
    http = await open_http(site.url, stack)
    assert (await http.get(f"{ENGINE}&transport=polling")).status_code == 503
    with pytest.raises(InvalidStatus) as caught:
        await open_websocket(f"{site.url}{ENGINE}&transport=websocket", stack)
    assert caught.value.response.status_code == 403
    assert not io.engine.sessions


# -- lifespan --


async def test_the_application_s_lifespan(host: Serve, lane: Lane, dial: Dial) -> None:
    story: list[Any] = []
    io = make_server()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        story.append("startup")
        yield {"database": "open"}
        story.append(("shutdown", len(await io.fetch_sockets()), left.qsize()))

    async def database(request: Request) -> Response:
        return PlainTextResponse(request.state.database)

    web = make_web(lifespan=lifespan, routes=[Route("/database", database)])
    left: asyncio.Queue[str] = asyncio.Queue()
    io.on("disconnect")(lambda socket, reason: left.put_nowait(reason))
    async with AsyncExitStack() as stack:
        site = await host(io.asgi(web), lane, lifespan="on")
        assert story == ["startup"]
        http = await open_http(site.url, stack)
        assert (await http.get("/database")).text == "open"
        peer = await dial(site, "websocket")
        await peer.connect()
        await site.close_lifespan()
        assert story == ["startup", ("shutdown", 0, 1)], "sockets leave before what their handlers use ends"
        assert await soon(left.get()) == "server shutting down"
        await peer.gone()


async def test_a_lifespan_without_an_application(host: Serve, lane: Lane, dial: Dial) -> None:
    io = make_server()
    site = await host(io.asgi(), lane, lifespan="on")
    await speaks_socket_io(site, dial)
    peer = await dial(site, "websocket")
    await peer.connect()
    await site.close_lifespan()
    await peer.gone()


async def test_an_application_without_a_lifespan(host: Serve, lane: Lane, stack: AsyncExitStack, dial: Dial) -> None:
    async def web(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await PlainTextResponse("hello")(scope, receive, send)

    site = await host(make_server().asgi(web), lane, lifespan="auto")
    http = await open_http(site.url, stack)
    assert (await http.get("/")).text == "hello"
    await speaks_socket_io(site, dial)


async def test_a_lifespan_that_fails_is_the_application_s_failure(host: Serve, lane: Lane, trouble: Any) -> None:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        if app.routes:
            raise RuntimeError("no database")
        yield

    with pytest.raises(SystemExit):
        await host(make_server().asgi(make_web(lifespan=lifespan)), lane, lifespan="on")
    trouble.expect("no database", "Application startup failed")
