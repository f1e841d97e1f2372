"""Several packets in one HTTP body."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windsock.errors import PayloadError
from windsock.protocol import payload
from windsock.protocol.engineio import NOOP, PING, Message

texts_st = st.text(st.characters(codec="utf-8", exclude_characters="\x1e"), max_size=100)
messages_st = st.builds(
    lambda text, data: Message(b"4" + text.encode(), data),
    texts_st,
    st.lists(st.binary(max_size=100), max_size=3).map(tuple),
)


@given(st.lists(messages_st, min_size=1, max_size=5))
def test_round_trip(messages: list[Message]) -> None:
    expected: list[str | bytes] = []
    for message in messages:
        expected += [message.text.decode(), *message.attachments]
    assert payload.decode(payload.encode(messages)) == expected


def test_the_document_s_examples() -> None:
    assert payload.encode([Message(b"4hello"), PING, Message(b"4world")]) == b"4hello\x1e2\x1e4world"
    assert payload.encode([Message(b"4hello", (b"\x01\x02\x03\x04",))]) == b"4hello\x1ebAQIDBA=="
    assert payload.decode("4hello\x1e2\x1e4€\x1ebAQIDBA==".encode()) == ["4hello", "2", "4€", b"\x01\x02\x03\x04"]
    assert payload.encode([NOOP]) == b"6"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"4hello\x1e", id="an empty packet at the end"),
        pytest.param(b"\x1e4hello", id="an empty packet at the beginning"),
        pytest.param(b"4a\x1e\x1e4b", id="an empty packet in between"),
        pytest.param(b"7", id="a type there is not"),
        pytest.param(b"x", id="no type"),
        pytest.param("²".encode(), id="a digit that is not ASCII"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b"4\xc3", id="UTF-8 cut off"),
        pytest.param(b"bAQI", id="base64 cut off"),
        pytest.param(b"b!!!!", id="not base64"),
        pytest.param(b"bAQ ID", id="base64 with a space"),
        pytest.param(b"4good\x1e9bad", id="the second of two"),
        pytest.param("bAQIDBA==€".encode(), id="base64 and then some"),
        pytest.param("b€".encode(), id="base64 that is not ASCII"),
    ],
)
def test_malformed_payloads_are_refused_whole(body: bytes) -> None:
    with pytest.raises(PayloadError, match="expected"):
        payload.decode(body)


def test_packets_are_counted_before_any_is_read() -> None:
    assert len(payload.decode(b"\x1e".join([b"2"] * 16), max_packets=16)) == 16
    with pytest.raises(PayloadError, match="at most 16 packets in a payload, got 17"):
        payload.decode(b"\x1e".join([b"2"] * 16 + [b"\xff"]), max_packets=16)


@given(st.binary(max_size=100))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    try:
        packets = payload.decode(body)
    except PayloadError:
        return
    assert packets
    assert all(isinstance(packet, bytes) or packet[:1] in "0123456" for packet in packets)
