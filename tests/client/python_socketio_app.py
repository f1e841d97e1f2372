"""What the client's tests ask of a server, on python-socketio: a part of :mod:`tests.conformance.app`."""

from __future__ import annotations

import json
import os
from typing import Any

import socketio  # type: ignore[import-untyped]  # the package has no types

io = socketio.AsyncServer(async_mode="asgi", **json.loads(os.environ.get("WINDSOCK_TEST_OPTIONS", "{}")))


async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    if auth and auth.get("refuse"):
        raise socketio.exceptions.ConnectionRefusedError("refused by the handler", auth["refuse"])
    await io.emit("welcome", {"id": sid, "auth": auth}, to=sid)


async def echo(sid: str, *arguments: Any) -> None:
    await io.emit("echo", arguments, to=sid)


async def echo_with_acknowledgement(sid: str, *arguments: Any) -> tuple[Any, ...]:
    return arguments


async def ask(sid: str, *arguments: Any) -> None:
    answer = await io.call("question", arguments, to=sid, timeout=5)
    await io.emit("answer", answer, to=sid)


async def answer_never(sid: str) -> bool:
    while io.manager.is_connected(sid, "/"):  # who has left hears no answer
        await io.sleep(0.05)
    return False


async def answer_late(sid: str) -> bool:
    await io.sleep(0.3)
    return True


async def handshake(sid: str) -> dict[str, Any]:
    environ = io.get_environ(sid)
    query = dict(part.split("=", 1) for part in environ["QUERY_STRING"].split("&"))
    return {"header": environ.get("HTTP_X_CONFORMANCE"), "query": query.get("colour")}


async def big(sid: str, size: int, binary: bool) -> bytes | str:
    return bytes(size) if binary else "x" * size


async def stream(sid: str, total: int, burst: int) -> None:
    for number in range(total):
        await io.emit("item", number, to=sid)


async def disconnect_me(sid: str, close: bool) -> None:
    await io.disconnect(sid)


async def connect_admin(sid: str, environ: dict[str, Any], auth: Any) -> None:
    if not auth or auth.get("token") != "secret":
        raise socketio.exceptions.ConnectionRefusedError("no token")


async def whoami(sid: str) -> str:
    return "admin"


io.on("connect", connect)
io.on("echo", echo)
io.on("echo-ack", echo_with_acknowledgement)
io.on("ask", ask)
io.on("answer-late", answer_late)
io.on("answer-never", answer_never)
io.on("handshake", handshake)
io.on("big", big)
io.on("stream", stream)
io.on("disconnect-me", disconnect_me)
io.on("connect", connect_admin, namespace="/admin")
io.on("whoami", whoami, namespace="/admin")

app = socketio.ASGIApp(io)
