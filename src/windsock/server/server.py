"""The server: what an application makes one of."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, overload

from windsock.adapters.cluster import Cluster
from windsock.adapters.environment import cluster_of_environment
from windsock.adapters.memory import MemoryAdapter
from windsock.adapters.recovery import KeptSockets
from windsock.asgi import ASGIApplication
from windsock.engine.deadlines import Deadlines
from windsock.engine.observation import tell
from windsock.engine.options import Cookie, EngineOptions, HttpCompression, PerMessageDeflate
from windsock.engine.registry import Engine
from windsock.errors import ConfigurationError
from windsock.protocol.parsers.json import JsonParser
from windsock.server.connection import Connection
from windsock.server.dependencies import DependencyOverrides
from windsock.server.dynamic import DynamicNamespace, NamespacePredicate
from windsock.server.emissions import UNACKNOWLEDGED
from windsock.server.expirations import Expirations
from windsock.server.health import Health, HealthCheck, examine
from windsock.server.hooks import Hookable, Hooks
from windsock.server.namespace import F, M, Namespace, Registry
from windsock.server.recovery import ConnectionStateRecovery
from windsock.slow_consumer import SlowConsumer, SlowConsumerCounters

if TYPE_CHECKING:
    from windsock.adapters.base import AdapterFactory, DistributedAdapter, RemoteSocket
    from windsock.engine.options import AllowRequest, OriginPredicate
    from windsock.engine.session import Session
    from windsock.protocol.socketio import Parser
    from windsock.server.broadcast import BroadcastOperator, Rooms
    from windsock.server.observer import Observer
    from windsock.tasks import Turn
    from windsock.types import ASGIApp, TransportName

MAX_HANDLERS_IN_FLIGHT = 256
"""Handlers of one connection that have begun and not ended. A client that sends faster than they end is not read
from until half of them have: its own events wait in its own connection and not in the server's memory."""


