"""What ``benchmarks.stopped_reader`` serves: each message goes to everybody; who does not read loses the oldest."""

from __future__ import annotations

from windsock import SlowConsumer
from windsock.websocket import Endpoint, WebSocket

app = Endpoint(slow_consumer=SlowConsumer(max_bytes=1024 * 1024, policy="drop_oldest"), ping_interval=300)


@app.on("message")
def message(socket: WebSocket, text: str) -> None:
    app.everybody.send(text)
