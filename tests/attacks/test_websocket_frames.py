"""Frames that RFC 6455 forbids, and rows of frames that cost more than they carry."""

from __future__ import annotations

import json
import struct
import zlib
from contextlib import suppress
from typing import ClassVar

import pytest

from tests.attacks.conftest import Target, on_every_server, on_the_original_too
from tests.attacks.wire import (
    NO_CLOSE_FRAME,
    WEBSOCKET,
    Client,
    Connection,
    ConnectionEnded,
    WebSocket,
    frame,
    upgrade_headers,
)
from tests.protocol.wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT

MEGABYTE = 1_000_000


def opened(target: Target) -> WebSocket:
    websocket = WebSocket(target.port, WEBSOCKET)
    assert websocket.receive_text().startswith('0{"sid"')
    return websocket


@pytest.mark.parametrize(
    "data",
    [
        frame(TEXT, b"40", masked=False),
        frame(PING, b"x" * 126),
        frame(CLOSE, b"\x03\xe8" + b"x" * 124),
        frame(PING, b"x", final=False),
        frame(PONG, b"x", final=False),
        frame(CLOSE, b"\x03\xe8", final=False),
        frame(TEXT, b"40", reserved=0b100),
        frame(BINARY, b"40", reserved=0b100),
        frame(TEXT, b"40", reserved=0b010),
        frame(TEXT, b"40", reserved=0b001),
        frame(PING, b"x", reserved=0b100),
        frame(CONTINUATION, b"x"),
        frame(CONTINUATION, b"x", final=False),
        frame(TEXT, b"4", final=False) + frame(TEXT, b"0"),
        frame(TEXT, b"4", final=False) + frame(BINARY, b"0"),
        frame(TEXT, b"4", final=False) + frame(CONTINUATION, b"0", reserved=0b100),
        *(frame(opcode, b"x") for opcode in (0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF)),
        frame(CLOSE, b"\x03"),
        *(
            frame(CLOSE, struct.pack("!H", code))
            for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
        ),
        frame(TEXT, b"", length=2**63),
        frame(TEXT, b"", length=2**64 - 1),
    ],
    ids=lambda data: data[:6].hex(" ") + f" {len(data)}",
)
def test_what_the_rfc_forbids_closes_with_1002(target: Target, data: bytes) -> None:
    with opened(target) as websocket:
        websocket.send(data)
        assert websocket.close_code() == 1002


@pytest.mark.parametrize(
    "data",
    [
        frame(TEXT, b"4\xff"),
        frame(TEXT, b"4\xc0\xaf"),
        frame(TEXT, b"4\xed\xa0\x80"),
        frame(TEXT, b"4\xf4\x90\x80\x80"),
        frame(TEXT, b"4\xe2\x82"),
        frame(TEXT, b"4\xf0\x9f", final=False) + frame(CONTINUATION, b"\x98"),
        frame(TEXT, b"4\xf0\x9f", final=False) + frame(CONTINUATION, b"\xff\x80"),
        frame(CLOSE, b"\x03\xe8\xff"),
    ],
    ids=lambda data: data[6:].hex(" "),
)
@on_the_original_too
def test_text_that_is_not_utf8_closes_with_1007(target: Target, data: bytes) -> None:
    with opened(target) as websocket:
        websocket.send(data)
        assert websocket.close_code() == 1007


def test_text_cut_within_a_character_is_whole_again(target: Target) -> None:
    whole = '42["echo","🎉é"]'.encode()
    with Client(target.port) as client:
        for cut in range(1, len(whole)):
            client.send(frame(TEXT, whole[:cut], final=False) + frame(CONTINUATION, whole[cut:]))
            assert client.event("echo") == ["🎉é"]


@on_every_server
def test_a_message_one_byte_too_long_closes_with_1009(target: Target) -> None:
    payload = b'42["echo-ack","' + b"x" * MEGABYTE + b'"]'
    for row in (
        [payload[: MEGABYTE + 1]],
        [payload[:600_000], payload[600_000 : MEGABYTE + 1]],
        [payload[start : start + 4000] for start in range(0, MEGABYTE + 1, 4000)],
    ):
        with opened(target) as websocket:
            websocket.send_text("40")
            with suppress(ConnectionEnded):
                websocket.send(fragments(row))
            assert websocket.close_code() == 1009


