"""Which of the client's messages are compressed: as with socket.io-client, those that are worth it and may be."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.typing import ExtensionParameter

from tests.client.fixtures import Make
from tests.client.servers import Running
from tests.server.site import soon, until
from windsock import Client

OPEN = "0" + json.dumps({"sid": "a", "upgrades": [], "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 1000})
LONG = "compressible " * 200


class Noting(ServerPerMessageDeflateFactory):
    """Notes of each message whether it came compressed (RFC 7692, section 6: the first reserved bit)."""

    def __init__(self) -> None:
        super().__init__()
        self.compressed: list[bool] = []

    def has(self, messages: int) -> bool:
        """Whether so many have come."""
        return len(self.compressed) >= messages

    def process_request_params(
        self, params: Sequence[ExtensionParameter], accepted_extensions: Sequence[Extension]
    ) -> tuple[list[ExtensionParameter], PerMessageDeflate]:
        answer, agreed = super().process_request_params(params, accepted_extensions)
        decode = agreed.decode

        def noted(frame: Frame, *, max_size: int | None = None) -> Frame:
            if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
                self.compressed.append(frame.rsv1)
            return decode(frame, max_size=max_size)

        agreed.decode = noted  # type: ignore[method-assign]
        return answer, agreed


async def take_all(connection: ServerConnection) -> None:
    """A server of Socket.IO that says no more than it must."""
    await connection.send(OPEN)
    await connection.recv()
    await connection.send('40{"sid":"b"}')
    await connection.wait_closed()


@pytest.mark.parametrize("retries", [0, 1])
async def test_what_is_compressed(make: Make, retries: int) -> None:
    noting = Noting()
    async with serve(take_all, "127.0.0.1", 0, compression=None, extensions=[noting]) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        # A server that answers nothing keeps each event waiting: with retries the next one has its own client.
        senders: list[Callable[[Client], Any]] = [
            lambda io: io.emit("x", LONG),
            lambda io: io.emit("x", "short"),
            lambda io: io.compress(False).emit("x", LONG),
            lambda io: io.compress(True).emit("x", LONG),
            lambda io: io.of("/").compress(False).timeout(60).send(LONG),
            lambda io: io.emit("x", LONG, b"short", LONG.encode()),
        ]
        expected = [[True], [False], [False], [True], [False], [True, False, True]]
        got = []
        for send, each in zip(senders, expected, strict=True):
            io, _ = make(url, transports=["websocket"], retries=retries)
            await soon(io.connect())
            noting.compressed.clear()
            send(io)
            await until(partial(noting.has, len(each)), "all of it has come")
            got.append(list(noting.compressed))
            await soon(io.close())
    assert got == expected


async def test_none_is_agreed_on(make: Make) -> None:
    offered: list[str | None] = []

    async def script(connection: ServerConnection) -> None:
        assert connection.request is not None
        offered.append(connection.request.headers.get("Sec-WebSocket-Extensions"))
        await take_all(connection)

    async with serve(script, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for compression in (True, False):
            io, _ = make(url, transports=["websocket"], compression=compression)
            await soon(io.connect())
            await soon(io.close())
    assert [None if each is None else each.split(";")[0] for each in offered] == ["permessage-deflate", None]


@pytest.mark.parametrize("kind", ["windsock", "node"])
async def test_what_is_left_out_spoils_nothing(running: Running, make: Make, kind: str) -> None:
    """Windows that span messages (RFC 7692, section 7.1.1) have not seen what was not compressed, on either side."""
    io, _ = make(running.get(kind, per_message_deflate=True).url, transports=["websocket"])
    await soon(io.connect())
    for number in range(20):
        text = f"{number} {LONG}" if number % 3 else str(number)
        assert await soon(io.compress(number % 2 == 0).timeout(60).emit_with_ack("echo-ack", text)) == text


async def test_where_there_is_none(running: Running, make: Make, transports: tuple[str, ...]) -> None:
    io, seen = make(running.get("windsock").url, transports=transports)
    await soon(io.connect())
    await seen.events("welcome", 1)
    io.compress(False).emit("echo", LONG)
    assert await seen.event() == ("echo", LONG)
