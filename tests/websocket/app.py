"""Served by other ASGI servers: ``+name`` joins a group, ``name:text`` sends to one, ``close code`` closes."""

from __future__ import annotations

from windsock import ConnectionRefused, SlowConsumer
from windsock.websocket import Endpoint, WebSocket

app = Endpoint(subprotocols=["test"], slow_consumer=SlowConsumer(1_000_000, policy="drop_oldest"))


@app.on("connect")
def connect(socket: WebSocket) -> None:
    if socket.request.query.get("refuse"):
        raise ConnectionRefused("refused")


@app.on("message")
async def message(socket: WebSocket, message: str | bytes) -> None:
    if isinstance(message, bytes):
        socket.send(message)
    elif message.startswith("+"):
        socket.join(message[1:])
        socket.send("joined")
    elif message.startswith("close "):
        socket.close(int(message[6:]), "asked to")
    else:
        name, _, text = message.partition(":")
        app.group(name).send(text)
