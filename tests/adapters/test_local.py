"""The bus of one host, and what no node of it would say."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.server.site import until
from windsock import Cluster, Server
from windsock.adapters.local import MAX_UNREAD, LocalBus

WITHIN = 30.0


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[list[Server]]:
    servers = [Server(adapter=Cluster(LocalBus(tmp_path).driver)) for _ in range(2)]
    for io in servers:
        await io.start()
    yield servers
    for io in servers:
        await io.close()


class Stranger:
    """A process of the same user that is no node.

    Args:
        folder: of the nodes' sockets.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sockets: list[socket.socket] = []

    @property
    def names(self) -> list[str]:
        """Of the nodes."""
        return os.listdir(self.folder)

    def close(self) -> None:
        for each in self._sockets:
            each.close()

    def open(self) -> socket.socket:
        each = socket.socket(socket.AF_UNIX)
        each.setblocking(False)
        self._sockets.append(each)
        return each

    async def say(self, name: str, data: bytes) -> socket.socket:
        """Says something to a node."""
        each = self.open()
        await asyncio.get_running_loop().sock_connect(each, f"{self.folder}/{name}")
        await asyncio.get_running_loop().sock_sendall(each, data)
        return each


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[Stranger]:
    stranger = Stranger(tmp_path)
    yield stranger
    stranger.close()


async def count(io: Server) -> int:
    """How many servers one of them knows of."""
    cluster = io.of("/").cluster
    assert cluster is not None
    return await cluster.server_count()


def frame(kind: int, *pieces: bytes) -> bytes:
    body = b"".join(struct.pack(">I", len(piece)) + piece for piece in (bytes((kind,)), *pieces))
    return struct.pack(">I", len(body)) + body


@pytest.mark.parametrize(
    "garbage",
    [
        b"\xff" * 8,
        b"\0\0\0\0",
        struct.pack(">I", 4) + b"\0\0\0\0",
        struct.pack(">I", 2) + b"\0\0",
        frame(0, b"\xff", b""),
        frame(3, b"/"),
    ],
    ids=["endless", "empty", "of no kind", "cut", "no text", "nobody's"],
)
async def test_garbage_ends_the_connection_and_nothing_else(
    stranger: Stranger, servers: list[Server], garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    for name in stranger.names:
        connection = await stranger.say(name, garbage)
        async with asyncio.timeout(WITHIN):
            assert await asyncio.get_running_loop().sock_recv(connection, 1) == b""
    assert {record.message for record in caplog.records} == {
        "a process of this host says what makes no sense: it is not listened to"
    }
    assert [await count(io) for io in servers] == [2, 2]
    servers[1].on_server_event("ping")(lambda: "pong")
    assert await servers[0].server_side_emit_with_ack("ping") == ["pong"]


async def test_one_that_never_reads_costs_a_bounded_memory(
    stranger: Stranger, servers: list[Server], caplog: pytest.LogCaptureFixture
) -> None:
    first, second = servers
    heard: list[str] = []
    second.on_server_event("long")(heard.append)
    names = stranger.names
    name = names[0].split("-")[0] + "-silent"
    listener = stranger.open()
    listener.bind(f"{stranger.folder}/{name}")
    listener.listen()
    for other in names:
        await stranger.say(other, frame(0, name.encode(), b""))
    async with asyncio.timeout(WITHIN):
        accepted = [(await asyncio.get_running_loop().sock_accept(listener))[0] for _ in names]
    text = "x" * 1024 * 1024
    number = 0
    while not caplog.records:
        assert number <= 2 * MAX_UNREAD // len(text), "it is not noticed"
        first.server_side_emit("long", text)
        number += 1
        await until(lambda expected=number: len(heard) == expected, "the other one hears on")  # type: ignore[misc]  # mypy has no type for a lambda's default
    assert "does not read what the others say" in caplog.records[0].message
    # It is given another chance: it may have stood still for a while.
    async with asyncio.timeout(WITHIN):
        accepted.append((await asyncio.get_running_loop().sock_accept(listener))[0])
        assert await asyncio.get_running_loop().sock_recv(accepted[-1], 1)
    for each in accepted:
        each.close()
