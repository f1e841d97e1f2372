"""Clients that ask over HTTP and do not take the answer."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.server.fixtures import Dial, Serve
from tests.server.peer import ENGINE
from tests.server.site import Site, pass_time, soon, until
from windsock import Server, Socket
from windsock.testing import Clock
from windsock.types import Receive, Scope, Send

SIZE = 20_000_000
"""Bytes: more than the kernel keeps for a connection."""


async def large(scope: Scope, receive: Receive, send: Send) -> None:
    """An application whose answers are large."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % SIZE)]})
    await send({"type": "http.response.body", "body": bytes(SIZE)})


async def ask(site: Site, target: str, *, times: int = 1) -> socket.socket:
    """A connection over which this was asked for."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", site.port))
    await loop.sock_sendall(client, f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode() * times)
    return client


@pytest.mark.clock
@pytest.mark.parametrize("times", [1, 3])
async def test_an_answer_that_nobody_takes_is_not_kept_for_ever(host: Serve, times: int) -> None:
    site = await host(large, lifespan="off")
    client = await ask(site, "/", times=times)
    with client, Clock() as clock:
        await pass_time(clock, 30, 5)
        assert site.connections == 1
        await pass_time(clock, 120, 5)
        assert site.connections == 0
        assert site.requests == 0


@pytest.mark.clock
async def test_what_a_session_leaves_behind_is_not_kept_for_ever(host: Serve, dial: Dial) -> None:
    io = Server()

    @io.on("fetch")
    def fetch(sender: Socket) -> None:
        for _ in range(4):
            sender.emit("large", "x" * 990_000)

    site = await host(io)
    peer = await dial(site, "polling")
    await peer.connect()
    await peer.emit("fetch")
    with await ask(site, f"{ENGINE}&transport=polling&sid={peer.sid}"), Clock() as clock:
        await pass_time(clock, 30, 5)
        await pass_time(clock, 150, 5)
        assert not io.engine.sessions
        await until(lambda: site.connections <= 1, "at most the other client's connection is left")


@pytest.mark.clock
async def test_an_answer_that_is_taken_slowly_is_given_whole(host: Serve) -> None:
    """A minute is for some of it, not for all."""
    site = await host(large, lifespan="off")
    loop = asyncio.get_running_loop()
    taken = 0
    with await ask(site, "/") as client, Clock() as clock:
        while taken < SIZE:
            await pass_time(clock, 20, 10)
            piece = 0
            while piece < 2_000_000 and taken < SIZE:
                data = await soon(loop.sock_recv(client, 65_536))
                assert data, f"cut off after {taken} bytes"
                piece += len(data)
                taken += len(data)
