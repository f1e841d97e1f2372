"""Whatever a peer sends, a decoder answers with a value or with its documented error, and soon."""

from __future__ import annotations

import gc
import struct
import time
import zlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate

from tests.attacks.wire import frame
from tests.conformance.process import slowness
from tests.protocol.wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from windsock.engine.request import parse_query
from windsock.errors import PacketError, PayloadError, UndecodableArgument
from windsock.protocol import payload
from windsock.protocol.parsers.json import JsonParser
from windsock.protocol.parsers.msgpack import MsgpackParser
from windsock.protocol.websocket import MessageReader

thorough = settings(max_examples=800)
framed = settings(max_examples=300)

TOKENS = [
    *(str(digit) for digit in range(10)),
    *'-/,[]{}":\\ .eE+\x00\x1e\ufeffé²\u0661🎉',
    *(
        "51-",
        "510-",
        "61-",
        "/a,",
        '["x"]',
        "[]",
        "{}",
        "null",
        "true",
        "NaN",
        "1e999",
        "\\ud800",
        "\\udc00",
        "\\u0000",
    ),
    *('{"_placeholder":true,"num":0}', '["x",{"_placeholder":true,"num":0}]', '[["x"]]', "[" * 1100, "9" * 400),
]
sio_text = st.lists(st.sampled_from(TOKENS), max_size=10).map("".join) | st.text(max_size=30)
sio_messages = st.lists(sio_text | st.binary(max_size=8), min_size=1, max_size=8)


@thorough
@given(messages=sio_messages)
@example(messages=["61-", b"x"])
@example(messages=["51-/,", b"x"])
@example(messages=['51-["x",{"_placeholder":true,"num":0}]', b"x", b"y"])
@example(messages=['21["x","\\ud800"]'])
@example(messages=['3["\\udc00\\ud800"]'])
def test_socket_io_packets(messages: list[str | bytes]) -> None:
    decoder = JsonParser().decoder()
    for message in messages:
        namespace, id = "/", None
        try:
            packet = decoder.add(message)
        except PacketError:
            return
        except UndecodableArgument as refusal:
            namespace, id = refusal.namespace, refusal.ack_id
            packet = None
        if packet is not None:
            assert 0 <= packet.type <= 4
            namespace, id = packet.namespace, packet.id
        assert namespace.startswith("/")
        assert id is None or 0 <= id < 10**15


