"""Clients that do not take what is sent to them: each policy, over each transport."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from tests.server.fixtures import Dial, Serve, Way
from tests.server.peer import Peer, PollingPeer, WebSocketPeer
from tests.server.site import Site, Trouble, pass_time, soon, until
from windsock import ConfigurationError, Conflate, Server, SlowConsumer, Socket
from windsock.testing import Clock

BUDGET = 1_000_000
PADDING = "x" * 50_000
FILL = 400
"""Messages of 50 KB: more than the buffers of a connection hold."""


def make_server(policy: Any = "close", **options: Any) -> tuple[Server, asyncio.Queue[str]]:
    """A server, and why its clients leave."""
    io = Server(slow_consumer=SlowConsumer(BUDGET, policy=policy, **options), ping_interval=60)
    left: asyncio.Queue[str] = asyncio.Queue()
    io.on("disconnect")(lambda socket, reason: left.put_nowait(reason))
    return io, left


async def event(peer: Peer) -> list[Any]:
    """The next packet: an event's name and arguments, with its attachments where they belong; or ``["ack", id]``."""
    packet = await peer.packet()
    if packet[0] == "3":
        return ["ack", int(packet[1 : packet.index("[")])]
    assert packet[0] in "25", packet
    found: list[Any] = json.loads(packet[packet.index("[") :])
    for place, argument in enumerate(found):
        if isinstance(argument, dict) and argument.get("_placeholder"):
            found[place] = await peer.receive()
            assert isinstance(found[place], bytes), "an event is not split from its attachments"
    return found


async def events_until(peer: Peer, last: str) -> list[list[Any]]:
    """All that comes before the event ``last``."""
    found = []
    while (one := await event(peer))[0] != last:
        found.append(one)
    return found


async def two(dial: Dial, site: Site) -> tuple[Peer, Peer]:
    """A client that is about to stop reading, and one that is not."""
    slow, healthy = await dial(site), await dial(site, "websocket")
    await slow.connect()
    await healthy.connect()
    return slow, healthy


async def vanish(peer: Peer) -> None:
    """Ends a client that was closed and will not read why."""
    if isinstance(peer, WebSocketPeer):
        await peer.close()


# -- drop_oldest --