@on_every_server
def test_the_longest_message(target: Target) -> None:
    payload = b'421["echo-ack","' + b"x" * (MEGABYTE - 18) + b'"]'
    assert len(payload) == MEGABYTE
    for row in ([payload], [payload[:600_000], payload[600_000:]]):
        with Client(target.port) as client:
            client.send(fragments(row))
            assert json.loads(client.receive_text()[3:])[0] == "x" * (MEGABYTE - 18)


def fragments(row: list[bytes]) -> bytes:
    """One text message in as many frames."""
    last = len(row) - 1
    return b"".join(
        frame(CONTINUATION if number else TEXT, part, final=number == last) for number, part in enumerate(row)
    )


def test_a_length_beyond_the_limit_is_refused_by_its_header(target: Target) -> None:
    """Before any of its bytes has come."""
    for length in (MEGABYTE + 1, 2**31, 2**62):
        with opened(target) as websocket, target.growth(2 * 2**20):
            websocket.send_frame(TEXT, length=length)
            assert websocket.close_code() == 1009


@pytest.mark.parametrize("size", [0, 1])
def test_a_message_in_endless_tiny_fragments(target: Target, size: int) -> None:
    """CVE-2026-48779: 131,000 continuation frames and no end; closed at 1024 of them."""

    def attack() -> None:
        with opened(target) as websocket:
            with suppress(ConnectionEnded):
                websocket.send_frame(TEXT, b"4"[:size], final=False)
                row = frame(CONTINUATION, b"x"[:size], final=False) * 1000
                for _ in range(131):
                    websocket.send(row)
            assert websocket.close_code() in (1008, 1009, NO_CLOSE_FRAME)

    attack()
    # What the first one left behind is the server's; another must cost next to nothing.
    with target.growth(2**20), target.processor(0.5):
        attack()


def test_a_message_in_a_few_more_fragments_than_allowed(target: Target) -> None:
    with opened(target) as websocket:
        websocket.send_frame(TEXT, b"4", final=False)
        websocket.send(frame(CONTINUATION, b"0", final=False) * 1030)
        assert websocket.close_code() in (1008, 1009)


@pytest.mark.parametrize("target", [("windsock", {"max_fragments": 200_000})], indirect=True)
def test_very_many_fragments_cost_in_proportion(target: Target) -> None:
    """CVE-2026-65623: with the limit raised, ten times as many fragments take some ten times the time."""

    def cost(count: int) -> float:
        before = target.server.cpu_seconds()
        with Client(target.port) as client:
            parts = [b'42["echo","', *([b"x"] * count), b'"]']
            data = fragments(parts)
            client.send(data)
            assert client.event("echo") == ["x" * count]
        return target.server.cpu_seconds() - before

    cost(1000)
    small, large = sum(cost(15_000) for _ in range(10)), cost(150_000)
    # The clock of the kernel ticks every 10 ms.
    assert large < 3 * small + 0.1, (small, large)


@pytest.mark.parametrize("size", [0, 125])
def test_pings_without_end_whose_pongs_nobody_reads(target: Target, size: int) -> None:
    """The flooder is closed; others are served while it floods."""
    row = frame(PING, b"p" * size) * 1000
    with WebSocket(target.port, WEBSOCKET, receive_buffer=4096) as websocket, target.growth(12 * 2**20):
        for _ in range(50):
            if websocket.flood(row, 100, within=5) < 100:
                break
            target.check()
        else:
            pytest.fail("not closed after five million pings")


def test_pongs_and_empty_frames_without_end(target: Target) -> None:
    with Client(target.port) as client, target.growth(2 * 2**20):
        client.send(frame(PONG, b"unasked") * 10_000)
        assert client.call("echo-ack", 1) == [1]


def test_a_close_frame_is_answered_with_its_code(target: Target) -> None:
    for code in (1000, 1001, 1003, 1007, 1011, 3000, 4999):
        with opened(target) as websocket:
            websocket.send_frame(CLOSE, struct.pack("!H", code) + "bye é".encode())
            assert websocket.close_code() == code
    with opened(target) as websocket:
        websocket.send_frame(CLOSE)
        assert websocket.close_code() in (1000, 1005)


