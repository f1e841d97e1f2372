"""What the plain WebSocket client talks to, as a Starlette endpoint under ``windsock serve``.

A message comes back as it was. Text that begins with ``!`` is an order: ``!close CODE REASON``, ``!tell`` what the
handshake said, ``!stop`` reading for good.
"""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket


async def serve(websocket: WebSocket) -> None:
    offered = websocket.scope["subprotocols"]
    await websocket.accept(subprotocol=offered[-1] if offered else None)
    while (message := await websocket.receive())["type"] == "websocket.receive":
        text = message.get("text") or ""
        order, _, rest = text.partition(" ")
        if order == "!close":
            code, _, reason = rest.partition(" ")
            await websocket.close(int(code), reason)
            return
        if order == "!tell":
            headers = {name.decode().lower(): value.decode() for name, value in websocket.scope["headers"]}
            url = f"{websocket.url.path}?{websocket.url.query}"
            await websocket.send_json({"url": url, "headers": headers, "offered": list(offered)})
        elif order == "!stop":
            await asyncio.sleep(3600)
        else:
            await websocket.send({**message, "type": "websocket.send"})


async def refuse(websocket: WebSocket) -> None:
    await websocket.send_denial_response(Response(status_code=int(websocket.path_params["status"])))


app = Starlette(
    routes=[
        WebSocketRoute("/", serve),
        WebSocketRoute("/deep/path", serve),
        WebSocketRoute("/refuse/{status}", refuse),
        Route("/page", lambda _: Response("no WebSocket")),
    ]
)
