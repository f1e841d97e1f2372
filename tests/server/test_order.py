"""What one iteration sends, by whatever way, comes to each client in the order in which it was sent."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from contextlib import AsyncExitStack

import pytest

from tests.protocol.wire import CLOSE, TEXT, client_frame, close_payload
from tests.server.fixtures import Dial, Serve
from tests.server.peer import Peer, PollingPeer, WebSocketPeer, encode, event_packet
from tests.server.site import WITHIN
from windsock import PerMessageDeflate, Server, SlowConsumer, Socket

ROOMS = ("red", "green")
BURSTS = 12
STEPS = 15
FAREWELL = "farewell"


class Programme:
    """Random sends to rooms and to single clients, and what each client is to get of them.

    Each burst is one iteration of the event loop for the server's outbox.
    """

    def __init__(self, io: Server, seed: int) -> None:
        self.expected: dict[str, list[int]] = defaultdict(list)
        self.gone: set[str] = set()
        self._io = io
        self._random = random.Random(seed)
        self._number = 0

    async def run(self, sockets: list[Socket]) -> None:
        """In every other burst but the last ones, a client is disconnected, and is not to get what comes after."""
        for socket in sockets:
            socket.join(*self._random.sample(ROOMS, self._random.randint(0, 2)))
        for burst in range(BURSTS):
            leaver = self._random.choice(sockets) if burst % 3 == 1 and len(sockets) > 3 else None
            for step in range(STEPS):
                self._step(sockets)
                if step == self._random.randint(0, STEPS) and leaver is not None:
                    sockets = [socket for socket in sockets if socket is not leaver]
                    self.gone.add(leaver.id)
                    leaver.disconnect(close=burst % 2 == 0)
                    leaver = None
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    def _step(self, sockets: list[Socket]) -> None:
        self._number += 1
        room = self._random.choice(ROOMS)
        socket = self._random.choice(sockets)
        # Broadcasts to a room follow each other as a rule: that is what is joined for all of its members together.
        match self._random.choices(("room", "same", "socket", "others", "all", "move"), (2, 20, 1, 1, 1, 2))[0]:
            case "room":
                self._expect(sockets, room)
                self._io.to(room).emit("n", self._number)
            case "same":
                self._expect(sockets, ROOMS[0])
                self._io.to(ROOMS[0]).compress(self._number % 5 > 0).emit("n", self._number)
            case "socket":
                self.expected[socket.id].append(self._number)
                socket.emit("n", self._number)
            case "others":
                self._expect([other for other in sockets if other is not socket], room)
                socket.to(room).emit("n", self._number)
            case "all":
                for each in sockets:
                    self.expected[each.id].append(self._number)
                self._io.emit("n", self._number)
            case _:
                (socket.leave if room in socket.rooms else socket.join)(room)

    def _expect(self, sockets: list[Socket], room: str) -> None:
        for socket in sockets:
            if room in socket.rooms:
                self.expected[socket.id].append(self._number)


async def read_numbers(peer: Peer, *, gone: bool) -> list[int]:
    """All that came before the farewell, or before the client was told to go."""
    numbers: list[int] = []
    while True:
        packet = await peer.packet()
        if packet == ("1" if gone else f'2["{FAREWELL}"]'):
            return numbers
        assert packet.startswith('2["n",')
        numbers.append(int(packet.removeprefix('2["n",').removesuffix("]")))


@pytest.mark.parametrize("seed", range(12))
async def test_order_of_random_sends(host: Serve, dial: Dial, seed: int) -> None:
    io = Server(per_message_deflate=PerMessageDeflate(threshold=len('42["n",100]')))  # some of each form
    site = await host(io)
    kinds: list[tuple[str, str | None]] = [("websocket", None)] * 4
    if seed % 2:
        kinds += [("websocket", "deflate"), ("websocket", "deflate"), ("polling", None)]
    if seed % 4 == 3:
        kinds = [("websocket", "deflate")] * 4
    peers: dict[str, Peer] = {}
    for transport, compression in kinds:
        peer = await dial(site, transport, **({"compression": compression} if compression else {}))
        peers[await peer.connect()] = peer
    programme = Programme(io, seed)
    await programme.run([io.of("/").sockets[id] for id in peers])
    io.emit(FAREWELL)
    for id, peer in peers.items():
        assert await read_numbers(peer, gone=id in programme.gone) == programme.expected[id]


async def test_more_than_is_gathered_at_once_is_still_in_order(host: Serve, dial: Dial) -> None:
    """Megabytes in one iteration: some of it is written early."""
    io = Server(slow_consumer=SlowConsumer(max_bytes=20_000_000))  # nobody reads before all is sent
    site = await host(io)
    peers = [await dial(site, "websocket") for _ in range(3)]
    ids = [await peer.connect() for peer in peers]
    io.in_(ids).sockets_join("room")
    filler = "x" * 100_000
    for number in range(60):
        io.to("room").emit("n", number, filler)
        if number % 7 == 0:
            io.to(ids[0]).emit("n", -number, "")
    wanted = [f'2["n",{number},"{filler}"]' for number in range(60)]
    for id, peer in zip(ids, peers, strict=True):
        for number, packet in enumerate(wanted):
            assert await peer.packet() == packet
            if id == ids[0] and number % 7 == 0:
                assert await peer.packet() == f'2["n",{-number},""]'


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_what_was_sent_to_all_comes_before_one_of_them_is_closed(
    host: Serve, dial: Dial, compression: str | None
) -> None:
    io = Server(per_message_deflate=PerMessageDeflate(threshold=1))
    site = await host(io)
    leaver, stays = [await dial(site, "websocket", compression=compression) for _ in range(2)]
    ids = [await leaver.connect(), await stays.connect()]
    io.in_(ids).sockets_join("room")
    io.to("room").emit("n", 1)
    io.in_(ids[0]).disconnect_sockets(close=True)
    io.to("room").emit("n", 2)
    assert [await leaver.packet(), await leaver.packet()] == ['2["n",1]', "1"]
    await leaver.gone()
    assert [await stays.packet(), await stays.packet()] == ['2["n",1]', '2["n",2]']


def count_steps(io: Server) -> tuple[list[int], list[int], asyncio.Event]:
    """What ``step`` started, what it ended, and whether all have: each waits for one iteration."""
    started: list[int] = []
    ended: list[int] = []
    all_have = asyncio.Event()

    @io.on("step")
    async def step(socket: Socket, number: int) -> None:
        started.append(number)
        await asyncio.sleep(0)
        ended.append(number)
        if len(ended) == STEPS:
            all_have.set()

    return started, ended, all_have


@pytest.mark.parametrize("at_once", [STEPS, 4])
@pytest.mark.parametrize("farewell", [b"", client_frame(CLOSE, close_payload(1000))], ids=["stays", "leaves"])
async def test_messages_of_one_read_whose_handlers_wait_are_in_order(
    host: Serve, stack: AsyncExitStack, farewell: bytes, at_once: int
) -> None:
    io = Server(max_handlers_in_flight=at_once)
    started, ended, all_have = count_steps(io)
    peer = await WebSocketPeer.open((await host(io)).url, stack)
    await peer.connect()
    steps = [client_frame(TEXT, event_packet("step", number).encode()) for number in range(STEPS)]
    peer.connection.transport.write(b"".join([*steps, farewell]))
    await asyncio.wait_for(all_have.wait(), WITHIN)
    assert (started, ended) == (list(range(STEPS)), list(range(STEPS)))


async def test_messages_of_one_post_whose_handlers_wait_are_in_order(host: Serve, stack: AsyncExitStack) -> None:
    io = Server()
    started, ended, all_have = count_steps(io)
    peer = await PollingPeer.open((await host(io)).url, stack)
    await peer.connect()
    body = encode(*(event_packet("step", number) for number in range(STEPS)))
    url = peer.http.base_url
    _, writer = await asyncio.open_connection(url.host, url.port)
    stack.push_async_callback(writer.wait_closed)
    stack.callback(writer.close)
    head = f"POST {peer.target} HTTP/1.1\r\nHost: {url.netloc.decode()}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)  # at once, so that the server reads it at once
    await asyncio.wait_for(all_have.wait(), WITHIN)
    assert (started, ended) == (list(range(STEPS)), list(range(STEPS)))
