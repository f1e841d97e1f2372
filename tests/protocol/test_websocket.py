"""Frames in, messages out: whole, fragmented, compressed, cut anywhere, and wrong."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from tests.protocol.wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    ServerFrame,
    client_frame,
    close_payload,
    server_frames,
)
from windsock.protocol.websocket import Closed, MessageReader, deflate, frame

LIMIT = 1_000_000


@dataclass(frozen=True)
class Stream:
    """What a client sends, and what must come of it."""

    data: bytes
    messages: list[str | bytes]
    pongs: list[bytes]


EVERY_KIND = Stream(
    b"".join(
        [
            client_frame(TEXT, "grüße".encode()),
            client_frame(PING, b"one"),
            client_frame(TEXT, "zwölf".encode()[:3], final=False),  # cut inside the two bytes of a letter
            client_frame(PING, b"two"),
            client_frame(CONTINUATION, b"", final=False),
            client_frame(CONTINUATION, "zwölf".encode()[3:]),
            client_frame(BINARY, bytes(range(200))),
            client_frame(TEXT),
            client_frame(PONG, b"nobody asked"),
            client_frame(BINARY, b"\xff", final=False),
            client_frame(PING),
            client_frame(CONTINUATION),
            client_frame(TEXT, b"x" * 125),
            client_frame(TEXT, b"y" * 126),
            client_frame(BINARY),
        ]
    ),
    ["grüße", "zwölf", bytes(range(200)), "", b"\xff", "x" * 125, "y" * 126, b""],
    [b"one", b"two", b""],
)


def feed(reader: MessageReader, pieces: list[bytes]) -> Stream:
    messages: list[str | bytes] = []
    for piece in pieces:
        messages += reader.receive(piece)
    answers = server_frames(b"".join(reader.output))
    assert all(answer.opcode == PONG for answer in answers)
    return Stream(b"".join(pieces), messages, [answer.payload for answer in answers])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


def test_a_cut_at_any_byte_changes_nothing() -> None:
    data = EVERY_KIND.data
    for at in range(len(data) + 1):
        assert feed(MessageReader(LIMIT), [data[:at], data[at:]]) == EVERY_KIND, f"cut at byte {at}"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64])
def test_a_trickle_changes_nothing(size: int) -> None:
    data = EVERY_KIND.data
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert feed(MessageReader(LIMIT), pieces) == EVERY_KIND


@pytest.mark.parametrize("length", [65_535, 65_536])
def test_a_cut_in_a_long_head_changes_nothing(length: int) -> None:
    payload = bytes(index % 251 for index in range(length))
    data = client_frame(BINARY, payload) + client_frame(TEXT, b"next")
    for at in (*range(16), len(data) - 11, len(data) - 1):
        reader = MessageReader(LIMIT)
        assert reader.receive(data[:at]) + reader.receive(data[at:]) == [payload, "next"]


def test_messages_are_returned_as_soon_as_they_are_whole() -> None:
    reader = MessageReader(LIMIT)
    first, second = client_frame(TEXT, b"first"), client_frame(TEXT, b"second")
    assert reader.receive(first + second[:-1]) == ["first"]
    assert reader.receive(second[-1:]) == ["second"]


# -- any stream of messages, cut at any place --

messages_st = st.lists(st.text(max_size=300) | st.binary(max_size=300), max_size=6)
places_st = st.lists(st.integers(0, 10_000), max_size=8)


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Messages in fragments of any size, with pings between the frames."""
    data = b""
    pongs = []
    messages = draw(messages_st)
    for message in messages:
        opcode = TEXT if isinstance(message, str) else BINARY
        content = message.encode() if isinstance(message, str) else message
        fragments = cut(content, draw(st.lists(st.integers(0, 300), max_size=3)))
        for number, fragment in enumerate(fragments):
            key = draw(st.binary(min_size=4, max_size=4))
            final = number == len(fragments) - 1
            data += client_frame(opcode if number == 0 else CONTINUATION, fragment, final=final, key=key)
            if draw(st.booleans()):
                ping = draw(st.binary(max_size=125))
                data += client_frame(PING, ping)
                pongs.append(ping)
    return Stream(data, messages, pongs)


