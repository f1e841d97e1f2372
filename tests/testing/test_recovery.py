"""Connection state recovery without a network: cut, let time go by, connect again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from windsock import ConnectionRefused, ConnectionStateRecovery, Server, Socket
from windsock.adapters.base import NodeEmitter, Restored
from windsock.adapters.recovery import KeptSockets, RecoveryAdapter
from windsock.parsers import JsonParser, MsgpackParser, Parser
from windsock.testing import Harness
from windsock.types import TransportName

parsers = pytest.mark.parametrize("parser", [JsonParser(), MsgpackParser()], ids=["json", "msgpack"])
transports = pytest.mark.parametrize("transport", ["websocket", "polling"])


def make_server(parser: Parser | None = None, **options: Any) -> Server:
    io = Server(connection_state_recovery=ConnectionStateRecovery(**options), parser=parser or JsonParser())

    @io.on("connect")
    def connect(socket: Socket, auth: dict[str, Any]) -> None:
        if not socket.recovered:
            socket.data.name = auth["name"]
            socket.join("room")

    io.on("who")(lambda socket: socket.data.name)
    return io


@parsers
@transports
async def test_back_in_time(windsock_harness: Harness, parser: Parser, transport: TransportName) -> None:
    io = make_server(parser, max_disconnection_duration=120)
    peer = await windsock_harness.connect(io, auth={"name": "Ada"}, transport=transport)
    id = peer.id
    io.to("room").emit("news", 0, "text last")
    await peer.assert_emitted("news", 0, "text last")
    peer.wire.cut()
    await peer.assert_disconnected()
    for number in range(1, 4):
        io.to("room").emit("news", number, b"\x00", "text last")
    io.to("elsewhere").emit("news", "not for it")
    await windsock_harness.advance(119)
    assert await peer.reconnect()
    assert (peer.recovered, peer.id, peer.transport) == (True, id, transport)
    for number in range(1, 4):
        assert (await peer.assert_emitted("news")).arguments == [number, b"\x00", "text last"]
    assert await peer.emit_with_ack("who") == "Ada"
    io.to("room").emit("news", 4)
    await peer.assert_emitted("news", 4)
    await peer.assert_nothing()


@parsers
@transports
async def test_back_too_late(windsock_harness: Harness, parser: Parser, transport: TransportName) -> None:
    io = make_server(parser, max_disconnection_duration=120)
    peer = await windsock_harness.connect(io, auth={"name": "Ada"}, transport=transport)
    id = peer.id
    peer.wire.cut()
    await windsock_harness.settle()
    io.emit("news", 1)
    await windsock_harness.advance(120)
    assert not await peer.reconnect()
    assert peer.id != id
    assert await peer.emit_with_ack("who") == "Ada", "its auth goes along"
    await peer.assert_nothing()


@parsers
@transports
async def test_nothing_came_before_the_cut(windsock_harness: Harness, parser: Parser, transport: TransportName) -> None:
    io = make_server(parser)
    peer = await windsock_harness.connect(io, auth={"name": "Ada"}, transport=transport)
    peer.wire.cut()
    await windsock_harness.settle()
    io.emit("news", 1)
    assert await peer.reconnect()
    await peer.assert_emitted("news", 1)


async def test_back_before_the_server_knows_that_it_was_gone(windsock_harness: Harness) -> None:
    io = make_server()
    peer = await windsock_harness.connect(io, auth={"name": "Ada"})
    peer.wire.drop()
    io.emit("news", 1)
    await windsock_harness.advance(5)
    assert await peer.reconnect()
    await peer.assert_emitted("news", 1)
    await windsock_harness.advance(3600)
    await peer.assert_nothing()
    assert len(io.of("/").sockets) == 1


async def test_a_server_without_it(windsock_harness: Harness) -> None:
    io = Server()
    peer = await windsock_harness.connect(io)
    io.emit("kept", "text last")
    peer.wire.cut()
    await windsock_harness.settle()
    first = peer.id
    io.emit("missed")
    assert not await peer.reconnect()
    assert peer.id != first
    io.emit("news", 1)
    await peer.assert_emitted("news", 1)
    await peer.assert_nothing("missed")
    await windsock_harness.connect(io)  # nothing that lasts was changed


async def test_namespaces_share_the_new_connection(windsock_harness: Harness) -> None:
    io = make_server()
    io.of("/other").on("who")(lambda socket: "other")
    peer = await windsock_harness.connect(io, auth={"name": "Ada"})
    other = await peer.join("/other")
    ids = peer.id, other.id
    peer.wire.cut()
    await other.assert_disconnected("transport close")
    await peer.assert_disconnected("transport close")
    io.of("/other").emit("news", 1)
    assert await peer.reconnect()
    assert await other.reconnect()
    assert (peer.id, other.id) == ids
    assert peer.wire is other.wire
    assert len(io.engine.sessions) == 1
    await other.assert_emitted("news", 1)
    await peer.assert_nothing()


async def test_who_was_sent_away_comes_back_as_a_stranger(windsock_harness: Harness) -> None:
    io = make_server()
    peer = await windsock_harness.connect(io, auth={"name": "Ada"})
    io.disconnect_sockets()
    await peer.assert_disconnected("io server disconnect")
    assert not await peer.reconnect()
    assert len(io.engine.sessions) == 1, "over the connection that it still had"


async def test_who_is_refused_when_it_comes_back(windsock_harness: Harness) -> None:
    io = make_server(skip_middlewares=False)
    banned = False

    @io.use
    def check(socket: Socket) -> None:
        if banned:
            raise ConnectionRefused("banned")

    peer = await windsock_harness.connect(io, auth={"name": "Ada"})
    banned = True
    peer.wire.cut()
    with pytest.raises(ConnectionRefused, match="banned"):
        await peer.reconnect()
    assert peer.disconnected == "refused"
    banned = False
    await peer.reconnect()
    assert await peer.emit_with_ack("who") == "Ada"


async def test_an_answer_that_was_waited_for(windsock_harness: Harness) -> None:
    io = make_server()
    release = asyncio.Event()

    @io.on("slow")
    async def slow(socket: Socket) -> None:
        await release.wait()

    peer = await windsock_harness.connect(io, auth={"name": "Ada"})
    asking = asyncio.ensure_future(peer.emit_with_ack("slow"))
    await windsock_harness.settle()
    peer.wire.cut()
    await peer.reconnect()
    with pytest.raises(Exception, match="disconnected before"):
        await asking
    assert await peer.emit_with_ack("who") == "Ada"
    release.set()


class Waits:
    """Makes adapters in memory that take their time to give a state back, as one beyond the network does."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()
        self._kept = KeptSockets(lifetime=120, grace=90, max_bytes=10**6, max_sockets=10, released=lambda name: None)

    def __call__(self, namespace: str, emitter: NodeEmitter) -> RecoveryAdapter:
        adapter = self._kept.adapter(namespace, emitter)
        restore = adapter.restore

        async def wait(pid: str, offset: str | None, limit: int) -> Restored | None:
            restored = await restore(pid, offset, limit)
            self.asked.set()
            await self.answer.wait()
            return restored

        adapter.restore = wait  # type: ignore[method-assign]
        return adapter


async def test_gone_again_before_its_state_was_there(windsock_harness: Harness) -> None:
    """What was taken out for it goes back to where it was: its next attempt finds it."""
    waits = Waits()
    io = Server(connection_state_recovery=True, adapter=waits)
    peer = await windsock_harness.connect(io)
    id = peer.id
    peer.wire.cut()
    await peer.assert_disconnected()
    returning = asyncio.ensure_future(peer.reconnect())
    await windsock_harness.clock.wait_for(waits.asked.is_set)
    peer.wire.cut()
    with pytest.raises(AssertionError):
        await returning
    waits.answer.set()
    await windsock_harness.settle()
    assert await peer.reconnect()
    assert peer.id == id