async def test_drop_oldest(host: Serve, way: Way, dial: Dial) -> None:
    io, left = make_server("drop_oldest")
    slow, healthy = await two(dial, await host(io, way.lane))
    for number in range(FILL):
        io.emit("n", number, b"attached" * 10, PADDING)
        assert (await event(healthy))[1] == number
    io.emit("last")
    received = await events_until(slow, "last")
    numbers = [number for _, number, *_ in received]
    assert all(found[2:] == [b"attached" * 10, PADDING] for found in received)
    assert numbers == sorted(set(numbers)), "in order, each once"
    tail = range(FILL - BUDGET // (len(PADDING) + 200), FILL)
    assert numbers[-len(tail) :] == list(tail), "the latest that the budget holds"
    counters = io.slow_consumers
    assert counters.dropped_messages == FILL - len(numbers) > 0
    assert counters.dropped_bytes > counters.dropped_messages * len(PADDING)
    assert counters.closed_clients == 0
    assert counters.slow_clients >= 1
    assert left.empty()
    await slow.fence()


async def test_acknowledgements_are_neither_dropped_nor_moved(host: Serve, way: Way, dial: Dial) -> None:
    io, _ = make_server("drop_oldest")
    release = asyncio.Event()

    @io.on("later")
    async def later(socket: Socket) -> None:
        await release.wait()

    slow, healthy = await two(dial, await host(io, way.lane))
    await slow.emit("later", id=7)
    await slow.emit("later", id=8)
    for number in range(FILL):
        io.emit("n", number, PADDING)
        assert (await event(healthy))[1] == number
        if number == FILL // 2:
            await until(lambda: io.slow_consumers.slow_clients > 0, "the client is slow")
            release.set()
            await healthy.fence()  # both answers have been sent by then
    (socket,) = [found for found in io.namespaces["/"].sockets.values() if found.id != healthy.sid][:1]
    asking = asyncio.ensure_future(io.timeout(3600).emit_with_ack("question"))
    await asyncio.sleep(0)
    io.emit("last")
    received = await events_until(slow, "last")
    assert received[-1] == ["question"], "an event that asks for an answer is kept, too"
    names = [found[0] for found in received]
    at = names.index("ack")
    assert received[at : at + 2] == [["ack", 7], ["ack", 8]]
    assert all(number <= FILL // 2 for name, number, *_ in received[:at] if name == "n")
    assert all(found[1] > FILL // 2 for found in received[at + 2 :] if found[0] == "n")
    assert socket.connected
    asking.cancel()


# -- drop_volatile --


async def test_drop_volatile(host: Serve, way: Way, dial: Dial) -> None:
    io, left = make_server("drop_volatile")
    slow, healthy = await two(dial, await host(io, way.lane))
    important: list[int] = []
    for number in range(FILL):
        if number > FILL - 100 and number % 10 == 0:
            io.emit("n", number, PADDING)
            important.append(number)
        else:
            io.volatile.emit("n", number, PADDING)
        assert (await event(healthy))[1] == number
    io.emit("last")
    numbers = [number for _, number, *_ in await events_until(slow, "last")]
    assert numbers == sorted(set(numbers))
    assert set(important) <= set(numbers), "what is not volatile is there"
    assert {FILL - 1, FILL - 2} <= set(numbers), "and of the volatile ones the latest"
    assert io.slow_consumers.dropped_messages == FILL - len(numbers) > 0
    assert left.empty()
    for number in range(FILL):  # what may not be dropped is too much in the end
        io.emit("n", number, PADDING)
        await event(healthy)
        if not left.empty():
            break
    assert left.get_nowait() == "transport error"
    assert io.slow_consumers.closed_clients == 1
    await vanish(slow)


async def test_to_one_client_volatile_events_wait_within_the_budget(host: Serve, dial: Dial) -> None:
    """Where Socket.IO drops them: between two requests of a polling client."""
    for policy, kept in (("drop_volatile", True), ("close", False)):
        io, _ = make_server(policy)
        peer = await dial(await host(io), "polling")
        await peer.connect()
        (socket,) = io.namespaces["/"].sockets.values()
        socket.volatile.emit("n", 1)
        socket.emit("last")
        assert await events_until(peer, "last") == [["n", 1]] * kept


async def test_no_volatile_event_waits_for_a_connect_handler(host: Serve, way: Way, dial: Dial) -> None:
    """A client that is not connected misses nothing by it, whatever the policy."""
    io, _ = make_server("drop_volatile")

    @io.on("connect")
    async def connect(socket: Socket) -> None:
        socket.volatile.emit("early")
        await asyncio.sleep(0)
        socket.volatile.emit("early")
        socket.emit("last")

    peer = await dial(await host(io, way.lane))
    await peer.connect()
    assert await events_until(peer, "last") == []


# -- conflate --


async def test_conflate(host: Serve, way: Way, dial: Dial) -> None:
    asked: list[str] = []

    def key(name: str, number: int, *rest: Any) -> int | None:
        asked.append(f"{name} {number}")
        return number % 5 if name == "price" else None

    io, left = make_server(Conflate(key))
    site = await host(io, way.lane)
    slow, healthy = await two(dial, site)
    for number in range(FILL):
        io.emit("price", number, PADDING)
        assert (await event(healthy))[1] == number
    io.emit("news", 1)
    io.emit("news", 2)
    io.emit("price", FILL, PADDING)
    io.emit("last", -1)
    received = await events_until(slow, "last")
    assert [found[:2] for found in received[-7:]] == [
        *(["price", number] for number in range(FILL - 4, FILL)),
        ["news", 1],
        ["news", 2],
        ["price", FILL],
    ]
    numbers = [number for name, number, *_ in received if name == "price"]
    assert numbers == sorted(set(numbers))
    assert io.slow_consumers.dropped_messages == FILL + 1 - len(numbers) > 0
    assert io.slow_consumers.closed_clients == 0
    assert left.empty()
    assert len(asked) == len(set(asked)), "once for each message"


async def test_nobody_asks_for_keys_while_all_keep_up(host: Serve, dial: Dial) -> None:
    asked: list[str] = []
    io, _ = make_server(Conflate(lambda name, *_: asked.append(name)))
    peer = await dial(await host(io), "websocket")
    await peer.connect()
    for number in range(100):
        io.emit("n", number)
        io.emit("n", number)
        assert [await event(peer), await event(peer)] == [["n", number]] * 2
    assert not asked


async def test_a_key_that_fails_disturbs_nobody(host: Serve, dial: Dial, trouble: Trouble) -> None:
    io, _ = make_server(Conflate(lambda name: 1 / 0))
    peer = await dial(await host(io), "polling")
    await peer.connect()
    io.emit("one")
    io.emit("last")
    assert await events_until(peer, "last") == [["one"]]
    trouble.expect("the key of a message", "the key of a message")


# -- of a namespace --


async def test_a_namespace_may_have_a_policy_of_its_own(host: Serve, way: Way, dial: Dial) -> None:
    io, left = make_server("close")
    ticker = io.of("/ticker", slow_consumer=SlowConsumer(BUDGET // 4, policy="drop_oldest"))
    ticker.on("disconnect")(lambda socket, reason: left.put_nowait(reason))
    slow, healthy = await two(dial, await host(io, way.lane))
    await slow.connect("/ticker")
    await healthy.connect("/ticker")
    for number in range(FILL):
        ticker.emit("n", number, PADDING)
        assert (await event(healthy))[1] == number
    assert left.empty()
    io.emit("important")
    ticker.emit("last")
    received = await events_until(slow, "last")
    assert received[-1] == ["important"]
    assert 0 < len(received) - 1 == FILL - io.slow_consumers.dropped_messages
    for _ in range(FILL):
        io.emit("n", PADDING)
        await event(healthy)
        if not left.empty():
            break
    assert await soon(left.get()) == "transport error"
    await vanish(slow)


async def test_a_pattern_s_policy_is_that_of_all_its_namespaces(host: Serve, dial: Dial) -> None:
    io, _ = make_server("close")
    rule = io.of(re.compile("^/room-"), slow_consumer=SlowConsumer(500, policy="drop_oldest"))
    rule.on("x")(lambda socket: None)
    peer = await dial(await host(io), "polling")
    await peer.connect("/room-1")
    await peer.connect("/room-2")
    for number in range(10):
        rule.emit("n", number, "x" * 400)
    rule.emit("last")
    assert [found[1] for found in await events_until(peer, "last")] == [9], "the budget is one for all of them"


# -- before it is connected --


@pytest.mark.parametrize("policy", ["close", "drop_oldest"])
async def test_what_waits_for_a_connect_handler_is_bounded(host: Serve, way: Way, dial: Dial, policy: Any) -> None:
    io = Server(slow_consumer=SlowConsumer(1000, policy=policy))
    left: asyncio.Queue[str] = asyncio.Queue()
    entered, release = asyncio.Event(), asyncio.Event()

    @io.on("connect")
    async def connect(socket: Socket) -> None:
        entered.set()
        await release.wait()

    io.on("disconnect")(lambda socket, reason: left.put_nowait(reason))
    peer = await dial(await host(io, way.lane))
    await peer.send("40")
    await soon(entered.wait())
    for number in range(100):
        io.emit("n", number, "x" * 200)
    release.set()
    if policy == "close":
        assert await soon(left.get()) == "transport error"
        assert io.slow_consumers.closed_clients == 1
        await peer.gone()
        return
    assert (await peer.packet()).startswith("0{")
    io.emit("last")
    assert [number for _, number, *_ in await events_until(peer, "last")] == [96, 97, 98, 99]
    assert left.empty()


# -- close --


@pytest.mark.clock
async def test_a_client_that_takes_nothing_for_the_stall_time_is_closed(host: Serve, way: Way, dial: Dial) -> None:
    io = Server(slow_consumer=SlowConsumer(100_000_000, stall_timeout=2), ping_interval=60)
    left: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    io.on("disconnect")(lambda socket, reason: left.put_nowait((socket.id, reason)))
    site = await host(io, way.lane, timeout_keep_alive=3600)
    total = 800
    with Clock() as clock:
        slow, reader = await dial(site), await dial(site)
        stopped = await slow.connect()
        await reader.connect()
        for number in range(total):
            io.emit("n", number, PADDING)
            if number % 10 == 0:
                await asyncio.sleep(0)
        for number in range(total):
            assert (await event(reader))[1] == number
            if number % 100 == 0:
                await pass_time(clock, 0.5, 0.5)  # slow, but it takes something each time
        while left.empty():
            await pass_time(clock, 0.5, 0.5)
    assert left.get_nowait() == (stopped, "transport error")
    await reader.fence()
    assert left.empty()
    assert io.slow_consumers.closed_clients == 1
    assert len(io.engine.sessions) == 1
    await vanish(slow)


@pytest.mark.clock
async def test_a_client_that_has_caught_up_is_not_watched_any_more(host: Serve, way: Way, dial: Dial) -> None:
    io = Server(slow_consumer=SlowConsumer(100_000_000, stall_timeout=1.5), ping_interval=60)
    site = await host(io, way.lane)
    with Clock() as clock:
        peer = await dial(site)
        await peer.connect()
        for number in range(400):
            io.emit("n", number, PADDING)
        for number in range(400):
            assert (await event(peer))[1] == number
        waiting = asyncio.ensure_future(peer.packet())
        await pass_time(clock, 6, 1)
        assert not waiting.done()
    io.emit("still here")
    assert (await soon(waiting)).startswith('2["still here"')
    assert io.slow_consumers.closed_clients == 0


async def test_what_waits_goes_on_the_way_that_an_upgrade_brings(host: Serve, dial: Dial) -> None:
    io, _ = make_server("drop_oldest")
    peer = await dial(await host(io), "polling")
    assert isinstance(peer, PollingPeer)
    await peer.connect()
    io.emit("n", 1)
    (session,) = io.engine.sessions.values()
    assert session.transport.straggler is not None
    assert await event(peer) == ["n", 1]
    assert session.transport.straggler is None


@pytest.mark.parametrize(
    "options",
    [
        {"max_bytes": -1},
        {"stall_timeout": 0},
        {"policy": "drop_newest"},
        {"policy": None},
        {"policy": Conflate(None)},  # type: ignore[arg-type]  # what is wrong is the point
    ],
)
def test_options_out_of_their_range(options: Any) -> None:
    with pytest.raises(ConfigurationError):
        SlowConsumer(**options)
