"""Connection state recovery: what was missed comes, and the client says whether it did."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.client.fixtures import Make
from tests.client.observer import Observer
from tests.client.proxy import Proxy
from tests.client.servers import Running
from tests.server.site import soon

RECOVERY = {
    "connection_state_recovery": {"max_disconnection_duration": 60},
    # Of a poll that was torn before it was read, the server learns by its heartbeat alone.
    "ping_interval": 0.5,
    "ping_timeout": 2,
}

with_recovery = pytest.mark.parametrize("kind", ["windsock", "node"])


async def left(observer: Observer, id: str | None) -> None:
    """Waits until the server tells that this client has left; those of tests before may leave first."""
    gone: dict[str, Any] = {}
    while gone.get("id") != id:
        (gone,) = (await observer.events("left", 1))[0]


def order(number: int) -> dict[str, Any]:
    return {"from": "server", "to": ["there"], "event": "item", "arguments": [number]}


@with_recovery
async def test_what_was_missed_comes(
    running: Running, make: Make, proxy: Proxy, transports: tuple[str, ...], kind: str
) -> None:
    server = running.get(kind, **RECOVERY)
    publisher, published = make(server.url)
    await soon(publisher.connect())
    await soon(publisher.emit_with_ack("watch"))
    io, seen = make(proxy.to(server.port), transports=transports)
    items: list[int] = []

    @io.on("item")
    def item(number: int) -> None:
        """Takes exactly one argument: the offset is not the application's."""
        items.append(number)

    await soon(io.connect())
    await soon(io.emit_with_ack("join", "there"))
    await soon(publisher.emit_with_ack("publish", order(0)))
    await seen.events("item", 1)
    id = io.id
    proxy.accepting = False
    await proxy.lose(io)
    await seen.stage("disconnect")
    await left(published, id)
    for number in range(1, 6):
        await soon(publisher.emit_with_ack("publish", order(number)))
    proxy.accepting = True
    await seen.stage("connect", 2)
    assert io.recovered
    assert io.id == id
    assert await seen.events("item", 5) == [(number,) for number in range(1, 6)]
    await soon(publisher.emit_with_ack("publish", order(6)))
    assert await seen.events("item", 1) == [(6,)], "it is in its room again"
    assert items == list(range(7))


@with_recovery
async def test_a_server_that_forgot(running: Running, make: Make, proxy: Proxy, kind: str) -> None:
    first = running.get(kind, **RECOVERY)
    io, seen = make(proxy.to(first.port))
    await soon(io.connect())
    await seen.events("welcome", 1)
    proxy.to(running.get(kind, **{**RECOVERY, "ping_timeout": 2.5}).port)
    await proxy.lose(io)
    await seen.stage("connect", 2)
    assert not io.recovered


@with_recovery
@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_the_offset_is_not_an_argument(
    running: Running, make: Make, proxy: Proxy, transport: str, kind: str
) -> None:
    server = running.get(kind, **RECOVERY)
    watcher, watched = make(server.url)
    await soon(watcher.connect())
    await soon(watcher.emit_with_ack("watch"))
    io, seen = make(proxy.to(server.port), transports=[transport])
    words: list[str] = []

    @io.on("echo")
    def echo(word: str) -> None:
        words.append(word)

    await soon(io.connect())
    io.emit("echo", "a word")
    assert await seen.events("echo", 1) == [("a word",)]
    assert words == ["a word"]
    id = io.id
    proxy.accepting = False
    await proxy.lose(io)
    await left(watched, id)
    proxy.accepting = True
    await seen.stage("connect", 2)
    assert io.recovered


async def test_nothing_came_before_the_cut(
    running: Running, make: Make, proxy: Proxy, transports: tuple[str, ...]
) -> None:
    """The original gives such a client nothing (socketio/socket.io#4888)."""
    server = running.get("windsock", **RECOVERY)
    publisher, _ = make(server.url + "/quiet")
    await soon(publisher.connect())
    io, seen = make(proxy.to(server.port) + "/quiet", transports=transports)
    await soon(io.connect())
    id = io.id
    proxy.accepting = False
    await proxy.lose(io)
    await seen.stage("disconnect")
    await soon(publisher.emit_with_ack("publish", "item", 1))
    proxy.accepting = True
    await seen.stage("connect", 2)
    assert io.recovered
    assert io.id == id
    assert await seen.events("item", 1) == [(1,)]


async def test_an_offset_is_of_the_state_it_was_got_with(make: Make) -> None:
    """One that the server made anew knows nothing of what came before it."""
    opening = {"sid": "a", "upgrades": [], "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 1000}
    asked: list[Any] = []

    async def script(connection: ServerConnection) -> None:
        await connection.send("0" + json.dumps(opening))
        asked.append(await connection.recv())
        number = len(asked)
        await connection.send('40{"sid":"%d","pid":"secret %d"}' % (number, number))  # noqa: UP031  braces
        if number == 1:
            await connection.send('42["item",1,"offset 1"]')
        await connection.close() if number < 3 else await connection.wait_closed()

    async with serve(script, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        io, seen = make(url, transports=["websocket"])
        await soon(io.connect())
        await seen.stage("connect", 3)
        await soon(io.close())
    assert [None if each == "40" else json.loads(each[2:]) for each in asked] == [
        None,
        {"pid": "secret 1", "offset": "offset 1"},
        {"pid": "secret 2", "offset": None},
    ]