class Server(Hookable):
    """A Socket.IO server.

    The methods that speak of events and rooms are those of the namespace ``/``; other namespaces are got with
    :meth:`of`. Options carry Socket.IO's names and defaults; times are in seconds, sizes in bytes.

    Args:
        path: where clients connect.
        add_trailing_slash: whether ``path`` ends with a slash.
        ping_interval: between the server's pings.
        ping_timeout: for the pong to a ping.
        upgrade_timeout: for a WebSocket to take over from long-polling.
        connect_timeout: for the first namespace to be joined; then the connection is closed.
        max_http_buffer_size: bytes in one message or one long-polling request.
        transports: what clients may use.
        allow_upgrades: whether long-polling may move to a WebSocket.
        cookie: for load balancers; ``True`` for the default one, ``io``.
        cors_allowed_origins: ``None`` for the same origin only, ``"*"``, one origin, several, or a predicate of the
            origin and the ASGI scope.
        cors_credentials: whether browsers may send cookies with cross-origin requests.
        allow_request: of the ASGI scope, before a session is made; ``False`` or a message refuses.
        per_message_deflate: compression of WebSocket messages; ``True`` for the default threshold of 1024 bytes.
        http_compression: compression of long-polling answers.
        connection_state_recovery: for clients whose connection was lost; ``True`` for two minutes. With an adapter of
            one's own, that must be a :class:`windsock.RecoverableAdapter`.
        adapter: knows the rooms; by default in memory, which the workers of ``windsock serve --workers`` share, or over
            Redis where ``windsock serve --redis`` or the environment's ``WINDSOCK_REDIS`` says so. A
            :class:`windsock.Cluster` connects the server to others.
        parser: the wire format; JSON by default.
        max_sessions: alive at once.
        handshake_rate: sessions opened in a second; others wait for their turn, up to five seconds, and are refused
            beyond that. Any number by default.
        slow_consumer: what happens to a client that does not take what is sent to it; by default it is closed when more
            than 4 MiB wait for it.
        max_fragments: frames in one WebSocket message.
        max_handlers_in_flight: handlers of one connection that have begun and not ended.
        cleanup_empty_child_namespaces: whether a namespace that a client asked for goes with its last client.
            Socket.IO's default is the opposite; but the names are the clients' to make up, and each would stay.

    Raises:
        ConfigurationError: an option is out of its range, or there is an adapter beside ``WINDSOCK_REDIS``.

    Attributes:
        namespaces: by name.
        parser: the wire format.
        has_json: whether that is the default one, whose events are read as they come.
        engine: the Engine.IO server beneath.
        expirations: of the clients' authentication.
        turn: what handlers that begin in one iteration of the event loop share.
        dependency_overrides: stand-ins for what handlers depend on, for tests.
        observers: hear of what happens; see :meth:`observe`.
        closing: whether :meth:`close` was called.
    """

    def __init__(
        self,
        *,
        path: str = "/socket.io/",
        add_trailing_slash: bool = True,
        ping_interval: float = 25.0,
        ping_timeout: float = 20.0,
        upgrade_timeout: float = 10.0,
        connect_timeout: float = 45.0,
        max_http_buffer_size: int = 1_000_000,
        transports: Sequence[TransportName] = ("polling", "websocket"),
        allow_upgrades: bool = True,
        cookie: Cookie | bool | None = None,
        cors_allowed_origins: str | Sequence[str] | OriginPredicate | None = None,
        cors_credentials: bool = False,
        allow_request: AllowRequest | None = None,
        per_message_deflate: PerMessageDeflate | bool = False,
        http_compression: HttpCompression | bool = True,
        connection_state_recovery: ConnectionStateRecovery | bool | None = None,
        adapter: AdapterFactory = MemoryAdapter,
        parser: Parser | None = None,
        max_sessions: int = 100_000,
        handshake_rate: float | None = None,
        slow_consumer: SlowConsumer = SlowConsumer(),  # noqa: B008  frozen
        max_fragments: int = 1024,
        max_handlers_in_flight: int = MAX_HANDLERS_IN_FLIGHT,
        cleanup_empty_child_namespaces: bool = True,
    ) -> None:
        if connect_timeout <= 0:
            raise ConfigurationError(f"expected connect_timeout above zero, got {connect_timeout}")
        if max_handlers_in_flight < 1:
            raise ConfigurationError(f"expected max_handlers_in_flight of at least 1, got {max_handlers_in_flight}")
        options = EngineOptions(
            path=path,
            add_trailing_slash=add_trailing_slash,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            upgrade_timeout=upgrade_timeout,
            max_http_buffer_size=max_http_buffer_size,
            transports=transports,
            allow_upgrades=allow_upgrades,
            cookie=Cookie() if cookie is True else cookie or None,
            cors_allowed_origins=cors_allowed_origins,
            cors_credentials=cors_credentials,
            allow_request=allow_request,
            per_message_deflate=PerMessageDeflate() if per_message_deflate is True else per_message_deflate or None,
            http_compression=HttpCompression() if http_compression is True else http_compression or None,
            max_sessions=max_sessions,
            handshake_rate=handshake_rate,
            slow_consumer=slow_consumer,
            max_fragments=max_fragments,
        )
        self.parser: Parser = parser if parser is not None else JsonParser()
        self.has_json: bool = type(self.parser) is JsonParser
        self.engine: Engine = Engine(options, self._open)
        self.max_handlers_in_flight = max_handlers_in_flight
        self.expirations: Expirations = Expirations()
        self.turn: Turn = self.engine.inbox.turn
        self._cleanup = cleanup_empty_child_namespaces
        self.namespaces: dict[str, Namespace] = {}
        self.dependency_overrides: DependencyOverrides = DependencyOverrides()
        self.observers: list[Observer] = []
        self.closing: bool = False
        self._recovery = (
            ConnectionStateRecovery() if connection_state_recovery is True else connection_state_recovery or None
        )
        cluster = cluster_of_environment(path, chosen=adapter is not MemoryAdapter, recovers=self._recovery is not None)
        if adapter is MemoryAdapter:
            adapter = cluster or self._adapter_in_memory()
        if isinstance(adapter, Cluster):
            adapter = adapter.over(self._adapter_in_memory())
        self._adapter = adapter
        self._dynamic: list[DynamicNamespace] = []
        # Namespaces that are gone, and take leave of the cluster.
        self._leaving: set[asyncio.Future[None]] = set()
        self._connecting: Deadlines[Connection] = Deadlines(
            connect_timeout, lambda connection: connection.connect_timed_out()
        )
        # What closes needs no word with each message.
        self._slow_consumer = None if slow_consumer.policy == "close" else slow_consumer
        self._root = self.of("/")

    @overload
    def of(self, name: str, *, slow_consumer: SlowConsumer | None = None) -> Namespace: ...

    @overload
    def of(
        self, name: re.Pattern[str] | NamespacePredicate, *, slow_consumer: SlowConsumer | None = None
    ) -> DynamicNamespace: ...

    def of(
        self, name: str | re.Pattern[str] | NamespacePredicate, *, slow_consumer: SlowConsumer | None = None
    ) -> Namespace | DynamicNamespace:
        """The namespace of that name, made when it is not there; or all whose names match a rule.

        Args:
            name: a name, with or without its leading slash; or a regular expression, searched for in the names that
                clients ask for; or a predicate of such a name and the client's auth payload.
            slow_consumer: for its events instead of the server's: with a budget of their own, unless another namespace
                has an equal one. ``None``: as it was.
        """
        if not isinstance(name, str):
            dynamic = DynamicNamespace(
                name, self.parser, self.engine.outbox, self._adapter, self.dependency_overrides, self._recovery
            )
            dynamic.registry.slow_consumer = slow_consumer or self._slow_consumer
            dynamic.registry.observers = self.observers
            self._dynamic.append(dynamic)
            return dynamic
        if not name.startswith("/"):
            name = f"/{name}"
        namespace = self.namespaces.get(name)
        if namespace is None:
            namespace = self.namespaces[name] = Namespace(
                name,
                self.parser,
                self.engine.outbox,
                self._adapter,
                overrides=self.dependency_overrides,
                recovery=self._recovery,
            )
            namespace.registry.slow_consumer = self._slow_consumer
            namespace.registry.observers = self.observers
            rule = next((dynamic for dynamic in self._dynamic if dynamic.covers(name)), None)
            if rule is not None:
                rule.adopt(namespace)
            namespace.observe_rooms(self.observers)
        if slow_consumer is not None:
            namespace.registry.slow_consumer = slow_consumer
        return namespace

    def observe(self, observer: Observer) -> None:
        """Has an observer hear of what the server does; see :class:`Observer`. Handlers may be registered later, too.

        Raises:
            ConfigurationError: clients are connected: what is around their messages stays as it is.
        """
        if self.engine.sessions:
            raise ConfigurationError(f"expected observers before clients connect, got {len(self.engine.sessions)} here")
        self.observers.append(observer)
        self.engine.observers.append(observer)
        self.parser = observer.parser(self.parser)
        for namespace in self.namespaces.values():
            namespace.parser = observer.parser(namespace.parser)
            namespace.observe_rooms((observer,))
        for dynamic in self._dynamic:
            dynamic.parser = observer.parser(dynamic.parser)
        for registry in self.registries:
            for handler in registry.handlers.values():
                observer.watch(registry.name, handler)

    @property
    def slow_consumers(self) -> SlowConsumerCounters:
        """What slow clients have cost: counters of dropped messages and bytes, and of closed clients."""
        return self.engine.wiring.slow_consumers

    @property
    def registries(self) -> list[Registry]:
        """What the application registered, of each namespace and each rule, in no order."""
        fixed = [namespace.registry for namespace in self.namespaces.values() if namespace.parent is None]
        return [*fixed, *(dynamic.registry for dynamic in self._dynamic)]

    def find(self, name: str, auth: dict[str, Any]) -> Namespace | None:
        """The namespace a client asks for, made when a rule says so."""
        namespace = self.namespaces.get(name)
        if namespace is not None and (namespace.parent is not None or namespace.registry.in_use or name == "/"):
            return namespace
        for dynamic in self._dynamic:
            if dynamic.matches(name, auth):
                if namespace is None:
                    namespace = self.namespaces[name] = dynamic.make(name)
                    namespace.observe_rooms(self.observers)
                else:
                    # The application only spoke to it, so it is not to let clients in past the rule.
                    dynamic.adopt(namespace)
                break
        return namespace

    def drop_if_empty(self, namespace: Namespace) -> None:
        """Forgets a namespace that a client asked for and nobody uses any more."""
        if not self._cleanup:
            return
        recovery = namespace.recovery
        if recovery is not None and recovery.adapter.holds:
            return
        if namespace.parent is not None and not namespace.sockets and not namespace.admitting:
            if self.namespaces.pop(namespace.name, None) is not None and namespace.cluster is not None:
                self._leave(namespace.cluster)
            namespace.parent.children.pop(namespace.name, None)

    def asgi(self, app: ASGIApp | None = None, *, health_path: str | None = None) -> ASGIApplication:
        """The ASGI application that answers clients at ``path`` and leaves everything else to ``app``.

        Its lifespan is ``app``'s; the server closes when it ends.

        Args:
            app: gets every other request.
            health_path: where :attr:`health` is told, before ``app`` is asked; nowhere by default, because ``app``
                may have a route of that name.
        """
        health = None if health_path is None else (health_path, HealthCheck(self))
        return ASGIApplication(self.engine, app, on_startup=self.start, on_shutdown=self.close, health=health)

    @property
    def health(self) -> Health:
        """Whether the server takes clients."""
        return examine(self)

    async def start(self) -> None:
        """Connects to the other servers of a cluster; done by the lifespan of :meth:`asgi`, and again without harm.

        Where no lifespan runs, a namespace connects with its first client, which waits for it; until then it hears
        nothing of the others.
        """
        await asyncio.gather(*(each.cluster.start() for each in self.namespaces.values() if each.cluster is not None))
        tell(self.observers, lambda observer: observer.started())

    async def close(self) -> None:
        """Closes every connection; clients see a lost transport, and come back where a server is."""
        if not self.closing:
            self.closing = True
            tell(self.observers, lambda observer: observer.closed())
        self.engine.close()
        for namespace in list(self.namespaces.values()):
            await namespace.adapter.close()
        await asyncio.gather(*self._leaving)

    # -- the namespace "/" --

    def on(self, event: str) -> Callable[[F], F]:
        """See :meth:`Namespace.on`."""
        return self._root.on(event)

    def on_server_event(self, event: str) -> Callable[[F], F]:
        """See :meth:`Namespace.on_server_event`."""
        return self._root.on_server_event(event)

    def server_side_emit(self, event: str, *arguments: Any) -> None:
        """See :meth:`Namespace.server_side_emit`."""
        self._root.server_side_emit(event, *arguments)

    async def server_side_emit_with_ack(self, event: str, *arguments: Any) -> list[Any]:
        """See :meth:`Namespace.server_side_emit_with_ack`."""
        return await self._root.server_side_emit_with_ack(event, *arguments)

    def emits(self, event: str, *arguments: Any, ack: Any = UNACKNOWLEDGED, description: str = "") -> None:
        """See :meth:`Namespace.emits`."""
        self._root.emits(event, *arguments, ack=ack, description=description)

    def use(self, middleware: M) -> M:
        """See :meth:`Namespace.use`."""
        return self._root.use(middleware)

    def emit(self, event: str, *arguments: Any) -> None:
        """See :meth:`Namespace.emit`."""
        self._root.emit(event, *arguments)

    def send(self, *arguments: Any) -> None:
        """See :meth:`Namespace.send`."""
        self._root.send(*arguments)

    async def emit_with_ack(self, event: str, *arguments: Any) -> list[Any]:
        """See :meth:`Namespace.emit_with_ack`."""
        return await self._root.emit_with_ack(event, *arguments)

    def to(self, *rooms: Rooms) -> BroadcastOperator:
        """See :meth:`Namespace.to`."""
        return self._root.to(*rooms)

    def in_(self, *rooms: Rooms) -> BroadcastOperator:
        """See :meth:`Namespace.in_`."""
        return self._root.in_(*rooms)

    def except_(self, *rooms: Rooms) -> BroadcastOperator:
        """See :meth:`Namespace.except_`."""
        return self._root.except_(*rooms)

    @property
    def volatile(self) -> BroadcastOperator:
        """See :attr:`Namespace.volatile`."""
        return self._root.volatile

    @property
    def local(self) -> BroadcastOperator:
        """See :attr:`Namespace.local`."""
        return self._root.local

    def compress(self, compress: bool) -> BroadcastOperator:
        """See :meth:`Namespace.compress`."""
        return self._root.compress(compress)

    def timeout(self, seconds: float) -> BroadcastOperator:
        """See :meth:`Namespace.timeout`."""
        return self._root.timeout(seconds)

    async def fetch_sockets(self) -> list[RemoteSocket]:
        """See :meth:`Namespace.fetch_sockets`."""
        return await self._root.fetch_sockets()

    def sockets_join(self, *rooms: Rooms) -> None:
        """See :meth:`Namespace.sockets_join`."""
        self._root.sockets_join(*rooms)

    def sockets_leave(self, *rooms: Rooms) -> None:
        """See :meth:`Namespace.sockets_leave`."""
        self._root.sockets_leave(*rooms)

    def disconnect_sockets(self, close: bool = False) -> None:
        """See :meth:`Namespace.disconnect_sockets`."""
        self._root.disconnect_sockets(close)

    def _leave(self, cluster: DistributedAdapter) -> None:
        leaving = asyncio.ensure_future(cluster.close())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    def _adapter_in_memory(self) -> AdapterFactory:
        options = self._recovery
        if options is None:
            return MemoryAdapter
        engine = self.engine.options
        return KeptSockets(
            lifetime=options.max_disconnection_duration,
            # The ping that tells of a lost connection follows within an interval; the pong before it may have been on
            # its way as long as one may be, and so the ping that it answered.
            grace=2 * (engine.ping_interval + engine.ping_timeout),
            max_bytes=options.max_bytes,
            max_sockets=options.max_sockets,
            released=self._released,
        ).adapter

    def _released(self, name: str) -> None:
        namespace = self.namespaces.get(name)
        if namespace is not None:
            self.drop_if_empty(namespace)

    def _hooks(self) -> Hooks:
        return self._root.registry.hooks

    def _intercept(self) -> Hooks:
        return self._root.registry.intercept()

    def _tap(self) -> Hooks:
        return self._root.registry.tap()

    def _untap(self) -> None:
        self._root.registry.untap()

    def _open(self, session: Session) -> None:
        connection = Connection(self, session)
        session.listener = connection
        connection.timer = self._connecting.start(connection)
