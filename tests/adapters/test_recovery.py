"""What clients of a recovery adapter have, whatever is cut and when, held against what was sent to them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from windsock import SocketState, Target
from windsock.adapters.log import RECORD_BYTES
from windsock.adapters.recovery import KeptSockets, RecoveryAdapter
from windsock.protocol.engineio import Message
from windsock.protocol.socketio import Packet, PacketType

ROOMS = ("red", "green", "blue")
LIFETIME = 10.0
GRACE = 4.0
MAX_PACKETS = 6
MAX_SOCKETS = 2

indices_of_all = range(2)
indices = st.sampled_from(indices_of_all)
masks = st.integers(0, 2 ** len(ROOMS) - 1).map(
    lambda mask: frozenset(name for bit, name in enumerate(ROOMS) if mask >> bit & 1)
)


@dataclass(eq=False)
class Member:
    """A socket of the server: its id, and the client at the other end."""

    id: str
    client: Client


@dataclass(eq=False)
class Client:
    """A client, what it was sent and has; between the two lies a connection that can be cut.

    Attributes:
        inside: the model's rooms.
        sent: what an unbroken connection would have brought.
        wire: what is on its way.
        since: number of the newest packet when it connected.
        had: what came.
    """

    id: str
    pid: str
    since: int
    member: Member | None = None
    offset: str | None = None
    left_at: float = 0.0
    cut: bool = False
    inside: set[str] = field(default_factory=set)
    sent: list[int] = field(default_factory=list)
    had: list[int] = field(default_factory=list)
    wire: deque[tuple[int, str]] = field(default_factory=deque)

    def take(self, count: int) -> None:
        for _ in range(min(count, len(self.wire))):
            number, self.offset = self.wire.popleft()
            self.had.append(number)


class Loop(asyncio.SelectorEventLoop):
    """Time goes by when the test says so."""

    now = 0.0

    def time(self) -> float:
        return self.now


class Emitter:
    """Puts what is delivered on the clients' wires, unless they are cut."""

    def encode(self, packet: Packet) -> Message:
        _, number, offset = packet.data
        return Message(f"{number} {offset}".encode())

    def deliver(self, members: Collection[Any], message: Message, *, volatile: bool) -> None:
        for member in list(members):
            if not member.client.cut:
                member.client.wire.append(read(message))

    def disconnect(self, member: Any, *, close: bool) -> None:
        raise AssertionError("nobody asked for it")


def read(message: Message) -> tuple[int, str]:
    number, offset = message.text.decode().split()
    return int(number), offset