@given(streams(), places_st)
def test_any_stream_cut_anywhere(stream: Stream, places: list[int]) -> None:
    assert feed(MessageReader(LIMIT), cut(stream.data, places)) == stream


@given(messages_st, places_st, st.booleans(), st.booleans(), st.sampled_from([9, 12, 15]))
@example(["a" * 3000, b"\0" * 3000, ""], [2, 5], True, True, 15)
def test_any_compressed_stream_cut_anywhere(
    messages: list[str | bytes], places: list[int], forgetful: bool, in_two: bool, bits: int
) -> None:
    client = PerMessageDeflate(False, forgetful, 15, bits)
    data = b""
    for message in messages:
        content = message.encode() if isinstance(message, str) else message
        opcode = Opcode.TEXT if isinstance(message, str) else Opcode.BINARY
        middle = len(content) // 2
        parts = [content[:middle], content[middle:]] if in_two else [content]
        for number, part in enumerate(parts):
            kind = opcode if number == 0 else Opcode.CONT
            data += Frame(kind, part, number == len(parts) - 1).serialize(mask=True, extensions=[client])
            data += client_frame(PING, b"between")
    reader = MessageReader(LIMIT, [PerMessageDeflate(forgetful, False, bits, 15)])
    assert feed(reader, cut(data, places)).messages == messages


def test_compressed_and_plain_messages_alternate() -> None:
    client = PerMessageDeflate(True, True, 15, 15)
    squeezed = Frame(Opcode.TEXT, b"squeezed " * 50).serialize(mask=True, extensions=[client])
    plain = client_frame(TEXT, b"plain")
    reader = MessageReader(LIMIT, [PerMessageDeflate(True, True, 15, 15)])
    assert reader.receive(plain + squeezed + plain + squeezed) == ["plain", "squeezed " * 50] * 2


# -- limits --


def test_a_message_of_the_limit_passes() -> None:
    reader = MessageReader(1000)
    assert reader.receive(client_frame(BINARY, bytes(1000))) == [bytes(1000)]
    assert reader.closed is None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(client_frame(BINARY, bytes(1001)), id="whole"),
        pytest.param(client_frame(BINARY, length=1001), id="its head alone"),
        pytest.param(client_frame(BINARY, length=2**63 - 1), id="as long as a head can say"),
        pytest.param(
            client_frame(TEXT, b"x" * 600, final=False) + client_frame(CONTINUATION, b"x" * 401), id="in fragments"
        ),
    ],
)
def test_a_message_over_the_limit_is_refused(data: bytes) -> None:
    assert refusal(MessageReader(1000), data) == 1009


@pytest.mark.parametrize("fragments", [1, 3])
def test_the_limit_holds_for_what_a_message_expands_to(fragments: int) -> None:
    client = PerMessageDeflate(True, True, 15, 15)
    data = b"".join(
        Frame(Opcode.BINARY if number == 0 else Opcode.CONT, bytes(400_000), number == fragments - 1).serialize(
            mask=True, extensions=[client]
        )
        for number in range(fragments)
    )
    assert len(data) < 2000
    assert refusal(MessageReader(300_000 * fragments, [PerMessageDeflate(True, True, 15, 15)]), data) == 1009


def test_a_message_of_too_many_fragments_is_refused() -> None:
    allowed = client_frame(TEXT, b"a", final=False) + client_frame(CONTINUATION, b"a", final=False) * 6
    reader = MessageReader(LIMIT, max_fragments=8)
    assert reader.receive(allowed + client_frame(CONTINUATION, b"a")) == ["a" * 8]
    assert refusal(reader, allowed + client_frame(CONTINUATION, b"a", final=False) * 2) == 1008


