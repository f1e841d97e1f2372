"""A client that sends faster than its handlers end."""

from __future__ import annotations

import asyncio

import pytest

from tests.server.fixtures import Dial, Serve, Way
from tests.server.peer import PollingPeer
from tests.server.site import rest, soon, until
from windsock import Server, Socket


async def test_handlers_in_flight_are_bounded_and_none_is_lost(host: Serve, way: Way, dial: Dial) -> None:
    bound, total = 8, 400
    io = Server(max_handlers_in_flight=bound)
    running = most = 0
    started: list[int] = []
    release = asyncio.Event()

    @io.on("slow")
    async def slow(socket: Socket, number: int, padding: str) -> None:
        nonlocal running, most
        started.append(number)
        running += 1
        most = max(most, running)
        await release.wait()
        await asyncio.sleep(0)
        running -= 1

    site = await host(io, way.lane)
    peer, other = await dial(site), await dial(site)
    await peer.connect()
    await other.connect()

    async def flood() -> None:
        padding = "x" * 10_000
        for first in range(0, total, 20):
            await peer.send(*(f'42["slow",{number},"{padding}"]' for number in range(first, first + 20)))

    flooding = asyncio.ensure_future(flood())
    await until(lambda: running >= bound, "the bound is reached")
    for _ in range(20):
        await other.fence()  # time passes for the flood; others are served meanwhile
    assert running == most == bound
    release.set()
    await soon(flooding)
    await until(lambda: len(started) == total and not running, "every event is handled")
    assert started == list(range(total)), "in the order in which they came"
    assert most == bound
    await peer.fence()


async def test_a_client_that_leaves_while_it_is_held_back(host: Serve, way: Way, dial: Dial) -> None:
    io = Server(max_handlers_in_flight=2)
    release = asyncio.Event()
    left: asyncio.Queue[str] = asyncio.Queue()
    begun = done = 0

    @io.on("slow")
    async def slow(socket: Socket) -> None:
        nonlocal begun, done
        begun += 1
        await release.wait()
        done += 1

    io.on("disconnect")(lambda socket: left.put_nowait(socket.id))
    peer = await dial(await host(io, way.lane))
    sid = await peer.connect()
    sending = asyncio.ensure_future(peer.send(*['42["slow"]'] * 2))
    await until(lambda: begun == 2, "it is held back")
    await peer.close()
    if isinstance(peer, PollingPeer):
        await soon(asyncio.wait([sending]))
    assert sending.done()
    release.set()
    await until(lambda: done == 2, "what was begun is finished")
    assert await soon(left.get()) == sid


async def test_the_bound_holds_over_all_sockets_of_a_client(host: Serve, dial: Dial) -> None:
    """Each has it, therefore, and one that joins many namespaces gets no more."""
    bound = 4
    io = Server(max_handlers_in_flight=bound)
    running = most = 0
    release = asyncio.Event()

    async def slow(socket: Socket) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await release.wait()
        running -= 1

    for name in ("/", "/other"):
        io.of(name).on("slow")(slow)
    site = await host(io)
    peer, other = await dial(site, "websocket"), await dial(site, "websocket")
    await other.connect()
    for name in ("/", "/other"):
        await peer.connect(name)
    await peer.send(*['42["slow"]', '42/other,["slow"]'] * bound)
    await until(lambda: running == bound, "the bound is reached")
    for _ in range(20):
        await other.fence()
    assert most == bound
    release.set()
    await peer.fence("/other")
    assert most == bound


@pytest.mark.clock
async def test_a_client_that_is_held_back_again_by_the_last_of_what_was_held(host: Serve, way: Way, dial: Dial) -> None:
    """Nothing more is read from it than before, or all that it sends would wait in memory."""
    io = Server(max_handlers_in_flight=2)
    gates = [asyncio.Event() for _ in range(3)]
    begun: list[int] = []

    @io.on("slow")
    async def slow(socket: Socket, number: int, padding: str = "") -> None:
        begun.append(number)
        if number < len(gates):
            await gates[number].wait()

    site = await host(io, way.lane)
    peer = await dial(site)
    await peer.connect()
    sending = asyncio.ensure_future(peer.send(*(f'42["slow",{number}]' for number in range(3))))
    await until(lambda: begun == [0, 1], "it is held back")
    gates[0].set()
    await until(lambda: begun == [0, 1, 2], "it is held back again")
    total = 2000

    async def flood() -> None:
        await sending
        for number in range(3, total, 20):
            await peer.send(*(f'42["slow",{more},"{"x" * 10_000}"]' for more in range(number, min(number + 20, total))))

    flooding = asyncio.ensure_future(flood())
    await rest()
    assert not flooding.done(), "20 MB were read from a client whose handlers are busy"
    assert len(begun) == 3
    gates[1].set()
    gates[2].set()
    await soon(flooding)
    await until(lambda: len(begun) == total, "every event is handled")
    assert begun == list(range(total))
