"""What the nodes of a cluster say to one another about one namespace.

The vocabulary is that of the ``ClusterAdapter`` of ``@socket.io/socket.io-adapter``, with some fields more for nodes of
our own. How it is written is a codec's concern: :mod:`windsock.adapters.wire` has the form of the original's cluster
adapters; times are in seconds here, whatever they are there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from windsock.adapters.base import Target
from windsock.errors import MessageError, PacketError
from windsock.protocol.socketio import Packet, PacketType, check_payload

EMITTER: Final = "emitter"
"""What stands for the id of a node in messages of a program that only emits; nobody can answer it."""


class Payload:
    """An event's name and arguments, decoded when somebody first asks for them.

    Args:
        event: the list of both, if it is at hand.
        read: else gives it; raises :class:`MessageError` if it cannot.
    """

    __slots__ = ("_event", "_read")

    def __init__(self, event: list[Any] | None = None, read: Callable[[], Any] | None = None) -> None:
        self._event = event
        self._read = read

    def __repr__(self) -> str:
        return f"Payload({'…' if self._event is None else self._event})"

    @property
    def event(self) -> list[Any]:
        """The name and the arguments.

        Raises:
            MessageError: it is no event.
        """
        event = self._event
        if event is None:
            event = None if self._read is None else self._read()
            try:
                check_payload(PacketType.EVENT, event)
            except PacketError as error:
                raise MessageError(str(error)) from error
            assert event is not None
            self._event = event
        return event


class RemotePacket(Packet):
    """An event of another node, decoded when it is to be sent."""

    def __init__(self, namespace: str, payload: Payload, compress: bool) -> None:
        self._payload = payload
        super().__init__(PacketType.EVENT, namespace, None, None, compress)

    @property
    def data(self) -> Any:
        """The name and the arguments."""
        return self._payload.event

    @data.setter
    def data(self, value: Any) -> None:
        if value is not None:
            self._payload = Payload(value)


@dataclass(frozen=True, slots=True)
class HandshakeDetails:
    """See :class:`windsock.adapters.base.RemoteHandshake`."""

    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    url: str = ""
    address: str = ""
    secure: bool = False
    xdomain: bool = False
    time: float = 0.0
    auth: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SocketDetails:
    """What a node tells of one of its sockets.

    Args:
        id: of the socket.
        handshake: what its client said.
        rooms: those it is in, its id among them.
        data: what the application keeps with it, a mapping where that are attributes.
    """

    id: str
    handshake: HandshakeDetails
    rooms: frozenset[str]
    data: Any


# -- what is said to all nodes; ``uid`` is the node that says it --


@dataclass(frozen=True, slots=True)
class InitialHeartbeat:
    """A node has come, and wants to know who else is there."""

    uid: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A node is there."""

    uid: str


@dataclass(frozen=True, slots=True)
class AdapterClose:
    """A node leaves."""

    uid: str


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Send an event to the sockets of a target.

    Args:
        uid: of the node that says it.
        target: which sockets.
        payload: the event.
        request_id: if it is to be acknowledged; then each node answers with :class:`BroadcastClientCount` at once, and
            with :class:`BroadcastAck` for each socket.
        timeout: seconds within which that is of use.
        named: whether the node wants to know which sockets answer: one of our own.
    """

    uid: str
    target: Target
    payload: Payload
    request_id: str | None = None
    timeout: float | None = None
    named: bool = False


@dataclass(frozen=True, slots=True)
class SocketsJoin:
    """Put the sockets of a target into rooms; with a ``request_id``, say so with :class:`Done`."""

    uid: str
    target: Target
    rooms: tuple[str, ...]
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class SocketsLeave:
    """Take the sockets of a target out of rooms; with a ``request_id``, say so with :class:`Done`."""

    uid: str
    target: Target
    rooms: tuple[str, ...]
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class DisconnectSockets:
    """Disconnect the sockets of a target; with a ``request_id``, say so with :class:`Done`."""

    uid: str
    target: Target
    close: bool
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class FetchSockets:
    """Tell of the sockets of a target, with :class:`FetchSocketsResponse`."""

    uid: str
    request_id: str
    target: Target


@dataclass(frozen=True, slots=True)
class FetchRooms:
    """Tell which rooms there are, with :class:`FetchRoomsResponse`. Only ``@socket.io/redis-adapter`` asks for it."""

    uid: str
    request_id: str


@dataclass(frozen=True, slots=True)
class ServerSideEmit:
    """An event for the servers themselves; with a ``request_id``, answer with :class:`ServerSideEmitResponse`."""

    uid: str
    payload: Payload
    request_id: str | None = None


# -- what is said to the node that asked; ``uid`` is the node that answers, empty if the wire does not tell --


@dataclass(frozen=True, slots=True)
class Done:
    """What was asked for with a ``request_id`` is done."""

    uid: str
    request_id: str


@dataclass(frozen=True, slots=True)
class FetchSocketsResponse:
    """The sockets of this node."""

    uid: str
    request_id: str
    sockets: list[SocketDetails]


@dataclass(frozen=True, slots=True)
class FetchRoomsResponse:
    """The rooms of this node."""

    uid: str
    request_id: str
    rooms: frozenset[str]


@dataclass(frozen=True, slots=True)
class ServerSideEmitResponse:
    """What this server answers."""

    uid: str
    request_id: str
    answer: Any


@dataclass(frozen=True, slots=True)
class BroadcastClientCount:
    """How many sockets of this node got the event; and, to a node of our own, which."""

    uid: str
    request_id: str
    count: int
    ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class BroadcastAck:
    """What one socket acknowledged with; to a node of our own, which socket it was, or that it ``left`` instead."""

    uid: str
    request_id: str
    answer: Any
    id: str | None = None
    left: bool = False


ClusterRequest = (
    InitialHeartbeat
    | Heartbeat
    | AdapterClose
    | Broadcast
    | SocketsJoin
    | SocketsLeave
    | DisconnectSockets
    | FetchSockets
    | FetchRooms
    | ServerSideEmit
)
"""What is said to all nodes."""

ClusterResponse = (
    Done | FetchSocketsResponse | FetchRoomsResponse | ServerSideEmitResponse | BroadcastClientCount | BroadcastAck
)
"""What is said to the node that asked."""

ClusterMessage = ClusterRequest | ClusterResponse
