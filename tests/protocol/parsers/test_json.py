"""The default wire format: what it writes, what it reads, what it refuses."""

from __future__ import annotations

import enum
import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from windsock.errors import EncodeError, PacketError, UndecodableArgument
from windsock.protocol.engineio import Message
from windsock.protocol.parsers.json import JsonDecoder, JsonParser
from windsock.protocol.socketio import MAX_NAMESPACE_LENGTH, RESERVED_EVENTS, Packet, PacketType

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR = (
    PacketType.CONNECT,
    PacketType.DISCONNECT,
    PacketType.EVENT,
    PacketType.ACK,
    PacketType.CONNECT_ERROR,
)


def read(*messages: str | bytes, decoder: JsonDecoder | None = None) -> Packet:
    """The packet that comes with the last message, and not before."""
    decoder = decoder or JsonParser().decoder()
    packets = [decoder.add(message) for message in messages]
    assert packets[:-1] == [None] * (len(messages) - 1)
    packet = packets[-1]
    assert packet is not None
    return packet


def encode(packet: Packet, parser: JsonParser | None = None) -> Message:
    parser = parser or JsonParser()
    return parser.encode(packet.type, packet.namespace, packet.data, packet.id, packet.compress)


def wire(message: Message) -> list[str | bytes]:
    """The Engine.IO messages that a receiver gets."""
    text = message.text.decode()
    assert text[0] == "4"
    return [text[1:], *message.attachments]


# -- known forms (Socket.IO protocol, "Packet encoding") --

FORMS: list[tuple[Packet, list[str | bytes]]] = [
    (Packet(CONNECT), ["0"]),
    (Packet(CONNECT, data={"token": "123"}), ['0{"token":"123"}']),
    (Packet(CONNECT, "/admin"), ["0/admin,"]),
    (Packet(CONNECT, "/admin", {"sid": "oSO0OpakMV_3jnilAAAA"}), ['0/admin,{"sid":"oSO0OpakMV_3jnilAAAA"}']),
    (Packet(DISCONNECT), ["1"]),
    (Packet(DISCONNECT, "/admin"), ["1/admin,"]),
    (Packet(EVENT, data=["foo"]), ['2["foo"]']),
    (Packet(EVENT, "/admin", ["bar"]), ['2/admin,["bar"]']),
    (Packet(EVENT, data=["foo"], id=12), ['212["foo"]']),
    (Packet(EVENT, "/admin", ["project:delete", 123], 456), ['2/admin,456["project:delete",123]']),
    (Packet(EVENT, data=["foo"], id=0), ['20["foo"]']),
    (Packet(ACK, data=[], id=456), ["3456[]"]),
    (Packet(ACK, "/admin", ["bar"], 13), ['3/admin,13["bar"]']),
    (Packet(CONNECT_ERROR, data={"message": "Not authorized"}), ['4{"message":"Not authorized"}']),
    (Packet(CONNECT_ERROR, "/admin", {"message": "no"}), ['4/admin,{"message":"no"}']),
    (Packet(EVENT, data=["baz", b"\x01\x02"]), ['51-["baz",{"_placeholder":true,"num":0}]', b"\x01\x02"]),
    (Packet(EVENT, "/admin", ["baz", b"\x01"]), ['51-/admin,["baz",{"_placeholder":true,"num":0}]', b"\x01"]),
    (
        Packet(EVENT, data=["baz", {"a": [b"\x01", b""]}, "z"], id=7),
        [
            '52-7["baz",{"a":[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]},"z"]',
            b"\x01",
            b"",
        ],
    ),
    (Packet(ACK, "/admin", [b"\x03"], 456), ['61-/admin,456[{"_placeholder":true,"num":0}]', b"\x03"]),
]


@pytest.mark.parametrize(("packet", "form"), FORMS, ids=[str(form[0]) for _, form in FORMS])
def test_known_forms(packet: Packet, form: list[str | bytes]) -> None:
    assert wire(encode(packet)) == form
    assert read(*form) == packet


