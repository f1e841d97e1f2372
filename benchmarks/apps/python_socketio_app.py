"""The benchmark's application on python-socketio: all join one room; ``chat`` goes to it, ``echo`` is answered."""

from __future__ import annotations

from typing import Any

import socketio  # type: ignore[import-untyped]  # the package has no types

ROOM = "benchmark"

io = socketio.AsyncServer(async_mode="asgi")
app = socketio.ASGIApp(io)


async def connect(sid: str, environ: dict[str, Any]) -> None:
    await io.enter_room(sid, ROOM)


async def chat(sid: str, text: Any) -> None:
    await io.emit("chat", text, to=ROOM)


async def echo(sid: str, text: Any) -> Any:
    return text


for handler in (connect, chat, echo):
    io.on(handler.__name__, handler)
