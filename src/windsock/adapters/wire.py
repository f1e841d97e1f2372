"""How the cluster's messages are written.

As mappings they are what the cluster adapters of Socket.IO send (sharded, streams), ``{"uid", "nsp", "type", "data"}``:
:func:`to_mapping` and :func:`from_mapping` translate. As bytes they are what our own nodes send each other where nobody
else listens, :func:`encode` and :func:`decode`: the mapping in one piece and an event's payload in others, so that who
has nobody for it need not read it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from windsock.adapters.base import Target
from windsock.adapters.fields import Fields, mapping, sequence, text, texts
from windsock.adapters.messages import (
    AdapterClose,
    Broadcast,
    BroadcastAck,
    BroadcastClientCount,
    ClusterMessage,
    DisconnectSockets,
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
from windsock.errors import EncodeError, MessageError, PacketError, UndecodableArgument
from windsock.protocol.parsers.json import JsonParser
from windsock.protocol.socketio import PacketType

MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
"""Bytes of one message of another node: a forged one, or a broken peer, may not take a node's memory. More than
any message that a client may send, and than what 50,000 sockets with a kilobyte of data each make together."""

MAX_ATTACHMENTS: Final = 10_000
"""Binary values in one message of another node: some may be in the data of each socket that it tells of."""

INITIAL_HEARTBEAT: Final = 1
HEARTBEAT: Final = 2
BROADCAST: Final = 3
SOCKETS_JOIN: Final = 4
SOCKETS_LEAVE: Final = 5
DISCONNECT_SOCKETS: Final = 6
FETCH_SOCKETS: Final = 7
FETCH_SOCKETS_RESPONSE: Final = 8
SERVER_SIDE_EMIT: Final = 9
SERVER_SIDE_EMIT_RESPONSE: Final = 10
BROADCAST_CLIENT_COUNT: Final = 11
BROADCAST_ACK: Final = 12
ADAPTER_CLOSE: Final = 13


_LONGEST: Final = 24 * 60 * 60 * 1000
"""Milliseconds within which answers may be asked for: a day. Who wants more gets the default."""

_LATEST: Final = 1e15
"""Milliseconds since the epoch beyond which nobody has said anything yet."""


# -- as the original's mappings --


def to_mapping(namespace: str, message: ClusterMessage) -> dict[str, Any]:
    """What the cluster adapters of Socket.IO send for a message.

    Raises:
        TypeError: they have no such message (``Done``, ``FetchRooms`` and its response).
    """
    type, data = _write(message)
    fields = {"uid": message.uid, "nsp": namespace, "type": type}
    return fields if data is None else {**fields, "data": data}


def from_mapping(fields: Any, payload: Payload | None = None) -> ClusterMessage:
    """The message that such a mapping stands for.

    Args:
        fields: as they came.
        payload: of an event, if it is not among them.

    Raises:
        MessageError: they stand for none.
    """
    fields = mapping(fields)
    type = fields.get("type")
    read = _READERS.get(type) if isinstance(type, int) else None
    if read is None:
        raise MessageError(f"expected a type of message from 1 to 13, got {type!r:.100}")
    data = fields.get("data")
    return read(text(fields, "uid"), {} if data is None else mapping(data), payload)


def options_of(target: Target, timeout: float | None = None) -> dict[str, Any]:
    """A target, and for how long, as the original's ``BroadcastOptions``."""
    flags: dict[str, Any] = {}
    if target.volatile:
        flags["volatile"] = True
    if not target.compress:
        flags["compress"] = False
    if timeout is not None:
        flags["timeout"] = round(timeout * 1000)
    return {"rooms": list(target.rooms), "except": list(target.except_), "flags": flags}


