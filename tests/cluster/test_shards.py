"""What the sharded adapter of redis-adapter puts on the wire, written and read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ormsgpack import OPT_DATETIME_AS_TIMESTAMP_EXT, packb, unpackb

from tests.cluster.strategies import names, targets, values
from windsock import ConfigurationError, EncodeError
from windsock.adapters.base import Target
from windsock.adapters.messages import (
    Broadcast,
    BroadcastAck,
    BroadcastClientCount,
    ClusterMessage,
    DisconnectSockets,
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
from windsock.adapters.redis.shards import ShardedChannels, beginnings, read_message, write_message
from windsock.errors import MessageError

UID: Final = "d2ab2713c9800501"
OTHER: Final = "47dcde047919a8bb"
EVERYBODY: Final = Target()
R1: Final = Target(frozenset({"r1"}))
OPTIONS: Final[dict[str, Any]] = {"rooms": [], "except": [], "flags": {}}
R1_OPTIONS: Final[dict[str, Any]] = {"rooms": ["r1"], "except": [], "flags": {}}
HANDSHAKE: Final = {
    "headers": {"host": "127.0.0.1:36745"},
    "time": "Sun Nov 22 2026 09:47:12 GMT+0000",
    "address": "::ffff:127.0.0.1",
    "xdomain": False,
    "secure": False,
    "issued": 1795340832666,
    "url": "/socket.io/?EIO=4&transport=websocket",
    "query": {"EIO": "4"},
    "auth": {},
}
SOCKET: Final = SocketDetails(
    "QouEnHCztAXMPG8lAAAB",
    HandshakeDetails(
        {"host": "127.0.0.1:36745"},
        {"EIO": "4"},
        "/socket.io/?EIO=4&transport=websocket",
        "::ffff:127.0.0.1",
        False,
        False,
        1795340832.666,
        {},
    ),
    frozenset({"QouEnHCztAXMPG8lAAAB"}),
    {"u": 1},
)

SAMPLES: Final[list[tuple[int, dict[str, Any], str, ClusterMessage]]] = [
    (
        3,
        {"packet": {"type": 2, "data": ["hello", 1, "two", {"a": None}]}, "opts": OPTIONS},
        UID,
        Broadcast(UID, EVERYBODY, Payload(["hello", 1, "two", {"a": None}])),
    ),
    (
        3,
        {"packet": {"type": 2, "data": ["hello", 1]}, "opts": {"rooms": ["r1"], "except": ["x"], "flags": {}}},
        UID,
        Broadcast(UID, Target(frozenset({"r1"}), frozenset({"x"})), Payload(["hello", 1])),
    ),
    (
        3,
        {"packet": {"type": 2, "data": ["v"]}, "opts": {"rooms": ["r1"], "except": [], "flags": {"volatile": True}}},
        UID,
        Broadcast(UID, Target(frozenset({"r1"}), volatile=True), Payload(["v"])),
    ),
    (
        3,
        {"packet": {"type": 2, "data": ["bin", b"\x01\x02\x03"]}, "opts": OPTIONS},
        UID,
        Broadcast(UID, EVERYBODY, Payload(["bin", b"\x01\x02\x03"])),
    ),
    (
        3,
        {
            "packet": {"type": 2, "data": ["q"]},
            "requestId": "f9bf8a08d6431823",
            "opts": {"rooms": [], "except": [], "flags": {"timeout": 400}},
        },
        UID,
        Broadcast(UID, EVERYBODY, Payload(["q"]), "f9bf8a08d6431823", 0.4),
    ),
    (
        11,
        {"requestId": "f9bf8a08d6431823", "clientCount": 1},
        OTHER,
        BroadcastClientCount(OTHER, "f9bf8a08d6431823", 1),
    ),
    (12, {"requestId": "f9bf8a08d6431823", "packet": "ans1"}, OTHER, BroadcastAck(OTHER, "f9bf8a08d6431823", "ans1")),
    (
        12,
        {"requestId": "791ba81eb2696a11", "packet": b"\t\x08"},
        OTHER,
        BroadcastAck(OTHER, "791ba81eb2696a11", b"\t\x08"),
    ),
    (9, {"packet": ["sse", 1, "x"]}, UID, ServerSideEmit(UID, Payload(["sse", 1, "x"]))),
    (
        9,
        {"requestId": "508a2774759f0b12", "packet": ["sse", 5]},
        UID,
        ServerSideEmit(UID, Payload(["sse", 5]), "508a2774759f0b12"),
    ),
    (
        10,
        {"requestId": "508a2774759f0b12", "packet": "resp1"},
        OTHER,
        ServerSideEmitResponse(OTHER, "508a2774759f0b12", "resp1"),
    ),
    (7, {"opts": OPTIONS, "requestId": "2248daeaccc9a035"}, UID, FetchSockets(UID, "2248daeaccc9a035", EVERYBODY)),
    (
        8,
        {
            "requestId": "2248daeaccc9a035",
            "sockets": [{"id": SOCKET.id, "handshake": HANDSHAKE, "rooms": [SOCKET.id], "data": {"u": 1}}],
        },
        OTHER,
        FetchSocketsResponse(OTHER, "2248daeaccc9a035", [SOCKET]),
    ),
    (4, {"opts": R1_OPTIONS, "rooms": ["n1", "n2"]}, UID, SocketsJoin(UID, R1, ("n1", "n2"))),
    (5, {"opts": OPTIONS, "rooms": ["n1"]}, UID, SocketsLeave(UID, EVERYBODY, ("n1",))),
    (6, {"opts": R1_OPTIONS, "close": True}, UID, DisconnectSockets(UID, R1, True)),
]


def msgpack(value: Any) -> bytes:
    return packb(value, option=OPT_DATETIME_AS_TIMESTAMP_EXT)


def fields_of(type: int, data: dict[str, Any], uid: str) -> dict[str, Any]:
    # In the original's order.
    return {"type": type, "data": data, "uid": uid, "nsp": "/"}


def plain(message: Any) -> Any:
    """A message that can be compared: its payload decoded."""
    payload = getattr(message, "payload", None)
    return message if payload is None else (
        type(message), message.uid, getattr(message, "target", None), payload.event, message.request_id,
        getattr(message, "timeout", None),
    )  # fmt: skip


@pytest.mark.parametrize(("type", "data", "uid", "message"), SAMPLES)
def test_samples(type: int, data: dict[str, Any], uid: str, message: ClusterMessage) -> None:
    fields = fields_of(type, data, uid)
    read: Callable[[bytes], Any] = orjson.loads
    try:
        sample = orjson.dumps(fields)
    except TypeError:
        sample = msgpack(fields)
        read = unpackb
    assert plain(read_message("/", sample)) == plain(message)
    written = write_message("/", message)
    assert read(written) == fields
    assert written.startswith(beginnings(uid))


def test_dates() -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC)
    assert b'"1970-01-01T00:00:00' in write_message("/", Broadcast(UID, EVERYBODY, Payload(["date", at])))
    read = read_message("/", write_message("/", Broadcast(UID, EVERYBODY, Payload(["date", at, b""]))))
    assert isinstance(read, Broadcast)
    assert read.payload.event == ["date", at, b""]


def test_what_cannot_be_sent() -> None:
    with pytest.raises(EncodeError):
        write_message("/", Broadcast(UID, EVERYBODY, Payload(["e", object()])))


def to(*rooms: str, id: str | None = None) -> Broadcast:
    return Broadcast(UID, Target(frozenset(rooms)), Payload(["e"]), id)


@pytest.mark.parametrize(
    ("mode", "public", "private"),
    [
        ("static", "socket.io#/#", "socket.io#/#"),
        ("dynamic", "socket.io#/#r1#", "socket.io#/#"),
        ("dynamic-private", "socket.io#/#r1#", "socket.io#/#QouEnHCztAXMPG8lAAAB#"),
    ],
)
def test_channels(mode: Any, public: str, private: str) -> None:
    channels = ShardedChannels("/", mode=mode)
    assert channels.of(to("r1")) == public
    assert channels.of(to(SOCKET.id)) == private
    # Each server has to hear of these.
    for message in (to(), to("r1", "r2"), to("r1", id="i"), SocketsJoin(UID, R1, ("r1",)), FetchSockets(UID, "i", R1)):
        assert channels.of(message) == "socket.io#/#"
    assert channels.answers(OTHER) == f"socket.io#/#{OTHER}#"


def test_a_name_is_as_long_as_javascript_has_it() -> None:
    channels = ShardedChannels("/a", "app")
    assert channels.of(to("é" * 20)) == "app#/a#"
    assert channels.of(to("😀" * 10)) == "app#/a#"
    assert channels.of(to("😀" * 20)) == f"app#/a#{'😀' * 20}#"


def test_a_mode_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match="dynamic-private"):
        ShardedChannels("/", mode="often")  # type: ignore[arg-type]  # as from a file of settings


@given(names, targets, st.lists(values))
def test_any_event(uid: str, target: Target, arguments: list[Any]) -> None:
    message = Broadcast(uid, target, Payload(["e", *arguments]))
    assert plain(read_message("/", write_message("/", message))) == plain(message)


garbage = st.binary() | values.map(msgpack)
forged = st.fixed_dictionaries(
    {"type": st.integers(-1, 15), "nsp": st.just("/"), "uid": names},
    optional={
        "data": values
        | st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(
                ("requestId", "opts", "rooms", "packet", "close", "sockets", "clientCount", "ids", "id"), values
            ),
        )
    },
).map(msgpack)


@given(garbage | forged)
def test_garbage_is_refused(data: bytes) -> None:
    try:
        message = read_message("/", data)
        if isinstance(message, Broadcast | ServerSideEmit):
            assert isinstance(message.payload.event, list)
    except MessageError:
        return


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"{", b'{"uid":"u","nsp":"/a","type":3}', b'{"uid":"u","type":3}', b"[]", b"\x91" * 5000]
)
def test_what_is_no_message(data: bytes) -> None:
    with pytest.raises(MessageError):
        read_message("/", data)
