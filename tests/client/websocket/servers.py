"""The servers that the plain WebSocket client is tried with."""

from __future__ import annotations

from typing import Final

from tests.conformance.javascript import DIRECTORY
from tests.conformance.process import ServerProcess, python

SERVE: Final = python("-m", "windsock.cli", "serve", "--host", "127.0.0.1", "--port", "{port}")

COMMANDS: Final = {
    "endpoint": [*SERVE, "tests.client.websocket.endpoint_app:app"],
    "starlette": [*SERVE, "tests.client.websocket.starlette_app:app"],
    "node": ["node", str(DIRECTORY / "plain.js"), "{port}"],
    "websockets": python("-m", "tests.client.websocket.websockets_app", "{port}"),
}


class PlainServer(ServerProcess):
    """A server that speaks plain WebSocket.

    Args:
        kind: a key of ``COMMANDS``.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(COMMANDS[kind])

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"
