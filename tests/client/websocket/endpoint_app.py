"""The same by Windsock's own endpoint, on the fast lane; see ``starlette_app.py``."""

from __future__ import annotations

import asyncio

from tests.client.websocket import starlette_app
from windsock.websocket import Endpoint, WebSocket

endpoint = Endpoint(subprotocols=["two", "one"], max_message_size=16 * 1024 * 1024, per_message_deflate=True)


@endpoint.on("session")
async def serve(socket: WebSocket) -> None:
    async for message in socket:
        order, _, rest = message.partition(" ") if isinstance(message, str) else ("", "", "")
        if order == "!close":
            code, _, reason = rest.partition(" ")
            socket.close(int(code), reason)
        elif order == "!tell":
            request = socket.request
            offered = [each for each in request.headers.get("sec-websocket-protocol", "").split(",") if each]
            socket.send_json({"url": request.url, "headers": dict(request.headers), "offered": offered})
        elif order == "!stop":
            await asyncio.sleep(3600)
        else:
            socket.send(message)
            await socket.drain()


app = endpoint.asgi(endpoint.asgi(starlette_app.app, "/deep/path"), "/")
