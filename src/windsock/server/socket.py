"""One client in one namespace."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from windsock.acks import Acks, wait_for_ack
from windsock.adapters.base import Target
from windsock.engine.backlog import Backlog
from windsock.errors import NotConnected
from windsock.protocol.socketio import Packet
from windsock.server.broadcast import BroadcastOperator, Rooms, event_packet, names
from windsock.server.hooks import Hookable, Hooks
from windsock.server.observer import wrap
from windsock.server.tap import Tap

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from windsock.engine.request import Request
    from windsock.engine.session import Session
    from windsock.engine.wiring import Wiring
    from windsock.protocol.engineio import Message
    from windsock.server.connection import Connection
    from windsock.server.namespace import Namespace
    from windsock.types import TransportName

AUTH_EXPIRED: Final = "auth_expired"
"""The event that a client gets right before it is disconnected because its authentication has expired."""


class Handshake:
    """What the client said when it connected.

    Attributes:
        auth: the payload of its CONNECT packet, as it came; empty when there was none.
    """

    __slots__ = ("_request", "auth")

    def __init__(self, request: Request, auth: dict[str, Any]) -> None:
        self._request = request
        self.auth: dict[str, Any] = auth

    @property
    def headers(self) -> dict[str, str]:
        """Of the request that opened the session; names in lower case."""
        return self._request.headers

    @property
    def query(self) -> dict[str, str]:
        """Of the same request."""
        return self._request.query

    @property
    def url(self) -> str:
        """Of the same request: path and query string."""
        return self._request.url

    @property
    def address(self) -> str:
        """Of the peer: the client's, or that of the proxy in front unless the server trusts its headers."""
        return self._request.address

    @property
    def secure(self) -> bool:
        """Whether the request came over TLS."""
        return self._request.secure

    @property
    def time(self) -> float:
        """Of the handshake: seconds since the epoch."""
        return self._request.opened_at

    @property
    def app(self) -> Any:
        """The ASGI application around: the one that Windsock is mounted in, else the one given to ``io.asgi(app)``.

        With FastAPI and Starlette, ``app.state`` and what their dependencies keep there. ``None`` when there is none.
        """
        return self._request.app

    @property
    def state(self) -> dict[str, Any]:
        """What the application's lifespan yielded: values for all requests (ASGI specification, "Lifespan State")."""
        return self._request.state or {}

    @property
    def xdomain(self) -> bool:
        """Whether a page of another host made the request."""
        headers = self.headers
        origin = headers.get("origin")
        return origin is not None and urlsplit(origin).netloc != headers.get("host")


@dataclass(slots=True)
class Held:
    """Stands in for the session until the CONNECT packet is sent: nothing may reach the client before it.

    What waits is bounded as it is for a slow client: a ``connect`` handler that takes its time is as good as one.

    Attributes:
        full: whether the policy is to close the client.
        missed: what goes first, and no policy drops: its client comes back for it.
    """

    wiring: Wiring
    missed: Sequence[Message] = ()
    full: bool = False
    backlog: Backlog[Message] | None = None
    pending: None = None
    straggler: None = None

    @property
    def transport(self) -> Held:
        """Itself: it offers no ``pending`` list."""
        return self

    @property
    def writable(self) -> bool:
        """A volatile event is not worth keeping."""
        return False

    def send(self, message: Message) -> None:
        """Keeps a message, or does with it as the policy says."""
        if self.backlog is None:
            self.backlog = Backlog(self.wiring.options.slow_consumer, self.wiring.slow_consumers)
        if not self.full and not self.backlog.add(message, message.size, message.terms):
            self.full = True
            self.wiring.slow_consumers.closed_clients += 1

    def take(self) -> list[Message]:
        """What waited."""
        return [*self.missed, *(() if self.backlog is None else self.backlog.take())]