def test_nothing_is_read_after_a_close_frame(target: Target) -> None:
    with Client(target.port) as watcher, Client(target.port) as client:
        watcher.call("watch")
        client.send(
            frame(CLOSE, b"\x03\xe8")
            + frame(TEXT, b'42["publish",{"from":"server","event":"ghost"}]')
            + frame(PING, b"x")
            + frame(CLOSE, b"\x03\xe9")
        )
        assert client.close_code() == 1000
        assert watcher.reason_of(client.id) == "transport close"


def test_a_close_frame_within_a_fragmented_message(target: Target) -> None:
    with opened(target) as websocket:
        websocket.send(frame(TEXT, b"4", final=False) + frame(CLOSE, b"\x03\xe8") + frame(CONTINUATION, b"0"))
        assert websocket.close_code() == 1000


def test_control_frames_between_fragments(target: Target) -> None:
    with Client(target.port) as client:
        client.send(
            frame(TEXT, b'42["ec', final=False)
            + frame(PING, b"1")
            + frame(CONTINUATION, b'ho",1', final=False)
            + frame(PONG, b"2")
            + frame(CONTINUATION, b"]")
        )
        # A pong may stand before or behind what was asked in the same moment.
        received = {client.receive_frame(), client.receive_frame()}
        assert received == {(PONG, b"1"), (TEXT, b'42["echo",1]')}


def test_frames_that_come_byte_by_byte(target: Target) -> None:
    data = (
        frame(TEXT, b'42["echo",1]')
        + frame(PING, b"ping")
        + frame(TEXT, b'42["echo","' + b"x" * 200 + b'"]')
        + frame(TEXT, b'42["ec', final=False)
        + frame(CONTINUATION, b'ho",2]')
    )
    with Client(target.port) as client:
        for octet in data:
            client.send(bytes([octet]))
        received = [client.receive_frame() for _ in range(4)]
        assert (PONG, b"ping") in received
        received.remove((PONG, b"ping"))
        echoes = [[1], ["x" * 200], [2]]
        assert [json.loads(payload[2:])[1:] for _, payload in received] == echoes


def test_many_frames_in_one_segment(target: Target) -> None:
    with Client(target.port) as client:
        client.send(b"".join(frame(TEXT, f'42["echo",{number}]'.encode()) for number in range(2000)))
        for number in range(2000):
            assert client.event("echo") == [number]