class Recovery(RuleBasedStateMachine):
    """Clients come, are cut off, come back in time or late, and are moved about, while packets are emitted."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = Loop()
        self.emptied: list[str] = []
        self.kept = KeptSockets(
            lifetime=LIFETIME,
            grace=GRACE,
            max_bytes=MAX_PACKETS * (RECORD_BYTES + 200),
            max_sockets=MAX_SOCKETS,
            released=self.emptied.append,
        )
        self.adapter: RecoveryAdapter = self.kept.adapter("/", Emitter())
        self.all: list[Client] = []
        self.number = 0

    def teardown(self) -> None:
        self.run(self.adapter.close)
        assert len(self.kept) == 0
        self.loop.close()

    def run(self, call: Any, *arguments: Any, **options: Any) -> Any:
        async def inside() -> Any:
            outcome = call(*arguments, **options)
            return await outcome if hasattr(outcome, "__await__") else outcome

        return self.loop.run_until_complete(inside())

    @initialize()
    def first(self) -> None:
        """Numbers do not begin at the first packet of the first client."""
        self.emit(frozenset(), frozenset())

    def pick(self, index: int) -> Client:
        """One of the few that are there or may come back; others take the place of those who may not."""
        living = [client for client in self.all if client.pid]
        while len(living) < len(indices_of_all):
            living.append(self.connect())
        return living[index]

    def connect(self) -> Client:
        client = Client(f"id{len(self.all)}", f"pid{len(self.all)}", self.number)
        client.member = Member(client.id, client)
        self.run(self.adapter.add, client.member)
        self.all.append(client)
        return client

    @rule(index=indices, rooms=masks)
    def join(self, index: int, rooms: frozenset[str]) -> None:
        """By the server's word: it counts for those who are away, too."""
        client = self.pick(index)
        self.run(self.adapter.join_all, Target(frozenset({client.id})), rooms)
        if client.pid:
            client.inside |= rooms

    @rule(index=indices, rooms=masks)
    def leave(self, index: int, rooms: frozenset[str]) -> None:
        client = self.pick(index)
        self.run(self.adapter.leave_all, Target(frozenset({client.id})), rooms)
        client.inside -= rooms

    @rule(whom=st.lists(st.tuples(masks, masks), min_size=1, max_size=8))
    def emit_some(self, whom: list[tuple[frozenset[str], frozenset[str]]]) -> None:
        for rooms, except_ in whom:
            self.emit(rooms, except_ - rooms)

    def emit(self, rooms: frozenset[str], except_: frozenset[str]) -> None:
        self.number += 1
        for client in self.all:
            in_target = not rooms or client.inside & rooms
            if client.pid and in_target and not client.inside & except_:
                client.sent.append(self.number)
        packet = Packet(PacketType.EVENT, "/", ["e", self.number])
        self.run(self.adapter.broadcast, packet, Target(rooms, except_))

    @rule(index=indices)
    def send(self, index: int) -> None:
        client = self.pick(index)
        if client.member is not None:
            self.number += 1
            client.sent.append(self.number)
            packet = Packet(PacketType.EVENT, "/", ["e", self.number])
            self.run(self.adapter.send, client.member, packet, volatile=False)

    @rule(index=indices, count=st.integers(1, 5))
    def receive(self, index: int, count: int) -> None:
        client = self.pick(index)
        client.take(count)

    @rule(index=indices)
    def cut_off(self, index: int) -> None:
        """What is on its way is lost, and so is what is sent until the server notices."""
        client = self.pick(index)
        client.wire.clear()
        client.cut = True

    @rule(index=indices)
    def notice(self, index: int) -> None:
        """The server finds the client gone."""
        client = self.pick(index)
        if client.member is not None and client.cut:
            member, client.member = client.member, None
            self.run(self.adapter.persist, self.state(client, member), LIFETIME)
            self.run(self.adapter.remove, member)
            client.left_at = self.loop.time()

    @rule(index=indices)
    def come_back(self, index: int) -> None:
        """At the latest now the server knows that it was gone."""
        client = self.pick(index)
        if client.member is not None:
            self.cut_off(index)
            self.notice(index)
        pid, away = client.pid, self.loop.time() - client.left_at
        restored = self.run(self.adapter.restore, pid, client.offset, 10**9)
        assert self.run(self.adapter.restore, pid, client.offset, 10**9) is None, "once"
        if restored is None:
            emitted = self.number - (client.had[-1] if client.had else client.since)
            assert away >= LIFETIME or emitted > MAX_PACKETS // 2, "neither late nor out of the log"
            client.pid = ""
            client.inside.clear()
            return
        assert away < LIFETIME
        state, missed = restored
        assert (state.id, state.data) == (client.id, {"of": client.id})
        assert state.rooms == client.inside | {client.id}
        client.member = Member(client.id, client)
        self.run(self.adapter.add, client.member)
        self.run(self.adapter.join, client.member, state.rooms)
        client.cut = False
        client.wire.extend(map(read, missed))
        rest = client.sent[len(client.had) :]
        assert [number for number, _ in client.wire] == rest, "all that it does not have, in order"

    @rule(index=indices)
    def send_away(self, index: int) -> None:
        """One that is away; those who are there are disconnected by their namespace."""
        client = self.pick(index)
        if client.member is None and client.pid:
            self.run(self.adapter.disconnect_all, Target(frozenset({client.id})), close=False)
            assert self.run(self.adapter.restore, client.pid, None, 10**9) is None
            client.pid = ""
            client.inside.clear()

    @rule(seconds=st.sampled_from([0.5, 0.5, 3.0, 10.5]))
    def wait(self, seconds: float) -> None:
        """By now the heartbeat has found who is cut off; who is not has got what was sent to it."""
        for index in indices_of_all:
            self.notice(index)
            self.receive(index, self.number)
        self.loop.now += seconds
        self.run(asyncio.sleep, 0)

    @invariant()
    def nobody_has_what_was_not_sent(self) -> None:
        for client in self.all:
            assert client.had == client.sent[: len(client.had)], "nothing twice, out of order or from elsewhere"
            if not client.cut and client.member is not None:
                assert client.had + [number for number, _ in client.wire] == client.sent

    @invariant()
    def what_is_kept_is_bounded(self) -> None:
        assert len(self.kept) <= MAX_SOCKETS
        assert self.adapter.holds == (len(self.kept) > 0)

    def state(self, client: Client, member: Member) -> SocketState:
        return SocketState(client.id, client.pid, self.adapter.rooms_of(member), {"of": client.id})


TestRecovery = Recovery.TestCase
TestRecovery.settings = settings(max_examples=200, stateful_step_count=40)


def test_no_state_is_given_back_late() -> None:
    """Also not in the second in which it is still in memory."""
    loop = Loop()
    emptied: list[str] = []
    kept = KeptSockets(lifetime=LIFETIME, grace=GRACE, max_bytes=10_000, max_sockets=2, released=emptied.append)
    adapter = kept.adapter("/", Emitter())

    async def come_and_go(away: float) -> bool:
        client = Client("id", "pid", 0)
        member = Member("id", client)
        adapter.add(member)
        adapter.persist(SocketState("id", "pid", adapter.rooms_of(member), None), LIFETIME)
        adapter.remove(member)
        loop.now += away
        restored = await adapter.restore("pid", None, 100) is not None
        adapter.remove(member)
        return restored

    assert loop.run_until_complete(come_and_go(LIFETIME - 0.1))
    assert not loop.run_until_complete(come_and_go(LIFETIME))
    assert emptied == ["/"]
    loop.close()
