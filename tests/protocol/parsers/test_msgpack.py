"""The wire format of socket.io-msgpack-parser: what it writes, what it reads, what it refuses."""

from __future__ import annotations

import struct
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ormsgpack import Ext, packb

from windsock.errors import EncodeError, PacketError, UndecodableArgument
from windsock.protocol.engineio import Message
from windsock.protocol.parsers.msgpack import MsgpackParser
from windsock.protocol.socketio import MAX_NAMESPACE_LENGTH, RESERVED_EVENTS, Packet, PacketType

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR = (
    PacketType.CONNECT,
    PacketType.DISCONNECT,
    PacketType.EVENT,
    PacketType.ACK,
    PacketType.CONNECT_ERROR,
)


def encode(packet: Packet) -> Message:
    return MsgpackParser().encode(packet.type, packet.namespace, packet.data, packet.id, packet.compress)


def write(packet: Packet) -> bytes:
    message = encode(packet)
    assert message.text == b""
    [data] = message.attachments
    return data


def read(data: bytes) -> Packet:
    return MsgpackParser().decoder().add(data)


# -- known forms --


@pytest.mark.parametrize(
    ("packet", "fields"),
    [
        (Packet(CONNECT), {"type": 0, "nsp": "/"}),
        (Packet(CONNECT, "/admin", {"token": "123"}), {"type": 0, "nsp": "/admin", "data": {"token": "123"}}),
        (Packet(DISCONNECT, "/admin"), {"type": 1, "nsp": "/admin"}),
        (Packet(EVENT, data=["foo"]), {"type": 2, "nsp": "/", "data": ["foo"]}),
        (Packet(EVENT, "/a,b", ["foo", b"\0"], 12), {"type": 2, "nsp": "/a,b", "data": ["foo", b"\0"], "id": 12}),
        (Packet(ACK, "/", [], 0), {"type": 3, "nsp": "/", "data": [], "id": 0}),
        (Packet(CONNECT_ERROR, data={"message": "no"}), {"type": 4, "nsp": "/", "data": {"message": "no"}}),
    ],
    ids=repr,
)
def test_known_forms(packet: Packet, fields: dict[str, Any]) -> None:
    assert write(packet) == packb(fields)
    assert read(packb(fields)) == packet
    assert read(packb(dict(reversed(fields.items())))) == packet


def test_the_form_of_the_original_s_documentation() -> None:
    form = bytes.fromhex("83 a474797065 02 a36e7370 a12f a464617461 92 a568656c6c6f a3796f75")
    assert write(Packet(EVENT, data=["hello", "you"])) == form
    assert read(form) == Packet(EVENT, data=["hello", "you"])


UNDEFINED = Ext(0, b"\0")


@pytest.mark.parametrize(
    ("fields", "packet"),
    [
        # As socket.io-client sends them.
        ({"type": 0, "nsp": "/", "data": UNDEFINED}, Packet(CONNECT)),
        (
            {"type": 2, "data": ["x"], "options": {"compress": True}, "id": UNDEFINED, "nsp": "/"},
            Packet(EVENT, data=["x"]),
        ),
        # As python-socketio does.
        ({"type": 1, "data": None, "nsp": "/"}, Packet(DISCONNECT)),
        ({"type": 2, "nsp": "/", "data": [5]}, Packet(EVENT, data=["5"])),
        ({"type": 2, "nsp": "/", "data": [1.5, None]}, Packet(EVENT, data=["1.5", None])),
        ({"type": 4, "nsp": "/", "data": "no"}, Packet(CONNECT_ERROR, data="no")),
        ({"type": 2, "nsp": "/", "data": ["x"], "id": 10**15 - 1}, Packet(EVENT, data=["x"], id=10**15 - 1)),
    ],
)
def test_forms_that_are_only_read(fields: dict[str, Any], packet: Packet) -> None:
    assert read(packb(fields)) == packet