def test_a_frame_in_the_segment_of_the_handshake(target: Target) -> None:
    """A client must wait for the answer (RFC 6455, section 4.1): one that does not may lose what it sent."""
    with Connection(target.port) as connection:
        lines = [f"GET {WEBSOCKET} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in upgrade_headers().items()]
        connection.send("\r\n".join([*lines, "", ""]).encode() + frame(TEXT, b"40"))
        assert connection.read_response().status in (101, 400)


def test_a_frame_cut_off_by_a_reset(target: Target) -> None:
    data = frame(TEXT, b'42["echo","' + b"x" * 200 + b'"]')
    with Client(target.port) as watcher:
        watcher.call("watch")
        for cut in (1, 2, 4, 6, 8, 20, len(data) - 1):
            client = Client(target.port)
            client.send(data[:cut])
            client.reset()
            assert watcher.reason_of(client.id) in ("transport close", "transport error")


def test_a_half_closed_connection_is_over(target: Target) -> None:
    with Client(target.port) as watcher, Client(target.port) as client:
        watcher.call("watch")
        client.finish_sending()
        client.close_code()
        assert watcher.reason_of(client.id) == "transport close"


@pytest.mark.parametrize("target", [("windsock", {"per_message_deflate": True})], indirect=True)
class TestCompressed:
    """permessage-deflate (RFC 7692)."""

    EXTENSION: ClassVar = {"Sec-WebSocket-Extensions": "permessage-deflate"}

    def open(self, target: Target) -> WebSocket:
        websocket = WebSocket(target.port, WEBSOCKET, headers=self.EXTENSION)
        assert websocket.response.headers["sec-websocket-extensions"].startswith("permessage-deflate")
        websocket.receive_text()
        return websocket

    @staticmethod
    def deflate(data: bytes) -> bytes:
        compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
        return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]

    def test_a_bomb_closes_with_1009(self, target: Target) -> None:
        bomb = self.deflate(bytes(100 * MEGABYTE))
        assert len(bomb) < 120_000
        with self.open(target) as websocket, target.growth(4 * 2**20):
            websocket.send_frame(TEXT, bomb, reserved=0b100)
            assert websocket.close_code() == 1009

    def test_a_bomb_in_fragments_closes_with_1009(self, target: Target) -> None:
        bomb = self.deflate(bytes(50 * MEGABYTE))
        with self.open(target) as websocket, target.growth(4 * 2**20):
            with suppress(ConnectionEnded):
                websocket.send_frame(TEXT, bomb[:100], final=False, reserved=0b100)
                for start in range(100, len(bomb), 1000):
                    websocket.send_frame(CONTINUATION, bomb[start : start + 1000], final=False)
            assert websocket.close_code() == 1009

    def test_what_does_not_inflate_closes_with_1002_or_1007(self, target: Target) -> None:
        for payload in (b"\xff" * 50, b"\x00\x01\x02", self.deflate(b"40")[:-1] + b"\xff\xff"):
            with self.open(target) as websocket:
                websocket.send_frame(TEXT, payload, reserved=0b100)
                assert websocket.close_code() in (1002, 1007)

    def test_other_reserved_bits_close_with_1002(self, target: Target) -> None:
        for data in (
            frame(TEXT, self.deflate(b"40"), reserved=0b110),
            frame(TEXT, self.deflate(b"40"), reserved=0b101),
            frame(PING, b"x", reserved=0b100),
            frame(TEXT, self.deflate(b"40"), final=False, reserved=0b100) + frame(CONTINUATION, b"", reserved=0b100),
        ):
            with self.open(target) as websocket:
                websocket.send(data)
                assert websocket.close_code() == 1002

    def test_text_that_is_not_utf8_closes_with_1007(self, target: Target) -> None:
        with self.open(target) as websocket:
            websocket.send_frame(TEXT, self.deflate(b"4\xff\xfe"), reserved=0b100)
            assert websocket.close_code() == 1007

    def test_uncompressed_messages_are_understood(self, target: Target) -> None:
        with self.open(target) as websocket:
            websocket.send_text("40")
            assert websocket.receive_text().startswith('40{"sid"')

    @pytest.mark.parametrize(
        "offer",
        [
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; client_max_window_bits=0",
            "permessage-deflate; unknown=1",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "x-webkit-deflate-frame",
            "permessage-bzip2",
        ],
    )
    def test_an_offer_that_cannot_be_met_is_declined(self, target: Target, offer: str) -> None:
        with WebSocket(target.port, WEBSOCKET, headers={"Sec-WebSocket-Extensions": offer}) as websocket:
            assert "sec-websocket-extensions" not in websocket.response.headers
            assert websocket.receive_text().startswith('0{"sid"')

    @pytest.mark.parametrize(
        "offer",
        [
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_max_window_bits=10",
            "permessage-deflate; unknown=1, permessage-deflate",
            "x-unknown, permessage-deflate",
        ],
    )
    def test_an_offer_that_can_be_met(self, target: Target, offer: str) -> None:
        with WebSocket(target.port, WEBSOCKET, headers={"Sec-WebSocket-Extensions": offer}) as websocket:
            assert websocket.response.headers["sec-websocket-extensions"].startswith("permessage-deflate")
            websocket.receive_text()
            websocket.send_frame(TEXT, self.deflate(b"40"), reserved=0b100)
            assert websocket.receive_text().startswith('40{"sid"')


# -- the opening handshake --


@pytest.mark.parametrize(
    "changes",
    [
        {"Sec-WebSocket-Version": "8"},
        {"Sec-WebSocket-Version": "14"},
        {"Sec-WebSocket-Version": "13, 8"},
        {"Sec-WebSocket-Key": ""},
        {"Sec-WebSocket-Key": "too short"},
        {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ"},
        {"Sec-WebSocket-Extensions": "permessage-deflate; ="},
        {"Sec-WebSocket-Protocol": "@,;"},
    ],
    ids=str,
)
def test_a_handshake_that_is_none(target: Target, changes: dict[str, str]) -> None:
    with Connection(target.port) as connection:
        response = connection.request("GET", WEBSOCKET, headers={**upgrade_headers(), **changes})
        # Without extensions and subprotocols to agree on nobody looks at what is offered.
        ignored = changes.keys() & {"Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"}
        assert response.status in (400, 426) or (ignored and response.status == 101), response


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD"])
def test_a_handshake_with_another_method(target: Target, method: str) -> None:
    with Connection(target.port) as connection:
        response = connection.request(method, WEBSOCKET, headers=upgrade_headers())
        assert 400 <= response.status < 500
