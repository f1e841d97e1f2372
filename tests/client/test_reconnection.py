"""Real connections that are lost in real ways: servers killed, connections torn, networks silent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.client.fixtures import Begin, Make
from tests.client.proxy import Proxy
from tests.client.servers import Running
from tests.conformance.process import ServerProcess, free_port
from tests.server.site import pass_time_until, rest, soon, until
from windsock import BufferFull, ConnectionFailed, NotConnected
from windsock.testing import Clock


async def test_a_server_that_was_killed(begin: Begin, make: Make, kind: str, transports: tuple[str, ...]) -> None:
    server = begin(kind)
    io, seen = make(server.url, transports=transports)
    admin = io.of("/admin", auth={"token": "secret"})
    await soon(io.connect())
    await soon(admin.connect())
    first = io.id
    server.kill()
    (reason,) = await seen.stage("disconnect")
    assert reason in ("transport close", "transport error")
    await seen.stage("reconnect_error", 2)
    io.emit("echo", "meanwhile", b"binary")
    asking = asyncio.ensure_future(io.emit_with_ack("echo-ack", "asked meanwhile"))
    await asyncio.to_thread(server.start)
    (attempts,) = await seen.stage("reconnect")
    assert attempts == seen.names.count("reconnect_attempt") >= 3
    await seen.stage("connect", 2)
    assert io.id != first
    assert await soon(asking) == "asked meanwhile"
    assert await seen.events("echo", 1) == [("meanwhile", b"binary")]
    await soon(admin.connect())
    assert await soon(admin.emit_with_ack("whoami")) == "admin"
    assert all(isinstance(stage[1], ConnectionFailed) for stage in seen.stages if stage[0] == "connect_error")
    assert [stage[1] for stage in seen.stages if stage[0] == "reconnect_attempt"] == list(range(1, attempts + 1))


async def test_a_connection_that_was_torn(
    server: ServerProcess, make: Make, proxy: Proxy, transports: tuple[str, ...]
) -> None:
    io, seen = make(proxy.to(server.port), transports=transports)
    await soon(io.connect())
    for number in range(2, 5):
        await proxy.lose(io)
        await seen.stage("disconnect", number - 1)
        await seen.stage("connect", number)
        assert await soon(io.emit_with_ack("echo-ack", number)) == number
    assert not io.recovered


async def test_a_network_that_is_silent(
    running: Running, make: Make, proxy: Proxy, transports: tuple[str, ...], kind: str
) -> None:
    server = running.get(kind, ping_interval=5, ping_timeout=10)
    io, seen = make(proxy.to(server.port), transports=transports)
    await soon(io.connect())
    waiting = asyncio.ensure_future(io.emit_with_ack("answer-never"))
    proxy.silence()
    with Clock() as clock:
        since = clock.time()
        assert await pass_time_until(clock, seen.stage("disconnect"), 1) == ("ping timeout",)
        assert 15 <= clock.time() - since < 17
        with pytest.raises(NotConnected):
            await soon(waiting)
        await pass_time_until(clock, seen.stage("reconnect_error"), 1)
    proxy.resume()
    await seen.stage("connect", 2)
    assert await soon(io.emit_with_ack("echo-ack", 1)) == 1


async def test_a_heartbeat_keeps_the_connection(running: Running, make: Make, transports: tuple[str, ...]) -> None:
    io, seen = make(running.get("node", ping_interval=0.1, ping_timeout=5).url, transports=transports)
    await soon(io.connect())
    assert await soon(io.emit_with_ack("heartbeats", 4)) is True
    assert seen.names == ["connect"]


async def test_attempts_that_are_counted(make: Make) -> None:
    io, seen = make(f"http://127.0.0.1:{free_port()}", reconnection_attempts=3)
    with pytest.raises(ConnectionFailed):
        await soon(io.connect())
    attempt = ["reconnect_attempt", "connect_error", "reconnect_error"]
    assert seen.names == ["connect_error", *attempt * 3, "reconnect_failed"]
    with pytest.raises(ConnectionFailed):
        await soon(io.connect())


async def test_no_reconnection(begin: Begin, make: Make) -> None:
    server = begin("windsock")
    io, seen = make(server.url, reconnection=False)
    await soon(io.connect())
    server.kill()
    await seen.stage("disconnect")
    with pytest.raises(ConnectionFailed):
        await soon(io.connect())
    assert seen.names == ["connect", "disconnect", "connect_error"]
    await asyncio.to_thread(server.start)
    await soon(io.connect())
    assert io.connected


async def test_a_server_that_comes_later(begin: Begin, make: Make) -> None:
    server = begin("windsock")
    server.kill()
    io, seen = make(server.url)
    connecting = asyncio.ensure_future(io.connect())
    await seen.stage("reconnect_error")
    await asyncio.to_thread(server.start)
    await soon(connecting)
    assert io.connected


async def test_closing_while_it_tries(make: Make, proxy: Proxy) -> None:
    io, seen = make(f"http://127.0.0.1:{free_port()}", reconnection_delay=60, reconnection_delay_max=60)
    connecting = asyncio.ensure_future(io.connect())
    await seen.stage("connect_error")
    await soon(io.close())
    with pytest.raises(NotConnected):
        await soon(connecting)
    proxy.silence()
    silent, _ = make(proxy.to(free_port()))
    connecting = asyncio.ensure_future(silent.connect())
    await until(lambda: proxy.connections > 0, "it tries")
    await soon(silent.close())
    with pytest.raises(NotConnected):
        await soon(connecting)


async def test_a_server_that_offers_no_upgrade(running: Running, make: Make, transports: tuple[str, ...]) -> None:
    server = running.get("node", allow_upgrades=False)
    io, seen = make(server.url, transports=transports)
    await soon(io.connect())
    assert await soon(io.emit_with_ack("echo-ack", 1)) == 1
    assert io.transport == transports[0]
    assert seen.names == ["connect"]


async def test_what_waits_has_a_bound(make: Make) -> None:
    io, _ = make(f"http://127.0.0.1:{free_port()}", max_buffered_bytes=10_000)
    for _ in range(3):
        io.emit("there", "x" * 2500)
    with pytest.raises(BufferFull):
        io.emit("there", "x" * 2500)
    io.volatile.emit("nobody minds", "x" * 2500)
    with pytest.raises(NotConnected):
        await soon(io.volatile.emit_with_ack("nobody answers"))


async def test_what_nobody_waits_for_any_more_is_not_sent(begin: Begin, make: Make) -> None:
    server = begin("windsock")
    server.kill()
    io, seen = make(server.url)
    sent: list[Any] = []
    io.on_any_outgoing(lambda *event: sent.append(event))
    with pytest.raises(TimeoutError):
        await io.timeout(0.01).emit_with_ack("echo-ack", "late")
    io.emit("echo", "in time")
    connecting = asyncio.ensure_future(io.connect())
    await seen.stage("connect_error")
    await asyncio.to_thread(server.start)
    await soon(connecting)
    assert sent == [("echo", "in time")]


@pytest.mark.parametrize("kind", ["windsock", "node"])
async def test_draining(server: ServerProcess, make: Make, proxy: Proxy, transports: tuple[str, ...]) -> None:
    io, seen = make(proxy.to(server.port), transports=transports, max_buffered_bytes=50_000_000)
    await soon(io.drain())
    io.emit("echo", "early")
    with pytest.raises(NotConnected):
        await soon(io.drain())
    connecting = asyncio.ensure_future(io.connect())
    await asyncio.sleep(0)
    await soon(io.drain())
    assert await seen.events("echo", 1) == [("early",)]
    await soon(connecting)
    proxy.silence()
    for _ in range(30):
        io.emit("echo", "x" * 700_000)
    draining = asyncio.ensure_future(io.drain())
    await rest()
    assert not draining.done()
    proxy.resume()
    await soon(draining)
    assert len(await seen.events("echo", 30)) == 30


@pytest.mark.parametrize("kind", ["windsock", "node"])
async def test_draining_ends_with_the_connection(server: ServerProcess, make: Make, proxy: Proxy) -> None:
    io, seen = make(proxy.to(server.port), transports=["websocket"], max_buffered_bytes=50_000_000)
    await soon(io.connect())
    proxy.silence()
    for _ in range(30):
        io.emit("echo", "x" * 700_000)
    draining = asyncio.ensure_future(io.drain())
    await rest()
    assert not draining.done()
    proxy.cut()
    with pytest.raises(NotConnected, match="lost"):
        await soon(draining)
    proxy.resume()
    await seen.stage("connect", 2)
    await soon(io.drain())