class Socket(Hookable):
    """One client in one namespace. Made by the server, given to handlers.

    Attributes:
        id: of this socket in this namespace; also a room of its own.
        handshake: what the client said when it connected.
        acks: the acknowledgements it owes.
        outlet: where its packets go.
        connected: whether the client was told that it is, and has not left since.
        left: why it left, once it has.
        farewell: whether the application wants it gone, known before it was connected: ``True`` with its connection.
        hooks: of its events; ``None`` until it has some.
        drains: resolved when the client has caught up, or has left.
        recovered: whether this is the socket that the client had before its connection was lost, in its rooms and with
            its ``data`` (connection state recovery).
    """

    __slots__ = ("__weakref__", "_connection", "_data", "_expiry", "acks", "connected", "drains", "farewell",
                 "handshake", "hooks", "id", "left", "namespace", "outlet")  # fmt: skip

    recovered: bool = False

    def __init__(self, namespace: Namespace, connection: Connection, id: str, auth: dict[str, Any]) -> None:
        self.id: str = id
        self.namespace: Namespace = namespace
        self.handshake: Handshake = Handshake(connection.session.request, auth)
        self.acks: Acks | None = None
        self.connected: bool = False
        self.left: str | None = None
        self.farewell: bool | None = None
        self.drains: set[asyncio.Future[None]] | None = None
        self.outlet: Session | Held | Tap = Held(connection.wiring)
        self.hooks: Hooks | None = None
        self._connection = connection
        self._data: SimpleNamespace | None = None
        self._expiry: tuple[float, int] | None = None

    def __repr__(self) -> str:
        return f"<Socket {self.id} in {self.namespace.name}>"

    @property
    def transport(self) -> TransportName:
        """What carries its connection at this moment: ``polling``, which may become ``websocket``."""
        return self._connection.session.transport.name

    @property
    def session(self) -> Session:
        """The Engine.IO session that it shares with the client's sockets in other namespaces."""
        return self._connection.session

    @property
    def data(self) -> Any:
        """Whatever the application keeps with the socket: ``socket.data.user = …``."""
        if self._data is None:
            self._data = SimpleNamespace()
        return self._data

    @property
    def expires_at(self) -> float | None:
        """When its authentication ends, in seconds since the epoch; ``None``: it does not.

        Set it in the ``connect`` handler, and anew when the client has shown a new proof. At that time, or within a
        second after it, the client gets the event ``auth_expired`` and is disconnected; it sees the reason ``io server
        disconnect``, and the ``disconnect`` handler ``auth expired``. ``None`` again once the client has left.

        Raises:
            ValueError: it is set to what is no finite number.
        """
        return None if self._expiry is None else self._expiry[0]

    @expires_at.setter
    def expires_at(self, at: float | None) -> None:
        if at is not None and not math.isfinite(at):
            raise ValueError(f"expected seconds since the epoch, got {at}")
        expirations = self._connection.expirations
        if self._expiry is not None:
            expirations.discard(self, self._expiry[1])
        self._expiry = None if at is None or self.left is not None else (at, expirations.add(self, at))

    @property
    def rooms(self) -> frozenset[str]:
        """The rooms it is in, its own id among them; empty once it is disconnected."""
        return self.namespace.adapter.rooms_of(self)

    def join(self, *rooms: Rooms) -> None:
        """Joins rooms. At once, and nothing happens for those it is in, or when the client has left."""
        if self.left is None:
            self.namespace.adapter.join(self, names(rooms))

    def leave(self, *rooms: Rooms) -> None:
        """Leaves rooms. At once, and nothing happens for those it is not in."""
        self.namespace.adapter.leave(self, names(rooms))

    def emit(self, event: str, *arguments: Any) -> None:
        """Sends an event to this client. It is queued, and never blocks; lost when the client is gone.

        Raises:
            EncodeError: an argument cannot be put on the wire.
            ValueError: the event's name is reserved.
        """
        self._emit(event_packet(self.namespace.name, event, arguments), volatile=False)

    def send(self, *arguments: Any) -> None:
        """Sends the event ``message``; see :meth:`emit`."""
        self.emit("message", *arguments)

    async def drain(self) -> None:
        """Waits until the client has caught up; returns at once, without giving way to others, while it keeps up.

        For a handler that has much to send: it then sends as fast as the client takes it, whatever the policy for slow
        clients. The client keeps up as long as its connection's buffers have room; on long-polling, while a request of
        it waits.

        Raises:
            NotConnected: the client has left.
        """
        while self.left is None:
            straggler = self.outlet.transport.straggler
            if straggler is None:
                return
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            if self.drains is None:
                self.drains = set()
            self.drains.add(future)
            straggler.notify(future)
            try:
                await future
            finally:
                self.drains.discard(future)
                future.cancel()
        raise NotConnected("the client has disconnected")

    async def emit_with_ack(self, event: str, *arguments: Any) -> Any:
        """Sends an event and waits for its acknowledgement; see :meth:`SocketOperator.emit_with_ack`."""
        return await SocketOperator(self).emit_with_ack(event, *arguments)

    def disconnect(self, close: bool = False) -> None:
        """Disconnects from the namespace; ``close``: closes the connection with all its namespaces.

        The client sees the reason ``io server disconnect`` and does not reconnect by itself.
        """
        self._connection.disconnect(self, close=close)

    # -- operators --

    def to(self, *rooms: Rooms) -> BroadcastOperator:
        """Everybody in these rooms but this socket."""
        return self.broadcast.to(*rooms)

    def in_(self, *rooms: Rooms) -> BroadcastOperator:
        """Same as :meth:`to`."""
        return self.broadcast.to(*rooms)

    def except_(self, *rooms: Rooms) -> BroadcastOperator:
        """Everybody but this socket and whoever is in these rooms."""
        return self.broadcast.except_(*rooms)

    @property
    def broadcast(self) -> BroadcastOperator:
        """Everybody but this socket."""
        return BroadcastOperator(self.namespace, Target(except_=frozenset((self.id,))))

    @property
    def local(self) -> BroadcastOperator:
        """Everybody on this node but this socket."""
        return self.broadcast.local

    @property
    def volatile(self) -> SocketOperator:
        """The next event may be dropped if the client cannot take it now."""
        return SocketOperator(self, volatile=True)

    def compress(self, compress: bool) -> SocketOperator:
        """Whether the transport may compress the next event; it may by default."""
        return SocketOperator(self, compress=compress)

    def timeout(self, seconds: float) -> SocketOperator:
        """How long the next ``emit_with_ack`` waits."""
        return SocketOperator(self, timeout=seconds)

    # -- for the rest of the server --

    def expire(self) -> None:
        """Its authentication has ended."""
        self.emit(AUTH_EXPIRED)
        self._connection.disconnect(self, close=False, reason="auth expired")

    def own_hooks(self) -> Hooks:
        """Its hooks, made when it has none."""
        if self.hooks is None:
            self.hooks = Hooks()
        return self.hooks

    def tap(self) -> None:
        """From now on tells what leaves for it; what is held back is told of when it leaves."""
        if not isinstance(self.outlet, Held | Tap):
            self.outlet = Tap(self, self.outlet)
            self.namespace.outbox.layout += 1

    def untap(self) -> None:
        """Goes the short way again, if nobody listens to what leaves for it any more."""
        outlet = self.outlet
        everybody_s = self.namespace.registry.hooks.outgoing
        if isinstance(outlet, Tap) and not everybody_s and (self.hooks is None or not self.hooks.outgoing):
            self.outlet = outlet.session
            self.namespace.outbox.layout += 1

    def run(self, coroutine: Coroutine[Any, Any, Any], event: str) -> None:
        """Starts what a listener returned."""
        self._connection.run(self, coroutine, event)

    def _hooks(self) -> Hooks:
        return self.own_hooks()

    def _intercept(self) -> Hooks:
        self.namespace.registry.intercept()
        return self.own_hooks()

    def _tap(self) -> Hooks:
        self.namespace.record()
        self.tap()
        return self.own_hooks()

    def _untap(self) -> None:
        self.untap()

    def expect_ack(self, id: int) -> asyncio.Future[list[Any]]:
        """The future of an acknowledgement.

        Raises:
            NotConnected: the client has left.
        """
        if self.left is not None:
            raise NotConnected("the client has disconnected")
        if self.acks is None:
            self.acks = Acks()
        return self.acks.expect(id)

    def _emit(self, packet: Packet, *, volatile: bool) -> None:
        namespace = self.namespace
        if volatile and not namespace.may_send_volatile(self):
            return
        message = namespace.encode(packet)
        if volatile:
            namespace.mark_volatile(message)
        self.outlet.send(message)