def test_the_fragments_of_each_message_are_counted_anew() -> None:
    message = client_frame(TEXT, b"a", final=False) + client_frame(CONTINUATION, b"a")
    assert MessageReader(LIMIT, max_fragments=2).receive(message * 5) == ["aa"] * 5


# -- what the RFC forbids --


def refusal(reader: MessageReader, data: bytes) -> int:
    """Feeds what must be refused; returns the code, which the close frame must carry too."""
    assert reader.receive(data) == []
    assert reader.closed is not None
    last = server_frames(b"".join(reader.output))[-1]
    assert last.opcode == CLOSE
    assert int.from_bytes(last.payload[:2], "big") == reader.closed.code
    assert reader.receive(client_frame(TEXT, b"more")) == [], "nothing is read after the end"
    return reader.closed.code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(client_frame(TEXT, b"x", masked=False), 1002, id="not masked"),
        pytest.param(client_frame(TEXT, masked=False), 1002, id="not masked, empty"),
        pytest.param(client_frame(PING, masked=False), 1002, id="ping not masked"),
        pytest.param(client_frame(TEXT, b"x", reserved=4), 1002, id="compressed, which was not negotiated"),
        pytest.param(client_frame(TEXT, b"x", reserved=2), 1002, id="RSV2"),
        pytest.param(client_frame(TEXT, b"x", reserved=1), 1002, id="RSV3"),
        pytest.param(client_frame(0x3, b"x"), 1002, id="reserved data opcode"),
        pytest.param(client_frame(0xB), 1002, id="reserved control opcode"),
        pytest.param(client_frame(PING, b"x", final=False), 1002, id="fragmented ping"),
        pytest.param(client_frame(PING, bytes(126)), 1002, id="long ping"),
        pytest.param(client_frame(CONTINUATION, b"x"), 1002, id="continuation of nothing"),
        pytest.param(client_frame(TEXT, b"x", final=False) + client_frame(TEXT, b"y"), 1002, id="text in a message"),
        pytest.param(client_frame(BINARY, length=2**63), 1002, id="length with its top bit"),
        pytest.param(client_frame(TEXT, b"\xff"), 1007, id="text that is not UTF-8"),
        pytest.param(client_frame(TEXT, b"\xed\xa0\x80"), 1007, id="half a surrogate pair"),
        pytest.param(client_frame(TEXT, b"\xc0\xaf"), 1007, id="overlong"),
        pytest.param(
            client_frame(TEXT, b"\xc3", final=False) + client_frame(CONTINUATION, b"x"), 1007, id="across fragments"
        ),
        pytest.param(client_frame(CLOSE, b"\x03"), 1002, id="close with half a code"),
        pytest.param(client_frame(CLOSE, close_payload(1005)), 1002, id="close with a code for inside"),
        pytest.param(client_frame(CLOSE, close_payload(999)), 1002, id="close with an undefined code"),
        pytest.param(client_frame(CLOSE, close_payload(1000) + b"\xff"), 1007, id="close, reason not UTF-8"),
    ],
)
def test_what_the_rfc_forbids_ends_the_connection(data: bytes, code: int) -> None:
    assert refusal(MessageReader(LIMIT), data) == code
    byte_by_byte = MessageReader(LIMIT)
    for index in range(len(data)):
        assert byte_by_byte.receive(data[index : index + 1]) == []
    assert byte_by_byte.closed is not None
    assert byte_by_byte.closed.code == code


def test_compressed_garbage_ends_the_connection() -> None:
    reader = MessageReader(LIMIT, [PerMessageDeflate(True, True, 15, 15)])
    assert refusal(reader, client_frame(TEXT, b"\xff" * 20, reserved=4)) == 1002


def test_messages_before_the_mistake_are_not_lost() -> None:
    reader = MessageReader(LIMIT)
    assert reader.receive(client_frame(TEXT, b"good") + client_frame(TEXT, b"\xff")) == ["good"]
    assert reader.closed == Closed(1007, "text is not UTF-8")


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_are_read_or_refused(pieces: list[bytes]) -> None:
    reader = MessageReader(LIMIT)
    for piece in pieces:
        reader.receive(piece)
    if reader.closed is not None:
        assert server_frames(b"".join(reader.output))[-1].opcode == CLOSE