@pytest.mark.parametrize(
    ("text", "packet"),
    [
        ("0/admin", Packet(CONNECT, "/admin")),
        ("0/admin?token=1,", Packet(CONNECT, "/admin?token=1")),
        ("1/admin", Packet(DISCONNECT, "/admin")),
        ('2["foo" ,  1 ]', Packet(EVENT, data=["foo", 1])),
        ("2[5]", Packet(EVENT, data=["5"])),
        ("2[1.5]", Packet(EVENT, data=["1.5"])),
        ("37", Packet(ACK, id=7)),
        ('2["a",[{"_placeholder":false}]]', Packet(EVENT, data=["a", [{"_placeholder": False}]])),
        ('2["a",{"_placeholder":true,"num":0}]', Packet(EVENT, data=["a", {"_placeholder": True, "num": 0}])),
    ],
)
def test_forms_that_are_only_read(text: str, packet: Packet) -> None:
    assert read(text) == packet


# -- round trip --

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
values = st.recursive(
    scalars | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8).filter(lambda key: key != "_placeholder"), inner, max_size=3)
    ),
    max_leaves=8,
)
namespaces = st.just("/") | st.text(st.characters(codec="utf-8", exclude_characters=","), max_size=20).map("/{}".format)
ids = st.none() | st.integers(0, 10**15 - 1)
names = st.text(max_size=20).filter(lambda name: name not in RESERVED_EVENTS)
events = st.builds(
    lambda namespace, name, rest, id: Packet(EVENT, namespace, [name, *rest], id),
    namespaces,
    names,
    st.lists(values, max_size=3),
    ids,
)
acknowledgements = st.builds(
    lambda namespace, data, id: Packet(ACK, namespace, data, id),
    namespaces,
    st.lists(values, max_size=3),
    st.integers(0, 10**15 - 1),
)
others = st.builds(
    Packet,
    st.sampled_from([CONNECT, CONNECT_ERROR]),
    namespaces,
    st.dictionaries(st.text(max_size=8), scalars, max_size=3),
)
packets = events | acknowledgements | others


@given(packets)
def test_round_trip(packet: Packet) -> None:
    parser = JsonParser(max_attachments=100)
    assert read(*wire(encode(packet, parser)), decoder=parser.decoder()) == packet


@given(st.lists(packets, max_size=5))
def test_one_parser_and_one_decoder_serve_any_row_of_packets(row: list[Packet]) -> None:
    parser = JsonParser(max_attachments=100)
    decoder = parser.decoder()
    messages = [message for packet in row for message in wire(encode(packet, parser))]
    assert [packet for packet in map(decoder.add, messages) if packet is not None] == row


# -- what an application may send --


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: int


class Picture(BaseModel):
    name: str
    data: bytes
    at: datetime | None = None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, 2), [1, 2]),
        (Point(1, 2), {"x": 1, "y": 2}),
        (Colour.RED, "red"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime(2024, 5, 1, 12, tzinfo=UTC), "2024-05-01T12:00:00+00:00"),
        ({1: "one", None: 0}, {"1": "one", "null": 0}),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        (Picture(name="a", data=b"\xff"), {"name": "a", "data": b"\xff", "at": None}),
        ([Picture(name="a", data=b"\xff")], [{"name": "a", "data": b"\xff", "at": None}]),
        ({1: b"keys that are not strings, and binary"}, {"1": b"keys that are not strings, and binary"}),
        (float("nan"), None),
        ("\u2028 \x00 \U0001f600", "\u2028 \x00 \U0001f600"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values(value: Any, expected: Any) -> None:
    assert read(*wire(encode(Packet(EVENT, data=["e", value])))) == Packet(EVENT, data=["e", expected])


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, 2**64, 1j, "\ud800", {(1, 2): 3}, lambda: None, [b"lifted before", object()]],
    ids=lambda value: type(value).__name__,
)
def test_values_that_cannot_be_sent(value: Any) -> None:
    parser = JsonParser()
    with pytest.raises(EncodeError, match="expected a value"):
        encode(Packet(EVENT, data=["e", value]), parser)
    # Nothing of it is left in the parser, which all clients share.
    assert wire(encode(Packet(EVENT, data=["next"]), parser)) == ['2["next"]']
    assert wire(encode(Packet(EVENT, data=["next", b"x"]), parser))[1:] == [b"x"]


