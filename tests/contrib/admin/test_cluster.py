"""Administrators of several servers: they see all of them, whichever one they are connected to."""

from __future__ import annotations

from typing import Any

from windsock import Server, Socket
from windsock.contrib.admin import Admin
from windsock.contrib.admin.admin import ABSENCE, INTERVAL
from windsock.testing import Harness, Peer, StubCluster


def make_server(cluster: StubCluster, name: str) -> Server:
    io = Server(adapter=cluster.node(name))
    Admin(io, auth=False, server_id=name)
    io.on("join")(lambda socket, room: socket.join(room))

    @io.on("connect")
    def connect(socket: Socket, auth: Any) -> None:
        socket.data.node = name

    @io.on("say")
    def say(socket: Socket, text: str) -> None:
        io.emit("said", text)

    return io


def told(page: Peer, name: str) -> list[list[Any]]:
    """What an administrator was told under a name, so far."""
    return [event.arguments for event in page.unread if event.name == name]


async def test_every_server_tells_of_itself(windsock_harness: Harness) -> None:
    cluster = StubCluster()
    servers = [make_server(cluster, name) for name in ("a", "b")]
    for io in servers:
        await io.start()
    first, second = [await windsock_harness.connect(io) for io in servers]
    page = await windsock_harness.connect(servers[0], "/admin")
    (sockets,) = told(page, "all_sockets")[0]
    listed = {socket["id"]: socket for socket in sockets}
    assert set(listed) == {first.id, second.id, page.id}
    assert listed[second.id]["data"] == {"node": "b"}
    assert listed[second.id]["transport"] == "websocket"
    assert len({socket["clientId"] for socket in sockets}) == 3
    assert listed[second.id]["handshake"]["headers"] == {"host": "testserver"}

    await windsock_harness.advance(ABSENCE + INTERVAL)
    assert {stats["serverId"] for (stats,) in told(page, "server_stats")} == {"a", "b"}
    await second.emit_with_ack("join", "room")
    await second.emit_with_ack("say", "ahoy")
    await first.assert_emitted("said", "ahoy")
    await windsock_harness.settle()
    assert [event[:3] for event in told(page, "room_joined")] == [["/", "room", second.id]]
    assert [event[:3] for event in told(page, "event_received")] == [
        ["/", second.id, ["join", "room"]],
        ["/", second.id, ["say", "ahoy"]],
    ]
    assert {event[1] for event in told(page, "event_sent")} == {first.id, second.id}
    third = await windsock_harness.connect(servers[1])
    await windsock_harness.settle()
    assert told(page, "socket_connected")[-1][0]["id"] == third.id

    assert await page.emit_with_ack("_disconnect", "/", False, second.id) is None
    await second.assert_disconnected("io server disconnect")
    await windsock_harness.settle()
    assert told(page, "socket_disconnected")[-1][:3] == ["/", second.id, "server namespace disconnect"]

    await page.disconnect()
    await windsock_harness.advance(2 * (ABSENCE + INTERVAL))
    assert all(not io.of("/").registry.hooks.incoming for io in servers), "nobody looks any more"


async def test_a_server_without_clients_tells_of_itself(windsock_harness: Harness) -> None:
    cluster = StubCluster()
    servers = [make_server(cluster, name) for name in ("a", "b")]
    for io in servers:
        await windsock_harness.start(io.asgi())
    page = await windsock_harness.connect(servers[0], "/admin")
    await windsock_harness.advance(ABSENCE + INTERVAL)
    assert {stats["serverId"] for (stats,) in told(page, "server_stats")} == {"a", "b"}


async def test_a_server_that_does_not_answer(windsock_harness: Harness) -> None:
    cluster = StubCluster()
    servers = [make_server(cluster, name) for name in ("a", "b")]
    for io in servers:
        await io.start()
    first, _ = [await windsock_harness.connect(io) for io in servers]
    cluster.drop("b")
    page = await windsock_harness.advance_until(windsock_harness.connect(servers[0], "/admin"))
    (sockets,) = told(page, "all_sockets")[0]
    assert {socket["id"] for socket in sockets} == {first.id, page.id}
    await windsock_harness.advance(ABSENCE + INTERVAL)
    assert {stats["serverId"] for (stats,) in told(page, "server_stats")} == {"a"}
    cluster.heal()
    await windsock_harness.advance(30)
    assert {stats["serverId"] for (stats,) in told(page, "server_stats")} == {"a", "b"}