def target_of(options: Any) -> tuple[Target, float | None]:
    """The opposite: the target, and the seconds.

    Raises:
        MessageError: they are no options.
    """
    options = mapping(options)
    flags = options.get("flags")
    flags = {} if flags is None else mapping(flags)
    milliseconds = flags.get("timeout")
    seconds = milliseconds / 1000 if isinstance(milliseconds, int | float) and 0 <= milliseconds < _LONGEST else None
    target = Target(
        frozenset(texts(options, "rooms")),
        frozenset(texts(options, "except")),
        volatile=flags.get("volatile") is True,
        compress=flags.get("compress") is not False,
    )
    return target, seconds


def socket_to_mapping(socket: SocketDetails) -> dict[str, Any]:
    """What the original's adapters tell of a socket."""
    handshake = socket.handshake
    return {
        "id": socket.id,
        "handshake": {
            "headers": handshake.headers,
            "time": time.strftime("%a %b %d %Y %H:%M:%S GMT+0000", time.gmtime(handshake.time)),
            "address": handshake.address,
            "xdomain": handshake.xdomain,
            "secure": handshake.secure,
            "issued": round(handshake.time * 1000),
            "url": handshake.url,
            "query": handshake.query,
            "auth": handshake.auth,
        },
        "rooms": list(socket.rooms),
        "data": {} if socket.data is None else socket.data,
    }


def socket_from_mapping(fields: Any) -> SocketDetails:
    """The opposite. What is odd about the handshake is left out: it is a client's, whatever its node thought of it.

    Raises:
        MessageError: it is no socket.
    """
    fields = mapping(fields)
    said = fields.get("handshake")
    said = said if isinstance(said, Mapping) else {}
    issued = said.get("issued")
    handshake = HandshakeDetails(
        headers=_strings(said.get("headers")),
        query=_strings(said.get("query")),
        url=_string(said.get("url")),
        address=_string(said.get("address")),
        secure=said.get("secure") is True,
        xdomain=said.get("xdomain") is True,
        time=issued / 1000 if isinstance(issued, int | float) and 0 <= issued < _LATEST else 0.0,
        auth=auth if isinstance(auth := said.get("auth"), dict) else {},
    )
    return SocketDetails(text(fields, "id"), handshake, frozenset(texts(fields, "rooms")), fields.get("data"))


# -- as bytes --


def encode(namespace: str, message: ClusterMessage) -> tuple[bytes, ...]:
    """Pieces of bytes: what the message is, then what it carries, and the binary values in that.

    Raises:
        EncodeError: it holds what cannot be sent.
    """
    carried: Any = None
    if isinstance(message, Broadcast | ServerSideEmit):
        carried = message.payload.event
        message = _without_payload(message)
    elif isinstance(message, FetchSocketsResponse):
        carried = ["sockets", [socket_to_mapping(socket) for socket in message.sockets]]
        message = FetchSocketsResponse(message.uid, message.request_id, [])
    elif isinstance(message, BroadcastAck | ServerSideEmitResponse):
        carried = ["answer", message.answer]
        message = _without_answer(message)
    try:
        head = orjson.dumps(to_mapping(namespace, message))
    except TypeError as error:
        raise EncodeError(f"expected names of rooms that JSON can carry: {error}") from error
    if carried is None:
        return (head,)
    text, attachments = JsonParser().pack(PacketType.EVENT, "/", carried)
    return (head, text, *attachments)


def decode(pieces: Sequence[bytes]) -> ClusterMessage:
    """The message of such pieces.

    Raises:
        MessageError: they are none.
    """
    size = sum(map(len, pieces))
    if not pieces or size > MAX_MESSAGE_BYTES:
        raise MessageError(f"expected a message of at most {MAX_MESSAGE_BYTES} bytes, got {size}")
    try:
        fields = orjson.loads(pieces[0])
    except ValueError as error:
        raise MessageError(f"expected JSON: {error}") from error
    carried = tuple(pieces[1:])
    fields = mapping(fields)
    type = fields.get("type")
    if isinstance(type, int) and type in (FETCH_SOCKETS_RESPONSE, BROADCAST_ACK, SERVER_SIDE_EMIT_RESPONSE):
        what = "sockets" if type == FETCH_SOCKETS_RESPONSE else "packet"
        fields = {**fields, "data": {**mapping(fields.get("data")), what: _unpack(carried)[-1]}}
    return from_mapping(fields, Payload(read=lambda: _unpack(carried)))


