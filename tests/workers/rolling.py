"""What the workers run that are rolled under load: a room, over a stream of Redis, with connection state recovery."""

from __future__ import annotations

import os

from windsock import ConnectionStateRecovery, Server, Socket
from windsock.redis import RedisStreamsAdapter

io = Server(
    adapter=RedisStreamsAdapter(os.environ["STREAM_URL"], block_time=0.5),
    connection_state_recovery=ConnectionStateRecovery(),
)


@io.on("connect")
def connect(socket: Socket) -> None:
    if not socket.recovered:
        socket.join("all")


@io.on("say")
def say(socket: Socket, publisher: str, number: int) -> None:
    io.to("all").emit("said", publisher, number)


app = io.asgi()
