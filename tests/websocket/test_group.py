"""Groups: one message to many."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.server.fixtures import Serve
from tests.server.peer import open_websocket
from tests.server.site import Lane, soon, until
from windsock import Conflate, PerMessageDeflate, SlowConsumer
from windsock.websocket import Endpoint, WebSocket

PADDING = "x" * 50_000
FILL = 400
BUDGET = 1_000_000


def make_rooms(**options: Any) -> Endpoint:
    """Clients join the groups they name, leave those with a minus, and are told when that is done."""
    endpoint = Endpoint(**options)

    @endpoint.on("message")
    def message(socket: WebSocket, names: str) -> None:
        for name in names.split():
            if name.startswith("-"):
                socket.leave(name[1:])
            else:
                socket.join(name)
        socket.send("done")

    return endpoint


async def member(url: str, stack: AsyncExitStack, names: str = "", **options: Any) -> ClientConnection:
    connection = await open_websocket(url, stack, **options)
    await change(connection, names)
    return connection


async def change(connection: ClientConnection, names: str) -> None:
    await connection.send(names)
    assert await soon(connection.recv()) == "done"


async def test_who_gets_what(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = make_rooms()
    site = await host(endpoint, lane)
    a = await member(site.url, stack, "a both")
    (first,) = endpoint.sockets
    b = await member(site.url, stack, "b both")
    neither = await member(site.url, stack)
    endpoint.group("a").send("to a")
    endpoint.group("b").send_json({"to": "b"})
    endpoint.group("nobody").send("lost")
    endpoint.group("both").send(b"\0binary")
    endpoint.group("both").send("not to a", except_=first)
    endpoint.group("both").send("to none of them", except_=list(endpoint.group("both")))
    endpoint.everybody.send("to all")
    assert [await soon(a.recv()) for _ in range(3)] == ["to a", b"\0binary", "to all"]
    assert [await soon(b.recv()) for _ in range(4)] == ['{"to":"b"}', b"\0binary", "not to a", "to all"]
    assert await soon(neither.recv()) == "to all"
    assert len(endpoint.group("both")) == 2
    assert first in endpoint.group("a")
    assert first not in endpoint.group("b")
    assert len(endpoint.everybody) == 3


async def test_groups_come_and_go(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = make_rooms()
    site = await host(endpoint, lane)
    a = await member(site.url, stack, "x y")
    b = await member(site.url, stack, "y y")
    assert set(endpoint.groups) == {"x", "y"}
    await change(a, "-x -never")
    assert set(endpoint.groups) == {"y"}
    await a.close()
    await until(lambda: len(endpoint.group("y")) == 1, "who leaves is in no group")
    endpoint.group("y").close(4000, "over")
    with pytest.raises(ConnectionClosed) as caught:
        await soon(b.recv())
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 4000
    await until(lambda: not endpoint.groups, "no name is left")


async def test_order_is_that_of_sending(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = make_rooms()
    site = await host(endpoint, lane)
    a = await member(site.url, stack, "a")
    (socket,) = endpoint.sockets
    for number in range(0, 300, 3):
        socket.send(str(number))
        endpoint.group("a").send(str(number + 1))
        endpoint.everybody.send_json(number + 2)
    assert [await soon(a.recv()) for _ in range(300)] == [str(number) for number in range(300)]


async def test_what_is_compressed_is_shared_by_a_group_too(host: Serve, stack: AsyncExitStack) -> None:
    """Members of both kinds, messages of each form: all arrive, in order."""
    endpoint = make_rooms(per_message_deflate=PerMessageDeflate(threshold=100))
    site = await host(endpoint)
    compressions = [None, "deflate", "deflate", None, "deflate"]
    members = [await member(site.url, stack, "a", compression=compression) for compression in compressions]
    first = next(iter(endpoint.group("a")))
    wanted: list[str | bytes] = []
    for number in range(100):
        messages: list[str | bytes] = [f"{number}", f"{number}" * 200, f"{number} plain" * 50, bytes((number,)) * 300]
        for index, message in enumerate(messages):
            endpoint.group("a").send(message, compress=index != 2)
        wanted += messages
        if number % 10 == 9:
            endpoint.group("a").send("x" * number * 5, except_=first)
            first.send("x" * number * 5)
            wanted.append("x" * number * 5)
    for one in members:
        assert [await soon(one.recv()) for _ in wanted] == wanted


# -- a member that does not read --


async def fall_behind(endpoint: Endpoint, healthy: ClientConnection, **options: Any) -> None:
    """Sends more than the buffers of a connection hold; the one that reads gets all of it."""
    for number in range(FILL):
        endpoint.group("a").send_json([number, PADDING], **options)
        assert json.loads(await soon(healthy.recv()))[0] == number


async def numbers(connection: ClientConnection) -> list[int]:
    """What comes before the end."""
    found: list[int] = []
    while (message := await soon(connection.recv())) != "last":
        found.append(json.loads(message)[0])
    return found


async def test_a_slow_member_is_closed_and_others_do_not_notice(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = make_rooms(slow_consumer=SlowConsumer(BUDGET))
    left: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
    endpoint.on("disconnect")(lambda socket, code, reason: left.put_nowait((code, reason)))
    site = await host(endpoint, lane)
    slow, healthy = await member(site.url, stack, "a"), await member(site.url, stack, "a")
    await fall_behind(endpoint, healthy)
    assert left.get_nowait() == (1006, "transport error")
    assert endpoint.slow_consumers.closed_clients == 1
    assert len(endpoint.sockets) == len(endpoint.group("a")) == 1
    slow.transport.abort()


async def test_drop_oldest(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = make_rooms(slow_consumer=SlowConsumer(BUDGET, policy="drop_oldest"))
    site = await host(endpoint, lane)
    slow, healthy = await member(site.url, stack, "a"), await member(site.url, stack, "a")
    await fall_behind(endpoint, healthy)
    endpoint.group("a").send("last")
    found = await numbers(slow)
    assert found == sorted(set(found))
    tail = BUDGET // (len(PADDING) + 100)
    assert found[-tail:] == list(range(FILL - tail, FILL))
    assert endpoint.slow_consumers.dropped_messages == FILL - len(found) > 0


async def test_drop_volatile(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = make_rooms(slow_consumer=SlowConsumer(BUDGET, policy="drop_volatile"))
    site = await host(endpoint, lane)
    slow, healthy = await member(site.url, stack, "a"), await member(site.url, stack, "a")
    await fall_behind(endpoint, healthy, volatile=True)
    endpoint.group("a").send("last")
    found = await numbers(slow)
    assert found == sorted(set(found))
    assert found[-1] == FILL - 1
    assert endpoint.slow_consumers.dropped_messages == FILL - len(found) > 0
    assert endpoint.slow_consumers.closed_clients == 0


async def test_volatile_messages_are_dropped_for_a_slow_member(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = make_rooms(slow_consumer=SlowConsumer(BUDGET))
    site = await host(endpoint, lane)
    slow, healthy = await member(site.url, stack, "a"), await member(site.url, stack, "a")
    await fall_behind(endpoint, healthy, volatile=True)
    endpoint.group("a").send("last")
    found = await numbers(slow)
    # Not always the first ones: when its machine takes some more, it gets what is sent next.
    assert found == sorted(set(found))
    assert found[0] == 0
    assert len(found) < FILL
    assert endpoint.slow_consumers.dropped_messages == 0, "of what was kept for it"


async def test_conflate(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = make_rooms(slow_consumer=SlowConsumer(BUDGET, policy=Conflate(lambda message: message[0] % 5)))
    site = await host(endpoint, lane)
    slow, healthy = await member(site.url, stack, "a"), await member(site.url, stack, "a")
    await fall_behind(endpoint, healthy)
    (socket,) = [each for each in endpoint.sockets if each.transport.straggler is not None]
    draining = asyncio.ensure_future(socket.drain())
    await asyncio.sleep(0)
    assert not draining.done()
    received = [json.loads(await soon(slow.recv()))[0]]
    while received[-1] != FILL - 1:
        received.append(json.loads(await soon(slow.recv()))[0])
    assert received[-5:] == list(range(FILL - 5, FILL))
    assert endpoint.slow_consumers.dropped_messages == FILL - len(received) > 0
    await soon(draining)
