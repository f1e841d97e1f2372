"""Rooms of one process, with what clients miss while their connection is lost (connection state recovery)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, Final

from windsock.adapters.base import EVERYBODY, SocketState, Target
from windsock.adapters.log import EVERYBODY as ALL_ROOMS
from windsock.adapters.log import PacketLog
from windsock.adapters.membership import Membership
from windsock.adapters.memory import MemoryAdapter

if TYPE_CHECKING:
    from windsock.adapters.base import LocalEmitter, Member, RemoteSocket, Restored
    from windsock.adapters.observation import RoomObserver
    from windsock.protocol.engineio import Message
    from windsock.protocol.socketio import Packet

SWEEP_INTERVAL: Final = 1.0
"""Seconds by which memory may be let go of late, so that many states that expire one by one do not each wake the
server. No state is given back late."""

NO_TEXT: Final = (int, float, type(None), dict, list, tuple, bytes, bytearray, memoryview)
"""Arguments that do not become text on the wire."""


class Kept:
    """A socket that is away, for the rooms a member as any other."""

    __slots__ = ("adapter", "auth_expires_at", "data", "expires_at", "id", "left_at", "membership", "pid")

    def __init__(
        self, adapter: RecoveryAdapter, state: SocketState, membership: Membership, left_at: float, expires_at: float
    ) -> None:
        self.adapter: RecoveryAdapter = adapter
        self.id: str = state.id
        self.pid: str = state.pid
        self.data: Any = state.data
        self.auth_expires_at: float | None = state.expires_at
        self.membership: Membership = membership
        self.left_at: float = left_at
        self.expires_at: float = expires_at


class KeptSockets:
    """The sockets of one server that are away, in the order in which they left.

    Args:
        lifetime: seconds that a socket is kept.
        grace: seconds that a client can have been gone at most when the server notices: what was emitted before it
            is known to have arrived.
        max_bytes: of the packets in the log of each namespace.
        max_sockets: kept at once, of all namespaces; the first to leave give way.
        released: called with the name of a namespace that nobody who is away belongs to any more.
    """

    def __init__(
        self, *, lifetime: float, grace: float, max_bytes: int, max_sockets: int, released: Callable[[str], None]
    ) -> None:
        self.grace: float = grace
        self.released: Callable[[str], None] = released
        self._retention = lifetime + grace
        self._max_bytes = max_bytes
        self._max_sockets = max_sockets
        self._kept: dict[str, Kept] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def adapter(self, namespace: str, emitter: LocalEmitter) -> RecoveryAdapter:
        """Makes the adapter of a namespace; see :data:`windsock.adapters.base.AdapterFactory`."""
        return RecoveryAdapter(namespace, emitter, self, PacketLog(self._retention, self._max_bytes))

    def add(self, kept: Kept) -> None:
        """Keeps a socket."""
        if len(self._kept) >= self._max_sockets:
            self._drop(next(iter(self._kept.values())))
        self._kept[kept.pid] = kept
        if self._timer is None or self._loop is not asyncio.get_running_loop():
            self._wake_at(kept.expires_at)  # a server may be used on one event loop after the other

    def take(self, pid: str, adapter: RecoveryAdapter) -> Kept | None:
        """A socket of this adapter, which is kept no more."""
        kept = self._kept.get(pid)
        if kept is None or kept.adapter is not adapter:
            return None
        del self._kept[pid]
        return kept

    def discard(self, kept: Kept) -> None:
        """Keeps a socket no more."""
        self._kept.pop(kept.pid, None)
        if not self._kept and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _drop(self, kept: Kept) -> None:
        del self._kept[kept.pid]
        kept.adapter.forget(kept)

    def _wake_at(self, time: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_at(time + SWEEP_INTERVAL, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._kept:
            kept = next(iter(self._kept.values()))
            if kept.expires_at > now:
                self._wake_at(kept.expires_at)
                return
            self._drop(kept)


class RecoveryAdapter:
    """See :class:`windsock.adapters.base.RecoverableAdapter`.

    Sockets that are away stay members of their rooms: who is sent away, put into a room or taken out of one meanwhile,
    is so when it comes back. What is emitted is logged only if somebody who is there, or away, gets it.

    Args:
        namespace: its name.
        emitter: the namespace.
        kept: the sockets of the server that are away.
        log: the namespace's packets.
    """

    def __init__(self, namespace: str, emitter: LocalEmitter, kept: KeptSockets, log: PacketLog) -> None:
        self._namespace = namespace
        self._emitter = emitter
        self._kept = kept
        self._log = log
        self._here = MemoryAdapter(namespace, emitter)
        self._away = MemoryAdapter(namespace, emitter)
        self._memberships: dict[str, Membership] = {}

    # -- members and rooms --

    def add(self, member: Member) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        self._membership(member).holder = member
        self._here.add(member)

    def remove(self, member: Member) -> None:
        """See :class:`windsock.adapters.base.Adapter`. A state that was persisted stays."""
        membership = self._memberships.get(member.id)
        holder = None if membership is None else membership.holder
        if holder is None or holder is member:
            self._end(member.id)
        elif not isinstance(holder, Kept):
            return  # the client came back before the socket that it left was done with
        self._here.remove(member)

    def join(self, member: Member, rooms: Iterable[str]) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        self._join(self._here, member, tuple(rooms))

    def leave(self, member: Member, rooms: Iterable[str]) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        self._leave(self._here, member, tuple(rooms))

    def rooms_of(self, member: Member) -> frozenset[str]:
        """See :class:`windsock.adapters.base.Adapter`."""
        return self._here.rooms_of(member)

    def select(self, target: Target) -> Collection[Member]:
        """See :class:`windsock.adapters.base.Adapter`."""
        return self._here.select(target)

    async def fetch_sockets(self, target: Target) -> list[RemoteSocket]:
        """See :class:`windsock.adapters.base.Adapter`. Those who are away are not among them."""
        return await self._here.fetch_sockets(target)

    def join_all(self, target: Target, rooms: Iterable[str]) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        names = tuple(rooms)
        for side in (self._here, self._away):
            for member in list(side.select(target)):
                self._join(side, member, names)

    def leave_all(self, target: Target, rooms: Iterable[str]) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        names = tuple(rooms)
        for side in (self._here, self._away):
            for member in list(side.select(target)):
                self._leave(side, member, names)

    def disconnect_all(self, target: Target, *, close: bool) -> None:
        """See :class:`windsock.adapters.base.Adapter`. Who is away comes back as a stranger."""
        for kept in list(self._away.select(target)):
            assert isinstance(kept, Kept)
            self._kept.discard(kept)
            self.forget(kept)
        self._here.disconnect_all(target, close=close)

    def observe(self, observer: RoomObserver, *, away: bool = False) -> None:
        """See :class:`windsock.adapters.observation.ObservableAdapter`."""
        self._here.observe(observer)
        if away:
            self._away.observe(observer)

    async def close(self) -> None:
        """Lets go of who is away."""
        for kept in list(self._away.select(EVERYBODY)):
            assert isinstance(kept, Kept)
            self._kept.discard(kept)
            self.forget(kept)

    # -- packets --

    def broadcast(self, packet: Packet, target: Target) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        members = self._here.select(target)
        if target.volatile or packet.id is not None:
            if members:
                self._deliver_unlogged(members, packet, volatile=target.volatile)
        elif members or self._away.select(target):
            message = self._log_packet(packet, tuple(target.rooms) or ALL_ROOMS, target.except_)
            if members:
                self._emitter.deliver(members, message, volatile=False)

    def send(self, member: Member, packet: Packet, *, volatile: bool) -> None:
        """See :class:`windsock.adapters.base.RecoverableAdapter`."""
        membership = self._memberships.get(member.id)
        if volatile or membership is None:
            self._deliver_unlogged((member,), packet, volatile=volatile)
            return
        # The addressee, and not its room: others may be in that.
        message = self._log_packet(packet, (membership,), ())
        holder = membership.holder
        if not isinstance(holder, Kept):
            self._emitter.deliver((holder or member,), message, volatile=False)

    # -- those who are away --

    @property
    def grace(self) -> float:
        """Seconds that a client can have been gone at most when the server notices."""
        return self._kept.grace

    @property
    def holds(self) -> bool:
        """See :class:`windsock.adapters.base.RecoverableAdapter`."""
        return bool(self._away.select(EVERYBODY))

    def flush(self, member: Member) -> None:
        """See :class:`windsock.adapters.base.RecoverableAdapter`. Nothing waits."""

    def persist(self, state: SocketState, lifetime: float) -> None:
        """See :class:`windsock.adapters.base.RecoverableAdapter`."""
        membership = self._memberships.get(state.id)
        if membership is None:
            return
        now = asyncio.get_running_loop().time()
        kept = membership.holder = Kept(self, state, membership, now, now + lifetime)
        self._away.add(kept)
        self._away.join(kept, state.rooms)
        self._kept.add(kept)

    async def restore(self, pid: str, offset: str | None, limit: int) -> Restored | None:
        """See :class:`windsock.adapters.base.RecoverableAdapter`."""
        kept = self._kept.take(pid, self)
        if kept is None:
            return None
        missed = self._missed(kept, offset)
        if missed is None or sum(message.size for message in missed) > limit:
            self.forget(kept)
            return None
        state = SocketState(kept.id, pid, self._away.rooms_of(kept), kept.data, kept.auth_expires_at)
        self._away.remove(kept)
        kept.membership.holder = None
        return state, missed

    def forget(self, kept: Kept) -> None:
        """Lets go of a socket that is away."""
        self._away.remove(kept)
        self._end(kept.id)
        if not self.holds:
            self._kept.released(self._namespace)

    # -- inside --

    def _membership(self, member: Member) -> Membership:
        membership = self._memberships.get(member.id)
        if membership is None:
            membership = self._memberships[member.id] = Membership(member.id, self._log.last)
        return membership

    def _end(self, id: str) -> None:
        self._memberships.pop(id, None)
        if not self._memberships:
            self._log.clear()

    def _join(self, side: MemoryAdapter, member: Member, rooms: tuple[str, ...]) -> None:
        self._membership(member).join(rooms, self._log.last)
        side.join(member, rooms)

    def _leave(self, side: MemoryAdapter, member: Member, rooms: tuple[str, ...]) -> None:
        membership = self._memberships.get(member.id)
        if membership is not None:
            membership.leave(rooms, self._log.last, self._log.first)
            side.leave(member, rooms)

    def _missed(self, kept: Kept, offset: str | None) -> list[Message] | None:
        if asyncio.get_running_loop().time() >= kept.expires_at:
            return None
        number = 0 if offset is None else self._log.number_of(offset)
        return None if number is None else kept.membership.missed(self._log, number, kept.left_at - self._kept.grace)

    def _log_packet(self, packet: Packet, rooms: tuple[Any, ...], except_: Collection[str]) -> Message:
        log = self._log
        packet.data.append(log.next_id)
        packet.has_offset = True
        message = self._emitter.encode(packet)
        log.append(message, rooms, except_, asyncio.get_running_loop().time())
        return message

    def _deliver_unlogged(self, members: Collection[Member], packet: Packet, *, volatile: bool) -> None:
        # A client takes any text that comes last, and be it the event's name, for its offset.
        if packet.id is None and not isinstance(packet.data[-1], NO_TEXT):
            packet.data.append(self._log.newest_id)
            packet.has_offset = True
        self._emitter.deliver(members, self._emitter.encode(packet), volatile=volatile)
