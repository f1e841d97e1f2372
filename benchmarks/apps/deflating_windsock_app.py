"""The benchmark's application on Windsock with permessage-deflate: from 1024 bytes on, at zlib's level 6."""

from __future__ import annotations

from typing import Any

from windsock import Server, Socket

ROOM = "benchmark"

io = Server(per_message_deflate=True)


@io.on("connect")
async def connect(socket: Socket) -> None:
    socket.join(ROOM)


@io.on("chat")
async def chat(socket: Socket, document: Any) -> None:
    io.to(ROOM).emit("chat", document)