texts = st.text(st.characters(codec="utf-8"), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | texts | st.binary(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
events = st.builds(
    lambda namespace, name, rest, id: Packet(EVENT, namespace, [name, *rest], id),
    st.just("/") | texts.map("/{}".format),
    texts.filter(lambda name: name not in RESERVED_EVENTS),
    st.lists(values, max_size=3),
    st.none() | st.integers(0, 10**15 - 1),
)


@given(events)
def test_round_trip(packet: Packet) -> None:
    assert read(write(packet)) == packet


def test_a_value_that_cannot_be_sent() -> None:
    parser = MsgpackParser()
    for value in (object(), 2**64, {1, 2}):
        with pytest.raises(EncodeError, match="expected a value that MessagePack can carry"):
            parser.encode(EVENT, "/", ["e", value])


def test_compress_goes_with_the_message() -> None:
    assert encode(Packet(EVENT, data=["e"])).compress
    assert not encode(Packet(EVENT, data=["e"], compress=False)).compress


# -- what is refused --


def each(*values: Any) -> tuple[Any, ...]:
    return values


EVENT_FIELDS = {"type": 2, "nsp": "/", "data": ["x"]}


@pytest.mark.parametrize(
    "fields",
    [
        None,
        5,
        "2[]",
        [],
        [2, "/", ["x"]],
        {},
        {"nsp": "/", "data": ["x"]},
        *({**EVENT_FIELDS, "type": kind} for kind in each(None, -1, 5, 6, 7, 2.0, 1.5, True, "2", [2], b"2", 2**63)),
        {"type": 2, "data": ["x"]},
        *(
            {**EVENT_FIELDS, "nsp": name}
            for name in each(None, "", "admin", 5, b"/", ["/"], "/" + "n" * MAX_NAMESPACE_LENGTH)
        ),
        *({**EVENT_FIELDS, "id": id} for id in each(-1, 1.0, True, "1", b"1", [1], {}, 10**15, 2**64 - 1)),
        {"type": 2, "nsp": "/"},
        *({**EVENT_FIELDS, "data": data} for data in each(None, {}, "x", 5, [], [None], [True], [["x"]], [{}], [b"x"])),
        *({**EVENT_FIELDS, "data": [name]} for name in sorted(RESERVED_EVENTS)),
        *({"type": 3, "nsp": "/", "id": 1, "data": data} for data in each(None, {}, "x", 5)),
        *({"type": 0, "nsp": "/", "data": data} for data in each([], "token", 5, True)),
        *({"type": 1, "nsp": "/", "data": data} for data in each({}, [], "x", 0)),
        *({"type": 4, "nsp": "/", "data": data} for data in each(None, [], 5)),
        *({"type": kind, "nsp": "/", "id": 1} for kind in each(0, 1)),
    ],
    ids=lambda fields: repr(fields)[:60],
)
def test_malformed_packets_are_refused(fields: Any) -> None:
    with pytest.raises(PacketError, match="expected") as caught:
        read(packb(fields))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("data", [b"", b"\xc1", packb(EVENT_FIELDS) + b"\0", packb(EVENT_FIELDS)[:-1], b"\x91" * 2000])
def test_what_is_not_msgpack_is_refused(data: bytes) -> None:
    with pytest.raises(PacketError, match="expected MessagePack"):
        read(data)


def test_text_is_refused() -> None:
    with pytest.raises(PacketError, match="got text"):
        MsgpackParser().decoder().add('42["x"]', 1)


FAR = Ext(0, struct.pack(">q", 8_640_000_000_000_000))


@pytest.mark.parametrize(
    ("fields", "namespace", "ack_id"),
    [
        ({"type": 2, "nsp": "/chat", "data": ["m", {"a": [FAR]}], "id": 7}, "/chat", 7),
        ({"type": 2, "nsp": "/", "data": ["m", FAR]}, "/", None),
        ({"type": 3, "nsp": "/", "data": [FAR], "id": 7}, "/", None),
    ],
)
def test_a_date_that_python_does_not_have_refuses_the_packet_only(
    fields: dict[str, Any], namespace: str, ack_id: int | None
) -> None:
    with pytest.raises(UndecodableArgument, match="date") as caught:
        read(packb(fields))
    assert (caught.value.namespace, caught.value.ack_id) == (namespace, ack_id)


@pytest.mark.parametrize(
    "fields", [{"type": 0, "nsp": "/", "data": {"until": FAR}}, {"type": 2, "nsp": "/", "data": [FAR]}]
)
def test_such_a_date_is_no_excuse_for_anything_else(fields: dict[str, Any]) -> None:
    with pytest.raises(PacketError):
        read(packb(fields))


def test_without_ormsgpack_a_server_can_have_json() -> None:
    code = (
        "import sys; sys.modules['ormsgpack'] = None\n"
        "from windsock import ConfigurationError, Server\n"
        "from windsock.parsers import JsonParser, MsgpackParser\n"
        "Server(parser=JsonParser())\n"
        "try: MsgpackParser()\n"
        "except ConfigurationError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert "pip install 'windsock[msgpack]'" in done.stdout, done.stderr
