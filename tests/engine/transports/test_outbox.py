"""What is written at the end of an iteration: together for many where it is the same, and each failure is its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

import pytest

from windsock.engine.options import EngineOptions
from windsock.engine.transports.outbox import Outbox
from windsock.engine.transports.receivers import Receivers
from windsock.engine.transports.websocket import WebSocketTransport
from windsock.engine.wiring import Wiring


class Line(asyncio.Transport):
    """A connection that writes down what is written, and its own protocol, which keeps what is pending."""

    def __init__(self, outbox: Outbox, *, broken: bool = False) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.pending: list[bytes] = []
        self.connection = self
        self._outbox = outbox
        self._broken = broken

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._broken:
            raise RuntimeError("cannot be written to")
        self.writes.append(bytes(data))

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self  # type: ignore[return-value]  # both ends in one

    def put_first(self, data: bytes) -> None:
        if not self.pending:
            self._outbox.mark(self)
        self.pending.insert(0, data)

    def send(self, data: bytes) -> None:
        if not self.pending:
            self._outbox.mark(self)
        self.pending.append(data)

    def flush(self) -> None:
        self.write(b"".join(self.pending))
        self.pending.clear()


def receivers(plain: Iterable[Line], deflating: Iterable[Line] = ()) -> Receivers:
    """Of a room, by what its members take."""
    found = Receivers((), 0)
    found.connections += plain
    found.deflating += deflating
    return found


async def test_what_follows_each_other_is_one_write_each() -> None:
    outbox = Outbox()
    lines = [Line(outbox), Line(outbox)]
    room = receivers(lines)
    for frame in (b"a", b"b", b"c"):
        assert outbox.share(room, frame)
    outbox.flush()
    outbox.flush()
    assert [line.writes for line in lines] == [[b"abc"], [b"abc"]]


async def test_what_lies_between_keeps_its_place() -> None:
    outbox = Outbox()
    first, second = Line(outbox), Line(outbox)
    room = receivers([first, second])
    assert outbox.share(room, b"a")
    assert outbox.share(room, b"b")
    first.send(b"-")
    assert not outbox.share(room, b"c")
    for line in (first, second):
        line.send(b"c")
    outbox.flush()
    assert first.writes == [b"ab-c"]
    assert second.writes == [b"abc"]


async def test_another_room_breaks_it_up() -> None:
    outbox = Outbox()
    both, one = Line(outbox), Line(outbox)
    assert outbox.share(receivers([both, one]), b"a")
    assert not outbox.share(receivers([both]), b"b")
    both.send(b"b")
    outbox.flush()
    assert both.writes == [b"ab"]
    assert one.writes == [b"a"]


async def test_each_form_is_one_write_for_those_that_take_it() -> None:
    outbox = Outbox()
    plain, deflating = Line(outbox), Line(outbox)
    room = receivers([plain], [deflating])
    for frame in (b"a", b"b"):
        assert outbox.share(room, frame, frame.upper())
    outbox.flush()
    assert [plain.writes, deflating.writes] == [[b"ab"], [b"AB"]]
    assert outbox.share(receivers([plain]), b"c")
    outbox.flush()
    assert [plain.writes, deflating.writes] == [[b"ab", b"c"], [b"AB"]]


@pytest.mark.parametrize("between", ["plain", "deflating"])
async def test_what_lies_between_keeps_its_place_in_either_form(between: str) -> None:
    outbox = Outbox()
    plain, deflating = Line(outbox), Line(outbox)
    room = receivers([plain], [deflating])
    assert outbox.share(room, b"a", b"A")
    assert outbox.share(room, b"b", b"B")
    (plain if between == "plain" else deflating).send(b"-")
    assert not outbox.share(room, b"c", b"C")
    plain.send(b"c")
    deflating.send(b"C")
    outbox.flush()
    assert plain.writes == [b"ab-c" if between == "plain" else b"abc"]
    assert deflating.writes == [b"AB-C" if between == "deflating" else b"ABC"]


async def test_a_room_of_compressing_clients_alone() -> None:
    outbox = Outbox()
    deflating = Line(outbox)
    room = receivers([], [deflating])
    assert outbox.share(room, b"a", b"A")
    assert not outbox.share(receivers([Line(outbox)]), b"b")
    outbox.flush()
    assert deflating.writes == [b"A"]


async def test_nobody_shares_nothing() -> None:
    outbox = Outbox()
    assert not outbox.share(receivers([]), b"a")
    assert outbox.share(receivers([Line(outbox)]), b"b")


class Ended:
    """A session that hears of the end of its transport."""

    def receive(self, packet: str | bytes) -> None:
        raise AssertionError("nothing came")

    def receive_encoded(self, packet: bytes) -> bool:
        raise AssertionError("nothing came")

    def transport_closed(self, reason: str) -> None:
        pass


async def test_what_is_shared_is_written_before_a_connection_is_lost_to_its_transport() -> None:
    """After that it may not be written to at all, and all the others wait for the same write."""
    wiring = Wiring(EngineOptions())
    line = Line(wiring.outbox)
    transport = WebSocketTransport(line, wiring, siblings=set())
    transport.receiver = Ended()
    assert wiring.outbox.share(receivers([line]), b"a")
    transport.connection_lost(None)
    assert line.writes == [b"a"]


async def test_one_that_fails_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    outbox = Outbox()
    broken, sound = Line(outbox, broken=True), Line(outbox)
    with caplog.at_level(logging.CRITICAL, "windsock.engine"):
        assert outbox.share(receivers([broken, sound]), b"a")
        outbox.flush()
        broken.send(b"b")
        sound.send(b"b")
        outbox.flush()
    assert sound.writes == [b"a", b"b"]