PIECES_OF_MSGPACK = [
    *(bytes((head,)) for head in range(256)),
    *(b"\xa4type", b"\xa3nsp", b"\xa4data", b"\xa2id", b"\xa1/", b"\x91\xa1x", b"\x92\xa7connect\x01"),
    *(b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data", b"\x84\xa4type\x02\xa3nsp\xa1/\xa2id\x07\xa4data"),
    *(b"\xd4\0\0", b"\xd7\0" + bytes(8), b"\xd7\0" + b"\x7f" * 8, b"\xc7\1\0a", b"\xc7\x08\0" + bytes(8)),
    *(b"\xdd\xff\xff\xff\xff", b"\xdf\0\0\0\1", b"\xdb\0\0\0\1a", b"\x91" * 1100),
]


@thorough
@given(message=st.lists(st.sampled_from(PIECES_OF_MSGPACK), max_size=10).map(b"".join) | st.binary(max_size=40))
@example(message=b"\x84\xa4type\x02\xa3nsp\xa1/\xa2id\x07\xa4data\x92\xa1x\xd7\0" + b"\x7f" * 8)
def test_packets_in_msgpack(message: bytes) -> None:
    try:
        packet = MsgpackParser().decoder().add(message)
    except PacketError:
        return
    except UndecodableArgument as refusal:
        namespace, id = refusal.namespace, refusal.ack_id
    else:
        assert 0 <= packet.type <= 4
        namespace, id = packet.namespace, packet.id
    assert namespace.startswith("/")
    assert id is None or 0 <= id < 10**15


@thorough
@given(
    body=st.binary(max_size=60)
    | st.lists(st.sampled_from([*b"0123456b\x1e=A", 0xFF, 0xC3, 0xA9]), max_size=40).map(bytes)
)
def test_long_polling_payloads(body: bytes) -> None:
    try:
        packets = payload.decode(body)
    except PayloadError:
        return
    assert len(packets) == body.count(b"\x1e") + 1
    assert all(isinstance(packet, bytes) or packet[0] in "0123456" for packet in packets)


@thorough
@given(
    query=st.binary(max_size=80)
    | st.lists(st.sampled_from([b"EIO=4", b"&", b"=", b"%", b"%zz", b"%F0", b"+", b"sid", b"\xff"]), max_size=90).map(
        b"".join
    )
)
def test_query_strings(query: bytes) -> None:
    try:
        fields = parse_query(query)
    except ValueError:
        return
    assert len(fields) <= 64
    assert all(len(name) <= len(query) for name in fields)


# -- WebSocket frames --

opcodes = st.sampled_from([CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG]) | st.integers(0, 15)
contents = (
    st.binary(max_size=140)
    | st.text(max_size=40).map(str.encode)
    | st.integers(0, 65535).map(lambda code: struct.pack("!H", code))
)
lengths = st.none() | st.sampled_from([0, 1, 125, 126, 65_535, 65_536, 2**31, 2**63, 2**64 - 1])


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    return frame(
        draw(opcodes),
        draw(contents),
        final=draw(st.booleans()),
        reserved=draw(st.sampled_from([0, 0, 0, 0, 4, 1, 7])),
        masked=draw(st.integers(0, 9)) > 0,
        length=draw(lengths) if draw(st.integers(0, 5)) == 0 else None,
    )


streams = st.lists(frames() | st.binary(max_size=20), max_size=12).map(b"".join)


def read(reader: MessageReader, stream: bytes, cuts: list[int]) -> tuple[list[str | bytes], bytes]:
    """Feeds a stream in pieces; what was received, and what is to be answered."""
    messages: list[str | bytes] = []
    answers = b""
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    for start, stop in pairwise(edges):
        messages += reader.receive(stream[start:stop])
        answers += b"".join(reader.output)
        reader.output.clear()
    return messages, answers


@framed
@given(stream=streams, cuts=st.lists(st.integers(0, 400), max_size=20))
def test_websocket_streams_mean_the_same_however_they_are_cut(stream: bytes, cuts: list[int]) -> None:
    whole, pieces = MessageReader(1000), MessageReader(1000)
    received, _ = read(whole, stream, [])
    again, _ = read(pieces, stream, cuts)
    assert again == received
    assert pieces.closed == whole.closed
    assert all(len(message.encode() if isinstance(message, str) else message) <= 1000 for message in received)


@framed
@given(stream=streams, cuts=st.lists(st.integers(0, 400), max_size=20))
def test_compressed_websocket_streams(stream: bytes, cuts: list[int]) -> None:
    extension = PerMessageDeflate(True, True, 15, 15)
    messages, _ = read(MessageReader(1000, [extension]), stream, cuts)
    assert all(len(message.encode() if isinstance(message, str) else message) <= 1000 for message in messages)


@framed
@given(
    messages=st.lists(st.text(max_size=200) | st.binary(max_size=200), max_size=6),
    cuts=st.lists(st.integers(0, 900), max_size=30),
    compress=st.booleans(),
    data=st.data(),
)
def test_messages_arrive_whole_however_they_are_framed_and_cut(
    messages: list[str | bytes], cuts: list[int], compress: bool, data: st.DataObject
) -> None:
    stream = b""
    for message in messages:
        content = message.encode() if isinstance(message, str) else message
        if compress:
            compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
            content = (compressor.compress(content) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
        edges = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=4)))
        parts = [content[start:stop] for start, stop in zip([0, *edges], [*edges, len(content)], strict=True)]
        for number, part in enumerate(parts):
            opcode = CONTINUATION if number else TEXT if isinstance(message, str) else BINARY
            stream += frame(opcode, part, final=number == len(parts) - 1, reserved=4 if compress and not number else 0)
            if data.draw(st.integers(0, 4)) == 0:
                stream += frame(PING, b"between")
    reader = MessageReader(1000, [PerMessageDeflate(True, True, 15, 15)] if compress else [])
    received, answers = read(reader, stream, cuts)
    assert received == messages
    assert reader.closed is None
    assert answers.count(b"between") <= stream.count(b"between")


# -- time --

MEGABYTE = 1_000_000


def decode_packet(text: str) -> None:
    try:
        JsonParser().decoder().add(text)
    except (PacketError, UndecodableArgument):
        return


def decode_payload(body: bytes) -> None:
    try:
        payload.decode(body)
    except PayloadError:
        return


def decode_msgpack(message: bytes) -> None:
    try:
        MsgpackParser().decoder().add(message)
    except (PacketError, UndecodableArgument):
        return


def msgpack_event(piece: bytes) -> bytes:
    """A megabyte of an event in MessagePack, whose arguments are the same piece again and again."""
    count = 999_000 // len(piece)
    return b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\xdd" + struct.pack(">I", count + 1) + b"\xa1x" + piece * count


def read_frames(stream: bytes) -> None:
    MessageReader(MEGABYTE, [PerMessageDeflate(True, True, 15, 15)]).receive(stream)