def _unpack(pieces: Sequence[bytes]) -> list[Any]:
    if not pieces:
        raise MessageError("expected a payload, got none")
    decoder = JsonParser(max_attachments=MAX_ATTACHMENTS).decoder()
    packet = None
    try:
        for place, piece in enumerate(pieces):
            packet = decoder.add(piece if place else piece.decode(), 0 if place else 1)
    except (PacketError, UndecodableArgument, ValueError) as error:
        raise MessageError(f"expected a payload: {error}") from error
    if packet is None or type(packet.data) is not list:
        raise MessageError("expected a whole payload")
    return packet.data


# -- writing --


def _write(message: ClusterMessage) -> tuple[int, dict[str, Any] | None]:
    found = _WRITERS.get(type(message))
    if found is None:
        raise TypeError(f"expected a message that cluster adapters have, got {type(message).__name__}")
    number, write = found
    return number, write(message)


def _write_nothing(message: ClusterMessage) -> None:
    return None


def _write_broadcast(message: Broadcast) -> dict[str, Any]:
    data: dict[str, Any] = {"opts": options_of(message.target, message.timeout)}
    data["packet"] = {"type": 2, "data": message.payload.event}
    if message.named:
        data["named"] = True
    return _with_id(data, message.request_id)


def _write_rooms(message: SocketsJoin | SocketsLeave) -> dict[str, Any]:
    return {"opts": options_of(message.target), "rooms": list(message.rooms)}


def _write_count(message: BroadcastClientCount) -> dict[str, Any]:
    data: dict[str, Any] = {"clientCount": message.count}
    if message.ids is not None:
        data["ids"] = list(message.ids)
    return _with_id(data, message.request_id)


def _write_ack(message: BroadcastAck) -> dict[str, Any]:
    data: dict[str, Any] = {"packet": message.answer}
    if message.id is not None:
        data["id"] = message.id
    if message.left:
        data["left"] = True
    return _with_id(data, message.request_id)


def _with_id(data: dict[str, Any], id: str | None) -> dict[str, Any]:
    return data if id is None else {**data, "requestId": id}


_WRITERS: Final[dict[type, tuple[int, Callable[[Any], dict[str, Any] | None]]]] = {
    InitialHeartbeat: (INITIAL_HEARTBEAT, _write_nothing),
    Heartbeat: (HEARTBEAT, _write_nothing),
    AdapterClose: (ADAPTER_CLOSE, _write_nothing),
    Broadcast: (BROADCAST, _write_broadcast),
    SocketsJoin: (SOCKETS_JOIN, _write_rooms),
    SocketsLeave: (SOCKETS_LEAVE, _write_rooms),
    DisconnectSockets: (DISCONNECT_SOCKETS, lambda said: {"opts": options_of(said.target), "close": said.close}),
    FetchSockets: (FETCH_SOCKETS, lambda said: {"opts": options_of(said.target), "requestId": said.request_id}),
    FetchSocketsResponse: (
        FETCH_SOCKETS_RESPONSE,
        lambda said: {"requestId": said.request_id, "sockets": list(map(socket_to_mapping, said.sockets))},
    ),
    ServerSideEmit: (SERVER_SIDE_EMIT, lambda said: _with_id({"packet": said.payload.event}, said.request_id)),
    ServerSideEmitResponse: (
        SERVER_SIDE_EMIT_RESPONSE,
        lambda said: {"requestId": said.request_id, "packet": said.answer},
    ),
    BroadcastClientCount: (BROADCAST_CLIENT_COUNT, _write_count),
    BroadcastAck: (BROADCAST_ACK, _write_ack),
}


_NOTHING: Final = Payload([""])


