"""A client whose process is stopped (SIGSTOP) costs nobody else anything, and the server little memory."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.conformance.process import ROOT, python
from tests.conftest import Serve
from tests.server.peer import ENGINE, WebSocketPeer
from tests.server.site import soon
from tests.server.slow_app import BUDGET

SIZE = 50_000
TOTAL = 800
"""40 MB: many times what the buffers of a connection hold, and the budget."""

MOST_MEMORY = BUDGET + 24_000_000
"""The budget, and room for what an interpreter and its allocator do meanwhile; far less than is sent."""


@pytest.fixture
async def readers() -> AsyncIterator[list[asyncio.subprocess.Process]]:
    """Processes of one test."""
    started: list[asyncio.subprocess.Process] = []
    yield started
    for process in started:
        if process.returncode is None:
            process.kill()  # which ends a stopped one, too
            await process.wait()


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await soon(process.stdout.readline())).decode().strip()


@pytest.mark.parametrize("policy", ["close", "drop_oldest", "conflate"])
async def test_a_process_that_is_stopped(
    serve: Serve, stack: AsyncExitStack, readers: list[asyncio.subprocess.Process], policy: str
) -> None:
    server = serve("tests.server.slow_app:io", environment={"WINDSOCK_TEST_POLICY": policy})
    healthy = await WebSocketPeer.open(server.url, stack)
    await healthy.connect()
    url = f"ws://127.0.0.1:{server.port}{ENGINE}&transport=websocket"
    command = python("-m", "tests.server.slow_reader", url)
    reader = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    readers.append(reader)
    assert await line(reader) == "ready"

    for number in range(20):  # while both keep up
        await healthy.emit("publish", number, SIZE)
        assert (await healthy.event("n"))[0] == number
        assert await line(reader) == str(number)
    before = server.resident()

    os.kill(reader.pid, signal.SIGSTOP)
    most = 0
    for number in range(20, TOTAL):
        await healthy.emit("publish", number, SIZE)
        assert (await healthy.event("n"))[0] == number
        if number % 50 == 0:
            most = max(most, server.resident())
    assert most - before < MOST_MEMORY
    os.kill(reader.pid, signal.SIGCONT)
    await healthy.emit("publish", -1, 0)
    assert (await healthy.event("n"))[0] == -1

    received = []
    while (text := await line(reader)) not in ("-1", "closed"):
        received.append(int(text))
    (cost,) = await healthy.call("cost")
    assert received[0] == 20
    assert received == sorted(set(received)), "in order, each once"
    if policy == "close":
        assert text == "closed"
        assert received == list(range(20, 20 + len(received))), "nothing is left out before the end"
        assert cost == {"slow": 1, "dropped": 0, "bytes": 0, "closed": 1}
        return
    assert text == "-1"
    assert cost["closed"] == 0
    assert cost["dropped"] == TOTAL - 20 - len(received) > 0
    assert cost["bytes"] > cost["dropped"] * SIZE
    if policy == "drop_oldest":
        latest = BUDGET // (SIZE + 100)
        assert received[-latest:] == list(range(TOTAL - latest, TOTAL)), "the latest that the budget holds"
    else:
        assert received[-7:] == list(range(TOTAL - 7, TOTAL)), "the latest of each key"
        assert len(received) - 7 < TOTAL // 2
