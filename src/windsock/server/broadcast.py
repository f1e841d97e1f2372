"""Whom an event is for, and sending it there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from windsock.acks import ack_value
from windsock.adapters.base import EVERYBODY, Target
from windsock.errors import AckTimeout
from windsock.protocol.socketio import RESERVED_EVENTS, Packet, PacketType
from windsock.server.observer import wrap

if TYPE_CHECKING:
    from windsock.adapters.base import RemoteSocket
    from windsock.server.namespace import Namespace

Rooms = str | Iterable[str]


def event_packet(namespace: str, event: str, arguments: tuple[Any, ...], id: int | None = None) -> Packet:
    """The packet of an event.

    Raises:
        ValueError: the name is one that only the library may raise.
    """
    if event in RESERVED_EVENTS:  # without a call: each event goes by here
        raise ValueError(f"expected an event's name, got the reserved {event!r}")
    return Packet(PacketType.EVENT, namespace, [event, *arguments], id)


def check_name(event: str) -> None:
    """Refuses the name of an event that only the library may raise.

    Raises:
        ValueError: it is one.
    """
    if event in RESERVED_EVENTS:
        raise ValueError(f"expected an event's name, got the reserved {event!r}")


class BroadcastOperator:
    """Whom the next ``emit`` is for. Immutable: each operator gives a new one.

    Got from a server, a namespace or a socket: ``io.to("room").except_("muted").emit("said", text)``.
    """

    __slots__ = ("_namespace", "_target", "_timeout")

    def __init__(self, namespace: Namespace, target: Target = EVERYBODY, timeout: float | None = None) -> None:
        self._namespace = namespace
        self._target = target
        self._timeout = timeout

    def to(self, *rooms: Rooms) -> BroadcastOperator:
        """Adds rooms; whoever is in several of them gets the event once. A socket's id is a room."""
        return self._with(rooms=self._target.rooms | names(rooms))

    def in_(self, *rooms: Rooms) -> BroadcastOperator:
        """Same as :meth:`to`."""
        return self.to(*rooms)

    def except_(self, *rooms: Rooms) -> BroadcastOperator:
        """Leaves out whoever is in one of these rooms."""
        return self._with(except_=self._target.except_ | names(rooms))

    @property
    def volatile(self) -> BroadcastOperator:
        """The event may be dropped for a client that cannot take it now."""
        return self._with(volatile=True)

    @property
    def local(self) -> BroadcastOperator:
        """Only for the sockets of this node."""
        return self._with(local=True)

    def compress(self, compress: bool) -> BroadcastOperator:
        """Whether transports that compress may compress the event; they may by default."""
        return self._with(compress=compress)

    def timeout(self, seconds: float) -> BroadcastOperator:
        """How long :meth:`emit_with_ack`, :meth:`server_side_emit_with_ack` and :meth:`fetch_sockets` wait."""
        return BroadcastOperator(self._namespace, self._target, seconds)

    def emit(self, event: str, *arguments: Any) -> None:
        """Sends an event. It is queued for each client, and never blocks.

        Raises:
            EncodeError: an argument cannot be put on the wire.
            ValueError: the event's name is reserved.
        """
        packet = event_packet(self._namespace.name, event, arguments)
        packet.compress = self._target.compress
        self._namespace.adapter.broadcast(packet, self._target)

    async def emit_with_ack(self, event: str, *arguments: Any) -> list[Any]:
        """Sends an event and collects an acknowledgement from each client, in the order in which they come.

        Raises:
            AckTimeout: some did not answer in time, or left before they did; its ``answers`` are those that came, its
                ``missing`` the ids of the sockets whose answer did not. Who leaves is not waited for; nor is a node of
                a cluster that goes, nor any of them longer than a minute.
            EncodeError: an argument cannot be put on the wire.
            ValueError: the event's name is reserved.
        """
        namespace = self._namespace
        observers = namespace.registry.observers
        answers = self._ask(event, arguments)
        if observers:
            answers = wrap(observers, answers, lambda observer, answers: observer.ask(namespace, None, event, answers))
        return await answers

    async def _ask(self, event: str, arguments: tuple[Any, ...]) -> list[Any]:
        namespace = self._namespace
        packet = event_packet(namespace.name, event, arguments)
        packet.compress = self._target.compress
        if namespace.cluster is not None and not self._target.local:
            return await namespace.cluster.broadcast_with_ack(packet, self._target, self._timeout)
        answers: dict[str, Any] = {}

        def answered(sid: str, arguments: list[Any] | None) -> None:
            if arguments is not None:
                answers[sid] = ack_value(arguments)

        futures = namespace.ask(namespace.adapter.select(self._target), packet, answered)
        if not futures:
            return []
        try:
            await asyncio.wait(futures.values(), timeout=self._timeout)
        finally:
            for future in futures.values():
                future.cancel()
        missing = [sid for sid in futures if sid not in answers]
        if missing:
            text = f"{len(missing)} of {len(futures)} clients did not acknowledge"
            raise AckTimeout(text, list(answers.values()), missing)
        return list(answers.values())

    async def server_side_emit_with_ack(self, event: str, *arguments: Any) -> list[Any]:
        """Sends an event to the other servers and collects their answers; see
        :meth:`Namespace.server_side_emit_with_ack`.

        Raises:
            ValueError: rooms were named: servers are in none.
        """
        if self._target != EVERYBODY:
            raise ValueError("expected no rooms and no flags, which are for clients: the event is for servers")
        return await self._namespace._ask_servers([event, *arguments], self._timeout)

    async def fetch_sockets(self) -> list[RemoteSocket]:
        """The sockets of the target, on every node unless ``local``.

        Raises:
            ClusterTimeout: not all other nodes answered within the time given with ``timeout()``, or five seconds; its
                ``answers`` are the sockets that are known.
        """
        cluster = self._namespace.cluster
        if cluster is None:
            return await self._namespace.adapter.fetch_sockets(self._target)
        return await cluster.fetch_sockets(self._target, self._timeout)

    def sockets_join(self, *rooms: Rooms) -> None:
        """Puts the sockets of the target into rooms."""
        self._namespace.adapter.join_all(self._target, names(rooms))

    def sockets_leave(self, *rooms: Rooms) -> None:
        """Takes the sockets of the target out of rooms."""
        self._namespace.adapter.leave_all(self._target, names(rooms))

    def disconnect_sockets(self, close: bool = False) -> None:
        """Disconnects the sockets of the target; ``close``: and the connections they share with other namespaces."""
        self._namespace.adapter.disconnect_all(self._target, close=close)

    def _with(self, **changes: Any) -> BroadcastOperator:
        return BroadcastOperator(self._namespace, replace(self._target, **changes), self._timeout)


def names(rooms: Iterable[Rooms]) -> frozenset[str]:
    """Room names, given one by one or in collections."""
    flat: set[str] = set()
    for room in rooms:
        if isinstance(room, str):
            flat.add(room)
        else:
            flat.update(room)
    return frozenset(flat)
