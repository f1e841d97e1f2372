"""Faults of a connection, on demand."""

from __future__ import annotations

import pytest

from windsock import Server, SlowConsumer, Socket
from windsock.testing import Harness


def make_server(budget: int = 1_000_000) -> tuple[Server, list[str]]:
    io = Server(slow_consumer=SlowConsumer(max_bytes=budget))
    left: list[str] = []
    io.on("disconnect")(lambda socket, reason: left.append(reason))

    @io.on("echo")
    def echo(socket: Socket, value: object) -> object:
        return value

    return io, left


@pytest.mark.parametrize(("abruptly", "reason"), [(False, "transport close"), (True, "transport error")])
async def test_cut(windsock_harness: Harness, abruptly: bool, reason: str) -> None:
    io, left = make_server()
    peer = await windsock_harness.connect(io)
    peer.wire.cut(abruptly=abruptly)
    assert not peer.wire.open
    await peer.assert_disconnected("transport close")
    await windsock_harness.settle()
    assert left == [reason]
    assert io.engine.sessions == {}


async def test_drop(windsock_harness: Harness) -> None:
    io, left = make_server()
    peer = await windsock_harness.connect(io)
    peer.wire.drop()
    io.emit("lost")
    peer.emit("echo", 1)
    await peer.assert_nothing()
    assert left == []
    await windsock_harness.advance(60)
    assert left == ["ping timeout"]
    assert peer.wire.open, "nobody can tell the client"


async def test_delay(windsock_harness: Harness) -> None:
    io, _ = make_server()
    peer, other = await windsock_harness.connect(io), await windsock_harness.connect(io)
    peer.wire.delay(2)
    io.emit("news", 1)
    await other.assert_emitted("news", 1)
    await peer.assert_nothing()
    await windsock_harness.advance(1)
    peer.wire.delay(0)
    io.emit("news", 2)
    await peer.assert_nothing()
    await windsock_harness.advance(1)
    assert [event.arguments for event in peer.unread] == [[1], [2]], "in order, though the second was not delayed"
    peer.wire.delay(3)
    before = windsock_harness.clock.time()
    assert await windsock_harness.advance_until(peer.emit_with_ack("echo", 5)) == 5
    assert windsock_harness.clock.time() == pytest.approx(before + 6), "there and back"


async def test_a_client_that_stops_reading(windsock_harness: Harness) -> None:
    io, left = make_server(budget=200_000)
    stopped, healthy = await windsock_harness.connect(io), await windsock_harness.connect(io)
    stopped.wire.stop_reading()
    for number in range(10):
        io.emit("news", number, "x" * 10_000)
        await windsock_harness.settle()
    assert stopped.unread == []
    assert max(session.transport.buffered for session in io.engine.sessions.values()) > 0, "it has been told to pause"
    stopped.wire.start_reading()
    for peer in (stopped, healthy):
        for number in range(10):
            assert (await peer.assert_emitted("news")).arguments[0] == number
    assert left == []
    stopped.wire.stop_reading()
    for _ in range(50):
        io.emit("news", "x" * 10_000)
        await windsock_harness.settle()
    assert left == ["transport error"], "its budget is used up"
    await stopped.assert_disconnected()
    assert len(healthy.unread) == 50
