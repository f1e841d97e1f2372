"""A node whose clients come back wherever they like: what they miss is in the stream, and who is away is in Redis."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import RedisError

from windsock.adapters.base import Target
from windsock.adapters.cluster import ClusterAdapter
from windsock.adapters.messages import Broadcast, Payload, RemotePacket
from windsock.adapters.recovery import NO_TEXT
from windsock.adapters.redis.entries import BEGINNING, id_of, place_of, read_entry, write_entry
from windsock.adapters.redis.replay import Replay
from windsock.adapters.redis.sessions import KeptSession, is_pid, read_session, write_session
from windsock.adapters.redis.stream import PATIENCE, StreamsDriver
from windsock.adapters.redis.tail import Entry
from windsock.errors import EncodeError, MessageError
from windsock.protocol.socketio import Packet, PacketType

if TYPE_CHECKING:
    from windsock.adapters.base import Adapter, Member, NodeEmitter, Restored, SocketState
    from windsock.adapters.counters import ClusterCounters
    from windsock.adapters.driver import ClusterNode
    from windsock.adapters.messages import ClusterMessage
    from windsock.protocol.engineio import Message

logger: logging.Logger = logging.getLogger("windsock.adapters.redis")

HOLD: Final = 2.0
"""Seconds that an event for clients of this node waits for its place in the stream. When Redis is not there, or slow,
it goes to them without one."""

PAGE: Final = 500
"""Entries that are asked of Redis at once for a client that was away for long."""

MAX_PAGES: Final = 100
"""Of these. A stream that grows faster than it is read must not be read without end."""


class _Waiting:
    """An event that was written to the stream, and has not come back.

    Attributes:
        members: whom it is for, if they would not be found by the target any more.
    """

    __slots__ = ("at", "data", "members", "target")

    def __init__(self, target: Target, data: bytes | str, at: float) -> None:
        self.target: Target = target
        self.data: bytes = data if isinstance(data, bytes) else data.encode()
        self.at: float = at
        self.members: set[Any] | None = None


class StreamsRecoveryAdapter(ClusterAdapter):
    """See :class:`windsock.adapters.base.RecoverableAdapter`.

    An event that a client may miss is delivered when it comes back from the stream, on the node that emitted it as on
    the others: so each client gets the events in the order of the stream, and its offset, the id of the last one, says
    exactly what it has.

    Args:
        namespace: its name.
        emitter: the namespace.
        local: the rooms of this node.
        connect: makes the driver.
        grace: seconds that a client can have been gone at most when the server notices.
        session_key_prefix: what the keys of those who are away begin with.
        request_timeout: seconds that other nodes have to answer.
        counters: of the server.
    """

    def __init__(
        self,
        namespace: str,
        emitter: NodeEmitter,
        local: Adapter,
        connect: Callable[[ClusterNode], StreamsDriver],
        *,
        grace: float,
        session_key_prefix: str,
        request_timeout: float,
        counters: ClusterCounters,
    ) -> None:
        super().__init__(namespace, emitter, local, connect, request_timeout=request_timeout, counters=counters)
        assert isinstance(self.driver, StreamsDriver)
        self._medium: StreamsDriver = self.driver
        self._medium.log = self._take_entry
        self._grace = grace
        self._prefix = session_key_prefix
        # Of each socket that is here, the place before which it has nothing to miss.
        self._starts: dict[str, int] = {}
        self._serial = 0
        self._waiting: dict[int, _Waiting] = {}
        # Of these, the ones whose target still says whom they are for.
        self._open: dict[int, _Waiting] = {}
        # By id of a socket that comes back, those it is to get once they have their place.
        self._returning: dict[str, list[_Waiting]] = {}
        self._stalled = False
        self._timer: asyncio.TimerHandle | None = None

    async def close(self) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        await super().close()
        self._waiting.clear()
        self._open.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- members and rooms --

    def add(self, member: Member) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        self._settle_members()
        for waiting in self._returning.pop(member.id, ()):
            if waiting.members is not None:
                waiting.members.add(member)
        self._starts.setdefault(member.id, self._medium.reader.place)
        super().add(member)

    def remove(self, member: Member) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        self._settle_members()
        for waiting in self._waiting.values():
            if waiting.members is not None:
                waiting.members.discard(member)
        self._starts.pop(member.id, None)
        self._returning.pop(member.id, None)
        super().remove(member)

    def join(self, member: Member, rooms: Iterable[str]) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        self._settle_members()
        super().join(member, rooms)

    def leave(self, member: Member, rooms: Iterable[str]) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        self._settle_members()
        super().leave(member, rooms)

    def join_all(self, target: Target, rooms: Iterable[str]) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        self._settle_members()
        super().join_all(target, rooms)

    def leave_all(self, target: Target, rooms: Iterable[str]) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        self._settle_members()
        super().leave_all(target, rooms)

    # -- events --

    def broadcast(self, packet: Packet, target: Target) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        if target.local or target.volatile:
            if not target.local:
                self._publish(Broadcast(self.uid, target, Payload(packet.data)))
            self._deliver_unlogged(self._local.select(target), packet, volatile=target.volatile)
        else:
            self._log(packet, target)

    def send(self, member: Member, packet: Packet, *, volatile: bool) -> None:
        """See :class:`windsock.adapters.base.RecoverableAdapter`."""
        if volatile:
            self._deliver_unlogged((member,), packet, volatile=True)
        else:
            self._log(packet, Target(frozenset((member.id,)), compress=packet.compress))

    def flush(self, member: Member) -> None:
        """See :class:`windsock.adapters.base.RecoverableAdapter`."""
        self._settle_members()
        for waiting in self._waiting.values():
            if waiting.members is not None and member in waiting.members:
                waiting.members.discard(member)
                self._deliver_waiting(waiting, (member,))

    def _log(self, packet: Packet, target: Target) -> None:
        fields = write_entry(self.namespace, Broadcast(self.uid, target, Payload(packet.data)))
        self.counters.published += 1
        self._serial += 1
        now = asyncio.get_running_loop().time()
        waiting = _Waiting(target, fields[-1], now)
        # Nobody else looks at this field.
        written = self._medium.add(*fields, "n", str(self._serial))
        if written and not self._stalled:
            self._waiting[self._serial] = waiting
            self._open[self._serial] = waiting
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(HOLD, self._lose_patience)
        else:
            self._release()
            self._deliver_waiting(waiting, self._local.select(target))

    # -- entries --

    def _take_entry(self, place: int, fields: Mapping[bytes, bytes]) -> None:
        own = fields.get(b"uid") == self.uid.encode()
        waiting: _Waiting | None = None
        if own:
            text = fields.get(b"n", b"")
            serial = int(text) if text.isdigit() else 0
            waiting = self._waiting.pop(serial, None)
            self._open.pop(serial, None)
            self._stalled = False
        try:
            message = read_entry(fields)
        except MessageError as error:
            self.reject(str(error))
            return
        entry = Entry(place, self.namespace, message, sum(map(len, fields.values())))
        self._medium.reader.tail.append(entry)
        if not isinstance(message, Broadcast) or message.request_id is not None:
            self.receive(message)
        elif own:
            if waiting is not None:
                self._deliver(entry, self._members_of(waiting))
        else:
            self.counters.received += 1
            self._deliver(entry, self._local.select(message.target))

    def _deliver(self, entry: Entry, members: Collection[Any]) -> None:
        message = entry.message
        assert isinstance(message, Broadcast)
        if not members:
            return
        try:
            if message.target.volatile:
                packet = RemotePacket(self.namespace, message.payload, message.target.compress)
                self._deliver_unlogged(members, packet, volatile=True)
            else:
                self._emitter.deliver(members, self._encode(entry), volatile=False)
        except (MessageError, EncodeError) as error:
            self.reject(str(error))

    def _encode(self, entry: Entry) -> Message:
        """As it is sent to clients, with the offset behind the event."""
        if entry.sent is None:
            message = entry.message
            assert isinstance(message, Broadcast)
            event = [*message.payload.event, id_of(entry.place)]
            packet = Packet(PacketType.EVENT, self.namespace, event, None, message.target.compress)
            packet.has_offset = True
            entry.sent = self._emitter.encode(packet)
        return entry.sent

    def _deliver_unlogged(self, members: Collection[Any], packet: Packet, *, volatile: bool) -> None:
        if not members:
            return
        # A client takes any text that comes last, and be it the event's name, for its offset.
        if not isinstance(packet.data[-1], NO_TEXT):
            packet.data = [*packet.data, id_of(self._medium.reader.place)]
            packet.has_offset = True
        self._emitter.deliver(members, self._emitter.encode(packet), volatile=volatile)

    # -- events that wait for their place --

    def _settle_members(self) -> None:
        """Whoever comes or goes from now on makes no difference to what was emitted before."""
        if self._open:
            for waiting in self._open.values():
                waiting.members = set(self._local.select(waiting.target))
            self._open.clear()

    def _members_of(self, waiting: _Waiting) -> Collection[Any]:
        return self._local.select(waiting.target) if waiting.members is None else waiting.members

    def _deliver_waiting(self, waiting: _Waiting, members: Collection[Any]) -> None:
        message = read_entry({b"uid": self.uid.encode(), b"type": b"3", b"data": waiting.data})
        assert isinstance(message, Broadcast)
        packet = RemotePacket(self.namespace, message.payload, waiting.target.compress)
        try:
            self._deliver_unlogged(members, packet, volatile=False)
        except EncodeError as error:
            self.reject(str(error))

    def _release(self) -> None:
        """All that waits goes to the clients of this node as it is."""
        waiting = list(self._waiting.values())
        self._waiting.clear()
        for each in waiting:
            self._deliver_waiting(each, self._members_of(each))
        self._open.clear()

    def _lose_patience(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        oldest = next(iter(self._waiting.values()), None)
        if oldest is None:
            return
        if oldest.at + HOLD <= loop.time():
            self._stalled = True
            self._release()
        else:
            self._timer = loop.call_at(oldest.at + HOLD, self._lose_patience)

    # -- those who are away --

    @property
    def holds(self) -> bool:
        """See :class:`windsock.adapters.base.RecoverableAdapter`."""
        return False

    def persist(self, state: SocketState, lifetime: float) -> None:
        """See :class:`windsock.adapters.base.RecoverableAdapter`. Redis has it; without Redis it is lost."""
        reader = self._medium.reader
        known = reader.tail.place_at(asyncio.get_running_loop().time() - self._grace)
        received = max(self._starts.pop(state.id, BEGINNING), known)
        self._returning.pop(state.id, None)
        milliseconds = round(lifetime * 1000)
        if milliseconds < 1:
            return
        try:
            written = write_session(KeptSession(state, self.namespace, received, reader.place))
        except EncodeError as error:
            logger.warning("a socket cannot be kept for its client: %s", error)
            return
        self._medium.link.send("SET", self._prefix + state.pid, written, "PX", str(milliseconds))

    async def restore(self, pid: str, offset: str | None, limit: int) -> Restored | None:
        """See :class:`windsock.adapters.base.RecoverableAdapter`."""
        after = BEGINNING if offset is None else place_of(offset)
        if after is None or not is_pid(pid):
            return None
        try:
            return await self._restore(pid, offset is not None, after, limit)
        except (RedisError, TimeoutError) as error:
            logger.warning("a client cannot come back: %s", str(error) or "Redis does not answer")
        except (MessageError, EncodeError) as error:
            self.reject(str(error))
        return None

    async def _restore(self, pid: str, has_offset: bool, after: int, limit: int) -> Restored | None:
        link, stream, reader = self._medium.link, self._medium.stream, self._medium.reader
        kept, first, last = await asyncio.gather(
            link.ask("GETDEL", self._prefix + pid),
            link.ask("XRANGE", stream, "-", "+", "COUNT", "1"),
            link.ask("XREVRANGE", stream, "+", "-", "COUNT", "1"),
        )
        if not kept or not first:
            return None
        session = read_session(pid, kept)
        if session.namespace not in (None, self.namespace) or session.state.id in self._starts:
            return None
        if session.received is None and not has_offset:
            return None
        after = max(after, session.received or BEGINNING)
        if not _place(first[0][0]) <= after <= _place(last[0][0]):
            return None
        # What this node has not read yet is delivered when it is: nothing that the client has already may be among it.
        reached = reader.reach(after)
        await asyncio.wait([reached], timeout=PATIENCE)
        if reader.place < after:
            reached.cancel()
            return None
        replay = Replay(session, limit, self._encode)
        # From here to the end nothing is awaited without a new look at what was read meanwhile.
        end = after
        for _ in range(MAX_PAGES):
            covered = max(reader.tail.start, self._medium.covered)
            if end >= covered:
                for entry in reader.tail.after(end, self.namespace):
                    replay.take(entry)
                return self._give(replay, after)
            page = await link.ask("XRANGE", stream, f"({id_of(end)}", id_of(covered), "COUNT", str(PAGE))
            for id, fields in page:
                end = _place(id)
                self._take_page(replay, end, dict(zip(fields[::2], fields[1::2], strict=True)))
            if len(page) < PAGE:
                end = covered
            if replay.refused:
                return None
        return None

    def _give(self, replay: Replay, after: int) -> Restored | None:
        state = replay.state
        if state is None or state.id in self._starts:
            return None
        self._starts[state.id] = after
        # What this node has emitted and not read yet is no part of what was missed, and was for those who were here.
        self._settle_members()
        self._returning[state.id] = [each for each in self._waiting.values() if replay.is_for(each.target)]
        return state, replay.missed

    def _take_page(self, replay: Replay, place: int, fields: Mapping[bytes, bytes]) -> None:
        if fields.get(b"nsp", b"").decode(errors="replace") == self.namespace:
            try:
                message: ClusterMessage = read_entry(fields)
            except MessageError:
                return  # as all nodes did that were there
            replay.take(Entry(place, self.namespace, message, sum(map(len, fields.values()))))


def _place(id: bytes) -> int:
    return place_of(id.decode()) or BEGINNING
