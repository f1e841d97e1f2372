"""The interface between a namespace and whatever knows its rooms.

An adapter never imports the server: it sees sockets as members, and reaches them through the emitter that the
namespace gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import asyncio

    from windsock.protocol.engineio import Message
    from windsock.protocol.socketio import Packet


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a broadcast is for.

    Args:
        rooms: the union of these rooms; empty for the whole namespace. A socket's id is the room of that socket.
        except_: but nobody who is in one of these.
        volatile: may be dropped for a client that cannot take it now.
        local: not for other nodes of a cluster.
        compress: whether a transport may compress it.
    """

    rooms: frozenset[str] = frozenset()
    except_: frozenset[str] = frozenset()
    volatile: bool = False
    local: bool = False
    compress: bool = True


EVERYBODY = Target()


class Member(Protocol):
    """A local socket, as an adapter sees it."""

    @property
    def id(self) -> str:
        """Its id, which is also a room of its own."""


class RemoteHandshake(Protocol):
    """What the client of a socket said when it connected, on whichever node; see :class:`windsock.Handshake`."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the request that opened the session; names in lower case."""

    @property
    def query(self) -> Mapping[str, str]:
        """Of the same request."""

    @property
    def url(self) -> str:
        """Of the same request: path and query string."""

    @property
    def address(self) -> str:
        """Of the client."""

    @property
    def secure(self) -> bool:
        """Whether the request came over TLS."""

    @property
    def xdomain(self) -> bool:
        """Whether a page of another host made the request."""

    @property
    def time(self) -> float:
        """Of the handshake: seconds since the epoch."""

    @property
    def auth(self) -> Mapping[str, Any]:
        """The payload of the CONNECT packet."""


class RemoteOperator(Protocol):
    """How the next event to a socket is sent, on whichever node it lives."""

    def emit(self, event: str, *arguments: Any) -> None:
        """See :meth:`RemoteSocket.emit`."""

    async def emit_with_ack(self, event: str, *arguments: Any) -> Any:
        """See :meth:`RemoteSocket.emit_with_ack`."""


class RemoteSocket(Protocol):
    """A socket of the namespace, on whichever node it lives: what ``fetch_sockets`` gives.

    That of another node shows it as it was when it was fetched: ``data`` is a copy.
    """

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def handshake(self) -> RemoteHandshake:
        """What its client said when it connected."""

    @property
    def rooms(self) -> frozenset[str]:
        """The rooms it is in, its own id among them."""

    @property
    def data(self) -> Any:
        """What the application keeps with it."""

    def emit(self, event: str, *arguments: Any) -> None:
        """Sends an event to its client."""

    async def emit_with_ack(self, event: str, *arguments: Any) -> Any:
        """Sends an event to its client and waits for the acknowledgement.

        Returns:
            One argument by itself, none as ``None``, several as a list.

        Raises:
            AckTimeout: it did not come within the time given with ``timeout``, without which a socket of another
                node has a minute and one of this node has no end; or the client of another node left before it came.
            NotConnected: the client has disconnected.
            EncodeError: an argument cannot be put on the wire.
            ValueError: the event's name is reserved.
        """

    def timeout(self, seconds: float) -> RemoteOperator:
        """How long the next ``emit_with_ack`` waits."""

    def join(self, *rooms: str | Iterable[str]) -> None:
        """Puts it into rooms."""

    def leave(self, *rooms: str | Iterable[str]) -> None:
        """Takes it out of rooms."""

    def disconnect(self, close: bool = False) -> None:
        """Disconnects it; ``close``: and the connection that it shares with other namespaces."""


class LocalEmitter(Protocol):
    """What a namespace does for its adapter."""

    def encode(self, packet: Packet) -> Message:
        """The one encoding of a packet that all its receivers share."""

    def deliver(self, members: Collection[Any], message: Message, *, volatile: bool) -> None:
        """Sends a message to local sockets."""

    def disconnect(self, member: Any, *, close: bool) -> None:
        """Disconnects a local socket; ``close``: and the connection it shares with other namespaces."""


class NodeEmitter(LocalEmitter, Protocol):
    """What a namespace does besides for an adapter that connects it to other nodes."""

    def ask(
        self, members: Collection[Any], packet: Packet, answered: Callable[[str, list[Any] | None], None]
    ) -> Mapping[str, asyncio.Future[list[Any]]]:
        """Sends an event that is to be acknowledged to local sockets.

        Args:
            members: the sockets.
            packet: gets its acknowledgement id here.
            answered: called with a socket's id and the arguments of its acknowledgement, ``None`` if it left before.

        Returns:
            The acknowledgements by socket; cancel those that are not waited for any more.

        Raises:
            EncodeError: an argument cannot be put on the wire; nothing was sent.
        """

    def take_server_event(self, event: list[Any], respond: Callable[[Any], None]) -> None:
        """Starts the handler of an event that another node emitted to the servers.

        Args:
            event: its name and its arguments.
            respond: called once, with the answer, when the handler has ended.
        """