def test_a_value_that_holds_itself_cannot_be_sent() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(EncodeError):
        encode(Packet(EVENT, data=["e", circle]))


def test_attachments_are_copies() -> None:
    buffer = bytearray(b"before")
    message = encode(Packet(EVENT, data=["e", buffer]))
    buffer[:] = b"after!"
    assert message.attachments == (b"before",)


def test_compress_goes_with_the_message() -> None:
    assert encode(Packet(EVENT, data=["e"])).compress
    assert not encode(Packet(EVENT, data=["e"], compress=False)).compress


# -- what is refused --


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "a",
        "-1",
        '²["x"]',
        "2",
        "2[]",
        "2{}",
        '2"x"',
        "2null",
        "2[null]",
        "2[true]",
        "2[[]]",
        '2["a"',
        '2["a"]]',
        '2["a"] trailing',
        "2['a']",
        '2["a",NaN]',
        "2/admin",
        "2/admin,",
        "212",
        '2-1["a"]',
        '2²["a"]',
        '2\u0661["a"]',
        '21234567890123456["a"]',
        '2' + "9" * 5000 + '["a"]',
        '212 ["a"]',
        '2/' + "n" * MAX_NAMESPACE_LENGTH + ',["a"]',
        "3{}",
        '3"x"',
        "31{}",
        '30{"a":1}',
        "0[]",
        '0"token"',
        "0{",
        "1{}",
        "1[]",
        "4",
        "4[]",
        "45",
        "5",
        "5[",
        '5["x"]',
        '5-["x"]',
        '50-["x"]',
        '511-["x"]',
        '51["x"]',
        '5a-["x"]',
        '51.2-["x"]',
        '5-1-["x"]',
        '5²-["x"]',
        '5\u0661-["x"]',
        '599999999999-["x"]',
        "51-",
        "51-[]",
        "6",
        "61-{}",
        *(f'2["{name}"]' for name in sorted(RESERVED_EVENTS)),
    ],
    ids=lambda text: repr(text[:40]),
)  # fmt: skip
def test_malformed_packets_are_refused(text: str) -> None:
    with pytest.raises(PacketError, match="expected"):
        JsonDecoder().add(text)


@pytest.mark.parametrize("head", ["27", "2/a,7", "37", "3/a,7"])
def test_what_is_nested_too_deep_to_be_sent_on_refuses_the_packet_only(head: str) -> None:
    """Whatever else the arguments are, and however many lists stand beside each other."""
    for depth in (201, 500, 1000):
        with pytest.raises(UndecodableArgument, match="nested at most 200 deep") as caught:
            JsonDecoder().add(f'{head}["a",{"[" * depth + "]" * depth}]')
        assert caught.value.ack_id == (7 if head[0] == "2" else None)
        assert caught.value.namespace == ("/a" if "/" in head else "/")
    deepest = "[" * 200 + "]" * 200
    packet = JsonDecoder().add(f'{head}["a",[[],[]],{deepest},{"[]," * 1000}{deepest}]')
    assert packet is not None
    assert packet.data[2] == packet.data[-1] == json.loads(deepest)


@pytest.mark.parametrize(("text", "depth"), [("0", 300), ("2", 100_000), ("3", 100_000), ("4", 300)])
def test_depth_is_no_weapon(text: str, depth: int) -> None:
    nested = '{"a":' * depth + "1" + "}" * depth
    with pytest.raises(PacketError, match=r"nested|depth"):
        JsonDecoder().add(text + (f'["a",{nested}]' if text in "23" else nested))


def test_the_longest_namespace_and_id_pass() -> None:
    name = "/" + "n" * (MAX_NAMESPACE_LENGTH - 1)
    assert read(f'2{name},999999999999999["a"]') == Packet(EVENT, name, ["a"], 999_999_999_999_999)


