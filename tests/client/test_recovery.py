"""Connection state recovery: what was missed comes, and the client says whether it did."""

from __future__ import annotations

from typing import Any

import pytest

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
