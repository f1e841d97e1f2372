"""An endpoint that says everything again, and one of its clients."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.server.peer import open_websocket
from tests.server.site import Site, soon
from windsock.websocket import Endpoint


async def dial(site: Site, stack: AsyncExitStack, path: str = "/", **options: Any) -> ClientConnection:
    return await open_websocket(site.url + path, stack, **options)


async def end(connection: ClientConnection) -> tuple[int, str]:
    """Reads until the connection is closed; code and reason."""
    try:
        while True:
            await soon(connection.recv())
    except ConnectionClosed as closed:
        return (1006, "") if closed.rcvd is None else (closed.rcvd.code, closed.rcvd.reason)


def make_echo(**options: Any) -> Endpoint:
    endpoint = Endpoint(**options)
    endpoint.on("message")(lambda socket, message: socket.send(message))
    return endpoint
