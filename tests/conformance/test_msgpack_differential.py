"""The parser against ``socket.io-msgpack-parser``: what one writes the other reads, and both refuse the same.

Where Windsock refuses what the original reads, ``STRICTER`` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ormsgpack import packb

from tests.conformance.oracle import EPOCH, ArrayBuffer, Oracle, Refused, Undefined, agrees, same, slow
from windsock.errors import PacketError
from windsock.protocol.parsers.msgpack import MsgpackParser
from windsock.protocol.socketio import MAX_ACK_ID_DIGITS, RESERVED_EVENTS, Packet, PacketType

PARSER = MsgpackParser()
DECODER = PARSER.decoder()


@pytest.fixture(scope="module")
def oracle(javascript: None) -> Iterator[Oracle]:
    with Oracle() as running:
        yield running


# -- packets --

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
# Beyond 2**53 a JavaScript number is not what was written; that is JavaScript's loss, not the parser's.
integers = st.integers(-(2**53) + 1, 2**53 - 1)
# The original writes whole numbers as integers, and those beyond 64 bits wrongly.
floats = st.floats(allow_nan=False, allow_infinity=True).filter(
    lambda number: not number.is_integer() or abs(number) < 2**53
)
dates = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001  hypothesis wants them so
    lambda date: EPOCH + (date - EPOCH) // timedelta(milliseconds=1) * timedelta(milliseconds=1)
)
binary = st.binary(max_size=20) | st.integers(250, 260).map(bytes) | st.integers(65530, 65540).map(bytes)
scalars = st.none() | st.booleans() | integers | floats | st.just(float("nan")) | texts | dates | binary
foreign = scalars | binary.map(ArrayBuffer) | st.builds(Undefined)
# The original loses a key named __proto__: assigning to it sets an object's prototype.
keys = texts.filter(lambda key: not key.startswith("$") and key not in ("toJSON", "__proto__"))


def values(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=18) | st.dictionaries(keys, inner, max_size=18), max_leaves=20
    )


namespaces = st.just("/") | texts.map("/{}".format)
ids = st.none() | st.integers(0, 10**MAX_ACK_ID_DIGITS - 1)
names = texts.filter(lambda name: name not in RESERVED_EVENTS)


@st.composite
def packets(draw: st.DrawFn, leaves: st.SearchStrategy[Any] = scalars) -> Packet:
    kinds = [kind for kind in PacketType if kind not in (PacketType.BINARY_EVENT, PacketType.BINARY_ACK)]
    kind = draw(st.sampled_from([*kinds, PacketType.EVENT, PacketType.EVENT]))
    namespace = draw(namespaces)
    arguments = st.lists(values(leaves), max_size=4)
    objects = st.dictionaries(keys, values(leaves), max_size=4)
    if kind is PacketType.EVENT:
        return Packet(kind, namespace, [draw(names), *draw(arguments)], draw(ids))
    if kind is PacketType.ACK:
        return Packet(kind, namespace, draw(arguments), draw(ids.filter(lambda id: id is not None)))
    if kind is PacketType.CONNECT:
        return Packet(kind, namespace, draw(st.none() | objects))
    if kind is PacketType.CONNECT_ERROR:
        return Packet(kind, namespace, draw(objects | texts))
    return Packet(kind, namespace)


def read_in_python(value: Any) -> Any:
    """What of JavaScript arrives."""
    match value:
        case ArrayBuffer(content):
            return content
        case Undefined():
            return None
        case list():
            return [read_in_python(each) for each in value]
        case dict():
            return {key: read_in_python(each) for key, each in value.items()}
    return value


@slow
@given(packet=packets())
def test_the_original_reads_what_windsock_writes(oracle: Oracle, packet: Packet) -> None:
    message = PARSER.encode(packet.type, packet.namespace, packet.data, packet.id)
    assert not message.text
    [written] = message.attachments
    theirs = oracle.ask("decode msgpack", message=written)
    assert agrees(packet, theirs), theirs


@slow
@given(packet=packets(foreign), options=st.booleans())
@example(packet=Packet(PacketType.EVENT, "/", ["x", ArrayBuffer(b"a"), Undefined(), b"\xd4\0\0"]), options=False)
@example(packet=Packet(PacketType.EVENT, "/", ["x", EPOCH, ArrayBuffer(bytes(8)), EPOCH, b"\xd7\0"]), options=False)
@example(packet=Packet(PacketType.ACK, "/", [b"\xc7" * 8, EPOCH, {"a": Undefined()}], 0), options=True)
def test_windsock_reads_what_the_original_writes(oracle: Oracle, packet: Packet, options: bool) -> None:
    theirs: dict[str, Any] = {"type": int(packet.type), "nsp": packet.namespace}
    # A client of Socket.IO sends what it has, fields of its own and undefined ones among them.
    theirs["id"] = Undefined() if packet.id is None else packet.id
    theirs["data"] = Undefined() if packet.data is None else packet.data
    if options:
        theirs |= {"options": {"compress": True}, "attachments": Undefined()}
    ours = DECODER.add(oracle.ask("encode msgpack", packet=theirs))
    expected = Packet(packet.type, packet.namespace, read_in_python(packet.data), packet.id)
    assert (ours.type, ours.namespace, ours.id) == (expected.type, expected.namespace, expected.id)
    assert same(ours.data, expected.data), ours


# -- what is refused --

STRICTER: dict[str, Callable[[Any], bool]] = {
    "a field that is null counts as undefined, as python-socketio sends it": lambda fields: (
        None
        in (
            fields.get("id", 0),
            fields.get("data", 0),
        )
    ),
    "a namespace begins with a slash": lambda fields: not str(fields["nsp"]).startswith("/"),
    "an acknowledgement id is no more negative, and no longer, than in JSON": lambda fields: (
        not (0 <= (fields.get("id") or 0) < 10**MAX_ACK_ID_DIGITS)
    ),
    "numbers of the protocol are written as integers": lambda fields: any(
        isinstance(fields.get(name), float) for name in ("id", "type")
    ),
    "only events and acknowledgements have an id": lambda fields: "id" in fields and fields["type"] in (0, 1, 4),
    "an event has a name, which is not one of the library's own": lambda fields: (
        fields["type"] == 2
        and (
            not fields["data"]
            or type(fields["data"][0]) not in (str, int, float)
            or fields["data"][0] in RESERVED_EVENTS
        )
    ),
}
"""What the original reads and Windsock refuses, or the other way round, and why."""

fields_of_packets = st.fixed_dictionaries(
    {
        "type": st.sampled_from([0, 1, 2, 2, 2, 3, 4, 5, 6, -1, 2.0, 2.5, True, "2", None, 2**40]),
        "nsp": st.sampled_from(["/", "/", "/", "/admin", "admin", "", None, 5, ["/"]]),
    },
    optional={
        "data": st.sampled_from(
            [None, {}, [], ["x"], ["x", 1], [5], [None], [True], [["x"]], "x", 0, True, b"x", {"0": "x"}, ["connect"]]
        ),
        "id": st.sampled_from([0, 1, -1, 1.0, 1.5, None, True, "1", 10**15 - 1, 10**15, b"1"]),
        "extra": st.sampled_from([1, {"a": []}]),
    },
)


@settings(slow, max_examples=1000)
@given(fields=fields_of_packets)
def test_both_refuse_the_same_fields(oracle: Oracle, fields: dict[str, Any]) -> None:
    message = packb(fields)
    try:
        ours: Packet | None = DECODER.add(message)
    except PacketError:
        ours = None
    try:
        theirs = oracle.ask("decode msgpack", message=message)
    except Refused:
        theirs = None
    if (ours is None) == (theirs is None):
        assert ours is None or agrees(ours, theirs)
        return
    assert any(applies(fields) for applies in STRICTER.values()), (fields, ours, theirs)


@slow
@given(packet=packets(), data=st.data())
def test_what_is_cut_off_or_has_more_behind_it_is_refused_by_both(
    oracle: Oracle, packet: Packet, data: st.DataObject
) -> None:
    [whole] = PARSER.encode(packet.type, packet.namespace, packet.data, packet.id).attachments
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    longer = whole + data.draw(st.binary(min_size=1, max_size=9))
    for message in (cut, longer):
        with pytest.raises(Refused):
            oracle.ask("decode msgpack", message=message)
        with pytest.raises(PacketError):
            DECODER.add(message)


@pytest.mark.parametrize(
    ("name", "content", "read"),
    [
        ("a byte that begins nothing", b"\xc1", None),
        ("text that is not UTF-8", b"\xa1\xff", "�"),
        ("a lone surrogate", b"\xa3\xed\xa0\x80", "���"),
        ("a key that is a number", b"\x81\x05\x01", {"5": 1}),
        ("a key that is null", b"\x81\xc0\x01", {"null": 1}),
        ("another extension", b"\xd4\x05a", [5, b"a"]),
        ("MessagePack's own timestamp", b"\xd6\xff\0\0\0\1", [-1, b"\0\0\0\1"]),
        ("an extension of type 0 and two bytes", b"\xc7\x02\0ab", b"ab"),
    ],
)
def test_what_the_original_never_writes(oracle: Oracle, name: str, content: bytes, read: Any) -> None:
    message = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1x" + content
    try:
        theirs = oracle.ask("decode msgpack", message=message)["data"][1]
    except Refused:
        theirs = None
    assert theirs == read
    if name == "an extension of type 0 and two bytes":
        assert DECODER.add(message).data[1] == read
        return
    with pytest.raises(PacketError):
        DECODER.add(message)
