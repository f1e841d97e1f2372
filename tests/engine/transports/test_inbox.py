"""What the event loop read in one iteration is taken in at its end, in order, and each failure is its own."""

from __future__ import annotations

import asyncio
import logging

import pytest

from windsock.engine.transports.inbox import Inbox
from windsock.engine.transports.outbox import Outbox


class Recorder:
    """A transport that writes down what it takes, and what is written for it."""

    pending: None = None

    def __init__(self, name: str, log: list[str], outbox: Outbox | None = None) -> None:
        self.name = name
        self.log = log
        self.outbox = outbox

    def take(self, data: bytes) -> None:
        self.log.append(f"{self.name} takes {data.decode()}")
        if data == b"bad":
            raise RuntimeError("cannot be taken")
        if self.outbox is not None:
            self.outbox.mark(self)

    def flush(self) -> None:
        self.log.append(f"{self.name} writes")

    def abort(self) -> None:
        self.log.append(f"{self.name} is aborted")


def arrive(inbox: Inbox, transport: Recorder, data: bytes) -> None:
    if not inbox.arrivals:
        inbox.schedule()
    inbox.arrivals.append((transport, data))


async def test_all_is_taken_in_before_anything_is_written() -> None:
    log: list[str] = []
    outbox = Outbox()
    inbox = Inbox(outbox)
    first, second = Recorder("first", log, outbox), Recorder("second", log, outbox)
    for transport, data in ((first, b"a"), (second, b"b"), (first, b"c")):
        arrive(inbox, transport, data)
    assert log == []
    await asyncio.sleep(0)
    assert log[:3] == ["first takes a", "second takes b", "first takes c"]
    assert set(log[3:]) == {"first writes", "second writes"}


async def test_one_that_fails_is_aborted_and_no_other_notices(caplog: pytest.LogCaptureFixture) -> None:
    log: list[str] = []
    inbox = Inbox(Outbox())
    arrive(inbox, Recorder("first", log), b"bad")
    arrive(inbox, Recorder("second", log), b"good")
    with caplog.at_level(logging.CRITICAL, "windsock.engine"):
        await asyncio.sleep(0)
    assert log == ["first takes bad", "first is aborted", "second takes good"]


async def test_what_was_taken_in_early_is_not_taken_in_again() -> None:
    log: list[str] = []
    inbox = Inbox(Outbox())
    arrive(inbox, Recorder("first", log), b"a")
    inbox.take_in()
    assert log == ["first takes a"]
    await asyncio.sleep(0)
    assert log == ["first takes a"]