class Adapter(Protocol):
    """Knows the rooms of one namespace and reaches the sockets in them.

    Local membership is synchronous; whatever may concern other nodes is awaitable or fire-and-forget.
    """

    def add(self, member: Member) -> None:
        """A socket connected."""

    def remove(self, member: Member) -> None:
        """A socket disconnected: it is in no room any more."""

    def join(self, member: Member, rooms: Iterable[str]) -> None:
        """Puts a local socket into rooms; they come to be with their first member."""

    def leave(self, member: Member, rooms: Iterable[str]) -> None:
        """Takes a local socket out of rooms; they cease with their last member."""

    def rooms_of(self, member: Member) -> frozenset[str]:
        """The rooms of a local socket, its id among them."""

    def select(self, target: Target) -> Collection[Any]:
        """The local sockets of a target; if it is one room, or everybody, as a :class:`~windsock.room.Room`.

        To be read at once, and not changed.
        """

    def broadcast(self, packet: Packet, target: Target) -> None:
        """Sends a packet to a target, on every node unless it is local."""

    async def fetch_sockets(self, target: Target) -> list[RemoteSocket]:
        """The sockets of a target, on every node unless it is local."""

    def join_all(self, target: Target, rooms: Iterable[str]) -> None:
        """Puts the sockets of a target into rooms."""

    def leave_all(self, target: Target, rooms: Iterable[str]) -> None:
        """Takes the sockets of a target out of rooms."""

    def disconnect_all(self, target: Target, *, close: bool) -> None:
        """Disconnects the sockets of a target."""

    async def close(self) -> None:
        """Lets go of whatever connects it to other nodes."""


@dataclass(frozen=True, slots=True)
class SocketState:
    """What is kept of a socket whose connection was lost, until its client comes back for it.

    Args:
        id: of the socket, which it gets back.
        pid: the client's secret: whoever knows it gets this state.
        rooms: those it was in, its id among them.
        data: what the application kept with it.
        expires_at: when its authentication ends, in seconds since the epoch.
        confirmed: whether it is certain that it belongs to the namespace that it was asked for in; otherwise the
            namespace's middlewares have to say whether its client may come in.
    """

    id: str
    pid: str
    rooms: frozenset[str]
    data: Any
    expires_at: float | None = None
    confirmed: bool = True


Restored = tuple[SocketState, "Sequence[Message]"]
"""The state of a socket, its rooms as they are by now, and what its client missed, in order."""


@runtime_checkable
class RecoverableAdapter(Adapter, Protocol):
    """An adapter that also keeps what clients miss while their connection is lost (connection state recovery).

    It gives each event packet that is neither volatile nor to be acknowledged an id, a string, and appends it to the
    packet's arguments: the client's offset is the last one that it got.
    """

    @property
    def holds(self) -> bool:
        """Whether states are kept in this process, so that the namespace must stay for them."""

    def send(self, member: Member, packet: Packet, *, volatile: bool) -> None:
        """Sends an event packet to one local socket, or to whoever has its state by now."""

    def flush(self, member: Member) -> None:
        """Delivers what was sent to a local socket and waits for something: it is about to be disconnected."""

    def persist(self, state: SocketState, lifetime: float) -> None:
        """Keeps the state of a local socket for ``lifetime`` seconds; :meth:`windsock.Adapter.remove` follows."""

    async def restore(self, pid: str, offset: str | None, limit: int) -> Restored | None:
        """Gives a state back, once: the caller adds a member of its id, in its rooms, before it awaits anything else.

        Args:
            pid: the client's secret.
            offset: id of the last packet it got; ``None`` when it got none, and misses all since it connected.
            limit: bytes of missed messages that can be sent to it.

        Returns:
            ``None`` when there is no such state, or not all that was missed can be given.
        """


@runtime_checkable
class DistributedAdapter(Adapter, Protocol):
    """An adapter that reaches the sockets of other nodes, too, and the servers themselves."""

    async def start(self) -> None:
        """Connects to the other nodes. Returns at once when that is done; may be called again after it was closed.

        It does not raise when they are out of reach: what is local goes on, and it keeps trying.
        """

    async def fetch_sockets(self, target: Target, timeout: float | None = None) -> list[RemoteSocket]:
        """The sockets of a target, on every node unless it is local.

        Args:
            target: which.
            timeout: seconds that other nodes have to answer; ``None`` for the adapter's own limit.

        Raises:
            ClusterTimeout: not all did.
        """

    async def broadcast_with_ack(self, packet: Packet, target: Target, timeout: float | None) -> list[Any]:
        """Sends a packet to a target on every node, and collects the acknowledgements in the order in which they come.

        Args:
            packet: an event.
            target: whom it is for.
            timeout: seconds that there are for it; ``None`` for the adapter's own limit.

        Raises:
            AckTimeout: some did not come.
        """

    def server_side_emit(self, event: list[Any]) -> None:
        """Sends an event, its name first, to the namespace of this name on every other node."""

    async def server_side_emit_with_ack(self, event: list[Any], timeout: float | None) -> list[Any]:
        """The same, and collects what they answer, one value of each.

        Raises:
            AckTimeout: some did not answer.
        """

    async def server_count(self) -> int:
        """How many nodes there are, this one among them."""

    async def all_rooms(self) -> frozenset[str]:
        """The rooms of the namespace that are not empty, on every node; the sockets' own among them.

        Raises:
            ClusterTimeout: not all nodes answered.
        """


AdapterFactory = Callable[[str, NodeEmitter], Adapter]
"""Makes the adapter of a namespace, given its name and its emitter."""