COSTLY: dict[str, tuple[Callable[[Any], None], Any]] = {
    "half pairs": (decode_packet, '2["' + "\\ud800" * 160_000 + '"]'),
    "half pairs and a syntax error": (decode_packet, '2["' + "\\ud800" * 160_000 + '"'),
    "backslashes": (decode_packet, '2["' + "\\" * 999_000 + '"]'),
    "backslashes and half a pair": (decode_packet, '2["' + "\\" * 999_000 + '\\ud800"]'),
    "backslashes, no quote": (decode_packet, "2[" + "\\" * 999_000),
    "pairs the wrong way round": (decode_packet, '2["' + "\\udc00\\ud800" * 80_000 + '"]'),
    "high halves with text": (decode_packet, '2["' + "\\ud83d\\u0041" * 80_000 + '"]'),
    "brackets": (decode_packet, "2" + "[" * 999_000),
    "braces": (decode_packet, "2" + '{"":' * 240_000),
    "flat list": (decode_packet, '2["x"' + ",[]" * 300_000 + "]"),
    "placeholders": (decode_packet, '51-["x"' + ',{"_placeholder":true,"num":0}' * 30_000 + "]"),
    "digits in an id": (decode_packet, "2" + "1" * 999_000 + "[]"),
    "digits in a count": (decode_packet, "5" + "1" * 999_000 + "-[]"),
    "digits in a number": (decode_packet, '2["x",' + "1" * 990_000 + "]"),
    "digits behind the point": (decode_packet, '2["x",0.' + "1" * 990_000 + "]"),
    "an exponent": (decode_packet, '2["x",1e' + "1" * 990_000 + "]"),
    "a namespace": (decode_packet, "0/" + "a" * 999_000),
    "commas": (decode_packet, "0/" + "," * 999_000),
    "keys": (decode_packet, '2["x",{' + ",".join(f'"{number}":1' for number in range(90_000)) + "}]"),
    "the same key": (decode_packet, '2["x",{' + ",".join(['"a":1'] * 160_000) + "}]"),
    "msgpack: empty lists": (decode_msgpack, msgpack_event(b"\x90")),
    "msgpack: empty maps": (decode_msgpack, msgpack_event(b"\x80")),
    "msgpack: maps of one": (decode_msgpack, msgpack_event(b"\x81\xa0\xc0")),
    "msgpack: numbers": (decode_msgpack, msgpack_event(b"\xcd\x7f\xff")),
    "msgpack: text": (decode_msgpack, msgpack_event(b"\xd9\x01a")),
    "msgpack: undefined": (decode_msgpack, msgpack_event(b"\xd4\0\0")),
    "msgpack: dates": (decode_msgpack, msgpack_event(b"\xd7\0\0\0\1\0\0\0\0\0")),
    "msgpack: dates that Python does not have": (decode_msgpack, msgpack_event(b"\xd7\0" + b"\x7f" * 8)),
    "msgpack: empty buffers": (decode_msgpack, msgpack_event(b"\xc7\0\0")),
    "msgpack: buffers as long as a date": (decode_msgpack, msgpack_event(b"\xc7\x08\0" + bytes(8))),
    "msgpack: nothing, and a buffer at its end": (decode_msgpack, msgpack_event(b"\xc0")[:-4] + b"\xc7\1\0a"),
    "msgpack: empty text, and a buffer at its end": (decode_msgpack, msgpack_event(b"\xd9\0")[:-4] + b"\xc7\1\0a"),
    "msgpack: extensions of another type": (decode_msgpack, msgpack_event(b"\xd4\x05a")),
    "msgpack: nested lists": (decode_msgpack, b"\x91" * 999_000),
    "msgpack: nested maps": (decode_msgpack, b"\x81\xa0" * 499_000),
    "msgpack: nested lists of many": (decode_msgpack, b"\xdd\xff\xff\xff\xff" * 199_000),
    "msgpack: the same key": (decode_msgpack, b"\xdf\0\4\0\0" + b"\xa0\xc0" * 499_000),
    "separators": (decode_payload, b"\x1e" * MEGABYTE),
    "noops": (decode_payload, b"6\x1e" * 500_000),
    "base64": (decode_payload, b"b" + b"A" * 999_996),
    "base64 with one bad letter": (decode_payload, b"b" + b"A" * 999_000 + b"!"),
    "base64 of nothing but padding": (decode_payload, b"b" + b"=" * 999_000),
    "not UTF-8": (decode_payload, b"4" + b"\xc3" * 999_000),
    "empty text frames": (read_frames, frame(TEXT) * 160_000),
    "empty pings": (read_frames, frame(PING) * 160_000),
    "empty fragments": (read_frames, frame(TEXT, final=False) + frame(CONTINUATION, final=False) * 160_000),
    "full pings": (read_frames, frame(PING, b"x" * 125) * 7_500),
}


@pytest.mark.parametrize("name", COSTLY)
def test_a_megabyte_of_anything_takes_a_moment(name: str) -> None:
    """Less than a second of a usual processor's time: what is quadratic would take minutes."""
    decode, data = COSTLY[name]
    # What the tests before have left is not searched for garbage each time the decoder has made some objects.
    gc.collect()
    gc.freeze()
    try:
        before = time.process_time()
        decode(data)
        assert time.process_time() - before < slowness()
    finally:
        gc.unfreeze()
