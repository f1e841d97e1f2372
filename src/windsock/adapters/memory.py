"""Rooms of one process."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, cast

from windsock.adapters.observation import RoomObserverPair
from windsock.room import Room

if TYPE_CHECKING:
    from windsock.adapters.base import LocalEmitter, Member, RemoteSocket, Target
    from windsock.adapters.observation import RoomObserver
    from windsock.protocol.socketio import Packet


class MemoryAdapter:
    """See :class:`windsock.adapters.base.Adapter`.

    A socket's own room is not stored unless another socket is in it: ``select`` finds the socket by its id. It would
    double what an idle socket costs.

    Args:
        namespace: its name.
        emitter: the namespace.
    """

    def __init__(self, namespace: str, emitter: LocalEmitter) -> None:
        self._namespace = namespace
        self._emitter = emitter
        self._members: dict[str, Member] = {}
        self._rooms: dict[str, Room] = {}
        self._joined: dict[str, set[str]] = {}
        # All members, who share what they are sent as those of a room do; from the first time that they are.
        self._everybody: Room | None = None
        self._observer: RoomObserver | None = None

    def add(self, member: Member) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        everybody = self._everybody
        if everybody is not None:
            everybody.discard(self._members.get(member.id))
            everybody.add(member)
            everybody.receivers = None
        self._members[member.id] = member
        members = self._rooms.get(member.id)
        if members is not None:
            members.add(member)
            members.receivers = None
        if self._observer is not None:
            self._tell_joined(member, member.id, created=members is None)

    def remove(self, member: Member) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        gone = self._members.pop(member.id, None)
        everybody = self._everybody
        if everybody is not None:
            everybody.discard(gone)
            everybody.receivers = None
        for room in self._joined.pop(member.id, ()):
            self._drop(member, room)
        if gone is None:
            return
        if member.id in self._rooms:
            self._drop(member, member.id)
        elif self._observer is not None:
            self._tell_left(member, member.id)

    def join(self, member: Member, rooms: Iterable[str]) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        joined = self._joined.setdefault(member.id, set())
        news = None
        if self._observer is not None:
            rooms = [room for room in dict.fromkeys(rooms) if room != member.id and room not in joined]
            news = [(room, room not in self._rooms and room not in self._members) for room in rooms]
        for room in rooms:
            if room != member.id:
                joined.add(room)
                members = self._rooms.get(room)
                if members is None:
                    members = self._rooms[room] = Room()
                    owner = self._members.get(room)
                    if owner is not None:
                        members.add(owner)
                members.add(member)
                members.receivers = None
        if news is not None:
            for room, created in news:
                self._tell_joined(member, room, created=created)

    def leave(self, member: Member, rooms: Iterable[str]) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        joined = self._joined.get(member.id)
        if joined is None:
            return
        for room in rooms:
            if room in joined:
                joined.discard(room)
                self._drop(member, room)

    def rooms_of(self, member: Member) -> frozenset[str]:
        """See :class:`windsock.adapters.base.Adapter`."""
        if member.id not in self._members:
            return frozenset()
        return frozenset(self._joined.get(member.id, ())) | {member.id}

    def select(self, target: Target) -> Collection[Member]:
        """See :class:`windsock.adapters.base.Adapter`."""
        if not target.rooms:
            if not target.except_:
                return self._all()
            members: Collection[Member] = self._members.values()
        elif len(target.rooms) == 1:
            members = self._room(next(iter(target.rooms)))
        else:
            members = set().union(*map(self._room, target.rooms))
        if target.except_:
            excluded: set[Member] = set().union(*map(self._room, target.except_))
            if excluded:
                return [member for member in members if member not in excluded]
        return members

    def broadcast(self, packet: Packet, target: Target) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        members = self.select(target)
        if members:
            self._emitter.deliver(members, self._emitter.encode(packet), volatile=target.volatile)

    async def fetch_sockets(self, target: Target) -> list[RemoteSocket]:
        """See :class:`windsock.adapters.base.Adapter`."""
        members = self.select(target) if target.rooms or target.except_ else self._members.values()  # in their order
        return cast("list[RemoteSocket]", list(members))

    def join_all(self, target: Target, rooms: Iterable[str]) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        names = tuple(rooms)
        for member in list(self.select(target)):
            self.join(member, names)

    def leave_all(self, target: Target, rooms: Iterable[str]) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        names = tuple(rooms)
        for member in list(self.select(target)):
            self.leave(member, names)

    def disconnect_all(self, target: Target, *, close: bool) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        for member in list(self.select(target)):
            self._emitter.disconnect(member, close=close)

    def observe(self, observer: RoomObserver, *, away: bool = False) -> None:
        """See :class:`windsock.adapters.observation.ObservableAdapter`. Nobody is away."""
        self._observer = observer if self._observer is None else RoomObserverPair(self._observer, observer)

    async def close(self) -> None:
        """Nothing to let go of."""

    def _all(self) -> Room:
        everybody = self._everybody
        if everybody is None:
            everybody = self._everybody = Room()
            everybody.update(self._members.values())
        return everybody

    def _room(self, room: str) -> Collection[Any]:
        members = self._rooms.get(room)
        if members is not None:
            return members
        member = self._members.get(room)
        return () if member is None else (member,)

    def _drop(self, member: Member, room: str) -> None:
        members = self._rooms[room]
        members.discard(member)
        members.receivers = None
        if not members:
            del self._rooms[room]
        if self._observer is not None:
            self._tell_left(member, room)

    def _tell_joined(self, member: Member, room: str, *, created: bool) -> None:
        assert self._observer is not None
        if created:
            self._observer.room_created(room)
        self._observer.room_joined(room, member)

    def _tell_left(self, member: Member, room: str) -> None:
        assert self._observer is not None
        self._observer.room_left(room, member)
        if room not in self._rooms and room not in self._members:
            self._observer.room_deleted(room)
