"""Rooms of one process, held against the simplest thing that could be right: a room as a set of names."""

from __future__ import annotations

from collections.abc import Collection, Coroutine
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from windsock import MemoryAdapter, Target
from windsock.protocol.engineio import Message
from windsock.protocol.socketio import Packet, PacketType
from windsock.room import Room


@dataclass(eq=False)
class Member:
    id: str


@dataclass
class Emitter:
    """Writes down what an adapter asks of its namespace."""

    delivered: list[tuple[list[str], Message, bool]] = field(default_factory=list)
    disconnected: list[tuple[str, bool]] = field(default_factory=list)

    def encode(self, packet: Packet) -> Message:
        return Message(repr(packet).encode())

    def deliver(self, members: Collection[Any], message: Message, *, volatile: bool) -> None:
        self.delivered.append((sorted(member.id for member in members), message, volatile))

    def disconnect(self, member: Any, *, close: bool) -> None:
        self.disconnected.append((member.id, close))


class Listener:
    """Keeps the rooms as it is told of them, and sees that what it is told makes sense."""

    def __init__(self) -> None:
        self.rooms: dict[str, set[str]] = {}

    def room_created(self, room: str) -> None:
        assert room not in self.rooms
        self.rooms[room] = set()

    def room_joined(self, room: str, member: Any) -> None:
        assert member.id not in self.rooms[room]
        self.rooms[room].add(member.id)

    def room_left(self, room: str, member: Any) -> None:
        self.rooms[room].remove(member.id)

    def room_deleted(self, room: str) -> None:
        assert self.rooms.pop(room) == set()


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that has nothing to wait for, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the rooms of one process are known at once")


ROOMS = ["red", "green", "blue"]
# A mask draws faster than a set: a bit for each of the rooms, then for ids of members that are or were there.
rooms_st = st.integers(0, 2 ** len(ROOMS) - 1).map(lambda mask: named(mask, ROOMS))
masks_st = st.tuples(st.integers(0, 255), st.integers(0, 255))


def named(mask: int, names: list[str]) -> frozenset[str]:
    return frozenset(name for bit, name in enumerate(names) if mask >> bit & 1)


