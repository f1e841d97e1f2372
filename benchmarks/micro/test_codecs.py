"""One message through each codec."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.micro.fakes import encode_event
from windsock.protocol import payload
from windsock.protocol.engineio import Message
from windsock.protocol.parsers.json import JsonParser
from windsock.protocol.socketio import Packet, PacketType
from windsock.protocol.websocket import MessageReader

TEXTS = {"64 bytes": "x" * 64, "16 KB": "x" * 16 * 1024}
LIMIT = 1_000_000


@pytest.fixture(params=list(TEXTS))
def text(request: pytest.FixtureRequest) -> str:
    return TEXTS[request.param]


def test_encode_event(benchmark: BenchmarkFixture, text: str) -> None:
    parser = JsonParser()
    arguments = ["chat", text]
    assert benchmark(lambda: parser.encode(PacketType.EVENT, "/", arguments).frame).endswith(b'"]')


def test_encode_binary_event(benchmark: BenchmarkFixture, text: str) -> None:
    parser = JsonParser()
    arguments = ["chat", text.encode()]
    assert benchmark(lambda: parser.encode(PacketType.EVENT, "/", arguments).frame).endswith(b"x")


def test_decode_event(benchmark: BenchmarkFixture, text: str) -> None:
    decoder = JsonParser().decoder()
    packet = benchmark(decoder.add, f'217["echo","{text}"]')
    assert packet == Packet(PacketType.EVENT, "/", ["echo", text], 17)


def test_read_frame(benchmark: BenchmarkFixture, text: str) -> None:
    reader = MessageReader(LIMIT)
    frame = encode_event("chat", text)
    assert benchmark(reader.receive, frame) == [f'42["chat","{text}"]']


def test_read_burst_of_frames(benchmark: BenchmarkFixture) -> None:
    reader = MessageReader(LIMIT)
    burst = encode_event("chat", TEXTS["64 bytes"]) * 16
    assert len(benchmark(reader.receive, burst)) == 16


def test_encode_payload(benchmark: BenchmarkFixture, text: str) -> None:
    messages = [Message(f'42["chat","{text}"]'.encode()) for _ in range(4)]
    assert benchmark(payload.encode, messages).count(b"\x1e") == 3


def test_decode_payload(benchmark: BenchmarkFixture, text: str) -> None:
    body = payload.encode([Message(f'42["chat","{text}"]'.encode()) for _ in range(4)])
    assert len(benchmark(payload.decode, body)) == 4
