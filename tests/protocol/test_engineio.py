"""Engine.IO packets in the forms of the two transports."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st

from tests.protocol.wire import BINARY, TEXT, ServerFrame, server_frames
from windsock.protocol.engineio import (
    CLOSE,
    ERROR_MESSAGES,
    NOOP,
    PING,
    PROBE_PONG,
    ErrorCode,
    Message,
    OpenParameters,
    PacketType,
)

messages_st = st.builds(Message, st.text(max_size=200).map(str.encode), st.lists(st.binary(max_size=200)).map(tuple))


@given(messages_st)
def test_frames_carry_the_text_then_each_attachment(message: Message) -> None:
    texts = [ServerFrame(TEXT, message.text)] if message.text else []
    attachments = [ServerFrame(BINARY, data) for data in message.attachments]
    assert server_frames(message.frame) == [*texts, *attachments]


@given(messages_st)
def test_deflated_frames_carry_the_same(message: Message) -> None:
    frames = server_frames(message.deflated(6))
    assert all(frame.compressed for frame in frames)
    inflated = [zlib.decompressobj(-15).decompress(frame.payload + b"\x00\x00\xff\xff") for frame in frames]
    texts = [message.text] if message.text else []
    assert inflated == [*texts, *message.attachments]
    assert [frame.opcode for frame in frames] == [TEXT] * len(texts) + [BINARY] * len(message.attachments)


def test_a_payload_carries_attachments_in_base64() -> None:
    message = Message(b'452-["x",{}]', (b"\x00\xff", b""))
    assert message.payload == b'452-["x",{}]\x1eb' + b64encode(b"\x00\xff") + b"\x1eb"


def test_a_message_of_binary_packets_alone() -> None:
    message = Message(attachments=(b"\x00\xff", b""))
    assert message.payload == b"b" + b64encode(b"\x00\xff") + b"\x1eb"
    assert server_frames(message.frame) == [ServerFrame(BINARY, b"\x00\xff"), ServerFrame(BINARY, b"")]
    assert message.size == 2


def test_each_form_is_made_once() -> None:
    message = Message(b"4text", (b"data",))
    assert message.frame is message.frame
    assert message.deflated(6) is message.deflated(6)
    assert message.payload is message.payload


@given(messages_st)
def test_size_counts_the_content(message: Message) -> None:
    assert message.size == sum(map(len, [message.text, *message.attachments]))


def test_the_open_packet() -> None:
    packet = OpenParameters(("websocket",), ping_interval=25_000, ping_timeout=20_000, max_payload=1_000_000)
    text = packet.packet("lv_VI97HAXpY6yYWAAAC").text
    assert text[:1] == b"0"
    assert json.loads(text[1:]) == {
        "sid": "lv_VI97HAXpY6yYWAAAC",
        "upgrades": ["websocket"],
        "pingInterval": 25_000,
        "pingTimeout": 20_000,
        "maxPayload": 1_000_000,
    }


def test_the_constant_packets() -> None:
    assert [CLOSE.text, PING.text, PROBE_PONG.text, NOOP.text] == [b"1", b"2", b"3probe", b"6"]
    assert "".join(PacketType) == "0123456"


def test_the_errors_are_those_of_the_original() -> None:
    assert {int(code): message for code, message in ERROR_MESSAGES.items()} == {
        0: "Transport unknown",
        1: "Session ID unknown",
        2: "Bad handshake method",
        3: "Bad request",
        4: "Forbidden",
        5: "Unsupported protocol version",
    }
    assert set(ERROR_MESSAGES) == set(ErrorCode)