class SocketOperator:
    """How the next event to one client is sent. Immutable: each operator gives a new one."""

    __slots__ = ("_compress", "_socket", "_timeout", "_volatile")

    def __init__(
        self, socket: Socket, *, volatile: bool = False, compress: bool = True, timeout: float | None = None
    ) -> None:
        self._socket = socket
        self._volatile = volatile
        self._compress = compress
        self._timeout = timeout

    @property
    def volatile(self) -> SocketOperator:
        """The event may be dropped if the client cannot take it now."""
        return SocketOperator(self._socket, volatile=True, compress=self._compress, timeout=self._timeout)

    def compress(self, compress: bool) -> SocketOperator:
        """Whether the transport may compress the event."""
        return SocketOperator(self._socket, volatile=self._volatile, compress=compress, timeout=self._timeout)

    def timeout(self, seconds: float) -> SocketOperator:
        """How long :meth:`emit_with_ack` waits."""
        return SocketOperator(self._socket, volatile=self._volatile, compress=self._compress, timeout=seconds)

    @property
    def broadcast(self) -> BroadcastOperator:
        """The same for everybody but this socket."""
        target = Target(except_=frozenset((self._socket.id,)), volatile=self._volatile, compress=self._compress)
        return BroadcastOperator(self._socket.namespace, target, self._timeout)

    def to(self, *rooms: Rooms) -> BroadcastOperator:
        """The same for everybody in these rooms but this socket."""
        return self.broadcast.to(*rooms)

    def in_(self, *rooms: Rooms) -> BroadcastOperator:
        """Same as :meth:`to`."""
        return self.broadcast.to(*rooms)

    def except_(self, *rooms: Rooms) -> BroadcastOperator:
        """The same for everybody but this socket and whoever is in these rooms."""
        return self.broadcast.except_(*rooms)

    @property
    def local(self) -> BroadcastOperator:
        """The same for everybody on this node but this socket."""
        return self.broadcast.local

    def emit(self, event: str, *arguments: Any) -> None:
        """Sends the event; see :meth:`Socket.emit`."""
        packet = event_packet(self._socket.namespace.name, event, arguments)
        packet.compress = self._compress
        self._socket._emit(packet, volatile=self._volatile)

    def send(self, *arguments: Any) -> None:
        """Sends the event ``message``; see :meth:`Socket.emit`."""
        self.emit("message", *arguments)

    async def emit_with_ack(self, event: str, *arguments: Any) -> Any:
        """Sends the event and waits for its acknowledgement.

        Returns:
            One argument by itself, none as ``None``, several as a list.

        Raises:
            AckTimeout: it did not come within the time given with ``timeout()``; without one, none is set.
            NotConnected: the client disconnected before it answered.
            EncodeError: an argument cannot be put on the wire.
        """
        socket = self._socket
        namespace = socket.namespace
        observers = namespace.registry.observers
        answer = self._ask(event, arguments)
        if observers:
            answer = wrap(observers, answer, lambda observer, answer: observer.ask(namespace, socket, event, answer))
        return await answer

    async def _ask(self, event: str, arguments: tuple[Any, ...]) -> Any:
        socket = self._socket
        id = socket.namespace.next_ack_id()
        packet = event_packet(socket.namespace.name, event, arguments, id)
        packet.compress = self._compress
        future = socket.expect_ack(id)
        try:
            socket._emit(packet, volatile=self._volatile)
            return await wait_for_ack(future, self._timeout)
        finally:
            future.cancel()
