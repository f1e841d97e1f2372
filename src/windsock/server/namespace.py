"""One namespace: its handlers, its middlewares, its sockets and their rooms."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from windsock.adapters.base import DistributedAdapter
from windsock.adapters.observation import ObservableAdapter
from windsock.arguments import EventHandler
from windsock.engine.transports.receivers import deliver
from windsock.errors import ConfigurationError
from windsock.protocol.socketio import RESERVED_EVENTS, PacketType
from windsock.server.broadcast import BroadcastOperator, Rooms, check_name
from windsock.server.dependencies import DependencyOverrides
from windsock.server.emissions import UNACKNOWLEDGED, Emission
from windsock.server.handlers import Handler
from windsock.server.hooks import Hookable, Hooks
from windsock.server.interception import Interception
from windsock.server.recovery import Recovery
from windsock.server.rooms import RoomObservers
from windsock.server.server_events import ServerEvents
from windsock.server.tap import RecordingParser
from windsock.slow_consumer import Conflate, SlowConsumer, Terms

if TYPE_CHECKING:
    import asyncio

    from windsock.adapters.base import Adapter, AdapterFactory, RemoteSocket
    from windsock.adapters.observation import RoomObserver
    from windsock.engine.transports.outbox import Outbox
    from windsock.protocol.engineio import Message
    from windsock.protocol.socketio import Packet, Parser
    from windsock.server.dynamic import DynamicNamespace
    from windsock.server.observer import Observer
    from windsock.server.recovery import ConnectionStateRecovery
    from windsock.server.socket import Socket

logger: logging.Logger = logging.getLogger("windsock.server")

F = TypeVar("F", bound=EventHandler)
Middleware = Callable[["Socket"], "Awaitable[None] | None"]
M = TypeVar("M", bound=Middleware)
Answered = Callable[[str, "list[Any] | None"], None]


class Registry:
    """What an application registered for a namespace, or for all that match a pattern.

    Args:
        name: of the namespace, or of the rule.
        overrides: stand-ins for dependencies.

    Attributes:
        name: of the namespace, or of the rule.
        handlers: of events, by name.
        routes: what an event starts, by name: its handler, with what stands before it.
        middlewares: in the order in which they run.
        hooks: of every event.
        namespaces: that are registered for here, by name.
        emissions: events declared with :meth:`emits`, by name.
        server_events: handlers of what other servers emit.
        slow_consumer: for the events of the namespace; ``None`` where nothing can be done but what the server does with
            all that waits for a client.
        observers: of the server.
    """

    def __init__(self, name: str, overrides: DependencyOverrides | None = None) -> None:
        self.name = name
        self.handlers: dict[str, Handler] = {}
        self.routes: dict[str, Handler] = {}
        self.middlewares: list[Middleware] = []
        self.hooks: Hooks = Hooks()
        self.namespaces: dict[str, Namespace] = {}
        self.emissions: dict[str, Emission] = {}
        self.server_events: ServerEvents = ServerEvents(name)
        self.slow_consumer: SlowConsumer | None = None
        self.observers: list[Observer] = []
        self._overrides = overrides
        self._interception: Interception | None = None

    def on(self, event: str) -> Callable[[F], F]:
        """Registers the handler of an event.

        ``connect`` (or ``connection``) gets the socket, and the client's auth payload if it takes a second argument;
        raising :class:`ConnectionRefused` refuses the client. ``disconnecting`` and ``disconnect`` get the socket and
        the reason. Every other handler gets the socket and the event's arguments; what it returns is the
        acknowledgement. Arguments are validated by their annotations; parameters annotated with :class:`Depends` are
        no arguments of the event.

        Handlers of one socket start in the order in which its packets came.

        Raises:
            ConfigurationError: the event has a handler, the annotations cannot be validated, or a dependency cannot
                be had.
        """
        name = "connect" if event == "connection" else event

        def register(function: F) -> F:
            if name in self.handlers:
                raise ConfigurationError(f"expected one handler for {name!r} in {self.name!r}, got a second")
            handler = self.handlers[name] = Handler(name, function, self._overrides)
            for observer in self.observers:
                observer.watch(self.name, handler)
            self._route(name)
            return function

        return register

    def emits(self, event: str, *arguments: Any, ack: Any = UNACKNOWLEDGED, description: str = "") -> None:
        """Declares an event that the server emits, for its contract (``windsock asyncapi``, ``windsock types``).

        It is a declaration only: what is emitted is sent as it is.

        Args:
            event: its name.
            arguments: the type of each argument: whatever pydantic can describe.
            ack: the type of the clients' answer, if the event is emitted with ``emit_with_ack``.
            description: for readers of the contract.

        Raises:
            ConfigurationError: the event was declared before or its name is reserved, or a type cannot be described.
        """
        if event in self.emissions:
            raise ConfigurationError(f"expected one declaration of {event!r} in {self.name!r}, got a second")
        self.emissions[event] = Emission(event, arguments, ack, description)

    def use(self, middleware: M) -> M:
        """Adds a middleware: called with each socket before it connects, in the order in which they were added.

        It may be plain or ``async``, and refuses a client by raising :class:`ConnectionRefused`.
        """
        self.middlewares.append(middleware)
        return middleware

    def intercept(self) -> Hooks:
        """The hooks; from now on, every event goes by them and by those of its socket."""
        if self._interception is None:
            self._interception = Interception(self.hooks)
            for name in self.handlers:
                self._route(name)
        return self.hooks

    def tap(self) -> Hooks:
        """The hooks; from now on, every socket tells them what leaves for it."""
        for namespace in self.namespaces.values():
            namespace.tap()
        return self.hooks

    def untap(self) -> None:
        """What leaves goes the short way again where nobody listens any more."""
        if not self.hooks.outgoing:
            for namespace in self.namespaces.values():
                for socket in namespace.sockets.values():
                    socket.untap()

    def unknown(self, event: str) -> Handler | None:
        """What an event without a handler starts."""
        return None if self._interception is None else self._interception.unknown(event)

    @property
    def in_use(self) -> bool:
        """Whether anything was registered."""
        hooks = self.hooks
        return bool(self.handlers or self.middlewares or hooks.incoming or hooks.outgoing or hooks.middlewares)

    def _route(self, name: str) -> None:
        handler = self.handlers[name]
        around = None if name in RESERVED_EVENTS else self._interception
        self.routes[name] = handler if around is None else around.around(name, handler)


class Namespace(Hookable):
    """A channel of its own over the shared connection. Got with ``io.of("/name")``.

    Args:
        name: with its leading slash.
        parser: of the server.
        outbox: of the engine.
        adapter: makes the adapter.
        parent: of a namespace that came to be because a client asked for it.
        overrides: stand-ins for dependencies.
        recovery: how clients come back, if they may.

    Attributes:
        name: with its leading slash.
        sockets: connected, by id.
        admitting: how many clients are on their way in.
        adapter: knows the rooms.
        cluster: the same, if it reaches other nodes.
        handlers: what events start, by name.
        parser: the wire format.
        outbox: of the engine.
        recovery: the clients that come back, if they may.
    """

    def __init__(
        self,
        name: str,
        parser: Parser,
        outbox: Outbox,
        adapter: AdapterFactory,
        parent: DynamicNamespace | None = None,
        overrides: DependencyOverrides | None = None,
        recovery: ConnectionStateRecovery | None = None,
    ) -> None:
        self.name = name
        self.parent = parent
        self.sockets: dict[str, Socket] = {}
        self.admitting = 0
        self.outbox = outbox
        self.adapter: Adapter = adapter(name, self)
        self.cluster: DistributedAdapter | None = self.adapter if isinstance(self.adapter, DistributedAdapter) else None
        self.recovery: Recovery | None = None if recovery is None else Recovery(self, self.adapter, recovery)
        self.parser: Parser = parser
        self.registry: Registry = Registry(name, overrides) if parent is None else parent.registry
        self.registry.namespaces[name] = self
        self.handlers: dict[str, Handler] = self.registry.routes
        self._ack_id = 0
        self._room_observers: list[RoomObserver] = []
        if self.registry.hooks.outgoing:
            self.tap()

    # -- the application's side --

    def on(self, event: str) -> Callable[[F], F]:
        """Registers the handler of an event; see :meth:`Registry.on`."""
        return self.registry.on(event)

    def on_server_event(self, event: str) -> Callable[[F], F]:
        """Registers the handler of an event that another server of the cluster emits with :meth:`server_side_emit`.

        It gets the event's arguments, validated by their annotations, and no socket; it may be plain or ``async``, and
        what it returns is the answer.

        Raises:
            ConfigurationError: the event has a handler, or the annotations cannot be validated.
        """
        return self.registry.server_events.on(event)

    def emits(self, event: str, *arguments: Any, ack: Any = UNACKNOWLEDGED, description: str = "") -> None:
        """Declares an event that the server emits; see :meth:`Registry.emits`."""
        self.registry.emits(event, *arguments, ack=ack, description=description)

    def use(self, middleware: M) -> M:
        """Adds a middleware; see :meth:`Registry.use`."""
        return self.registry.use(middleware)

    def emit(self, event: str, *arguments: Any) -> None:
        """Sends an event to every client; see :meth:`BroadcastOperator.emit`."""
        BroadcastOperator(self).emit(event, *arguments)

    def send(self, *arguments: Any) -> None:
        """Sends the event ``message`` to every client; see :meth:`emit`."""
        self.emit("message", *arguments)

    async def emit_with_ack(self, event: str, *arguments: Any) -> list[Any]:
        """Sends an event to every client and collects their answers; see :meth:`BroadcastOperator.emit_with_ack`."""
        return await BroadcastOperator(self).emit_with_ack(event, *arguments)

    def server_side_emit(self, event: str, *arguments: Any) -> None:
        """Sends an event to the namespace of this name on every other server of the cluster, not to clients.

        Those that are out of reach do not get it. Without a cluster there is no other server, and nothing happens.

        Raises:
            EncodeError: an argument cannot be put on the wire.
            ValueError: the event's name is reserved.
        """
        check_name(event)
        if self.cluster is not None:
            self.cluster.server_side_emit([event, *arguments])

    async def server_side_emit_with_ack(self, event: str, *arguments: Any) -> list[Any]:
        """Sends an event to the other servers and collects their answers, one of each, in the order in which they come.

        A server without a handler for it, or whose handler fails, answers with an ``error`` as a client would get it.
        They have five seconds, or what ``timeout()`` says.

        Raises:
            AckTimeout: some did not answer in time; its ``answers`` are those that came, its ``missing`` the ids of
                the servers whose answer did not, if they are known.
            EncodeError: an argument cannot be put on the wire.
            ValueError: the event's name is reserved.
        """
        return await self._ask_servers([event, *arguments], None)

    async def _ask_servers(self, event: list[Any], timeout: float | None) -> list[Any]:
        check_name(event[0])
        return [] if self.cluster is None else await self.cluster.server_side_emit_with_ack(event, timeout)

    def to(self, *rooms: Rooms) -> BroadcastOperator:
        """Everybody in these rooms."""
        return BroadcastOperator(self).to(*rooms)

    def in_(self, *rooms: Rooms) -> BroadcastOperator:
        """Same as :meth:`to`."""
        return BroadcastOperator(self).to(*rooms)

    def except_(self, *rooms: Rooms) -> BroadcastOperator:
        """Everybody who is in none of these rooms."""
        return BroadcastOperator(self).except_(*rooms)

    @property
    def volatile(self) -> BroadcastOperator:
        """Everybody; the event may be dropped for a client that cannot take it now."""
        return BroadcastOperator(self).volatile

    @property
    def local(self) -> BroadcastOperator:
        """Everybody on this node."""
        return BroadcastOperator(self).local

    def compress(self, compress: bool) -> BroadcastOperator:
        """Everybody; whether transports may compress the event."""
        return BroadcastOperator(self).compress(compress)

    def timeout(self, seconds: float) -> BroadcastOperator:
        """Everybody; how long ``emit_with_ack`` waits."""
        return BroadcastOperator(self).timeout(seconds)

    async def fetch_sockets(self) -> list[RemoteSocket]:
        """The sockets of the namespace, on every node."""
        return await BroadcastOperator(self).fetch_sockets()

    def sockets_join(self, *rooms: Rooms) -> None:
        """Puts every socket into rooms."""
        BroadcastOperator(self).sockets_join(*rooms)

    def sockets_leave(self, *rooms: Rooms) -> None:
        """Takes every socket out of rooms."""
        BroadcastOperator(self).sockets_leave(*rooms)

    def disconnect_sockets(self, close: bool = False) -> None:
        """Disconnects every socket."""
        BroadcastOperator(self).disconnect_sockets(close)

    # -- the connections' side --

    def next_ack_id(self) -> int:
        """An id no acknowledgement of the namespace has had: a broadcast needs one for all its sockets."""
        self._ack_id += 1
        return self._ack_id

    def may_send_volatile(self, socket: Socket) -> bool:
        """Whether a volatile event for this client is kept: it can take it now, or the policy drops it when need be."""
        if socket.outlet.transport.writable:
            return True
        policy = self.registry.slow_consumer
        return policy is not None and policy.policy == "drop_volatile" and socket.connected

    def mark_volatile(self, message: Message) -> None:
        """Lets a slow client's backlog drop a message when the policy is to drop volatile ones."""
        policy = self.registry.slow_consumer
        if policy is not None and policy.policy == "drop_volatile":
            message.terms = Terms(policy, droppable=True)

    def observe_rooms(self, observers: Sequence[Observer]) -> None:
        """Asks observers whether they want to hear of the rooms; the adapter is observed if one of them does."""
        found = [rooms for observer in observers if (rooms := observer.rooms(self)) is not None]
        if not found:
            return
        if not isinstance(self.adapter, ObservableAdapter):
            logger.warning("%s tells nothing of the rooms of %s", type(self.adapter).__name__, self.name)
            return
        if not self._room_observers:
            self.adapter.observe(RoomObservers(self._room_observers))
        self._room_observers += found

    # -- the hooks' side --

    def record(self) -> None:
        """From now on messages remember their events."""
        if not isinstance(self.parser, RecordingParser):
            self.parser = RecordingParser(self.parser)

    def tap(self) -> None:
        """From now on every socket tells what leaves for it."""
        self.record()
        for socket in self.sockets.values():
            socket.tap()

    def _hooks(self) -> Hooks:
        return self.registry.hooks

    def _intercept(self) -> Hooks:
        return self.registry.intercept()

    def _tap(self) -> Hooks:
        return self.registry.tap()

    def _untap(self) -> None:
        self.registry.untap()

    # -- the adapter's side (LocalEmitter) --

    def encode(self, packet: Packet) -> Message:
        """See :class:`windsock.adapters.base.LocalEmitter`."""
        message = self.parser.encode(packet.type, packet.namespace, packet.data, packet.id, packet.compress)
        policy = self.registry.slow_consumer
        if policy is not None and packet.type is PacketType.EVENT:
            message.terms = self._terms(policy, packet)
        return message

    def _terms(self, policy: SlowConsumer, packet: Packet) -> Terms:
        if packet.id is not None:  # somebody waits for its acknowledgement
            return Terms(policy, droppable=False)
        if isinstance(policy.policy, Conflate):
            subject = tuple(packet.data[:-1] if packet.has_offset else packet.data)
            return Terms(policy, droppable=False, subject=subject, scope=self.name)
        return Terms(policy, droppable=policy.policy == "drop_oldest")

    def deliver(self, members: Collection[Any], message: Message, *, volatile: bool) -> None:
        """See :class:`windsock.adapters.base.LocalEmitter`."""
        if volatile:
            members = [socket for socket in members if self.may_send_volatile(socket)]
            self.mark_volatile(message)
        deliver(self.outbox, members, message)

    def disconnect(self, member: Any, *, close: bool) -> None:
        """See :class:`windsock.adapters.base.LocalEmitter`."""
        member.disconnect(close)

    def ask(self, members: Collection[Any], packet: Packet, answered: Answered) -> dict[str, asyncio.Future[list[Any]]]:
        """See :class:`windsock.adapters.base.NodeEmitter`."""
        id = packet.id = self.next_ack_id()
        sockets: list[Socket] = list(members)
        message = self.encode(packet)  # before anybody is expected to answer what cannot be sent
        futures = {socket.id: socket.expect_ack(id) for socket in sockets}
        if futures:
            deliver(self.outbox, sockets, message)
            for sid, future in futures.items():
                future.add_done_callback(partial(_tell, answered, sid))
        return futures

    def take_server_event(self, event: list[Any], respond: Callable[[Any], None]) -> None:
        """See :class:`windsock.adapters.base.NodeEmitter`."""
        self.registry.server_events.take(event[0], event[1:], respond)


def _tell(answered: Answered, sid: str, future: asyncio.Future[list[Any]]) -> None:
    if not future.cancelled():
        answered(sid, None if future.exception() is not None else future.result())
