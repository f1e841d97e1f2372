"""The same by the ``websockets`` library's server; see ``starlette_app.py``. Its port is the only argument."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol


async def handle(connection: ServerConnection) -> None:
    request = connection.request
    assert request is not None
    try:
        async for message in connection:
            order, _, rest = message.partition(" ") if isinstance(message, str) else ("", "", "")
            if order == "!close":
                code, _, reason = rest.partition(" ")
                await connection.close(int(code), reason)
            elif order == "!tell":
                headers = {name.lower(): value for name, value in request.headers.raw_items()}
                offered = [each.strip() for each in headers.get("sec-websocket-protocol", "").split(",") if each]
                await connection.send(json.dumps({"url": request.path, "headers": headers, "offered": offered}))
            elif order == "!stop":
                await asyncio.sleep(3600)
            else:
                await connection.send(message)
    except ConnectionClosed:
        return


def answer(connection: ServerConnection, request: Request) -> Response | None:
    path = request.path
    if path.startswith("/refuse/"):
        return connection.respond(int(path.removeprefix("/refuse/")), "")
    if path == "/page":
        return connection.respond(200, "no WebSocket")
    return None


def choose(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return offered[-1] if offered else None


async def main(port: int) -> None:
    options = {"max_size": 16 * 1024 * 1024, "process_request": answer, "select_subprotocol": choose}
    async with serve(handle, "127.0.0.1", port, **options) as server:  # type: ignore[arg-type]  # a dict of all kinds
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