def test_attachments_up_to_the_limit() -> None:
    parser = JsonParser(max_attachments=2)
    text = '["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
    assert read("52-" + text, b"a", b"b", decoder=parser.decoder()) == Packet(EVENT, data=["x", b"a", b"b"])
    with pytest.raises(PacketError, match="expected 1 to 2 attachments, got 3"):
        parser.decoder().add("53-" + text)


def test_binary_without_an_announcement_is_refused() -> None:
    with pytest.raises(PacketError, match="before binary"):
        JsonDecoder().add(b"data")


def test_text_between_attachments_is_refused() -> None:
    decoder = JsonDecoder()
    assert decoder.add('52-["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]') is None
    assert decoder.add(b"first") is None
    with pytest.raises(PacketError, match="text in between"):
        decoder.add('2["y"]')


@pytest.mark.parametrize("number", ['"splice"', "-1", "1", "1.5", "0.0", "true", "null", '"0"', "[]", "{}"])
def test_a_placeholder_names_an_attachment_by_its_number(number: str) -> None:
    decoder = JsonDecoder()
    assert decoder.add(f'51-["x",{{"_placeholder":true,"num":{number}}}]') is None
    with pytest.raises(PacketError, match="placeholder"):
        decoder.add(b"data")


@pytest.mark.parametrize(
    "data", ['["x",{"_placeholder":true}]', '["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]']
)
def test_each_placeholder_has_an_attachment_of_its_own(data: str) -> None:
    decoder = JsonDecoder()
    assert decoder.add("51-" + data) is None
    with pytest.raises(PacketError, match="placeholder"):
        decoder.add(b"data")


def test_a_placeholder_far_down_is_filled() -> None:
    depth = 199
    text = "[" * depth + '{"_placeholder":true,"num":0}' + "]" * depth
    value = read(f'51-["x",{text}]', b"data").data[1]
    for _ in range(depth):
        (value,) = value
    assert value == b"data"


def test_decoders_share_nothing() -> None:
    parser = JsonParser()
    first, second = parser.decoder(), parser.decoder()
    assert first.add('51-["x",{"_placeholder":true,"num":0}]') is None
    assert second.add('2["y"]') == Packet(EVENT, data=["y"])
    assert first.add(b"data") == Packet(EVENT, data=["x", b"data"])


# -- text that is not Unicode --


@pytest.mark.parametrize(
    ("text", "namespace", "ack_id"),
    [
        ('27["m","\\ud800"]', "/", 7),
        ('2["m","\\ud800"]', "/", None),
        ('2/chat,1["m",{"a":["x\\udc00y"]}]', "/chat", 1),
        ('27["m","\\ud83d\\ud83d\\ude00"]', "/", 7),
        ('27["m","\\ude00\\ud83d"]', "/", 7),
        ('27["m","\\\\\\ud800"]', "/", 7),
        ('27["\\ud800"]', "/", 7),
        ('27["m",{"\\ud800":1}]', "/", 7),
        ('37["\\ud800"]', "/", None),
    ],
)
def test_a_lone_surrogate_refuses_the_packet_only(text: str, namespace: str, ack_id: int | None) -> None:
    with pytest.raises(UndecodableArgument, match="lone surrogate") as caught:
        JsonDecoder().add(text)
    assert (caught.value.namespace, caught.value.ack_id) == (namespace, ack_id)


@pytest.mark.parametrize("text", ['0{"token":"\\ud800"}', '27["m","\\ud800"', '4{"message":"\\ud800"}'])
def test_a_lone_surrogate_is_no_excuse_for_anything_else(text: str) -> None:
    with pytest.raises(PacketError):
        JsonDecoder().add(text)


@given(st.text(st.characters(codec="utf-8"), max_size=20), st.booleans())
def test_escapes_of_whole_characters_are_read(text: str, ascii_only: bool) -> None:
    encoded = json.dumps(["m", text], ensure_ascii=ascii_only)
    assert read(f"2{encoded}").data == ["m", text]


