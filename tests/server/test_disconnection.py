"""Leaving: why, and what the application hears of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.server.fixtures import Dial, Join, Serve, Way
from tests.server.peer import WebSocketPeer
from tests.server.site import Lane, Trouble, soon, until
from windsock import Server, Socket
from windsock.testing import Harness

Leaving = tuple[Server, "asyncio.Queue[tuple[str, str]]"]


@pytest.fixture
def leaving() -> Leaving:
    """A server that notes who leaves and why."""
    io = Server(ping_interval=10)
    left: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    @io.on("disconnect")
    async def disconnect(socket: Socket, reason: str) -> None:
        left.put_nowait((socket.id, reason))

    return io, left


async def test_the_client_leaves_the_namespace(leaving: Leaving, host: Serve, way: Way, dial: Dial) -> None:
    io, left = leaving
    peer = await dial(await host(io, way.lane))
    sid = await peer.connect()
    await peer.send("41")
    assert await soon(left.get()) == (sid, "client namespace disconnect")
    assert await peer.connect() != sid, "the connection is still there, and another socket may come over it"


@pytest.mark.parametrize("close", [False, True])
async def test_the_server_sends_a_client_away(leaving: Leaving, host: Serve, way: Way, join: Join, close: bool) -> None:
    io, left = leaving
    client = await join(await host(io, way.lane))
    sid = client.id()
    io.in_(sid).disconnect_sockets(close=close)
    assert await client.disconnected() == "server disconnect"
    assert await soon(left.get()) == (sid, "server namespace disconnect")


async def test_the_client_closes_its_transport(leaving: Leaving, host: Serve, way: Way, dial: Dial) -> None:
    io, left = leaving
    peer = await dial(await host(io, way.lane))
    sid = await peer.connect()
    if isinstance(peer, WebSocketPeer):
        await peer.connection.close()
    else:
        await peer.send("1")
    assert await soon(left.get()) == (sid, "transport close")
    assert not io.engine.sessions


async def test_the_client_closes_with_a_packet(leaving: Leaving, host: Serve, way: Way, dial: Dial) -> None:
    io, left = leaving
    peer = await dial(await host(io, way.lane))
    sid = await peer.connect()
    await peer.send("1")
    assert await soon(left.get()) == (sid, "transport close")
    await peer.gone()


async def test_the_client_vanishes(leaving: Leaving, host: Serve, way: Way, dial: Dial) -> None:
    io, left = leaving
    peer = await dial(await host(io, way.lane))
    sid = await peer.connect()
    await peer.close()
    assert await soon(left.get()) in ((sid, "transport close"), (sid, "transport error"))


@pytest.mark.parametrize("packet", ["4", "49", '42["connect"]', "42[", '451-["x"]', '42["x"] ', b"unannounced"])
async def test_the_client_breaks_the_packet_format(
    leaving: Leaving, host: Serve, way: Way, dial: Dial, packet: str | bytes
) -> None:
    io, left = leaving
    site = await host(io, way.lane)
    peer, other = await dial(site), await dial(site)
    sid = await peer.connect()
    await other.connect()
    if packet == '451-["x"]':
        await peer.send(packet, '42["y"]')
    else:
        await peer.send(packet)
    if packet == '42["x"] ':  # white space is JSON's
        await peer.fence()
        return
    assert await soon(left.get()) == (sid, "parse error")
    await peer.gone()
    await other.fence()


@pytest.mark.parametrize(
    ("packet", "reason"),
    [("2", "transport error"), ("0{}", "parse error"), ("5", "parse error"), ("6", None), ("3", None)],
)
async def test_engine_packets_that_are_not_a_client_s(
    leaving: Leaving, host: Serve, way: Way, dial: Dial, packet: str, reason: str | None
) -> None:
    io, left = leaving
    peer = await dial(await host(io, way.lane))
    sid = await peer.connect()
    await peer.send(packet)
    if reason is None:
        await peer.fence()
    else:
        assert await soon(left.get()) == (sid, reason)
        await peer.gone()


async def test_a_websocket_that_breaks_the_rfc(leaving: Leaving, host: Serve, lane: Lane, dial: Dial) -> None:
    io, left = leaving
    peer = await dial(await host(io, lane), "websocket")
    assert isinstance(peer, WebSocketPeer)
    sid = await peer.connect()
    peer.connection.transport.write(b"\xc1\x80\x00\x00\x00\x00")  # RSV1, which nobody negotiated
    assert await peer.gone() == 1002
    assert await soon(left.get()) in ((sid, "transport error"), (sid, "transport close"))


async def test_the_server_closes(leaving: Leaving, host: Serve, way: Way, join: Join) -> None:
    io, left = leaving
    client = await join(await host(io, way.lane))
    sid = client.id()
    await io.close()
    assert await soon(left.get()) == (sid, "server shutting down")
    assert await client.disconnected() in ("transport error", "server disconnect")
    assert await io.fetch_sockets() == []


@pytest.mark.parametrize("packets", [['42["early"]'], ["41"], ["40", "40"], ["40", "44{}"], ['42/admin,["x"]']])
async def test_packets_out_of_turn_close_the_connection(host: Serve, way: Way, dial: Dial, packets: list[str]) -> None:
    io = Server()
    io.of("/admin")
    peer = await dial(await host(io, way.lane))
    await peer.send(*packets)
    await peer.gone()
    assert await io.fetch_sockets() == []


async def test_all_namespaces_hear_of_the_end(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()
    left: list[str] = []
    for name in ("/", "/a", "/b"):
        io.of(name).on("disconnect")(lambda socket: left.append(socket.namespace.name))
    peer = await dial(await host(io, way.lane))
    for name in ("/", "/a", "/b"):
        await peer.connect(name)
    await peer.close()
    await until(lambda: len(left) == 3, "each namespace hears of it")
    assert sorted(left) == ["/", "/a", "/b"]


async def test_disconnecting_still_sees_the_rooms(windsock_harness: Harness) -> None:
    io = Server()
    story: list[Any] = []

    @io.on("connect")
    def connect(socket: Socket) -> None:
        socket.join("room")
        socket.data.name = "ada"

    @io.on("disconnecting")
    def disconnecting(socket: Socket, reason: str) -> None:
        story.append((socket.rooms - {socket.id}, reason, socket.data.name, socket.connected))
        socket.to("room").emit("left", socket.id)

    @io.on("disconnect")
    def disconnect(socket: Socket, reason: str) -> None:
        story.append((socket.rooms, reason, socket.data.name, socket.connected))

    stays, leaves = await windsock_harness.connect(io), await windsock_harness.connect(io)
    await leaves.disconnect()
    reason = "client namespace disconnect"
    assert story == [({"room"}, reason, "ada", False), (frozenset(), reason, "ada", False)]
    await stays.assert_emitted("left", leaves.id)


async def test_handlers_of_the_end_that_fail_are_logged_and_end_nothing(
    host: Serve, way: Way, dial: Dial, trouble: Trouble
) -> None:
    io = Server()

    @io.on("disconnecting")
    def disconnecting(socket: Socket) -> None:
        if socket.id == sid:
            raise RuntimeError("at first")

    @io.on("disconnect")
    async def disconnect(socket: Socket) -> None:
        await asyncio.sleep(0)
        if socket.id == sid:
            done.set()
            raise RuntimeError("later")

    done = asyncio.Event()
    site = await host(io, way.lane)
    peer, other = await dial(site), await dial(site)
    sid = await peer.connect()
    stays = await other.connect()
    await peer.close()
    await soon(done.wait())
    await other.fence()
    assert [socket.id for socket in await io.fetch_sockets()] == [stays]
    trouble.expect("the disconnecting handler of / failed", "the disconnect handler of / failed")
