"""A cluster is held against a single server, step by step: nobody can tell one from the other."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.adapters.sites import ON_THE_CLOCK, SITES, Site
from windsock import AckTimeout, BroadcastOperator, Server, Socket
from windsock.testing import Peer

T = TypeVar("T")

NODES = 3
MAX_CLIENTS = 6
ROOMS = ("red", "green", "blue")

places = st.integers(0, NODES - 1)
clients = st.integers(0, MAX_CLIENTS - 1)
rooms_st = st.integers(0, 2 ** len(ROOMS) - 1).map(
    lambda mask: [room for bit, room in enumerate(ROOMS) if mask >> bit & 1]
)
# Of the rooms, then of the clients that are or were there: a mask for ``to`` and one for ``except_``.
masks = st.tuples(st.integers(0, 2 ** (len(ROOMS) + 3) - 1), st.integers(0, 2 ** (len(ROOMS) + 3) - 1))


def make(**options: Any) -> Server:
    io = Server(**options)

    @io.on("connect")
    def connect(socket: Socket, auth: dict[str, Any]) -> None:
        socket.data.number = auth["number"]

    return io


class World:
    """A site with an event loop of its own, and the clients by number."""

    def __init__(self, adapter: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self.site: Site = self.run(self._stack.enter_async_context(SITES[adapter](NODES, make)))
        self.peers: list[tuple[int, Peer]] = []

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(coroutine, 3600))

    def close(self) -> None:
        self.run(self._stack.aclose())
        self.loop.close()

    # -- what happens --

    async def connect(self, place: int) -> None:
        number = len(self.peers)
        peer = await self.site.harness.connect(self.site.servers[place], auth={"number": number})
        peer.answer("ask", lambda: None if number % 3 == 2 else number)
        self.peers.append((place, peer))

    async def disconnect(self, number: int) -> None:
        await self.peers[number][1].disconnect()

    async def join(self, number: int, rooms: list[str]) -> None:
        if (socket := self.socket(number)) is not None:
            socket.join(*rooms)

    async def leave(self, number: int, rooms: list[str]) -> None:
        if (socket := self.socket(number)) is not None:
            socket.leave(*rooms)

    async def emit(self, place: int, mask: tuple[int, int], number: int) -> None:
        operator = self.target(self.site.servers[place], mask)
        for part in range(3):
            operator.emit("e", number, part, {"bytes": b"\x00"})
        operator.volatile.emit("volatile", number)

    async def emit_from(self, client: int, mask: tuple[int, int], number: int) -> None:
        if (socket := self.socket(client)) is not None:
            self.target(socket.broadcast, mask).emit("from", number)
            socket.emit("own", number)

    async def move(self, place: int, mask: tuple[int, int], join: list[str], leave: list[str]) -> None:
        operator = self.target(self.site.servers[place], mask)
        operator.sockets_join(join)
        operator.sockets_leave(leave)

    async def send_away(self, place: int, mask: tuple[int, int], close: bool) -> None:
        self.target(self.site.servers[place], mask).disconnect_sockets(close)

    async def fetch(self, place: int, mask: tuple[int, int]) -> list[tuple[int, list[str]]]:
        found = await self.target(self.site.servers[place], mask).fetch_sockets()
        return sorted((socket.data.number, sorted(map(self.name, socket.rooms))) for socket in found)

    async def ask(self, place: int, mask: tuple[int, int]) -> tuple[list[int], list[str]]:
        try:
            operator = self.target(self.site.servers[place], mask)
            answers = await self.site.harness.advance_until(operator.timeout(4).emit_with_ack("ask"))
        except AckTimeout as error:
            return sorted(error.answers), sorted(map(self.name, error.missing))
        return sorted(answers, key=repr), []

    # -- what there is --

    def socket(self, number: int) -> Socket | None:
        place, peer = self.peers[number]
        return self.site.servers[place].of("/").sockets.get(peer.id)

    def name(self, room: str) -> str:
        """A room's name; of a socket's, its number: ids differ from one site to the other."""
        return next((f"id {number}" for number, (_, peer) in enumerate(self.peers) if peer.id == room), room)

    def target(self, source: Server | BroadcastOperator, mask: tuple[int, int]) -> BroadcastOperator:
        names = [*ROOMS, *(peer.id for _, peer in self.peers[-3:])]
        to, except_ = ([name for bit, name in enumerate(names) if part >> bit & 1] for part in mask)
        return source.to(*to).except_(*except_)

    async def seen(self) -> list[tuple[str | None, list[Any]]]:
        """What has come to each client since the last time, in order."""
        await self.site.settle()
        seen: list[tuple[str | None, list[Any]]] = []
        for _, peer in self.peers:
            events = [(event.name, event.arguments) for event in peer.unread]
            for name, arguments in events:
                await peer.assert_emitted(name, *arguments)
            seen.append((peer.disconnected, events))
        return seen


class ClusterIsOne(RuleBasedStateMachine):
    """The same happens to a cluster and to a single server."""

    adapter = "stub"

    def __init__(self) -> None:
        super().__init__()
        self.worlds = [World("memory"), World(self.adapter)]
        self.number = 0

    def teardown(self) -> None:
        for world in self.worlds:
            world.close()

    def both(self, what: str, *arguments: Any) -> None:
        one, many = [world.run(getattr(world, what)(*arguments)) for world in self.worlds]
        assert one == many

    def pick(self, client: int) -> int:
        known = len(self.worlds[0].peers)
        while known <= client and known < MAX_CLIENTS:
            self.both("connect", known % NODES)
            known += 1
        return client + max(0, known - MAX_CLIENTS)  # the youngest

    @rule(place=places)
    def connect(self, place: int) -> None:
        self.both("connect", place)

    @rule(client=clients)
    def disconnect(self, client: int) -> None:
        self.both("disconnect", self.pick(client))

    @rule(client=clients, rooms=rooms_st)
    def join(self, client: int, rooms: list[str]) -> None:
        self.both("join", self.pick(client), rooms)

    @rule(client=clients, rooms=rooms_st)
    def leave(self, client: int, rooms: list[str]) -> None:
        self.both("leave", self.pick(client), rooms)

    @rule(place=places, mask=masks)
    def emit(self, place: int, mask: tuple[int, int]) -> None:
        self.number += 1
        self.both("emit", place, mask, self.number)

    @rule(client=clients, mask=masks)
    def emit_from(self, client: int, mask: tuple[int, int]) -> None:
        self.number += 1
        self.both("emit_from", self.pick(client), mask, self.number)

    @rule(place=places, mask=masks, join=rooms_st, leave=rooms_st)
    def move(self, place: int, mask: tuple[int, int], join: list[str], leave: list[str]) -> None:
        self.both("move", place, mask, join, leave)

    @rule(place=places, mask=masks, close=st.booleans())
    def send_away(self, place: int, mask: tuple[int, int], close: bool) -> None:
        self.both("send_away", place, mask, close)

    @rule(place=places, mask=masks)
    def fetch(self, place: int, mask: tuple[int, int]) -> None:
        self.both("fetch", place, mask)

    @rule(place=places, mask=masks)
    def ask(self, place: int, mask: tuple[int, int]) -> None:
        self.both("ask", place, mask)

    @invariant()
    def each_client_has_seen_the_same(self) -> None:
        self.both("seen")


@pytest.mark.parametrize("adapter", ON_THE_CLOCK)
def test_a_cluster_is_as_one_server(adapter: str) -> None:
    machine = type(adapter, (ClusterIsOne,), {"adapter": adapter})
    run_state_machine_as_test(machine, settings=settings(max_examples=30, stateful_step_count=20))
