"""Plain ASGI WebSocket endpoints, beside a Socket.IO server that must not touch them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypedDict

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from windsock import Server


class State(TypedDict):
    """What the endpoints remember for the tests, kept by the lifespan."""

    started: str
    ends: dict[str, Any]
    sent: dict[str, int]
    told: dict[str, asyncio.Event]


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[State]:
    yield {"started": "by the lifespan", "ends": {}, "sent": {}, "told": {}}


def end(websocket: WebSocket, **facts: Any) -> None:
    """Notes how a connection ended, under the name that the test gave it."""
    websocket.state.ends[websocket.query_params["name"]] = facts


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    gone = False
    while (message := await websocket.receive())["type"] == "websocket.receive":
        if not gone:
            try:
                await websocket.send({**message, "type": "websocket.send"})
            except WebSocketDisconnect:
                gone = True  # what came before the end is still to be received
    if "name" in websocket.query_params:
        end(websocket, code=message["code"], reason=message.get("reason", ""))


async def subprotocol(websocket: WebSocket) -> None:
    headers = [(b"x-number", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    offered = websocket.scope["subprotocols"]
    await websocket.accept(subprotocol=offered[-1] if offered else None, headers=headers)
    await websocket.send_json({"offered": offered})
    await websocket.close()


async def close(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close(int(websocket.query_params["code"]), websocket.query_params.get("reason"))


async def refuse(websocket: WebSocket) -> None:
    await websocket.receive()
    await websocket.close()


async def deny(websocket: WebSocket) -> None:
    await websocket.receive()
    send = websocket.send
    headers = [(b"content-type", b"text/plain"), (b"x-why", b"because")]
    await send({"type": "websocket.http.response.start", "status": 451, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b"not ", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"here"})


async def fail_first(websocket: WebSocket) -> None:
    raise RuntimeError("before the handshake")


async def fail_later(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.receive_text()
    raise RuntimeError("after the handshake")


async def give_up_first(websocket: WebSocket) -> None:
    await websocket.receive()


async def give_up_later(websocket: WebSocket) -> None:
    await websocket.accept()


async def concurrent(websocket: WebSocket) -> None:
    """Sends the numbers below 200 from one task while another echoes."""
    await websocket.accept()

    async def count() -> None:
        for number in range(200):
            await websocket.send_json(number)
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        await counting


async def outlive(websocket: WebSocket) -> None:
    """Goes on sending after the client has gone, until the server objects."""
    await websocket.accept()
    try:
        while True:
            await websocket.send_text("still there?")
            await asyncio.sleep(0.005)
    except (WebSocketDisconnect, OSError) as error:
        end(websocket, error=type(error).__name__, oserror=isinstance(error.__context__ or error, OSError))


async def pour(websocket: WebSocket) -> None:
    """Sends without end, and counts what the server has taken."""
    await websocket.accept()
    name = websocket.query_params["name"]
    websocket.state.sent[name] = 0
    try:
        while True:
            await websocket.send_bytes(bytes(65_536))
            websocket.state.sent[name] += 65_536
    except (WebSocketDisconnect, OSError):
        end(websocket)


async def ignore(websocket: WebSocket) -> None:
    """Accepts and reads nothing until it is told to by a request."""
    await websocket.accept()
    name = websocket.query_params["name"]
    told = websocket.state.told[name] = asyncio.Event()
    await told.wait()
    total = 0
    while (message := await websocket.receive())["type"] == "websocket.receive":
        total += len(message["bytes"])
        if message["bytes"] == b"end":
            break
    await websocket.send_json(total - 3)
    await websocket.close()


async def tell_scope(websocket: WebSocket) -> None:
    scope = websocket.scope
    await websocket.accept()
    await websocket.send_json(
        {
            "type": scope["type"],
            "asgi": sorted(scope["asgi"]),
            "http_version": scope["http_version"],
            "scheme": scope["scheme"],
            "path": scope["path"],
            "raw_path": scope["raw_path"].decode(),
            "query_string": scope["query_string"].decode(),
            "root_path": scope["root_path"],
            "client": scope["client"][0],
            "server": list(scope["server"]),
            "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
            "subprotocols": scope["subprotocols"],
            "denial": "websocket.http.response" in scope["extensions"],
            "state": scope["state"]["started"],
        }
    )
    await websocket.close()


async def ends(request: Request) -> Response:
    """How the connection of that name ended; 404 while it has not."""
    name = request.path_params["name"]
    if name not in request.state.ends:
        return Response(status_code=404)
    return JSONResponse(request.state.ends[name])


async def tell(request: Request) -> Response:
    request.state.told[request.path_params["name"]].set()
    return Response(status_code=204)


async def sent(request: Request) -> Response:
    return JSONResponse(request.state.sent.get(request.path_params["name"], 0))


application = Starlette(
    lifespan=lifespan,
    routes=[
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/subprotocol", subprotocol),
        WebSocketRoute("/close", close),
        WebSocketRoute("/refuse", refuse),
        WebSocketRoute("/deny", deny),
        WebSocketRoute("/fail-first", fail_first),
        WebSocketRoute("/fail-later", fail_later),
        WebSocketRoute("/give-up-first", give_up_first),
        WebSocketRoute("/give-up-later", give_up_later),
        WebSocketRoute("/concurrent", concurrent),
        WebSocketRoute("/outlive", outlive),
        WebSocketRoute("/pour", pour),
        WebSocketRoute("/ignore", ignore),
        WebSocketRoute("/scope/{rest:path}", tell_scope),
        Route("/ends/{name}", ends),
        Route("/tell/{name}", tell, methods=["PUT"]),
        Route("/sent/{name}", sent),
    ],
)

io = Server()
app = io.asgi(application)
