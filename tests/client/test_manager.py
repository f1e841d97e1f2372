"""What a client's manager tells of its connection, beside each kind of server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.client.fixtures import Begin, Make
from tests.client.proxy import Proxy
from tests.client.servers import Running
from tests.conformance.process import ServerProcess, free_port
from tests.server.fixtures import Serve
from tests.server.site import soon, until
from windsock import Client, ConfigurationError, ConnectionFailed, Server, Socket
from windsock.parsers import Packet, PacketType

EVENTS = ("open", "close", "error", "ping", "packet", "upgrade")


def watch(io: Client, *events: str) -> list[tuple[Any, ...]]:
    """Notes what comes, in order."""
    told: list[tuple[Any, ...]] = []
    for event in events:
        io.manager.on(event)(lambda *arguments, event=event: told.append((event, *arguments)))
    return told


async def test_a_connection_from_its_beginning_to_its_end(
    server: ServerProcess, make: Make, transports: tuple[str, ...]
) -> None:
    io, seen = make(server.url, transports=transports)
    told = watch(io, "open", "close", "upgrade")
    await soon(io.connect())
    upgrades = [("upgrade", "websocket")] if len(transports) > 1 else []
    await until(lambda: len(told) == 1 + len(upgrades), "it has moved to a WebSocket, where it may")
    await soon(io.close())
    assert told == [("open",), *upgrades, ("close", "forced close")]
    assert seen.names == ["connect", "disconnect"]


async def test_packets(server: ServerProcess, make: Make) -> None:
    io, seen = make(server.url)
    told = watch(io, "packet")
    await soon(io.connect())
    await seen.events("welcome", 1)
    assert await soon(io.emit_with_ack("echo-ack", 1, b"two")) == [1, b"two"]
    packets: list[Packet] = [packet for _, packet in told]
    # Two of the servers say what they have to say first when the namespace is connected, one before it.
    assert sorted(packet.type for packet in packets) == [PacketType.CONNECT, PacketType.EVENT, PacketType.ACK]
    assert {packet.data[0] for packet in packets if packet.type is PacketType.EVENT} == {"welcome"}
    assert packets[2].data == [1, b"two"]
    io.manager.off("packet")
    await soon(io.emit_with_ack("echo-ack"))
    assert len(told) == 3


async def test_the_heartbeat(running: Running, make: Make, kind: str, transports: tuple[str, ...]) -> None:
    io, _ = make(
        running.get(kind, ping_interval=1 if kind == "python-socketio" else 0.2, ping_timeout=1).url,
        transports=transports,
    )
    told = watch(io, "ping")
    await soon(io.connect())
    await until(lambda: len(told) >= 2, "two pings have come")
    assert set(told) == {("ping",)}


async def test_attempts_that_fail(make: Make) -> None:
    io, _ = make(f"http://127.0.0.1:{free_port()}", reconnection_attempts=1)
    told = watch(io, "open", "close", "error")
    attempts: list[str] = []
    io.manager.off("reconnect_failed")
    io.manager.once("reconnect_failed")(lambda: attempts.append("over"))
    with pytest.raises(ConnectionFailed):
        await soon(io.connect())
    assert [event for event, *_ in told] == ["error", "error"]
    assert all(isinstance(error, ConnectionFailed) for _, error in told)
    with pytest.raises(ConnectionFailed):
        await soon(io.connect())
    assert attempts == ["over"]


async def test_a_connection_that_is_lost(begin: Begin, make: Make, proxy: Proxy) -> None:
    io, seen = make(proxy.to(begin("windsock").port), transports=["websocket"])
    told = watch(io, "open", "close")
    await soon(io.connect())
    await proxy.lose(io)
    await seen.stage("connect", 2)
    assert [event for event, *_ in told] == ["open", "close", "open"]
    assert told[1][1] in ("transport close", "transport error")


async def test_a_server_s_own_events_of_these_names(host: Serve, make: Make) -> None:
    server = Server()

    @server.on("connect")
    def connect(socket: Socket) -> None:
        socket.emit("ping", 1)

    io, _ = make((await host(server)).url)
    told = watch(io, *EVENTS)
    pinged: list[int] = []
    io.on("ping")(pinged.append)
    await soon(io.connect())
    await until(lambda: pinged == [1], "the event has come to its own handler")
    assert ("ping", 1) not in told


async def test_there_are_no_others(make: Make) -> None:
    io, _ = make("http://localhost")
    with pytest.raises(ConfigurationError, match="expected one of close"):
        io.manager.on("message")
    io.manager.on("open")(lambda: None)
    with pytest.raises(ConfigurationError, match="a second"):
        io.manager.on("open")(lambda: None)