# -- closing --


def test_a_close_frame_is_answered() -> None:
    reader = MessageReader(LIMIT)
    data = client_frame(TEXT, b"last") + client_frame(CLOSE, close_payload(4001, "bye"))
    assert reader.receive(data + client_frame(TEXT, b"too late")) == ["last"]
    assert reader.closed == Closed(4001, "bye")
    assert server_frames(b"".join(reader.output)) == [ServerFrame(CLOSE, close_payload(4001, "bye"))]
    assert reader.closing


def test_a_close_frame_without_a_code_is_answered_without_one() -> None:
    reader = MessageReader(LIMIT)
    assert reader.receive(client_frame(CLOSE)) == []
    assert reader.closed is not None
    assert reader.closed.code == 1005
    assert server_frames(b"".join(reader.output)) == [ServerFrame(CLOSE, b"")]


def test_a_close_frame_between_fragments_is_a_clean_end() -> None:
    reader = MessageReader(LIMIT)
    data = client_frame(TEXT, b"half", final=False) + client_frame(CLOSE, close_payload(1000))
    assert reader.receive(data) == []
    assert reader.closed == Closed(1000)


@pytest.mark.parametrize(
    ("piece", "message"),
    [
        (client_frame(TEXT, b"a", final=False) + client_frame(CONTINUATION, b"b"), "ab"),
        (client_frame(TEXT, reserved=0x4), ""),
    ],
    ids=["fragments", "compressed"],
)
def test_a_flood_of_frames_that_take_long_is_taken_in_portions(piece: bytes, message: str) -> None:
    """Nobody else has to wait until all are read. What comes meanwhile has its place behind them."""
    reader = MessageReader(LIMIT, [PerMessageDeflate(True, True, 15, 15)])
    read = reader.receive(piece * 10_000)
    longest = len(read)
    while reader.more:
        portion = reader.receive(b"")
        longest = max(longest, len(portion))
        read += portion
    assert 0 < longest < 2000
    assert read + reader.receive(client_frame(TEXT, b"last")) == [message] * 10_000 + ["last"]


def test_we_close_and_the_peer_answers() -> None:
    reader = MessageReader(LIMIT)
    before = reader.closing
    assert server_frames(reader.close(1001, "restart")) == [ServerFrame(CLOSE, close_payload(1001, "restart"))]
    assert (before, reader.closing) == (False, True)
    assert reader.close(1000) == b"", "one close frame is enough"
    reader.receive(client_frame(CLOSE, close_payload(1001)))
    assert reader.closed == Closed(1001)
    assert server_frames(b"".join(reader.output)) == [], "the answer is not answered"


def test_failing_sends_a_close_frame_and_ends() -> None:
    reader = MessageReader(LIMIT)
    reader.fail(1008, "enough")
    assert reader.closed == Closed(1008, "enough")
    assert server_frames(b"".join(reader.output)) == [ServerFrame(CLOSE, close_payload(1008, "enough"))]
    assert reader.receive(client_frame(TEXT, b"more")) == []


# -- writing --


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 100_000])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_frame(opcode: int, length: int) -> None:
    data = b"\xe2\x82\xac"[:1] * length
    assert server_frames(frame(opcode, data)) == [ServerFrame(opcode, data)]
    assert server_frames(frame(opcode, data, compressed=True)) == [ServerFrame(opcode, data, compressed=True)]


@given(st.binary(max_size=5000), st.integers(1, 9), st.integers(9, 15))
def test_deflate(data: bytes, level: int, bits: int) -> None:
    squeezed = deflate(data, level=level, window_bits=bits)
    assert not squeezed.endswith(b"\x00\x00\xff\xff")
    inflater = zlib.decompressobj(-bits)
    assert inflater.decompress(squeezed + b"\x00\x00\xff\xff") == data
