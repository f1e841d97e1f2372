"""The plain application on the websockets library. Usage: python -m benchmarks.apps.plain_websockets_app PORT"""

from __future__ import annotations

import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

everybody: set[ServerConnection] = set()


async def handle(connection: ServerConnection) -> None:
    everybody.add(connection)
    try:
        async for message in connection:
            text = str(message)
            if text.startswith("chat"):
                broadcast(everybody, text)
            else:
                await connection.send(text)
    finally:
        everybody.discard(connection)


async def main(port: int) -> None:
    async with serve(handle, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
