"""Which events the stock client gets compressed: permessage-deflate on WebSocket, Content-Encoding by long-polling."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.conformance.javascript import DIRECTORY
from tests.server.fixtures import Serve
from tests.server.site import Lane
from windsock import Server, Socket

TEXT = "compressible " * 200


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_what_the_official_client_gets(host: Serve, lane: Lane, transport: str, javascript: None) -> None:
    io = Server(per_message_deflate=True)

    @io.on("give")
    def give(socket: Socket, event: str) -> None:
        senders: dict[str, Any] = {
            "usual": socket,
            "plain": socket.compress(False),
            "asked for": socket.compress(True),
            "plain to all": io.compress(False),
            "to all": io,
            "short": socket,
        }
        senders[event].emit(event, "short" if event == "short" else TEXT)

    events = ["usual", "plain", "asked for", "plain to all", "to all", "short"]
    site = await host(io, lane)
    node = await asyncio.create_subprocess_exec(
        *("node", "compression.js", site.url, transport, *events), cwd=DIRECTORY, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(node.communicate(), 60)
    size = len(TEXT)
    # What uvicorn's own class compresses is its business: it knows of no single message.
    plain = transport == "websocket" and lane == "asgi"
    assert json.loads(said) == [
        ["usual", size, True],
        ["plain", size, plain],
        ["asked for", size, True],
        ["plain to all", size, plain],
        ["to all", size, True],
        ["short", 5, plain],
    ]