def _without_payload(message: Broadcast | ServerSideEmit) -> Broadcast | ServerSideEmit:
    if isinstance(message, ServerSideEmit):
        return ServerSideEmit(message.uid, _NOTHING, message.request_id)
    return Broadcast(message.uid, message.target, _NOTHING, message.request_id, message.timeout, message.named)


def _without_answer(message: BroadcastAck | ServerSideEmitResponse) -> BroadcastAck | ServerSideEmitResponse:
    if isinstance(message, ServerSideEmitResponse):
        return ServerSideEmitResponse(message.uid, message.request_id, None)
    return BroadcastAck(message.uid, message.request_id, None, message.id, message.left)


# -- reading --


def _read_broadcast(uid: str, data: Fields, payload: Payload | None) -> Broadcast:
    target, timeout = target_of(data.get("opts"))
    if payload is None:
        payload = Payload(read=lambda: mapping(data.get("packet")).get("data"))
    id = None if data.get("requestId") is None else text(data, "requestId")
    return Broadcast(uid, target, payload, id, timeout, data.get("named") is True)


def _read_server_side_emit(uid: str, data: Fields, payload: Payload | None) -> ServerSideEmit:
    if payload is None:
        payload = Payload(read=lambda: data.get("packet"))
    return ServerSideEmit(uid, payload, None if data.get("requestId") is None else text(data, "requestId"))


def _read_sockets(uid: str, data: Fields, _: Payload | None) -> FetchSocketsResponse:
    sockets = [socket_from_mapping(fields) for fields in sequence(data, "sockets")]
    return FetchSocketsResponse(uid, text(data, "requestId"), sockets)


def _read_count(uid: str, data: Fields, _: Payload | None) -> BroadcastClientCount:
    count = data.get("clientCount")
    if type(count) is not int or count < 0:
        raise MessageError(f"expected a number of clients, got {count!r:.100}")
    ids = tuple(texts(data, "ids")) if "ids" in data else None
    return BroadcastClientCount(uid, text(data, "requestId"), count, ids)


def _read_ack(uid: str, data: Fields, _: Payload | None) -> BroadcastAck:
    id = text(data, "id") if "id" in data else None
    return BroadcastAck(uid, text(data, "requestId"), data.get("packet"), id, data.get("left") is True)


_READERS: Final[dict[int, Callable[[str, Fields, Payload | None], ClusterMessage]]] = {
    INITIAL_HEARTBEAT: lambda uid, data, _: InitialHeartbeat(uid),
    HEARTBEAT: lambda uid, data, _: Heartbeat(uid),
    ADAPTER_CLOSE: lambda uid, data, _: AdapterClose(uid),
    BROADCAST: _read_broadcast,
    SOCKETS_JOIN: lambda uid, data, _: SocketsJoin(uid, target_of(data.get("opts"))[0], texts(data, "rooms")),
    SOCKETS_LEAVE: lambda uid, data, _: SocketsLeave(uid, target_of(data.get("opts"))[0], texts(data, "rooms")),
    DISCONNECT_SOCKETS: lambda uid, data, _: DisconnectSockets(
        uid, target_of(data.get("opts"))[0], data.get("close") is True
    ),
    FETCH_SOCKETS: lambda uid, data, _: FetchSockets(uid, text(data, "requestId"), target_of(data.get("opts"))[0]),
    FETCH_SOCKETS_RESPONSE: _read_sockets,
    SERVER_SIDE_EMIT: _read_server_side_emit,
    SERVER_SIDE_EMIT_RESPONSE: lambda uid, data, _: ServerSideEmitResponse(
        uid, text(data, "requestId"), data.get("packet")
    ),
    BROADCAST_CLIENT_COUNT: _read_count,
    BROADCAST_ACK: _read_ack,
}


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _strings(value: Any) -> dict[str, str]:
    return {name: text for name, text in mapping(value).items() if isinstance(text, str)} if value else {}
