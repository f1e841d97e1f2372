"""Whole paths through the server, between the bytes that come in and the one write that goes out for each client."""

from __future__ import annotations

from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.apps.windsock_app import ROOM, chat, connect, echo
from benchmarks.micro.fakes import connect_clients, encode_event
from windsock import ConnectionStateRecovery, Server
from windsock.protocol.websocket import TEXT as OPCODE_TEXT
from windsock.protocol.websocket import frame

CLIENTS = 500
BURST = 16
TEXT = "x" * 64
EVENT = frame(OPCODE_TEXT, f'42["chat","{TEXT}"]'.encode())
ACKNOWLEDGEMENT = frame(OPCODE_TEXT, f'437["{TEXT}"]'.encode())


def make_server(**options: Any) -> Server:
    """The benchmark's application, on a server of its own for each test."""
    io = Server(**options)
    for handler in (connect, chat, echo):
        io.on(handler.__name__)(handler)
    return io


async def test_broadcast(benchmark: BenchmarkFixture) -> None:
    io = make_server()
    lanes = await connect_clients(io, CLIENTS)

    def broadcast() -> None:
        io.to(ROOM).emit("chat", TEXT)
        io.engine.outbox.flush()

    benchmark(broadcast)
    assert {bytes(lane.connection.latest) for lane in lanes} == {EVENT}


async def test_broadcast_with_recovery(benchmark: BenchmarkFixture) -> None:
    """Numbered, and kept for whoever may have missed it: in a log that is full, as it is after a while."""
    io = make_server(connection_state_recovery=ConnectionStateRecovery(max_bytes=1_000_000))
    lanes = await connect_clients(io, CLIENTS)

    def broadcast() -> None:
        io.to(ROOM).emit("chat", TEXT)
        io.engine.outbox.flush()

    for _ in range(2000):
        broadcast()
    benchmark(broadcast)
    (latest,) = {bytes(lane.connection.latest) for lane in lanes}
    assert TEXT.encode() in latest


async def test_broadcast_of_burst(benchmark: BenchmarkFixture) -> None:
    """Sixteen messages in one turn of the event loop are still one write a client."""
    io = make_server()
    lanes = await connect_clients(io, CLIENTS)

    def broadcast() -> None:
        for _ in range(BURST):
            io.to(ROOM).emit("chat", TEXT)
        io.engine.outbox.flush()

    benchmark(broadcast)
    assert {bytes(lane.connection.latest) for lane in lanes} == {EVENT * BURST}


async def test_echo(benchmark: BenchmarkFixture) -> None:
    io = make_server()
    (lane,) = await connect_clients(io, 1)
    request = encode_event("echo", TEXT, id="7")

    def answer() -> None:
        lane.transport.data_received(request)
        io.engine.inbox.take_in()
        io.engine.outbox.flush()

    benchmark(answer)
    assert lane.connection.latest == ACKNOWLEDGEMENT


async def test_echo_of_burst(benchmark: BenchmarkFixture) -> None:
    io = make_server()
    (lane,) = await connect_clients(io, 1)
    burst = encode_event("echo", TEXT, id="7") * BURST

    def answer() -> None:
        lane.transport.data_received(burst)
        io.engine.inbox.take_in()
        io.engine.outbox.flush()

    benchmark(answer)
    assert lane.connection.latest == ACKNOWLEDGEMENT * BURST
