"""The application that the conformance tests talk to; ``js/app.js`` is the same one on the original.

``WINDSOCK_TEST_OPTIONS`` holds the server's options as JSON, named as in Python, times in seconds; the parser by name,
the options of ``connection_state_recovery`` as a mapping.
Attributes: ``app`` is the application with the pages that a browser needs, ``io`` the server without.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from windsock import AckTimeout, ConnectionRefused, ConnectionStateRecovery, Server, Socket
from windsock.parsers import JsonParser, MsgpackParser

JAVASCRIPT = Path(__file__).parent / "js"
BUNDLE = JAVASCRIPT / "node_modules/socket.io-client/dist/socket.io.min.js"

PARSERS = {"json": JsonParser, "msgpack": MsgpackParser}

options = json.loads(os.environ.get("WINDSOCK_TEST_OPTIONS", "{}"))
if "connection_state_recovery" in options:
    options["connection_state_recovery"] = ConnectionStateRecovery(**options["connection_state_recovery"])
parser = PARSERS[options.pop("parser", "json")]()
io = Server(**options, parser=parser)
admin = io.of("/admin")
dynamic = io.of(re.compile(r"^/dynamic-\d+$"))
closed = io.of("/closed")
quiet = io.of("/quiet")


@io.use
async def guard(socket: Socket) -> None:
    if socket.handshake.auth.get("middleware") == "refuse":
        raise ConnectionRefused("refused by the middleware", data={"by": "middleware"})


@closed.use
async def shut(socket: Socket) -> None:
    raise ConnectionRefused("closed", data={"namespace": "/closed"})


@io.on("connect")
async def connect(socket: Socket, auth: Any) -> None:
    refusal = socket.handshake.auth.get("refuse")
    if refusal:
        raise ConnectionRefused("refused by the handler", data={"code": 42, "details": [refusal]})
    socket.emit("welcome", {"id": socket.id, "auth": auth})


@io.on("disconnect")
async def disconnect(socket: Socket, reason: str) -> None:
    io.to("watchers").emit("left", {"id": socket.id, "reason": reason})


@io.on("watch")
async def watch(socket: Socket) -> bool:
    socket.join("watchers")
    return True


@io.on("echo")
def echo(socket: Socket, *arguments: Any) -> None:
    socket.emit("echo", *arguments)


@io.on("echo-ack")
async def echo_with_acknowledgement(socket: Socket, *arguments: Any) -> tuple[Any, ...]:
    return arguments


@io.on("ask")
async def ask(socket: Socket, *arguments: Any) -> None:
    socket.emit("answer", await socket.timeout(30).emit_with_ack("question", *arguments))


@io.on("ask-in-vain")
async def ask_in_vain(socket: Socket) -> None:
    try:
        await socket.timeout(0.05).emit_with_ack("silence")
    except AckTimeout:
        socket.emit("timed-out")


@io.on("answer-never")
async def answer_never(socket: Socket) -> bool:
    while socket.connected:  # noqa: ASYNC110  who has left hears no answer
        await asyncio.sleep(0.05)
    return False


@io.on("answer-late")
async def answer_late(socket: Socket) -> bool:
    await asyncio.sleep(0.3)
    return True


@io.on("handshake")
async def handshake(socket: Socket) -> dict[str, Any]:
    seen = socket.handshake
    return {
        "header": seen.headers.get("x-conformance"),
        "query": seen.query.get("colour"),
        "address": seen.address,
        "secure": seen.secure,
        "xdomain": seen.xdomain,
        "url": seen.url.partition("?")[0],
        "auth": seen.auth,
    }


@io.on("join")
async def join(socket: Socket, *rooms: str) -> list[str]:
    socket.join(*rooms)
    return sorted(socket.rooms - {socket.id})


@io.on("leave")
async def leave(socket: Socket, *rooms: str) -> list[str]:
    socket.leave(*rooms)
    return sorted(socket.rooms - {socket.id})


class Publication(BaseModel):
    """What to emit, from whom, to and except which rooms."""

    source: Literal["server", "socket"] = Field(alias="from")
    to: list[str] = []
    except_: list[str] = Field(default=[], alias="except")
    event: str
    arguments: list[Any] = []


@io.on("publish")
async def publish(socket: Socket, order: Publication) -> bool:
    source = socket.broadcast if order.source == "socket" else io
    source.to(*order.to).except_(*order.except_).emit(order.event, *order.arguments)
    return True


class Move(BaseModel):
    """What to do to the sockets in a room."""

    action: Literal["join", "leave", "disconnect"] | None = None
    room: str
    other: str = ""


@io.on("move")
async def move(socket: Socket, order: Move) -> list[str]:
    """Returns who is in the room afterwards."""
    target = io.in_(order.room)
    match order.action:
        case "join":
            target.sockets_join(order.other)
        case "leave":
            target.sockets_leave(order.other)
        case "disconnect":
            target.disconnect_sockets()
    return sorted(member.id for member in await target.fetch_sockets())


@io.on("disconnect-me")
async def disconnect_me(socket: Socket, close: bool) -> None:
    socket.disconnect(close=close)


@io.on("big")
async def big(socket: Socket, size: int, binary: bool) -> bytes | str:
    return bytes(size) if binary else "x" * size


@io.on("medley")
async def medley(socket: Socket, rounds: int) -> bool:
    """Emits to its room what is worth compressing, what is not, what may not be, and binary; at times to one alone."""
    room = io.to("medley")
    for number in range(rounds):
        room.emit("piece", number, "short")
        room.emit("piece", number, "long " * 1000)
        room.compress(False).emit("piece", number, "plain " * 1000)
        room.emit("piece", number, "other " * (500 + number))
        room.emit("piece", number, bytes((number,)) * 3000)
        if number % 7 == 6:
            socket.emit("piece", number, "to you " * 500)
    return True


@io.on("count")
async def count(socket: Socket, number: int) -> None:
    """Notes the first number that does not follow the one before it."""
    expected = getattr(socket.data, "counted", 0)
    if number != expected and not hasattr(socket.data, "gap"):
        socket.data.gap = [expected, number]
    socket.data.counted = expected + 1


@io.on("counted")
async def counted(socket: Socket) -> dict[str, Any]:
    return {"counted": getattr(socket.data, "counted", 0), "gap": getattr(socket.data, "gap", None)}


@io.on("stream")
async def stream(socket: Socket, total: int, burst: int) -> None:
    """Emits the numbers below ``total``, ``burst`` in each turn of the loop."""
    for number in range(total):
        socket.emit("item", number)
        if number % burst == burst - 1:
            await asyncio.sleep(0.001)


@io.on("listen")
async def listen(socket: Socket) -> bool:
    """Notes every event from now on; as the listeners hear them, which is not with the acknowledgement's callback."""
    socket.data.heard = {"in": [], "out": []}
    socket.on_any(lambda event, *arguments: socket.data.heard["in"].append([event, *arguments]))
    socket.on_any_outgoing(lambda event, *arguments: socket.data.heard["out"].append([event, *arguments]))
    return True


