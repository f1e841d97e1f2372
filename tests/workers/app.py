"""What the workers of the tests run. ``PORT`` is where they listen; ``/pid`` says who answers, on any connection.

``CONSTANTS`` are times of the library that a busy machine would exceed, by module and name: ``{"windsock.a.B": 60}``.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import time
from typing import Any

from windsock import Server, Socket
from windsock.types import Receive, Scope, Send

for path, value in json.loads(os.environ.get("CONSTANTS", "{}")).items():
    place, _, name = path.rpartition(".")
    module = importlib.import_module(place)
    assert hasattr(module, name), path
    setattr(module, name, value)

RATE = os.environ.get("HANDSHAKE_RATE")

io = Server(ping_interval=5, ping_timeout=120, handshake_rate=float(RATE) if RATE else None)


@io.on("who")
def who(socket: Socket) -> dict[str, Any]:
    return {"pid": os.getpid(), "address": socket.handshake.address}


@io.on("echo")
def echo(socket: Socket, *arguments: Any) -> list[Any]:
    return list(arguments)


@io.on("join")
def join(socket: Socket, room: str) -> None:
    socket.join(room)


@io.on("say")
def say(socket: Socket, room: str, text: str) -> None:
    io.to(room).emit("said", text)


@io.on("count")
async def count(socket: Socket, room: str) -> int:
    return len(await io.in_(room).fetch_sockets())


@io.on("slow")
async def slow(socket: Socket, seconds: float) -> None:
    print("slow handler began", flush=True)  # noqa: T201
    await asyncio.sleep(seconds)
    print("slow handler ended", flush=True)  # noqa: T201


@io.on("wait")
async def wait(socket: Socket, file: str) -> None:
    print("waiting handler began", flush=True)  # noqa: T201
    while not os.path.exists(file):  # noqa: ASYNC110, ASYNC240  another process writes it
        await asyncio.sleep(0.01)
    print("waiting handler ended", flush=True)  # noqa: T201


@io.on("hang")
def hang(socket: Socket) -> None:
    time.sleep(3600)


async def pid(scope: Scope, receive: Receive, send: Send) -> None:
    body = str(os.getpid()).encode()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def rest(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    else:
        await pid(scope, receive, send)


app = io.asgi(rest, health_path="/healthz")
