"""What redis-streams-adapter puts on the wire, written and read."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cluster.strategies import names, targets, values
from tests.cluster.test_vocabulary import SOCKET, SOCKET_FIELDS, garbage, msgpack, plain
from windsock import EncodeError
from windsock.adapters.base import EVERYBODY, Target
from windsock.adapters.messages import (
    Broadcast,
    BroadcastAck,
    BroadcastClientCount,
    ClusterMessage,
    DisconnectSockets,
    FetchSockets,
    FetchSocketsResponse,
    Payload,
    ServerSideEmit,
    ServerSideEmitResponse,
    SocketsJoin,
    SocketsLeave,
)
from windsock.adapters.redis.entries import (
    id_of,
    is_ephemeral,
    place_of,
    read_entry,
    read_message,
    stream_of,
    streams,
    write_entry,
    write_message,
)
from windsock.errors import MessageError

UID: Final = "68d551006276cf73"
R1: Final = Target(frozenset({"r1"}))
OPTS_R1: Final = '"opts":{"rooms":["r1"],"except":[],"flags":{}}'

ENTRIES: Final[list[tuple[str, str, ClusterMessage]]] = [
    (
        "3",
        '{"packet":{"type":2,"data":["hello",1,"two",{"a":null}]},"opts":{"rooms":[],"except":[],"flags":{}}}',
        Broadcast(UID, EVERYBODY, Payload(["hello", 1, "two", {"a": None}])),
    ),
    (
        "3",
        '{"packet":{"type":2,"data":["hello",1]},"opts":{"rooms":["r1"],"except":["x"],"flags":{}}}',
        Broadcast(UID, Target(frozenset({"r1"}), frozenset({"x"})), Payload(["hello", 1])),
    ),
    (
        "3",
        '{"packet":{"type":2,"data":["hello",1]},"opts":{"rooms":["r1","r0"],"except":[],"flags":{"volatile":true}}}',
        Broadcast(UID, Target(frozenset({"r1", "r0"}), volatile=True), Payload(["hello", 1])),
    ),
    (
        "3",
        "gqZwYWNrZXSCpHR5cGUCpGRhdGGSo2JpbsQDAQIDpG9wdHODpXJvb21zkKZleGNlcHSQpWZsYWdzgA==",
        Broadcast(UID, EVERYBODY, Payload(["bin", b"\x01\x02\x03"])),
    ),
    (
        "3",
        '{"packet":{"type":2,"data":["pm",1]},"opts":{"rooms":["RD5n"],"except":[],"flags":{"expectSingleResponse":true}}}',
        Broadcast(UID, Target(frozenset({"RD5n"})), Payload(["pm", 1])),
    ),
    ("4", f'{{{OPTS_R1},"rooms":["n1","n2"]}}', SocketsJoin(UID, R1, ("n1", "n2"))),
    ("5", '{"opts":{"rooms":[],"except":[],"flags":{}},"rooms":["n1"]}', SocketsLeave(UID, EVERYBODY, ("n1",))),
    ("6", f'{{{OPTS_R1},"close":true}}', DisconnectSockets(UID, R1, True)),
]

EVERYBODY_S: Final[dict[str, Any]] = {"rooms": [], "except": [], "flags": {}}

MESSAGES: Final[list[tuple[dict[str, Any], ClusterMessage]]] = [
    (
        {
            "type": 3,
            "data": {
                "packet": {"type": 2, "data": ["q"]},
                "requestId": "72fa1b58d9dfb65f",
                "opts": {**EVERYBODY_S, "flags": {"timeout": 400}},
            },
        },
        Broadcast(UID, EVERYBODY, Payload(["q"]), "72fa1b58d9dfb65f", 0.4),
    ),
    (
        {"type": 11, "data": {"requestId": "72fa1b58d9dfb65f", "clientCount": 1}},
        BroadcastClientCount(UID, "72fa1b58d9dfb65f", 1),
    ),
    (
        {"type": 12, "data": {"requestId": "14a1e1d07a0827f9", "packet": b"\t\x08"}},
        BroadcastAck(UID, "14a1e1d07a0827f9", b"\t\x08"),
    ),
    ({"type": 9, "data": {"packet": ["sse", 1, "x"]}}, ServerSideEmit(UID, Payload(["sse", 1, "x"]))),
    (
        {"type": 9, "data": {"requestId": "3db6aafa4a843270", "packet": ["sse", 5]}},
        ServerSideEmit(UID, Payload(["sse", 5]), "3db6aafa4a843270"),
    ),
    (
        {"type": 10, "data": {"requestId": "3db6aafa4a843270", "packet": "resp1"}},
        ServerSideEmitResponse(UID, "3db6aafa4a843270", "resp1"),
    ),
    (
        {"type": 7, "data": {"opts": EVERYBODY_S, "requestId": "a603399d167d5c53"}},
        FetchSockets(UID, "a603399d167d5c53", EVERYBODY),
    ),
    (
        {"type": 8, "data": {"requestId": "a603399d167d5c53", "sockets": [SOCKET_FIELDS]}},
        FetchSocketsResponse(UID, "a603399d167d5c53", [SOCKET]),
    ),
]


def fields_of(type: str, data: str | bytes) -> dict[bytes, bytes]:
    """An entry as Redis gives it."""
    content = data if isinstance(data, bytes) else data.encode()
    return {b"uid": UID.encode(), b"nsp": b"/", b"type": type.encode(), b"data": content}


def written(message: ClusterMessage) -> dict[bytes, bytes]:
    """The same of one of ours."""
    words = [word if isinstance(word, bytes) else word.encode() for word in write_entry("/", message)]
    return dict(zip(words[::2], words[1::2], strict=True))


def content(data: bytes) -> Any:
    return orjson.loads(data) if data[:1] == b"{" else b64decode(data, validate=True)


@pytest.mark.parametrize(("type", "data", "message"), ENTRIES)
def test_entries(type: str, data: str, message: ClusterMessage) -> None:
    assert plain(read_entry(fields_of(type, data))) == plain(message)
    again = written(message)
    assert again[b"type"] == type.encode()
    assert plain(read_entry(again)) == plain(message)
    assert (again[b"data"][:1] == b"{") == (data[:1] == "{")
    assert not is_ephemeral(message)


def test_an_entry_is_written_as_the_original_does() -> None:
    assert list(written(ENTRIES[0][2])) == [b"uid", b"nsp", b"type", b"data"]
    for _, data, message in (*ENTRIES[:2], *ENTRIES[5:]):
        assert content(written(message)[b"data"]) == content(data.encode())


@pytest.mark.parametrize(("fields", "message"), MESSAGES)
def test_messages(fields: dict[str, Any], message: ClusterMessage) -> None:
    read, after = read_message("/", msgpack({**fields, "uid": UID, "nsp": "/"}))
    assert (plain(read), after) == (plain(message), 0)
    again, after = read_message("/", write_message("/", message, "5-1"))
    assert (plain(again), id_of(after)) == (plain(message), "5-1")


def test_which_are_published() -> None:
    assert [is_ephemeral(message) for _, message in MESSAGES[:1] + MESSAGES[3:5] + MESSAGES[6:7]] == [True] * 4


def test_what_cannot_be_sent() -> None:
    with pytest.raises(EncodeError):
        write_entry("/", Broadcast(UID, EVERYBODY, Payload(["e", object()])))
    with pytest.raises(EncodeError):
        write_message("/", ServerSideEmit(UID, Payload(["e", object()])), "0-0")


def test_a_message_of_another_namespace() -> None:
    with pytest.raises(MessageError, match="a message of '/'"):
        read_message("/", msgpack({"uid": UID, "nsp": "/a", "type": 2}))


def test_places() -> None:
    ids = ["0-0", "0-1", "1795340835989-0", "1795340835989-1", "1795340836051-0", f"{2**64 - 1}-{2**64 - 1}"]
    places = [place_of(id) for id in ids]
    assert places == sorted(places, key=lambda place: place or 0)
    assert [id_of(place) for place in places if place is not None] == ids
    for id in ("", "1", "1-", "-1", "1-1 ", "1-1-1", "a-0", "$", f"{2**64}-0", "1" * 21 + "-0", "1.2"):
        assert place_of(id) is None


def test_the_streams_of_namespaces() -> None:
    # What the original's hashCode() gives under Node, which JavaScript divides with the sign.
    assert [stream_of(name, "s", 4) for name in ("/", "/admin", "/notifications", "/é", "/😀")] == [
        "s-3", "s-0", "s--3", "s-2", "s-2"]  # fmt: skip
    assert stream_of("/chat", "s", 1) == "s"
    assert set(streams("s", 2)) == {"s--1", "s-0", "s-1"}


@given(names, targets, st.lists(values))
def test_any_event(uid: str, target: Target, arguments: list[Any]) -> None:
    message = Broadcast(uid, target, Payload(["e", *arguments]))
    assert plain(read_entry(written(message))) == plain(message)


@given(st.sampled_from(["3", "4", "5", "6", "7", "9", "", "x", "-1"]), garbage | garbage.map(b64encode))
def test_garbage_is_refused(type: str, data: bytes) -> None:
    for read in (lambda: read_entry(fields_of(type, data)), lambda: read_message("/", data)):
        try:
            message = read()
            assert isinstance(message, tuple) or message.uid == UID
        except MessageError:
            continue


@pytest.mark.parametrize("missing", [b"uid", b"type"])
def test_a_field_is_missing(missing: bytes) -> None:
    fields = written(ENTRIES[0][2])
    del fields[missing]
    with pytest.raises(MessageError, match=missing.decode()):
        read_entry(fields)
