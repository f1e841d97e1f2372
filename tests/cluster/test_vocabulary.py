"""What redis-adapter puts on the wire, written and read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ormsgpack import OPT_DATETIME_AS_TIMESTAMP_EXT, packb

from tests.cluster.strategies import names, targets, values
from windsock import EncodeError
from windsock.adapters.base import Target
from windsock.adapters.messages import (
    EMITTER,
    Broadcast,
    BroadcastAck,
    BroadcastClientCount,
    ClusterRequest,
    ClusterResponse,
    DisconnectSockets,
    Done,
    FetchRooms,
    FetchRoomsResponse,
    FetchSockets,
    FetchSocketsResponse,
    HandshakeDetails,
    Payload,
    ServerSideEmit,
    ServerSideEmitResponse,
    SocketDetails,
    SocketsJoin,
    SocketsLeave,
)
from windsock.adapters.redis.packing import pack
from windsock.adapters.redis.vocabulary import (
    Channels,
    read_event,
    read_request,
    read_response,
    write_event,
    write_request,
    write_response,
)
from windsock.errors import MessageError

OPTIONS: Final = {"rooms": ["r1"], "except": ["x"]}
R1: Final = Target(frozenset({"r1"}), frozenset({"x"}))
EVERYBODY: Final = Target()


def msgpack(value: Any) -> bytes:
    return packb(value, option=OPT_DATETIME_AS_TIMESTAMP_EXT)


def plain(message: Any) -> Any:
    """A message that can be compared: its payload decoded."""
    payload = getattr(message, "payload", None)
    return message if payload is None else (message.uid, getattr(message, "target", None), payload.event,
                                            message.request_id)  # fmt: skip


REQUESTS: Final[list[tuple[dict[str, Any], ClusterRequest]]] = [
    (
        {
            "uid": "2W3aj0",
            "requestId": "M69ccq",
            "type": 7,
            "packet": {"type": 2, "data": ["q", b"\x00"], "nsp": "/"},
            "opts": {"rooms": ["r1"], "except": [], "flags": {"timeout": 400}},
        },
        Broadcast("2W3aj0", Target(frozenset({"r1"})), Payload(["q", b"\x00"]), "M69ccq", 0.4),
    ),
    (
        {"uid": "2W3aj0", "type": 6, "data": ["sse", 1, "x"]},
        ServerSideEmit("2W3aj0", Payload(["sse", 1, "x"])),
    ),
    (
        {"uid": "2W3aj0", "requestId": "iyPZxP", "type": 6, "data": ["sse", 5]},
        ServerSideEmit("2W3aj0", Payload(["sse", 5]), "iyPZxP"),
    ),
    (
        {"uid": "2W3aj0", "requestId": "v6AdBv", "type": 5, "opts": OPTIONS},
        FetchSockets("2W3aj0", "v6AdBv", R1),
    ),
    ({"uid": "2W3aj0", "type": 2, "opts": OPTIONS, "rooms": ["n1"]}, SocketsJoin("2W3aj0", R1, ("n1",))),
    ({"uid": "2W3aj0", "type": 3, "opts": OPTIONS, "rooms": ["n1"]}, SocketsLeave("2W3aj0", R1, ("n1",))),
    ({"uid": "2W3aj0", "type": 4, "opts": OPTIONS, "close": True}, DisconnectSockets("2W3aj0", R1, True)),
    ({"uid": "2W3aj0", "requestId": "esNANq", "type": 1}, FetchRooms("2W3aj0", "esNANq")),
]

ONLY_READ: Final[list[tuple[dict[str, Any], ClusterRequest]]] = [
    # An emitter's.
    ({"type": 2, "opts": OPTIONS, "rooms": ["n1"]}, SocketsJoin(EMITTER, R1, ("n1",))),
    ({"uid": "emitter", "type": 6, "data": ["sse"]}, ServerSideEmit(EMITTER, Payload(["sse"]))),
    # Those of old versions.
    (
        {"type": 2, "sid": "s", "room": "r", "requestId": "i"},
        SocketsJoin(EMITTER, Target(frozenset("s")), ("r",), "i"),
    ),
    (
        {"type": 3, "sid": "s", "room": "r", "requestId": "i"},
        SocketsLeave(EMITTER, Target(frozenset("s")), ("r",), "i"),
    ),
    (
        {"type": 4, "sid": "s", "close": False, "requestId": "i"},
        DisconnectSockets(EMITTER, Target(frozenset("s")), False, "i"),
    ),
    ({"type": 0, "rooms": ["r"], "requestId": "i"}, FetchSockets(EMITTER, "i", Target(frozenset("r")))),
]

SOCKET: Final = SocketDetails(
    "qcsy4aK3qashv_Z5AAAB",
    HandshakeDetails({"host": "127.0.0.1"}, {"EIO": "4"}, "/socket.io/?EIO=4", "::1", False, False, 1795340829.616, {}),
    frozenset({"qcsy4aK3qashv_Z5AAAB"}),
    {"u": 1},
)
SOCKET_FIELDS: Final = {
    "id": "qcsy4aK3qashv_Z5AAAB",
    "handshake": {
        "headers": {"host": "127.0.0.1"},
        "time": "Sun Nov 22 2026 09:47:09 GMT+0000",
        "address": "::1",
        "xdomain": False,
        "secure": False,
        "issued": 1795340829616,
        "url": "/socket.io/?EIO=4",
        "query": {"EIO": "4"},
        "auth": {},
    },
    "rooms": ["qcsy4aK3qashv_Z5AAAB"],
    "data": {"u": 1},
}

RESPONSES: Final[list[tuple[bytes, ClusterResponse]]] = [
    (b'{"type":8,"requestId":"M69ccq","clientCount":1}', BroadcastClientCount("", "M69ccq", 1)),
    (msgpack({"type": 9, "requestId": "Zb8rkW", "packet": b"\t\x08"}), BroadcastAck("", "Zb8rkW", b"\t\x08")),
    (b'{"type":6,"requestId":"iyPZxP","data":"resp1"}', ServerSideEmitResponse("", "iyPZxP", "resp1")),
    (b'{"requestId":"esNANq","rooms":["r1"]}', FetchRoomsResponse("", "esNANq", frozenset({"r1"}))),
    (b'{"requestId":"i"}', Done("", "i")),
    (
        orjson.dumps({"requestId": "v6AdBv", "sockets": [SOCKET_FIELDS]}),
        FetchSocketsResponse("", "v6AdBv", [SOCKET]),
    ),
]


@pytest.mark.parametrize(("fields", "message"), REQUESTS)
def test_requests(fields: dict[str, Any], message: ClusterRequest) -> None:
    data = msgpack(fields) if fields["type"] == 7 else orjson.dumps(fields)
    read, ids_only = read_request("/", data)
    assert plain(read) == plain(message)
    assert not ids_only
    again, _ = read_request("/", write_request("/", message))
    assert plain(again) == plain(message)


@pytest.mark.parametrize(("fields", "message"), ONLY_READ)
def test_requests_of_others(fields: dict[str, Any], message: ClusterRequest) -> None:
    read, ids_only = read_request("/", orjson.dumps(fields))
    assert plain(read) == plain(message)
    assert ids_only == (fields["type"] == 0)


@pytest.mark.parametrize(("data", "message"), RESPONSES)
def test_responses(data: bytes, message: ClusterResponse) -> None:
    assert read_response(data) == message
    assert write_response(message) == data


def test_the_ids_of_sockets_alone() -> None:
    written = write_response(FetchSocketsResponse("", "i", [SOCKET]), ids_only=True)
    assert orjson.loads(written) == {"requestId": "i", "sockets": [SOCKET.id]}


def test_what_our_own_nodes_say_besides() -> None:
    for message in (
        BroadcastClientCount("", "i", 2, ("a", "b")),
        BroadcastAck("", "i", 1, "a"),
        BroadcastAck("", "i", None, "a", left=True),
    ):
        assert read_response(write_response(message)) == message
    named = Broadcast("u", EVERYBODY, Payload(["e"]), "i", 1.0, named=True)
    read, _ = read_request("/", write_request("/", named))
    assert isinstance(read, Broadcast)
    assert read.named


def test_events() -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC)
    event = ["hello", 1, "two", {"a": None}, b"\x01", at]
    options = {"rooms": ["r1"], "except": ["x"], "flags": {"volatile": True}}
    data = msgpack(["2W3aj0", {"type": 2, "data": event, "nsp": "/"}, options])
    message = read_event("/", data)
    target = Target(frozenset({"r1"}), frozenset({"x"}), volatile=True)
    assert (message.uid, message.target, message.payload.event) == ("2W3aj0", target, event)
    assert write_event("/", message) == data


def test_what_cannot_be_sent() -> None:
    with pytest.raises(EncodeError):
        write_event("/", Broadcast("u", EVERYBODY, Payload(["e", object()])))
    with pytest.raises(EncodeError):
        write_response(ServerSideEmitResponse("u", "i", object()))


def test_channels() -> None:
    channels = Channels("/a*b", "app")
    assert channels.pattern == "app#/a\\*b#*"
    assert channels.room("r") == "app#/a*b#r#"
    assert channels.answers("u") == "app-response#/a*b#u#"


@given(names, targets, st.lists(values))
def test_any_event(uid: str, target: Target, arguments: list[Any]) -> None:
    event = ["e", *arguments]
    message = read_event("/", write_event("/", Broadcast(uid, target, Payload(event))))
    assert (message.uid, message.target, message.payload.event) == (uid, target, event)


@given(names, st.lists(values))
def test_any_event_for_servers(uid: str, arguments: list[Any]) -> None:
    message = ServerSideEmit(uid, Payload(["e", *arguments]), "i")
    read, _ = read_request("/", write_request("/", message))
    assert plain(read) == plain(message)


garbage = st.binary() | st.builds(msgpack, values) | values.map(lambda value: msgpack({"type": 7, "opts": value}))
forged = st.fixed_dictionaries(
    {"type": st.integers(-1, 10)},
    optional=dict.fromkeys(
        ("uid", "requestId", "opts", "rooms", "data", "packet", "sid", "room", "sockets", "clientCount"), values
    ),
).map(msgpack)


@given(garbage | forged)
def test_garbage_is_refused(data: bytes) -> None:
    for read in (read_event, read_request):
        try:
            read("/", data)
        except MessageError:
            continue
    try:
        read_response(data)
    except MessageError:
        return


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"{", b"\x93\xa1u\x80\x80", b'{"type":99}', b'{"type":true}', b"[]", b"\x91" * 5000]
)
def test_what_is_no_message(data: bytes) -> None:
    for read in (lambda: read_event("/", data), lambda: read_request("/", data), lambda: read_response(data)):
        with pytest.raises(MessageError):
            read()


@pytest.mark.parametrize("event", [[], ["connect"], [b"name"], {"a": 1}, "text", 5, None])
def test_what_is_no_event(event: Any) -> None:
    """It would reach every client, and each of them would leave a server that breaks the protocol."""
    packet = {"type": 2, "data": event, "nsp": "/"}
    options: dict[str, list[str]] = {"rooms": [], "except": []}
    for message in (
        read_event("/", pack(["u", packet, options])),
        read_request("/", pack({"uid": "u", "type": 7, "requestId": "1", "packet": packet, "opts": options}))[0],
        read_request("/", pack({"uid": "u", "type": 6, "data": event}))[0],
    ):
        assert isinstance(message, Broadcast | ServerSideEmit)
        with pytest.raises(MessageError):
            message.payload.event  # noqa: B018  a property that reads


def test_an_event_of_another_namespace() -> None:
    data = write_event("/a", Broadcast("u", EVERYBODY, Payload(["e"])))
    with pytest.raises(MessageError, match="a packet of '/'"):
        read_event("/", data)
