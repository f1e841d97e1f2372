"""The server's side of Socket.IO's admin UI."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final, Literal

from windsock.adapters.environment import redis_url
from windsock.adapters.memory import MemoryAdapter
from windsock.adapters.recovery import RecoveryAdapter
from windsock.contrib.admin.authentication import BasicAuth, Gate
from windsock.contrib.admin.commands import Commands
from windsock.contrib.admin.disclosure import HEADERS, QUERY, DataOf, Disclosure, data_of
from windsock.contrib.admin.feed import Feed
from windsock.contrib.admin.sessions import MemorySessions
from windsock.contrib.admin.statistics import Statistics
from windsock.errors import ConfigurationError, WindsockError
from windsock.server.connection import Connection
from windsock.server.observer import Observer
from windsock.server.socket import Socket
from windsock.slow_consumer import SlowConsumer

if TYPE_CHECKING:
    from windsock.adapters.observation import RoomObserver
    from windsock.contrib.admin.sessions import SessionStore
    from windsock.engine.session import Session
    from windsock.server.namespace import Namespace
    from windsock.server.server import Server

INTERVAL: Final = 2.0
"""Seconds between two statistics, as in the original: the UI takes a server for dead after ten."""

ABSENCE: Final = 4.0
"""Seconds after which a node of a cluster asks the others again whether an administrator has come."""

MAX_BYTES: Final = 1024 * 1024
"""Bytes that wait for an administrator who does not read. Events are dropped then; when changes alone are too many, the
connection is closed, and the UI comes back for the whole list."""

STALL_TIMEOUT: Final = 30.0
"""Seconds in which a slow administrator takes something, or is closed."""

CHANGES: Final = ("EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT")
"""What the UI offers to do, to one socket and to many."""

logger: logging.Logger = logging.getLogger("windsock.contrib.admin")


class Admin(Observer):
    """Lets Socket.IO's admin UI (``@socket.io/admin-ui``) look at a server, and change it.

    To be made before the first client connects. Options carry the original's names and defaults.

    Args:
        io: the server. The UI comes from another origin, with credentials: ``cors_allowed_origins`` has to name it, and
            ``cors_credentials`` to be true.
        auth: who may; ``False``: whoever reaches the server.
        namespace_name: of the administrators.
        readonly: whether they may only look.
        server_id: distinguishes the servers of a cluster; by default made of the host's name and the process's id.
        mode: ``"production"``: statistics only. ``"development"``: while an administrator looks, also each socket, room
            and event, within bounds; what is emitted then goes to each client by itself.
        sessions: of administrators; by default in the memory of this process, or in Redis with ``windsock serve
            --redis``. A page that comes back to another process asks for the password again unless they share a store.
        headers: of the requests that opened sessions, which are shown; no other is.
        query: fields of their query strings whose values are shown; those of others are not.
        data: of a socket: what is shown of its ``data``; by default all that is JSON.

    Raises:
        ConfigurationError: clients are connected, or the namespace is in use.
    """

    def __init__(
        self,
        io: Server,
        *,
        auth: BasicAuth | Literal[False],
        namespace_name: str = "/admin",
        readonly: bool = False,
        server_id: str | None = None,
        mode: Literal["development", "production"] = "development",
        sessions: SessionStore | None = None,
        headers: Collection[str] = HEADERS,
        query: Collection[str] = QUERY,
        data: DataOf = data_of,
    ) -> None:
        if auth is not False and not isinstance(auth, BasicAuth):
            raise ConfigurationError(f"expected BasicAuth(…) or False, got {type(auth).__name__}")
        if mode not in ("development", "production"):
            raise ConfigurationError(f"expected the mode development or production, got {mode!r}")
        policy = SlowConsumer(max_bytes=MAX_BYTES, stall_timeout=STALL_TIMEOUT, policy="drop_volatile")
        namespace = io.of(namespace_name, slow_consumer=policy)
        if namespace.parent is not None or namespace.registry.in_use or namespace.name == "/":
            raise ConfigurationError(f"expected a namespace of its own, got {namespace.name!r}, which is in use")
        self._namespace = namespace
        self._development = mode == "development"
        self._statistics = Statistics(io, server_id)
        # Whoever knows of no other nodes is told so by its type; an adapter of one's own may know some.
        self._clustered = type(namespace.adapter) not in (MemoryAdapter, RecoveryAdapter)
        self._feed = Feed(
            io,
            namespace,
            Disclosure(headers, query, data),
            lambda number: self._statistics.count("skipped", None, number),
            clustered=self._clustered,
        )
        self._features = [*(() if readonly else CHANGES), "AGGREGATED_EVENTS"]
        if self._development:
            self._features.append("ALL_EVENTS")
        self._ticking: asyncio.Task[None] | None = None
        io.observe(self)
        namespace.use(Gate(auth, sessions if sessions is not None else _default_sessions()).admit)
        namespace.on("connect")(self._welcome)
        if not readonly:
            Commands(io).register(namespace)

    # -- Observer --

    def started(self) -> None:
        """See :meth:`windsock.Observer.started`."""
        if self._clustered:
            self._start()

    def rooms(self, namespace: Namespace) -> RoomObserver | None:
        """See :meth:`windsock.Observer.rooms`."""
        return _Rooms(self._feed, namespace.name) if self._development else None

    def session_opened(self, session: Session) -> None:
        """See :meth:`windsock.Observer.session_opened`."""
        self._statistics.opened(polling=session.transport.name == "polling")
        if self._clustered:
            self._start()

    def session_upgraded(self, session: Session) -> None:
        """See :meth:`windsock.Observer.session_upgraded`."""
        self._statistics.upgraded()
        connection = session.listener
        if isinstance(connection, Connection):
            for socket in connection.sockets:
                if socket.connected:
                    self._feed.upgraded(socket)

    def session_closed(self, session: Session, reason: str) -> None:
        """See :meth:`windsock.Observer.session_closed`."""
        self._statistics.closed(reason, polling=session.transport.name == "polling")

    def connected(self, socket: Socket) -> None:
        """See :meth:`windsock.Observer.connected`."""
        self._feed.connected(socket)

    def disconnected(self, socket: Socket, reason: str) -> None:
        """See :meth:`windsock.Observer.disconnected`."""
        self._feed.disconnected(socket, reason)

    def closed(self) -> None:
        """See :meth:`windsock.Observer.closed`."""
        ticking, self._ticking = self._ticking, None
        if ticking is not None and not ticking.get_loop().is_closed():
            ticking.cancel()
        self._look(False)

    # -- administrators --

    async def _welcome(self, socket: Socket) -> None:
        socket.handshake.auth = {}  # of one that comes back, whom no middleware saw
        self._look(True)
        self._start()
        socket.emit("config", {"supportedFeatures": self._features})
        if self._development:
            socket.emit("all_sockets", await self._feed.sockets(socket))
        socket.emit("server_stats", self._statistics.figures())

    def _look(self, somebody: bool) -> None:
        if somebody:
            self._statistics.start()
        else:
            self._statistics.stop()
        if somebody and self._development:
            self._feed.start()
        else:
            self._feed.stop()

    def _start(self) -> None:
        ticking = self._ticking
        loop = asyncio.get_running_loop()
        if ticking is None or ticking.done() or ticking.get_loop() is not loop:
            self._ticking = loop.create_task(self._tick())

    async def _tick(self) -> None:
        """Tells the figures while somebody looks; in a cluster, also finds out whether somebody looks elsewhere."""
        watched = True
        while watched or self._clustered:
            try:
                await asyncio.sleep(INTERVAL if watched else ABSENCE)
                watched = await self._is_watched(watched)
                self._look(watched)
                if watched:
                    self._namespace.volatile.emit("server_stats", self._statistics.take())
                    await self._feed.refresh()
            except Exception:
                logger.exception("administrators were not told the figures")

    async def _is_watched(self, before: bool) -> bool:
        if self._namespace.sockets or not self._clustered:
            return bool(self._namespace.sockets)
        try:
            return bool(await self._namespace.fetch_sockets())
        except WindsockError:
            return before  # some node did not answer


def _default_sessions() -> SessionStore:
    url = redis_url()
    if url is None:
        return MemorySessions()
    from windsock.contrib.admin.redis import RedisSessions  # noqa: PLC0415  only where it is wanted is it installed

    return RedisSessions(url)


class _Rooms:
    """See :class:`windsock.RoomObserver`."""

    __slots__ = ("_feed", "_namespace")

    def __init__(self, feed: Feed, namespace: str) -> None:
        self._feed = feed
        self._namespace = namespace

    def room_created(self, room: str) -> None:
        """The UI finds that out."""

    def room_joined(self, room: str, member: Any) -> None:
        self._feed.joined(self._namespace, room, member)

    def room_left(self, room: str, member: Any) -> None:
        self._feed.left(self._namespace, room, member)

    def room_deleted(self, room: str) -> None:
        """The UI finds that out."""
