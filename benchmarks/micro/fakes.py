"""Clients of a server without a network: the frames they would send, and connections that lead nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
from websockets.frames import Frame, Opcode

from windsock import Server
from windsock.asgi import EXTENSION
from windsock.engine.cors import Header
from windsock.engine.registry import Engine
from windsock.engine.transports.websocket import WebSocketTransport
from windsock.engine.wiring import Wiring
from windsock.types import Send

SCOPE: dict[str, Any] = {
    "type": "websocket",
    "path": "/socket.io/",
    "query_string": b"EIO=4&transport=websocket",
    "headers": [(b"host", b"127.0.0.1")],
    "client": ("127.0.0.1", 1),
    "scheme": "ws",
}


def encode_frame(text: str) -> bytes:
    """The masked frame in which a client sends a text."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=True)


def encode_event(event: str, *arguments: Any, id: str = "") -> bytes:
    """The frame in which a client sends an event."""
    return encode_frame(f"42{id}{orjson.dumps([event, *arguments]).decode()}")


class FakeConnection(asyncio.Transport):
    """Takes what is written to it, at no cost, and keeps the latest."""

    def __init__(self) -> None:
        super().__init__()
        self.latest: bytes | bytearray | memoryview = b""
        self.protocol: asyncio.BaseProtocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """See ``asyncio.Transport``."""
        return self.protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keeps the data."""
        self.latest = data


class FakeLane:
    """The fast lane's offer of a connection, with a fake one."""

    def __init__(self) -> None:
        self.connection = FakeConnection()
        self.transport: WebSocketTransport

    def owns(self, send: Send) -> bool:
        """See ``windsock.asgi.Lane``: there is nobody in between."""
        return True

    def meet(self, engine: Engine) -> None:
        """See ``windsock.asgi.Host``: nobody is told which engines there are."""

    def take_over(self, wiring: Wiring, headers: list[Header], subprotocol: str | None = None) -> WebSocketTransport:
        """See ``windsock.asgi.Lane``."""
        self.transport = WebSocketTransport(self.connection, wiring, siblings=set())
        self.connection.protocol = self.transport
        return self.transport


async def connect_clients(io: Server, count: int) -> Sequence[FakeLane]:
    """Connect clients to the main namespace, through the ASGI application as real ones do."""
    app = io.asgi()
    lanes = []
    for _ in range(count):
        lane = FakeLane()
        await app({**SCOPE, "extensions": {EXTENSION: lane}}, _never_called, _never_called)
        lane.transport.take(encode_frame("40"))
        lanes.append(lane)
    await asyncio.sleep(0)
    return lanes


async def _never_called(*_: Any) -> Any:
    raise AssertionError("the fast lane needs no ASGI messages")
