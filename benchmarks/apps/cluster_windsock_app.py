"""The benchmark's application on Windsock as a member of a cluster over the Redis server that REDIS_URL names."""

from __future__ import annotations

import os
from typing import Any

from windsock import Server, Socket
from windsock.redis import RedisPubSubAdapter

ROOM = "benchmark"

io = Server(adapter=RedisPubSubAdapter(os.environ["REDIS_URL"]))


@io.on("connect")
async def connect(socket: Socket) -> None:
    socket.join(ROOM)


@io.on("chat")
async def chat(socket: Socket, text: Any) -> None:
    io.to(ROOM).emit("chat", text)