@io.on("heard")
async def heard(socket: Socket) -> dict[str, Any]:
    socket.off_any()
    socket.off_any_outgoing()
    told: dict[str, Any] = socket.data.heard
    return told


@io.on("expire")
async def expire(socket: Socket, seconds: float) -> None:
    socket.expires_at = time.time() + seconds


@io.on("volatile")
async def volatile(socket: Socket) -> None:
    socket.volatile.emit("perhaps", 1)


@admin.on("connect")
async def connect_admin(socket: Socket, auth: Any) -> None:
    if socket.handshake.auth.get("token") != "secret":
        raise ConnectionRefused("no token")


@admin.on("whoami")
async def whoami(socket: Socket) -> str:
    return "admin"


@quiet.on("publish")
async def publish_in_quiet(socket: Socket, event: str, *arguments: Any) -> bool:
    quiet.emit(event, *arguments)
    return True


@dynamic.on("connect")
async def connect_dynamic(socket: Socket, auth: Any) -> None:
    socket.emit("welcome", {"id": socket.id})


@dynamic.on("echo-ack")
async def echo_in_dynamic(socket: Socket, *arguments: Any) -> tuple[Any, ...]:
    return arguments


def _file(path: Path, media_type: str) -> Callable[[Any], Awaitable[Response]]:
    async def respond(_: Any) -> Response:
        return FileResponse(path, media_type=media_type)

    return respond


web: ASGIApp = Starlette(
    routes=[
        Route("/", _file(JAVASCRIPT / "page.html", "text/html")),
        Route("/socket.io.js", _file(BUNDLE, "text/javascript")),
        Route("/scenarios.js", _file(JAVASCRIPT / "scenarios.js", "text/javascript")),
        Route("/world.js", _file(JAVASCRIPT / "world.js", "text/javascript")),
    ]
)
app = io.asgi(web)
