"""The packet codec against the official parsers: what one writes the other reads, and both refuse the same.

Where Windsock refuses what the original reads, ``STRICTER`` says why.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.conformance.oracle import Oracle, Refused, agrees, slow
from windsock.errors import PacketError, PayloadError, UndecodableArgument
from windsock.protocol import payload
from windsock.protocol.engineio import Message
from windsock.protocol.parsers.json import JsonParser
from windsock.protocol.socketio import (
    MAX_ACK_ID_DIGITS,
    MAX_ATTACHMENTS,
    MAX_NAMESPACE_LENGTH,
    RESERVED_EVENTS,
    Packet,
    PacketType,
)

PARSER = JsonParser()


@pytest.fixture(scope="module")
def oracle(javascript: None) -> Iterator[Oracle]:
    with Oracle() as running:
        yield running


# -- packets --

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
# Beyond 2**53 a JavaScript number is not what was written; that is the format's loss, not the parser's.
integers = st.integers(-(2**53) + 1, 2**53 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | integers | floats | texts
# The original loses a key named __proto__: assigning to it sets an object's prototype.
keys = texts.filter(lambda key: key not in ("_placeholder", "toJSON", "$binary", "$number", "__proto__"))


def values(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
    )


def binaries(value: Any) -> int:
    if isinstance(value, bytes):
        return 1
    if isinstance(value, list):
        return sum(map(binaries, value))
    if isinstance(value, dict):
        return sum(map(binaries, value.values()))
    return 0


arguments = st.lists(values(scalars | st.binary(max_size=20)), max_size=4).filter(
    lambda found: binaries(found) <= MAX_ATTACHMENTS
)
namespaces = st.just("/") | st.text(st.characters(exclude_categories=["Cs"], exclude_characters=","), max_size=12).map(
    "/{}".format
)
ids = st.none() | st.integers(0, 10**MAX_ACK_ID_DIGITS - 1)
names = texts.filter(lambda name: name not in RESERVED_EVENTS)
objects = st.dictionaries(keys, values(scalars), max_size=4)


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    kind = draw(
        st.sampled_from(
            [PacketType.CONNECT, PacketType.DISCONNECT, PacketType.EVENT, PacketType.ACK, PacketType.CONNECT_ERROR]
        )
    )
    namespace = draw(namespaces)
    if kind is PacketType.EVENT:
        return Packet(kind, namespace, [draw(names), *draw(arguments)], draw(ids))
    if kind is PacketType.ACK:
        return Packet(kind, namespace, draw(arguments), draw(ids.filter(lambda id: id is not None)))
    if kind is PacketType.CONNECT:
        return Packet(kind, namespace, draw(st.none() | objects))
    if kind is PacketType.CONNECT_ERROR:
        return Packet(kind, namespace, draw(objects))
    return Packet(kind, namespace)


def messages_of(message: Message) -> list[str | bytes]:
    """What a transport delivers to the other side."""
    text = message.text.decode()
    assert text[0] == "4"
    return [text[1:], *message.attachments]


def decode(messages: list[str | bytes]) -> tuple[list[Packet], bool]:
    """The packets, and whether the decoder waits for more."""
    decoder = PARSER.decoder()
    found = []
    waiting = False
    for message in messages:
        packet = decoder.add(message)
        waiting = packet is None
        if packet is not None:
            found.append(packet)
    return found, waiting


@slow
@given(packet=packets())
def test_the_original_reads_what_windsock_writes(oracle: Oracle, packet: Packet) -> None:
    message = PARSER.encode(packet.type, packet.namespace, packet.data, packet.id)
    answer = oracle.ask("decode", messages=messages_of(message))
    assert not answer["waiting"]
    [theirs] = answer["packets"]
    assert agrees(packet, theirs), theirs


@slow
@given(packet=packets())
def test_windsock_reads_what_the_original_writes(oracle: Oracle, packet: Packet) -> None:
    theirs = {"type": int(packet.type), "nsp": packet.namespace}
    if packet.id is not None:
        theirs["id"] = packet.id
    if packet.data is not None:
        theirs["data"] = packet.data
    found, waiting = decode(oracle.ask("encode", packet=theirs))
    assert not waiting
    [ours] = found
    assert agrees(ours, theirs), ours


@slow
@given(
    found=st.lists(
        st.tuples(st.just("4"), texts.filter(lambda text: "\x1e" not in text)) | st.binary(max_size=30),
        min_size=1,
        max_size=8,
    )
)
def test_payloads_both_ways(oracle: Oracle, found: list[tuple[str, str] | bytes]) -> None:
    theirs: list[dict[str, Any]] = [
        {"type": "message", "data": each if isinstance(each, bytes) else each[1]} for each in found
    ]
    mine = ["".join(each) if isinstance(each, tuple) else each for each in found]
    # JavaScript takes an empty text for no data at all, which is the same packet.
    written: str = oracle.ask("encode payload", packets=theirs)
    assert payload.decode(written.encode()) == mine

    texts_and_attachments = []
    for each in mine:
        if isinstance(each, str):
            texts_and_attachments.append(Message(each.encode()))
        else:
            texts_and_attachments.append(Message(b"4", (each,)))
    read = oracle.ask("decode payload", payload=payload.encode(texts_and_attachments).decode())
    expected: list[dict[str, Any]] = []
    for each in mine:
        if isinstance(each, str):
            expected.append({"type": "message", "data": each[1:]} if each[1:] else {"type": "message"})
        else:
            expected += [{"type": "message"}, {"type": "message", "data": each}]
    assert read == expected


# -- what is refused --


@dataclass(frozen=True, slots=True)
class Difference:
    """Text that the original reads and Windsock refuses, or reads otherwise, and why."""

    why: str
    pattern: re.Pattern[str]


STRICTER = [
    Difference(
        "a number of attachments is decimal digits; JavaScript's Number() also reads '1e0', ' 1', '0x1', '1.0'",
        re.compile(r"[56](?![1-9][0-9]?-)", re.ASCII),
    ),
    Difference(
        "types and acknowledgement ids are decimal digits; JavaScript reads nothing and blanks as 0",
        re.compile(r"$|[\s\ufeff]|[0-6](?:[0-9]*-)?(?:/[^,]*,)?[0-9]*[\s\ufeff]"),
    ),
    Difference(
        "an acknowledgement id has at most 15 digits; JavaScript rounds longer ones",
        re.compile(r"[0-6](?:[0-9]*-)?(?:/[^,]*,)?[0-9]{16,}"),
    ),
    Difference("only events and acknowledgements have an id", re.compile(r"[014](?:/[^,]*,)?[0-9]")),
    Difference(
        "an event, a refusal and binary have a payload; the original passes on `undefined`",
        re.compile(r"[2456](?:[0-9]*-)?(?:/[^,]*,?)?[0-9]*$"),
    ),
    Difference(
        f"a namespace has at most {MAX_NAMESPACE_LENGTH} characters", re.compile(r"[0-6](?:[0-9]*-)?/[^,]{1024,}")
    ),
    Difference(
        "a number too large for a float is refused; JavaScript reads Infinity",
        re.compile(r".*[eE]\+?[0-9]{3,}|.*[0-9]{300,}", re.DOTALL),
    ),
    Difference(
        "a placeholder names an attachment by a whole number, each once; the original takes 0.5 and repeats one",
        re.compile(r"[56].*_placeholder", re.DOTALL),
    ),
    Difference("nesting deeper than 200 is refused", re.compile(r"(?:[^\[{]*[\[{]){200,}", re.DOTALL)),
]

PIECES = [
    *'01234567-/,[]{}":\\ \n\t.e+²\u0661\ufeff\x00\x1eé🎉',
    *("51-", "52-", "50-", "511-", "/admin,", "/a,b", "null", "true", "false", "1e999", "-0", "\\ud800"),
    *('["x"]', '["x",1]', '[""]', "[]", "{}", '"x"', '{"a":[1,2]}', '["connect"]', '["disconnect"]'),
    *('{"_placeholder":true,"num":0}', '["x",{"_placeholder":true,"num":0}]', "12345678901234567"),
]
pieces = st.sampled_from(PIECES)


@st.composite
def nearly_packets(draw: st.DrawFn) -> str:
    """Text that begins like a packet, or a written packet with a few characters changed."""
    if draw(st.booleans()):
        return "".join(draw(st.lists(pieces, min_size=1, max_size=8)))
    packet = draw(packets())
    text = messages_of(PARSER.encode(packet.type, packet.namespace, packet.data, packet.id))[0]
    assert isinstance(text, str)
    for _ in range(draw(st.integers(1, 3))):
        position = draw(st.integers(0, len(text)))
        width = draw(st.integers(0, 2))
        text = text[:position] + draw(pieces) + text[position + width :]
    return text


@settings(slow, max_examples=1500)
@given(text=nearly_packets(), attachment=st.booleans())
@example(text="61-", attachment=True)
@example(text="51-/,", attachment=True)
@example(text="61-/admin,5", attachment=True)
@example(text='51-["x"]', attachment=True)
@example(text='61-[{"_placeholder":true,"num":0}]', attachment=True)
@example(text="0null", attachment=False)
@example(text="2[5]", attachment=False)
@example(text="2[-0.0]", attachment=False)
@example(text="2[0.000001]", attachment=False)
@example(text="2[1.5e-7]", attachment=False)
@example(text="2[1e20]", attachment=False)
@example(text="2[1e21]", attachment=False)
@example(text="27[12345678901234567890]", attachment=False)
@example(text='51-[100.0,{"_placeholder":true,"num":0}]', attachment=True)
@example(text='3["x"]', attachment=False)
@example(text='2["x",-0]', attachment=False)
@example(text='0/a?b=c,{"a":1}', attachment=False)
def test_both_refuse_the_same(oracle: Oracle, text: str, attachment: bool) -> None:
    messages: list[str | bytes] = [text, b"attachment"] if attachment else [text]
    try:
        ours: tuple[list[Packet], bool] | None = decode(messages)
    except (PacketError, UndecodableArgument) as error:
        ours = None
        reason = str(error)
    else:
        reason = ""
    try:
        theirs = oracle.ask("decode", messages=messages)
    except Refused:
        theirs = None
    if theirs is None:
        assert ours is None, f"the original refuses {text!r}"
        return
    if any(difference.pattern.match(text) for difference in STRICTER):
        return
    if "surrogate" in reason:
        assert re.search(r"\\u[dD][89a-fA-F]", text), text
        return
    assert ours is not None, f"the original reads {text!r} as {theirs}, Windsock refuses: {reason}"
    found, waiting = ours
    assert waiting == theirs["waiting"]
    assert len(found) == len(theirs["packets"])
    for packet, other in zip(found, theirs["packets"], strict=True):
        assert agrees(packet, other), (text, packet, other)


@settings(slow, max_examples=600)
@given(
    text=st.lists(
        st.sampled_from(
            [
                "0",
                "1",
                "2",
                "3",
                "4",
                "5",
                "6",
                "7",
                "b",
                "\x1e",
                "4a",
                "bAA==",
                "bAAA=",
                "bAAAA",
                "b=",
                "é",
                "4é",
                "bé",
                "",
            ]
        ),
        max_size=8,
    ).map("".join)
)
def test_both_refuse_the_same_payloads(oracle: Oracle, text: str) -> None:
    theirs = oracle.ask("decode payload", payload=text)
    refused = any(packet["type"] == "error" for packet in theirs)
    try:
        ours: list[str | bytes] | None = payload.decode(text.encode())
    except PayloadError:
        ours = None
    if refused:
        assert ours is None, f"the original refuses {text!r}"
        return
    # Node's base64 reader skips what is none, and needs no padding; Windsock refuses it.
    strict = all(
        re.fullmatch(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", each[1:])
        for each in text.split("\x1e")
        if each[:1] == "b"
    )
    if not strict:
        return
    assert ours is not None, f"the original reads {text!r} as {theirs}"
    kinds = ["open", "close", "ping", "pong", "message", "upgrade", "noop"]
    for mine, other in zip(ours, theirs, strict=True):
        if isinstance(mine, bytes):
            assert (other["type"], other["data"]) == ("message", mine)
        else:
            assert (other["type"], other.get("data", "")) == (kinds[int(mine[0])], mine[1:])


def test_the_oracle_is_asked(oracle: Oracle) -> None:
    """The harness itself: both directions, binary, and an error."""
    packet = {"type": 2, "nsp": "/a", "id": 7, "data": ["x", b"\0\xff", {"y": [b""]}]}
    written = oracle.ask("encode", packet=packet)
    assert written[1:] == [b"\0\xff", b""]
    assert json.loads(written[0].partition(",7")[2])[1] == {"_placeholder": True, "num": 0}
    assert oracle.ask("decode", messages=written)["packets"] == [packet]
    with pytest.raises(Refused, match="unknown packet type"):
        oracle.ask("decode", messages=["x"])


def test_the_answer_to_a_question_whose_test_was_cut_off_is_not_the_next_one_s(oracle: Oracle) -> None:
    oracle.send({"ask": "decode payload", "payload": "4cut off", "number": 0})
    assert oracle.ask("decode payload", payload="4next") == [{"type": "message", "data": "next"}]
