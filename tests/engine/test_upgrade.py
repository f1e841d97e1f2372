"""From long-polling to a WebSocket: nothing lost, nothing twice, nothing out of order."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.protocol.wire import TEXT, client_frame
from tests.server.client import Client
from tests.server.fixtures import Dial, Serve
from tests.server.peer import ENGINE, PollingPeer, WebSocketPeer, encode, open_websocket
from tests.server.site import WITHIN, Lane, Site, pass_time, rest, soon, until
from windsock import Server, Socket
from windsock.testing import Clock


class Upgrading:
    """A server, and a polling client that may move.

    Attributes:
        left: why it left, once it did.
        counted: the numbers it sent, as they came.
    """

    def __init__(self, **options: Any) -> None:
        self.io = Server(**options)
        self.left: asyncio.Queue[str] = asyncio.Queue()
        self.counted: list[int] = []
        self.io.on("disconnect")(lambda socket, reason: self.left.put_nowait(reason))
        self.io.on("count")(self._count)
        self.site: Site
        self.peer: PollingPeer
        self.stack: AsyncExitStack

    def _count(self, socket: Socket, number: int) -> int:
        self.counted.append(number)
        return number

    async def probe(self) -> ClientConnection:
        """A WebSocket for the session, which has said nothing yet."""
        url = f"{self.site.url}{ENGINE}&transport=websocket&sid={self.peer.sid}"
        return await open_websocket(url, self.stack)

    async def probed(self) -> ClientConnection:
        """A WebSocket that may take over."""
        websocket = await self.probe()
        await websocket.send("2probe")
        assert await soon(websocket.recv()) == "3probe"
        return websocket

    async def upgraded(self) -> WebSocketPeer:
        """The client on its WebSocket."""
        websocket = await self.probed()
        await websocket.send("5")
        return WebSocketPeer(websocket)

    async def stays(self) -> None:
        """The session is alive, on polling, and nothing is on its way to it."""
        assert self.left.empty()
        await self.peer.fence()

    async def settled(self) -> None:
        """No WebSocket probes any more."""
        await until(lambda: self.io.engine.sessions[self.peer.sid].upgrade is None, "the attempt is over")


@pytest.fixture
async def upgrading(host: Serve, lane: Lane, dial: Dial, stack: AsyncExitStack) -> Upgrading:
    return await start(Upgrading(), host, lane, dial, stack)


async def start(upgrading: Upgrading, host: Serve, lane: Lane, dial: Dial, stack: AsyncExitStack) -> Upgrading:
    upgrading.site = await host(upgrading.io, lane)
    upgrading.stack = stack
    peer = await dial(upgrading.site, "polling")
    assert isinstance(peer, PollingPeer)
    upgrading.peer = peer
    await peer.connect()
    return upgrading


async def closed(websocket: ClientConnection) -> None:
    """The server closes the WebSocket, and says nothing more."""
    with pytest.raises(ConnectionClosed):
        await soon(websocket.recv())


# -- the way it should go --


async def test_the_session_moves(upgrading: Upgrading) -> None:
    peer = await upgrading.upgraded()
    assert await peer.call("count", 1) == [1]
    upgrading.io.emit("news", b"\x00")
    assert await peer.packet() == '51-["news",{"_placeholder":true,"num":0}]'
    assert await peer.receive() == b"\x00"
    # The session is not spoken to on its old transport any more.
    for response in (await upgrading.peer.get(), await upgrading.peer.post(b"6")):
        assert (response.status_code, response.json()["code"]) == (400, 3)
    assert upgrading.left.empty()
    await peer.connection.close()
    assert await soon(upgrading.left.get()) == "transport close"


async def test_a_waiting_get_is_answered_so_that_the_client_can_go_on(upgrading: Upgrading) -> None:
    waiting = asyncio.ensure_future(upgrading.peer.get())
    websocket = await upgrading.probed()
    assert (await soon(waiting)).text == "6"
    # A client ends its polling before it moves; what polls on is answered too.
    assert (await soon(upgrading.peer.get())).text == "6"
    await websocket.send("5")
    await WebSocketPeer(websocket).fence()


async def test_what_waited_goes_over_the_websocket_first(upgrading: Upgrading) -> None:
    websocket = await upgrading.probed()
    for number in range(10):
        upgrading.io.emit("n", number)
    await websocket.send("5")
    await websocket.send('421["count",1]')
    peer = WebSocketPeer(websocket)
    for number in range(10):
        assert await peer.event("n") == [number]
    assert await peer.acknowledgement(1) == [1]


async def test_polling_goes_on_while_a_websocket_probes(upgrading: Upgrading) -> None:
    websocket = await upgrading.probed()
    upgrading.io.emit("one")
    assert await upgrading.peer.event("one") == []
    assert await upgrading.peer.call("count", 1) == [1]
    await websocket.send("5")
    peer = WebSocketPeer(websocket)
    assert await peer.call("count", 2) == [2]
    assert upgrading.counted == [1, 2]


async def test_packets_behind_the_last_one_of_the_upgrade_are_read(upgrading: Upgrading) -> None:
    websocket = await upgrading.probed()
    packets = ["5", *(f'42["count",{number}]' for number in range(20)), '421["count",20]']
    websocket.transport.write(b"".join(client_frame(TEXT, packet.encode()) for packet in packets))
    assert await WebSocketPeer(websocket).acknowledgement(1) == [20]
    assert upgrading.counted == list(range(21))


@pytest.mark.parametrize("round", range(5))
async def test_nothing_is_lost_or_reordered_under_fire(upgrading: Upgrading, round: int) -> None:
    """As the original client does it: it polls until the probe is answered, and ends its polling before it moves."""
    io, peer = upgrading.io, upgrading.peer
    total = 400
    received: list[int] = []
    sent = 0
    moved: WebSocketPeer | None = None
    pausing = asyncio.Event()

    def take(packet: str | bytes) -> None:
        if isinstance(packet, str) and packet.startswith('42["n",'):
            received.append(json.loads(packet[2:])[1])

    async def emit() -> None:
        for number in range(total):
            io.emit("n", number)
            if number % 4 == 0:
                await asyncio.sleep(0.0002 * (number % 3))

    async def poll() -> None:
        while not pausing.is_set():
            take(await peer.receive())
        while peer.has_unread:
            take(await peer.receive())

    async def count() -> None:
        nonlocal sent
        while not pausing.is_set():
            burst = [f'42["count",{number}]' for number in range(sent, sent + 3)]
            await peer.send(*burst)
            sent += 3

    emitting = asyncio.ensure_future(emit())
    polling, counting = asyncio.ensure_future(poll()), asyncio.ensure_future(count())
    await until(lambda: len(received) >= 20 * round, "polling is underway")
    websocket = await upgrading.probed()
    pausing.set()
    await soon(asyncio.gather(polling, counting))
    await websocket.send("5")
    moved = WebSocketPeer(websocket)
    while sent < 300:
        await moved.send(f'42["count",{sent}]')
        sent += 1
    async with asyncio.timeout(WITHIN):
        while len(received) < total:
            take(await moved.receive())
    await emitting
    await moved.fence()
    assert received == list(range(total))
    assert upgrading.counted == list(range(sent))


async def test_a_python_client_moves(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    io = Server()
    io.on("echo")(lambda socket, *arguments: arguments)
    site = await host(io, lane)
    client = Client(["polling", "websocket"])
    stack.push_async_callback(client.close)
    await client.connect(site.url)
    assert client.transport == "websocket"
    assert await client.call("echo", b"\x00", "text") == (b"\x00", "text")
    assert [session.transport.name for session in io.engine.sessions.values()] == ["websocket"]


# -- the ways it should not --


@pytest.mark.parametrize(
    "packets",
    [["5"], ["2"], ["2probe2"], ["3probe"], ["40"], ['42["count",1]'], [""], [b"2probe"], ["6"], ["1"]],
    ids=repr,
)
async def test_a_probe_says_the_right_word_first(upgrading: Upgrading, packets: list[str | bytes]) -> None:
    websocket = await upgrading.probe()
    for packet in packets:
        await websocket.send(packet)
    await closed(websocket)
    await upgrading.stays()
    assert upgrading.counted == []
    peer = await upgrading.upgraded()
    await peer.fence()


@pytest.mark.parametrize("packet", ["2probe", "4", '42["count",1]', "3", "6", b"5", "55"], ids=repr)
async def test_a_probe_says_the_right_word_next(upgrading: Upgrading, packet: str | bytes) -> None:
    websocket = await upgrading.probed()
    await websocket.send(packet)
    await closed(websocket)
    await upgrading.stays()
    assert upgrading.counted == []


async def test_a_probe_that_takes_too_long_is_given_up(
    host: Serve, lane: Lane, dial: Dial, stack: AsyncExitStack
) -> None:
    with Clock() as clock:
        upgrading = await start(Upgrading(upgrade_timeout=2), host, lane, dial, stack)
        for open in (upgrading.probe, upgrading.probed):
            websocket = await open()
            await pass_time(clock, 3, 3)
            await closed(websocket)
        await upgrading.stays()
        # One that is quick enough is not reminded of the time-out later.
        peer = await upgrading.upgraded()
        await peer.fence()
        await pass_time(clock, 3, 3)
        await peer.fence()


async def test_only_one_websocket_probes_at_a_time(upgrading: Upgrading) -> None:
    first = await upgrading.probed()
    with pytest.raises(InvalidStatus) as caught:
        await upgrading.probe()
    assert caught.value.response.status_code == 400
    assert json.loads(caught.value.response.body or b"")["code"] == 3
    await first.send("5")
    await WebSocketPeer(first).fence()
    with pytest.raises(InvalidStatus):
        await upgrading.probe()


async def test_upgrades_can_be_forbidden(host: Serve, lane: Lane, dial: Dial, stack: AsyncExitStack) -> None:
    upgrading = await start(Upgrading(allow_upgrades=False), host, lane, dial, stack)
    assert upgrading.peer.parameters["upgrades"] == []
    with pytest.raises(InvalidStatus) as caught:
        await upgrading.probe()
    assert caught.value.response.status_code == 400
    await upgrading.stays()
    await (await dial(upgrading.site, "websocket")).connect()


@pytest.mark.parametrize("how", ["abort", "close", "eof"])
@pytest.mark.parametrize("when", ["before the probe", "after the probe"])
async def test_a_websocket_that_breaks_leaves_the_session_on_polling(upgrading: Upgrading, how: str, when: str) -> None:
    websocket = await (upgrading.probe() if when == "before the probe" else upgrading.probed())
    upgrading.io.emit("kept", 1)
    match how:
        case "abort":
            websocket.transport.abort()
        case "close":
            await websocket.close()
        case "eof":
            websocket.transport.close()
    await upgrading.settled()
    upgrading.io.emit("kept", 2)
    assert await upgrading.peer.event("kept") == [1]
    assert await upgrading.peer.event("kept") == [2]
    await upgrading.stays()
    peer = await upgrading.upgraded()
    await peer.fence()


async def test_whichever_byte_it_breaks_at(upgrading: Upgrading) -> None:
    site, peer = upgrading.site, upgrading.peer
    handshake = (
        f"GET {ENGINE}&transport=websocket&sid={peer.sid} HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    frames = client_frame(TEXT, b"2probe") + client_frame(TEXT, b"5")
    places = [*range(0, len(handshake), 29), *range(len(handshake) - 2, len(handshake) + len(frames))]
    for number, place in enumerate(places):
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(handshake[:place])
        if place >= len(handshake):
            assert b" 101 " in await soon(reader.readuntil(b"\r\n\r\n"))
            writer.write(frames[: place - len(handshake)])
            if place - len(handshake) >= 12:
                assert await soon(reader.readexactly(8)) == b"\x81\x063probe"
        upgrading.io.emit("kept", number)
        writer.close()
        await writer.wait_closed()
        assert await peer.event("kept") == [number], f"broken at byte {place}"
        await until(lambda: site.connections <= 1, "the connection is gone")
        await upgrading.settled()
    await upgrading.stays()
    assert upgrading.left.empty()


async def test_a_session_that_ends_takes_its_probe_along(upgrading: Upgrading) -> None:
    websocket = await upgrading.probed()
    upgrading.io.disconnect_sockets(close=True)
    await closed(websocket)
    await upgrading.peer.gone()
    assert await soon(upgrading.left.get()) == "server namespace disconnect"


async def test_a_session_that_has_ended_is_not_upgraded(upgrading: Upgrading) -> None:
    await upgrading.peer.send("1")
    with pytest.raises(InvalidStatus) as caught:
        await upgrading.probe()
    assert json.loads(caught.value.response.body or b"")["code"] == 1


async def test_a_held_back_client_can_move(host: Serve, lane: Lane, dial: Dial, stack: AsyncExitStack) -> None:
    upgrading = Upgrading(max_handlers_in_flight=2)
    release = asyncio.Event()
    done: list[int] = []

    @upgrading.io.on("slow")
    async def slow(socket: Socket, number: int) -> None:
        await release.wait()
        done.append(number)

    await start(upgrading, host, lane, dial, stack)
    websocket = await upgrading.probed()
    posting = asyncio.ensure_future(upgrading.peer.post(encode(*(f'42["slow",{number}]' for number in range(6)))))
    await rest()
    assert not posting.done(), "the client is held back"
    release.set()
    assert (await soon(posting)).status_code == 200
    await websocket.send("5")
    peer = WebSocketPeer(websocket)
    assert await peer.call("count", 1) == [1]
    await until(lambda: done == list(range(6)), "every event is handled")
