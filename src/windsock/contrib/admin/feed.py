"""What administrators are told of, in development mode, while one of them looks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from windsock.contrib.admin.disclosure import LINK, label, link_of, rooms_of, summarise
from windsock.server.socket import Held

if TYPE_CHECKING:
    from collections.abc import Callable

    from windsock.contrib.admin.disclosure import Disclosure
    from windsock.server.namespace import Namespace, Registry
    from windsock.server.server import Server
    from windsock.server.socket import Socket

logger: logging.Logger = logging.getLogger("windsock.contrib.admin")

MAX_EVENTS: Final = 1000
"""Events told of between two statistics. The UI shows the last thousand; telling of each that a busy server sends would
cost more than sending it."""

MAX_CHANGES: Final = 2000
"""Connections, rooms and departures told of between two statistics; when there are more, the UI gets the whole list
instead."""

MAX_SOCKETS: Final = 5000
"""Sockets in the list that the UI gets: some 5 MB, and as many as it can show without becoming slow itself."""

MAX_MEMBERSHIPS: Final = 100_000
"""Rooms in that list, counted once for each socket in them."""

MAX_UPDATES: Final = 500
"""Sockets whose data is looked at between two statistics, for changes to tell of."""

SLICE: Final = 100
"""Sockets described in one turn of the event loop: some two milliseconds."""


class Feed:
    """Tells the administrators' namespace what happens in the others.

    Nothing is listened to while nobody looks. What it tells is bounded, whatever happens: see the constants.

    Args:
        io: the server.
        namespace: of the administrators.
        disclosure: what they get to see.
        skipped: told how many events were not told of.
        clustered: whether there are other nodes.
    """

    def __init__(
        self,
        io: Server,
        namespace: Namespace,
        disclosure: Disclosure,
        skipped: Callable[[int], None],
        *,
        clustered: bool,
    ) -> None:
        self._io = io
        self._namespace = namespace
        self._disclosure = disclosure
        self._skipped = skipped
        self._clustered = clustered
        self._on = False
        self._events = 0
        self._changes = 0
        self._attached: set[Registry] = set()
        # Sockets whose handlers may have changed their data, and what was told of it last.
        self._touched: dict[Socket, None] = {}
        self._told: WeakKeyDictionary[Socket, Any] = WeakKeyDictionary()

    def start(self) -> None:
        """Somebody looks."""
        if not self._on:
            self._on = True
            self._events = self._changes = 0
            for namespace in list(self._io.namespaces.values()):
                if namespace.sockets:
                    self._attach(namespace)

    def stop(self) -> None:
        """Nobody looks any more."""
        if not self._on:
            return
        self._on = False
        for namespace in list(self._io.namespaces.values()):
            if namespace.registry in self._attached:
                self._detach(namespace)
        self._attached.clear()
        self._touched.clear()
        self._told.clear()

    async def sockets(self, newcomer: Socket | None = None) -> list[dict[str, Any]]:
        """All sockets, as the UI wants them, with one that is about to connect (``all_sockets``)."""
        remote = await self._remote() if self._clustered else []
        described: dict[Socket, dict[str, Any]] = {}
        for number, socket in enumerate(self._local()):
            described[socket] = self._disclosure.describe(socket)
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)  # others have their turn
        # What changed meanwhile was told of already, and the list takes the place of what was told.
        for socket in self._local():
            if socket in described:
                described[socket]["rooms"] = rooms_of(socket)
            else:
                described[socket] = self._disclosure.describe(socket)
        found = [each for socket, each in described.items() if socket.connected or socket is newcomer]
        listed: list[dict[str, Any]] = []
        rooms = 0
        for each in [*found, *remote]:
            rooms += len(each["rooms"])
            if rooms > MAX_MEMBERSHIPS or len(listed) >= MAX_SOCKETS:
                break
            listed.append(each)
        return listed

    async def refresh(self) -> None:
        """The time between two statistics is over."""
        if not self._on:
            return
        if self._events > MAX_EVENTS:
            self._skipped(self._events - MAX_EVENTS)
        too_many = self._changes > MAX_CHANGES
        self._events = self._changes = 0
        self._tell_of_data()
        if too_many:
            self._namespace.emit("all_sockets", await self.sockets())

    # -- what happens --

    def connected(self, socket: Socket) -> None:
        """A client is in a namespace."""
        if self._clustered:
            setattr(socket.data, LINK, link_of(socket))
        if self._on:
            self._attach(socket.namespace)
            if self._may_change():
                # An administrator finds itself in the list that it gets.
                others = self._namespace.except_(socket.id)
                others.emit("socket_connected", self._disclosure.describe(socket), _now())

    def upgraded(self, socket: Socket) -> None:
        """A client moved to another transport."""
        if self._clustered:
            setattr(socket.data, LINK, link_of(socket))
        if self._on and self._may_change():
            transport = socket.transport
            self._namespace.emit(
                "socket_updated", {"id": socket.id, "nsp": socket.namespace.name, "transport": transport}
            )

    def disconnected(self, socket: Socket, reason: str) -> None:
        """A client left a namespace."""
        if self._on:
            self._touched.pop(socket, None)
            if self._may_change():
                self._namespace.emit("socket_disconnected", socket.namespace.name, socket.id, reason, _now())

    def joined(self, namespace: str, room: str, socket: Socket) -> None:
        """A client is in a room; what it joins before it is connected is told of with that."""
        if self._on and socket.connected and self._may_change():
            self._namespace.emit("room_joined", namespace, label(room), socket.id, _now())

    def left(self, namespace: str, room: str, socket: Socket) -> None:
        """A client is in a room no more. One that was refused was never told of."""
        if self._on and not isinstance(socket.outlet, Held) and self._may_change():
            self._namespace.emit("room_left", namespace, label(room), socket.id, _now())

    # -- inside --

    def _local(self) -> list[Socket]:
        found: list[Socket] = []
        for namespace in self._io.namespaces.values():
            for socket in namespace.sockets.values():
                if len(found) == MAX_SOCKETS:
                    return found
                found.append(socket)
        return found

    async def _remote(self) -> list[dict[str, Any]]:
        namespaces = list(self._io.namespaces.values())
        answers = await asyncio.gather(*(namespace.fetch_sockets() for namespace in namespaces), return_exceptions=True)
        found: list[dict[str, Any]] = []
        for namespace, sockets in zip(namespaces, answers, strict=True):
            if isinstance(sockets, BaseException):
                logger.warning("the sockets of other nodes in %s cannot be had: %s", namespace.name, sockets)
                continue
            found += [
                self._disclosure.describe_remote(socket, namespace.name)
                for socket in sockets[:MAX_SOCKETS]
                if socket.id not in namespace.sockets
            ]
        return found

    def _attach(self, namespace: Namespace) -> None:
        # By registry, which the namespaces of a rule share; and only where clients are: who listens opens a namespace.
        registry = namespace.registry
        if registry in self._attached or namespace is self._namespace:
            return
        self._attached.add(registry)
        namespace.on_any(self._received)
        namespace.on_any_outgoing(self._sent)

    def _detach(self, namespace: Namespace) -> None:
        self._attached.discard(namespace.registry)
        with contextlib.suppress(ValueError):  # the application took all away
            namespace.off_any(self._received)
        with contextlib.suppress(ValueError):
            namespace.off_any_outgoing(self._sent)

    def _received(self, socket: Socket, event: str, *arguments: Any) -> None:
        self._touched[socket] = None
        self._tell_of_event("event_received", socket, event, arguments)

    def _sent(self, socket: Socket, event: str, *arguments: Any) -> None:
        self._tell_of_event("event_sent", socket, event, arguments)

    def _tell_of_event(self, kind: str, socket: Socket, event: str, arguments: tuple[Any, ...]) -> None:
        self._events += 1
        if self._events <= MAX_EVENTS:
            content = summarise([event, *arguments])
            self._namespace.volatile.emit(kind, socket.namespace.name, socket.id, content, _now())

    def _may_change(self) -> bool:
        self._changes += 1
        return self._changes <= MAX_CHANGES

    def _tell_of_data(self) -> None:
        for socket in list(self._touched)[:MAX_UPDATES]:
            del self._touched[socket]
            data = self._disclosure.data(socket)
            if data != self._told.get(socket, {}):
                self._told[socket] = data
                self._namespace.emit("socket_updated", {"id": socket.id, "nsp": socket.namespace.name, "data": data})


def _now() -> str:
    """As JavaScript writes a date in JSON."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