@given(st.lists(st.sampled_from(["\\ud83d", "\\ude00", "\\\\", "\\n", "u", "x", "\\ud83d\\ude00"]), max_size=8))
def test_lone_surrogates_are_told_from_pairs(parts: list[str]) -> None:
    text = "".join(parts)
    whole = json.loads(f'"{text}"')  # the standard library keeps lone surrogates
    if re.search("[\ud800-\udfff]", whole):
        with pytest.raises(UndecodableArgument):
            JsonDecoder().add(f'2["m","{text}"]')
    else:
        assert read(f'2["m","{text}"]').data == ["m", whole]


@given(st.lists(st.text(max_size=40) | st.binary(max_size=10), max_size=4))
def test_anything_is_read_or_refused(messages: list[str | bytes]) -> None:
    decoder = JsonDecoder()
    for message in messages:
        try:
            decoder.add(message)
        except (PacketError, UndecodableArgument):
            return


@given(
    st.text("0123456789", max_size=3),
    st.sampled_from(["", "-", ","]),
    st.sampled_from(["", "/", "/a,", "/a"]),
    st.text("0123456789²-", max_size=4),
    st.sampled_from(["", "[", "[]", '["a"]', "{}", '["connect"]', '["a",{"_placeholder":true,"num":0}]']),
)
def test_almost_packets_are_read_or_refused(head: str, dash: str, namespace: str, id: str, body: str) -> None:
    decoder = JsonDecoder()
    try:
        if decoder.add(head + dash + namespace + id + body) is None:
            decoder.add(b"data")
    except PacketError:
        return


# -- events as they come --


def check_reading_as_it_comes(message: bytes) -> bool:
    """Whether a message is read without being decoded; if so, it is the same event, and answered by the same id."""
    event = JsonDecoder().read_event(b"4" + message, 1)
    if event is None:
        return False
    data, digits = event
    id = None if digits is None else int(digits)
    assert read(message.decode()) == Packet(EVENT, "/", data, id)
    assert digits is None or digits == str(id).encode()
    parser = JsonParser()
    assert parser.pack(ACK, "/", [1], digits) == parser.pack(ACK, "/", [1], id)
    return True


@given(packets)
def test_events_are_read_as_they_come(packet: Packet) -> None:
    message = wire(encode(packet))[0]
    assert isinstance(message, str)
    is_plain = packet.type is EVENT and packet.namespace == "/" and message[0] == "2"
    assert check_reading_as_it_comes(message.encode()) == (is_plain and packet.id != 0)


@given(
    st.sampled_from([b"2", b"3", b"5", b"4", b""]),
    st.text("0123456789²+_ ", max_size=17).map(str.encode),
    st.sampled_from(
        [b"[]", b'["a"]', b'["connect"]', b"[1]", b"[null]", b'[" \xc3"]', b'["\xed\xa0\x80"]', b'["\\ud800"]', b"["]
    ),
)
def test_what_is_not_in_order_is_left_to_be_refused(head: bytes, id: bytes, body: bytes) -> None:
    check_reading_as_it_comes(head + id + body)


@pytest.mark.parametrize("id", [b"0", b"00", b"007", b"+1", b"1_0", "²".encode(), b"1" * 16])
def test_an_id_that_is_not_what_it_would_be_answered_by_is_not_read_as_it_comes(id: bytes) -> None:
    assert not check_reading_as_it_comes(b"2" + id + b'["a"]')


def test_an_event_between_attachments_is_not_read_as_it_comes() -> None:
    decoder = JsonDecoder()
    assert decoder.add('51-["a",{"_placeholder":true,"num":0}]') is None
    assert decoder.read_event(b'2["a"]', 0) is None


def test_binary_beside_keys_that_are_no_strings_is_lifted_out_once() -> None:
    """Such keys have it written twice; what the first attempt lifted out is not sent."""
    message = JsonParser().encode(PacketType.EVENT, "/", ["x", {"a": b"one", 1: b"two"}])
    assert message.attachments == (b"one", b"two")
    assert message.text == b'452-["x",{"a":{"_placeholder":true,"num":0},"1":{"_placeholder":true,"num":1}}]'
