"""The benchmark's application on Windsock: all join one room; ``chat`` goes to it, ``echo`` is answered."""

from __future__ import annotations

from typing import Any

from windsock import Server, Socket

ROOM = "benchmark"

io = Server()


@io.on("connect")
async def connect(socket: Socket) -> None:
    socket.join(ROOM)


@io.on("chat")
async def chat(socket: Socket, text: Any) -> None:
    io.to(ROOM).emit("chat", text)


@io.on("echo")
async def echo(socket: Socket, text: Any) -> Any:
    return text
