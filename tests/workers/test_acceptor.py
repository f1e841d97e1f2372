"""Connections are taken in turn, also where those whose turn it is come late."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.server.site import until
from windsock.workers import acceptor, loads
from windsock.workers.acceptor import AHEAD, PATIENCE, Acceptor
from windsock.workers.loads import Loads

COUNT = 40


class Burst:
    """Connections that came at once, and two workers on one event loop that take them."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=COUNT))
        address = self._listener.getsockname()
        for _ in range(COUNT):
            stack.enter_context(socket.create_connection(address))
        self.loads = Loads(folder, 2)
        self.taken: list[list[socket.socket]] = [[], []]

    def begin(self, slot: int) -> None:
        """A worker comes round for the first time."""
        taken = self.taken[slot]

        def accepted(connection: socket.socket) -> None:
            taken.append(self._stack.enter_context(connection))

        def behind() -> float | None:
            self.loads.report(slot, len(taken))
            return self.loads.behind(len(taken) - AHEAD)

        self._stack.callback(Acceptor(self._listener.dup(), accepted, behind).close)

    @property
    def counts(self) -> list[int]:
        return [len(each) for each in self.taken]


@pytest.fixture
def burst(tmp_path: Path) -> Iterator[Burst]:
    with ExitStack() as stack:
        yield Burst(stack, tmp_path)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait for each other however long this process is not let run."""
    monkeypatch.setattr(acceptor, "PATIENCE", 3600.0)
    monkeypatch.setattr(loads, "SILENT", 3600.0)


@pytest.mark.usefixtures("patient")
async def test_they_share_them(burst: Burst) -> None:
    burst.begin(0)
    burst.begin(1)
    await until(lambda: sum(burst.counts) == COUNT, "all are taken")
    assert min(burst.counts) >= COUNT // 2 - 2 * AHEAD


@pytest.mark.usefixtures("patient")
async def test_one_that_comes_late_is_waited_for(burst: Burst) -> None:
    burst.loads.report(1, 0)
    burst.begin(0)
    await until(lambda: burst.counts[0] > AHEAD, "it takes as many as it may")
    assert burst.counts == [AHEAD + 1, 0]
    burst.begin(1)
    await until(lambda: sum(burst.counts) == COUNT, "all are taken")
    assert min(burst.counts) >= COUNT // 2 - 2 * AHEAD


async def test_one_that_does_not_come_is_not_waited_for_any_longer(burst: Burst) -> None:
    burst.loads.report(1, 0)
    began = time.monotonic()
    burst.begin(0)
    await until(lambda: burst.counts == [COUNT, 0], "all are taken")
    assert time.monotonic() - began >= PATIENCE


@pytest.mark.usefixtures("patient")
async def test_one_that_has_gone_is_not_waited_for(burst: Burst) -> None:
    burst.loads.report(1, 0)
    burst.loads.clear(1)
    burst.begin(0)
    assert burst.loads.behind(COUNT) is None
    await until(lambda: burst.counts == [COUNT, 0], "all are taken")
