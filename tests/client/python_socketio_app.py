"""What the client's tests ask of a server, on python-socketio: a part of :mod:`tests.conformance.app`."""

from __future__ import annotations

import json
import os
from typing import Any

import socketio  # type: ignore[import-untyped]  # the package has no types

io = socketio.AsyncServer(async_mode="asgi", **json.loads(os.environ.get("WINDSOCK_TEST_OPTIONS", "{}")))


@io.event
async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    if auth and auth.get("refuse"):
        raise socketio.exceptions.ConnectionRefusedError("refused by the handler", auth["refuse"])
    await io.emit("welcome", {"id": sid, "auth": auth}, to=sid)


@io.on("echo")
async def echo(sid: str, *arguments: Any) -> None:
    await io.emit("echo", arguments, to=sid)


@io.on("echo-ack")
async def echo_with_acknowledgement(sid: str, *arguments: Any) -> tuple[Any, ...]:
    return arguments


@io.on("ask")
async def ask(sid: str, *arguments: Any) -> None:
    answer = await io.call("question", arguments, to=sid, timeout=5)
    await io.emit("answer", answer, to=sid)


@io.on("answer-late")
async def answer_late(sid: str) -> bool:
    await io.sleep(0.3)
    return True


@io.on("handshake")
async def handshake(sid: str) -> dict[str, Any]:
    environ = io.get_environ(sid)
    query = dict(part.split("=", 1) for part in environ["QUERY_STRING"].split("&"))
    return {"header": environ.get("HTTP_X_CONFORMANCE"), "query": query.get("colour")}


@io.on("big")
async def big(sid: str, size: int, binary: bool) -> bytes | str:
    return bytes(size) if binary else "x" * size


@io.on("stream")
async def stream(sid: str, total: int, burst: int) -> None:
    for number in range(total):
        await io.emit("item", number, to=sid)


@io.on("disconnect-me")
async def disconnect_me(sid: str, close: bool) -> None:
    await io.disconnect(sid)


@io.on("connect", namespace="/admin")
async def connect_admin(sid: str, environ: dict[str, Any], auth: Any) -> None:
    if not auth or auth.get("token") != "secret":
        raise socketio.exceptions.ConnectionRefusedError("no token")


@io.on("whoami", namespace="/admin")
async def whoami(sid: str) -> str:
    return "admin"


app = socketio.ASGIApp(io)