class Rooms(RuleBasedStateMachine):
    """Any row of joins, leaves and broadcasts, by members that come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.emitter = Emitter()
        self.adapter = MemoryAdapter("/", self.emitter)
        self.listener = Listener()
        self.adapter.observe(self.listener)
        self.model: dict[str, set[str]] = {}
        self.known: dict[str, Member] = {}
        self.count = 0

    members = Bundle("members")

    @rule(target=members)
    def connect(self) -> Member:
        self.count += 1
        member = Member(f"id{self.count}")
        self.adapter.add(member)
        self.model[member.id] = {member.id}
        self.known[member.id] = member
        return member

    @rule(target=members, member=consumes(members))
    def disconnect(self, member: Member) -> Any:
        self.adapter.remove(member)
        self.adapter.remove(member)  # twice is once
        del self.model[member.id]
        assert self.adapter.rooms_of(member) == frozenset()
        return multiple()

    @rule(member=members, rooms=rooms_st)
    def join(self, member: Member, rooms: frozenset[str]) -> None:
        self.adapter.join(member, rooms | {member.id})
        self.model[member.id] |= rooms

    @rule(member=members, owner=members)
    def join_the_room_of_another(self, member: Member, owner: Member) -> None:
        self.adapter.join(member, [owner.id])
        self.model[member.id] |= {owner.id}

    @rule(member=members, owner=members)
    def leave_the_room_of_another(self, member: Member, owner: Member) -> None:
        self.adapter.leave(member, [owner.id])
        self.model[member.id] -= {owner.id} - {member.id}

    @rule(member=members, rooms=rooms_st)
    def leave(self, member: Member, rooms: frozenset[str]) -> None:
        self.adapter.leave(member, rooms)
        self.model[member.id] -= rooms

    @rule(masks=masks_st)
    def select(self, masks: tuple[int, int]) -> None:
        target = self.target(masks)
        selected = [member.id for member in self.adapter.select(target)]
        assert len(selected) == len(set(selected)), "each once"
        assert set(selected) == self.expected(target)
        assert {remote.id for remote in run(self.adapter.fetch_sockets(target))} == self.expected(target)

    @rule(masks=masks_st, volatile=st.booleans())
    def broadcast(self, masks: tuple[int, int], volatile: bool) -> None:
        target = self.target(masks, volatile=volatile)
        packet = Packet(PacketType.EVENT, "/", ["e", self.count])
        self.adapter.broadcast(packet, target)
        expected = sorted(self.expected(target))
        got = [(ids, message.text, volatile) for ids, message, volatile in self.emitter.delivered if ids]
        self.emitter.delivered.clear()
        assert got == ([(expected, repr(packet).encode(), volatile)] if expected else [])

    @rule(masks=masks_st, others=rooms_st)
    def join_all(self, masks: tuple[int, int], others: frozenset[str]) -> None:
        target = self.target(masks)
        expected = self.expected(target)
        self.adapter.join_all(target, others)
        for id in expected:
            self.model[id] |= others

    @rule(masks=masks_st, others=rooms_st)
    def leave_all(self, masks: tuple[int, int], others: frozenset[str]) -> None:
        target = self.target(masks)
        expected = self.expected(target)
        self.adapter.leave_all(target, others)
        for id in expected:
            self.model[id] -= others

    @rule(masks=masks_st, close=st.booleans())
    def disconnect_all(self, masks: tuple[int, int], close: bool) -> None:
        target = self.target(masks)
        self.adapter.disconnect_all(target, close=close)
        assert sorted(self.emitter.disconnected) == sorted((id, close) for id in self.expected(target))
        self.emitter.disconnected.clear()

    @invariant()
    def everybody_is_where_the_model_says(self) -> None:
        for id, rooms in self.model.items():
            assert self.adapter.rooms_of(self.known[id]) == rooms

    @invariant()
    def the_listener_was_told_of_every_change(self) -> None:
        rooms: dict[str, set[str]] = {}
        for id, joined in self.model.items():
            for room in joined:
                rooms.setdefault(room, set()).add(id)
        assert self.listener.rooms == rooms

    def target(self, masks: tuple[int, int], *, volatile: bool = False) -> Target:
        """Rooms of both kinds: named ones, and the rooms that members are."""
        names = [*ROOMS, "nobody", *list(self.known)[-4:]]
        return Target(named(masks[0], names), named(masks[1], names), volatile=volatile)

    def expected(self, target: Target) -> set[str]:
        return {
            id
            for id, rooms in self.model.items()
            if (not target.rooms or rooms & target.rooms) and not rooms & target.except_
        }


TestRooms = Rooms.TestCase
TestRooms.settings = settings(max_examples=60, stateful_step_count=40)


def test_a_member_can_leave_while_a_broadcast_is_underway() -> None:
    class Leaving(Emitter):
        def deliver(self, members: Collection[Any], message: Message, *, volatile: bool) -> None:
            for member in list(members):
                adapter.remove(member)

    adapter = MemoryAdapter("/", Leaving())
    members = [Member("a"), Member("b")]
    for member in members:
        adapter.add(member)
        adapter.join(member, ["room"])
    adapter.broadcast(Packet(PacketType.EVENT, "/", ["e"]), Target(frozenset({"room"})))
    assert list(adapter.select(Target())) == []


async def test_nobody_is_left_in_the_room_of_a_socket_by_its_id() -> None:
    adapter = MemoryAdapter("/", Emitter())
    member = Member("a")
    adapter.add(member)
    adapter.leave(member, ["a"])
    assert adapter.rooms_of(member) == {"a"}, "its own room is not one it can leave"
    assert [one.id for one in await adapter.fetch_sockets(Target(frozenset({"a"})))] == ["a"]


def test_everybody_is_a_room_that_forgets_how_it_is_reached_when_somebody_comes_or_goes() -> None:
    """A room's members share what is sent to them; so do all of the namespace."""
    adapter = MemoryAdapter("/", Emitter())
    early, late, again = Member("early"), Member("late"), Member("late")
    adapter.add(early)
    everybody = adapter.select(Target())
    assert isinstance(everybody, Room)
    for change, member, expected in (
        (adapter.add, late, {early, late}),
        (adapter.remove, early, {late}),
        (adapter.add, again, {again}),
        (adapter.remove, late, set()),
    ):
        everybody.receivers = object()
        change(member)
        assert adapter.select(Target()) is everybody
        assert everybody == expected
        assert everybody.receivers is None
