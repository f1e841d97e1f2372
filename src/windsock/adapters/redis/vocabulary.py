"""The messages of a cluster as ``@socket.io/redis-adapter`` writes them, up to its version 8.3.

What one node asks the others goes over a channel of requests, and what they answer over one of responses; an event for
clients goes over a channel of its own, or, when it is for one room, over the channel of that room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from windsock.adapters.base import Target
from windsock.adapters.fields import Fields, mapping, sequence, text, texts
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
    Payload,
    ServerSideEmit,
    ServerSideEmitResponse,
    SocketsJoin,
    SocketsLeave,
)
from windsock.adapters.redis.packing import pack, pack_mapping, unpack
from windsock.adapters.wire import options_of, socket_from_mapping, socket_to_mapping, target_of
from windsock.errors import MessageError

PREFIX: Final = "socket.io"
"""What all channels begin with, unless the application says otherwise."""

SOCKETS: Final = 0
ALL_ROOMS: Final = 1
REMOTE_JOIN: Final = 2
REMOTE_LEAVE: Final = 3
REMOTE_DISCONNECT: Final = 4
REMOTE_FETCH: Final = 5
SERVER_SIDE_EMIT: Final = 6
BROADCAST: Final = 7
BROADCAST_CLIENT_COUNT: Final = 8
BROADCAST_ACK: Final = 9


class Channels:
    """The channels of one namespace.

    Args:
        namespace: its name.
        prefix: what they begin with.

    Attributes:
        events: events for clients.
        requests: what a node asks the others.
        responses: what they answer.
    """

    def __init__(self, namespace: str, prefix: str = PREFIX) -> None:
        self.events: str = f"{prefix}#{namespace}#"
        self.requests: str = f"{prefix}-request#{namespace}#"
        self.responses: str = f"{prefix}-response#{namespace}#"

    def room(self, room: str) -> str:
        """Events for one room."""
        return f"{self.events}{room}#"

    def answers(self, uid: str) -> str:
        """What is answered to one node."""
        return f"{self.responses}{uid}#"

    @property
    def pattern(self) -> str:
        """Of the channels of all rooms, and of that of all events."""
        return "".join(f"\\{letter}" if letter in "*?[]\\" else letter for letter in self.events) + "*"


def write_publication(channels: Channels, namespace: str, message: ClusterRequest) -> tuple[str, bytes]:
    """What is published for something that is said to all, and on which channel.

    Raises:
        EncodeError: it holds what cannot be sent.
        TypeError: this adapter has no such request.
    """
    if isinstance(message, Broadcast) and message.request_id is None:
        rooms = message.target.rooms
        channel = channels.room(next(iter(rooms))) if len(rooms) == 1 else channels.events
        return channel, write_event(namespace, message)
    return channels.requests, write_request(namespace, message)


# -- events for clients --


def write_event(namespace: str, message: Broadcast) -> bytes:
    """What is published for a broadcast that nobody acknowledges.

    Raises:
        EncodeError: it holds what cannot be sent.
    """
    packet = {"type": 2, "data": message.payload.event, "nsp": namespace}
    return pack([message.uid, packet, options_of(message.target)])


def read_event(namespace: str, data: bytes) -> Broadcast:
    """The opposite.

    Raises:
        MessageError: it is none, or of another namespace.
    """
    fields = unpack(data)
    if type(fields) is not list or len(fields) != 3 or not isinstance(fields[0], str):
        raise MessageError("expected a node, a packet and options")
    uid, packet, options = fields
    return Broadcast(uid, target_of(options)[0], _payload(_event(namespace, packet)))


def _event(namespace: str, packet: Any) -> Any:
    packet = mapping(packet)
    if packet.get("nsp", "/") != namespace:
        raise MessageError(f"expected a packet of {namespace!r}, got one of {packet.get('nsp')!r:.100}")
    if packet.get("type") != 2:
        raise MessageError(f"expected an event, got a packet of type {packet.get('type')!r:.100}")
    return packet.get("data")


def _payload(event: Any) -> Payload:
    # Read already, and yet to be looked at: whoever can publish may have made it up.
    return Payload(read=lambda: event)


# -- requests --


def write_request(namespace: str, message: ClusterRequest) -> bytes:
    """What is published for a request.

    Raises:
        EncodeError: it holds what cannot be sent.
        TypeError: this adapter has no such request: heartbeats are not needed.
    """
    fields: dict[str, Any]
    match message:
        case Broadcast():
            packet = {"type": 2, "data": message.payload.event, "nsp": namespace}
            options = options_of(message.target, message.timeout)
            fields = {"uid": message.uid, "requestId": message.request_id, "type": BROADCAST}
            fields |= {"packet": packet, "opts": options}
            # Its answers say whose they are, for a node that wants to know.
            return pack({**fields, "named": True} if message.named else fields)
        case SocketsJoin() | SocketsLeave():
            number = REMOTE_JOIN if isinstance(message, SocketsJoin) else REMOTE_LEAVE
            fields = {"type": number, "opts": _options(message.target), "rooms": list(message.rooms)}
        case DisconnectSockets():
            fields = {"type": REMOTE_DISCONNECT, "opts": _options(message.target), "close": message.close}
        case FetchSockets():
            fields = {"requestId": message.request_id, "type": REMOTE_FETCH, "opts": _options(message.target)}
        case FetchRooms():
            fields = {"requestId": message.request_id, "type": ALL_ROOMS}
        case ServerSideEmit():
            fields = {"type": SERVER_SIDE_EMIT, "data": message.payload.event}
            if message.request_id is not None:
                fields = {"requestId": message.request_id, **fields}
        case _:
            raise TypeError(f"expected a message that redis-adapter has, got {type(message).__name__}")
    return pack_mapping({"uid": message.uid, **fields})


def read_request(namespace: str, data: bytes) -> tuple[ClusterRequest, bool]:
    """The opposite; and whether the answer is to have the sockets' ids alone, which old versions ask for.

    Raises:
        MessageError: it is none, or one that nobody can do.
    """
    fields = mapping(unpack(data))
    # Programs that only emit leave it out where nobody could answer them.
    uid = fields.get("uid", EMITTER)
    if not isinstance(uid, str):
        raise MessageError(f"expected text as 'uid', got {type(uid).__name__}")
    type_ = fields.get("type")
    read = _REQUESTS.get(type_) if type(type_) is int else None
    if read is None:
        raise MessageError(f"expected a type of request from 0 to 7, got {type_!r:.100}")
    return read(namespace, uid, fields), type_ == SOCKETS


def _read_sockets(_: str, uid: str, fields: Fields) -> FetchSockets:
    return FetchSockets(uid, text(fields, "requestId"), Target(frozenset(texts(fields, "rooms"))))


def _read_rooms(kind: type[SocketsJoin] | type[SocketsLeave], uid: str, fields: Fields) -> SocketsJoin | SocketsLeave:
    if fields.get("opts") is not None:
        return kind(uid, target_of(fields["opts"])[0], texts(fields, "rooms"))
    # The form of old versions, for one socket, whose node says that it is done.
    target = Target(frozenset((text(fields, "sid"),)))
    return kind(uid, target, (text(fields, "room"),), text(fields, "requestId"))


def _read_disconnect(_: str, uid: str, fields: Fields) -> DisconnectSockets:
    close = fields.get("close") is True
    if fields.get("opts") is not None:
        return DisconnectSockets(uid, target_of(fields["opts"])[0], close)
    return DisconnectSockets(uid, Target(frozenset((text(fields, "sid"),))), close, text(fields, "requestId"))


def _read_emit(_: str, uid: str, fields: Fields) -> ServerSideEmit:
    id = None if fields.get("requestId") is None else text(fields, "requestId")
    return ServerSideEmit(uid, _payload(fields.get("data")), id)


def _read_broadcast(namespace: str, uid: str, fields: Fields) -> Broadcast:
    target, timeout = target_of(fields.get("opts"))
    payload = _payload(_event(namespace, fields.get("packet")))
    return Broadcast(uid, target, payload, text(fields, "requestId"), timeout, fields.get("named") is True)


_REQUESTS: Final[dict[int, Callable[[str, str, Fields], ClusterRequest]]] = {
    SOCKETS: _read_sockets,
    ALL_ROOMS: lambda _, uid, fields: FetchRooms(uid, text(fields, "requestId")),
    REMOTE_JOIN: lambda _, uid, fields: _read_rooms(SocketsJoin, uid, fields),
    REMOTE_LEAVE: lambda _, uid, fields: _read_rooms(SocketsLeave, uid, fields),
    REMOTE_DISCONNECT: _read_disconnect,
    REMOTE_FETCH: lambda _, uid, fields: FetchSockets(uid, text(fields, "requestId"), target_of(fields.get("opts"))[0]),
    SERVER_SIDE_EMIT: _read_emit,
    BROADCAST: _read_broadcast,
}


# -- responses --


def write_response(message: ClusterResponse, *, ids_only: bool = False) -> bytes:
    """What is published for a response.

    Args:
        message: the response.
        ids_only: of sockets, tells their ids alone.

    Raises:
        EncodeError: it holds what cannot be sent.
    """
    id = message.request_id
    fields: dict[str, Any]
    match message:
        case Done():
            return pack_mapping({"requestId": id})
        case FetchSocketsResponse():
            sockets = message.sockets
            return pack_mapping(
                {"requestId": id, "sockets": [each.id if ids_only else socket_to_mapping(each) for each in sockets]}
            )
        case FetchRoomsResponse():
            return pack_mapping({"requestId": id, "rooms": list(message.rooms)})
        case ServerSideEmitResponse():
            return pack_mapping({"type": SERVER_SIDE_EMIT, "requestId": id, "data": message.answer})
        case BroadcastClientCount():
            fields = {"type": BROADCAST_CLIENT_COUNT, "requestId": id, "clientCount": message.count}
            return pack_mapping(fields if message.ids is None else {**fields, "ids": list(message.ids)})
        case BroadcastAck():
            fields = {"type": BROADCAST_ACK, "requestId": id, "packet": message.answer}
            if message.id is not None:
                fields["id"] = message.id
            if message.left:
                fields["left"] = True
            return pack(fields)


def read_response(data: bytes) -> ClusterResponse:
    """The opposite. The node that answers is not known: its ``uid`` is empty.

    Raises:
        MessageError: it is none.
    """
    fields = mapping(unpack(data))
    id = text(fields, "requestId")
    type_ = fields.get("type")
    if type_ == SERVER_SIDE_EMIT:
        return ServerSideEmitResponse("", id, fields.get("data"))
    if type_ == BROADCAST_CLIENT_COUNT:
        count = fields.get("clientCount")
        if type(count) is not int or count < 0:
            raise MessageError(f"expected a number of clients, got {count!r:.100}")
        return BroadcastClientCount("", id, count, texts(fields, "ids") if "ids" in fields else None)
    if type_ == BROADCAST_ACK:
        socket = text(fields, "id") if "id" in fields else None
        return BroadcastAck("", id, fields.get("packet"), socket, fields.get("left") is True)
    if "sockets" in fields:
        return FetchSocketsResponse("", id, [socket_from_mapping(each) for each in sequence(fields, "sockets")])
    if "rooms" in fields:
        return FetchRoomsResponse("", id, frozenset(texts(fields, "rooms")))
    return Done("", id)


def _options(target: Target) -> dict[str, Any]:
    return {"rooms": list(target.rooms), "except": list(target.except_)}
