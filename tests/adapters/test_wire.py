"""How the cluster's messages are written: each way back is the way there, and nonsense is an error of its own."""

from __future__ import annotations

import contextlib
from typing import Any, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windsock import EncodeError, Target
from windsock.adapters import wire
from windsock.adapters.messages import (
    AdapterClose,
    Broadcast,
    BroadcastAck,
    BroadcastClientCount,
    ClusterMessage,
    DisconnectSockets,
    Done,
    FetchSockets,
    FetchSocketsResponse,
    HandshakeDetails,
    Heartbeat,
    InitialHeartbeat,
    Payload,
    ServerSideEmit,
    ServerSideEmitResponse,
    SocketDetails,
    SocketsJoin,
    SocketsLeave,
)
from windsock.errors import MessageError

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
ids = st.text("0123456789abcdef", min_size=1, max_size=16)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.binary(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts.filter(lambda key: key != "_placeholder"), inner, max_size=3)
    ),
    max_leaves=8,
)
rooms = st.frozensets(texts, max_size=3)
targets = st.builds(Target, rooms, rooms, volatile=st.booleans(), compress=st.booleans())
payloads = st.builds(lambda name, rest: Payload([f"e{name}", *rest]), texts, st.lists(values, max_size=3))
handshakes = st.builds(
    HandshakeDetails,
    headers=st.dictionaries(texts, texts, max_size=2),
    query=st.dictionaries(texts, texts, max_size=2),
    url=texts,
    address=texts,
    secure=st.booleans(),
    xdomain=st.booleans(),
    time=st.integers(0, 2**41).map(lambda milliseconds: milliseconds / 1000),
    auth=st.dictionaries(texts.filter(lambda key: key != "_placeholder"), values, max_size=2),
)
sockets = st.builds(SocketDetails, texts, handshakes, rooms, values.filter(lambda value: value is not None))
optional_ids = st.none() | ids
timeouts = st.none() | st.integers(0, 10**6).map(lambda milliseconds: milliseconds / 1000)
messages = st.one_of(
    st.builds(InitialHeartbeat, ids),
    st.builds(Heartbeat, ids),
    st.builds(AdapterClose, ids),
    st.builds(Broadcast, ids, targets, payloads, optional_ids, timeouts, st.booleans()),
    st.builds(SocketsJoin, ids, targets, st.lists(texts, max_size=3).map(tuple)),
    st.builds(SocketsLeave, ids, targets, st.lists(texts, max_size=3).map(tuple)),
    st.builds(DisconnectSockets, ids, targets, st.booleans()),
    st.builds(FetchSockets, ids, ids, targets),
    st.builds(FetchSocketsResponse, ids, ids, st.lists(sockets, max_size=3)),
    st.builds(ServerSideEmit, ids, payloads, optional_ids),
    st.builds(ServerSideEmitResponse, ids, ids, values),
    st.builds(BroadcastClientCount, ids, ids, st.integers(0, 10**6), st.none() | st.lists(ids, max_size=3).map(tuple)),
    st.builds(BroadcastAck, ids, ids, values, optional_ids, st.booleans()),
)


def comparable(message: ClusterMessage) -> Any:
    """A message with its payload read, which is what two of them are to be compared by."""
    fields = {name: getattr(message, name) for name in type(message).__slots__}
    payload = fields.get("payload")
    return type(message), {**fields, "payload": payload and payload.event}


@given(messages)
def test_a_message_comes_back_from_its_mapping(message: ClusterMessage) -> None:
    assert comparable(wire.from_mapping(wire.to_mapping("/", message))) == comparable(message)


@given(messages)
def test_a_message_comes_back_from_its_bytes(message: ClusterMessage) -> None:
    assert comparable(wire.decode(wire.encode("/", message))) == comparable(message)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
# The names that messages have, with anything in them.
shaped = st.fixed_dictionaries(
    {"uid": st.just("x") | junk, "type": st.integers(0, 14) | junk},
    optional={
        "data": junk
        | st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(
                ("opts", "rooms", "packet", "requestId", "clientCount", "ids", "id", "close", "sockets"), junk
            ),
        )
    },
)


def read(message: ClusterMessage) -> None:
    if isinstance(message, Broadcast | ServerSideEmit):
        assert isinstance(message.payload.event, list)


@given(shaped | junk)
def test_any_mapping_is_a_message_or_an_error(fields: Any) -> None:
    with contextlib.suppress(MessageError):
        read(wire.from_mapping(fields))


@given(st.lists(st.binary(max_size=60), max_size=4), shaped)
def test_any_bytes_are_a_message_or_an_error(pieces: list[bytes], fields: dict[str, Any]) -> None:
    try:
        head = orjson.dumps(fields)
    except TypeError:  # numbers beyond 64 bits
        head = b"{}"
    for candidate in (
        pieces,
        [head, *pieces],
        [head, b'42["e"]'],
        [head, b'452-["e",{"_placeholder":true,"num":0}]', b"x"],
    ):
        with contextlib.suppress(MessageError):
            read(wire.decode(candidate))


def test_what_is_too_large_is_not_read() -> None:
    (head, payload) = wire.encode("/", Broadcast("x", Target(), Payload(["e"])))
    wire.decode((head, payload))
    with pytest.raises(MessageError, match="at most 67108864 bytes, got"):
        wire.decode((head, payload, bytes(wire.MAX_MESSAGE_BYTES)))


def test_what_cannot_be_written() -> None:
    with pytest.raises(EncodeError):
        wire.encode("/", Broadcast("x", Target(), Payload(["e", object()])))
    with pytest.raises(EncodeError):
        wire.encode("/", SocketsJoin("x", Target(), ("\ud800",)))
    with pytest.raises(TypeError, match="Done"):
        wire.to_mapping("/", Done("x", "1"))


def test_what_the_original_writes() -> None:
    """Messages as its adapters send them: with no field that is ours, and some more of theirs."""
    options = {"rooms": ["r"], "except": ["x"], "flags": {"volatile": True, "timeout": 1500, "expectSingleResponse": 1}}
    fields = {
        "uid": "0123456789abcdef",
        "nsp": "/",
        "type": 3,
        "data": {"packet": {"type": 2, "data": ["e", 1], "nsp": "/"}, "requestId": "aa", "opts": options},
    }
    message = cast("Broadcast", wire.from_mapping(fields))
    assert message.target == Target(frozenset({"r"}), frozenset({"x"}), volatile=True)
    assert (message.timeout, message.request_id, message.named) == (1.5, "aa", False)
    assert message.payload.event == ["e", 1]
    handshake = {"headers": {"host": "x", "set-cookie": ["a"]}, "issued": 5000, "query": {}, "auth": {}, "url": "/"}
    socket = {"id": "s", "handshake": handshake, "rooms": ["s"], "data": {}}
    fields = {"uid": "y", "nsp": "/", "type": 8, "data": {"requestId": "aa", "sockets": [socket]}}
    (details,) = cast("FetchSocketsResponse", wire.from_mapping(fields)).sockets
    assert (details.handshake.headers, details.handshake.time) == ({"host": "x"}, 5.0)
