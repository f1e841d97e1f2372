"""The plain application on Windsock: ``chat`` goes to everybody, ``echo`` is answered."""

from __future__ import annotations

from windsock.websocket import Endpoint, WebSocket

app = Endpoint()


@app.on("message")
def message(socket: WebSocket, text: str) -> None:
    if text.startswith("chat"):
        app.everybody.send(text)
    else:
        socket.send(text)
