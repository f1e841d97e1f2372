"""The WebSocket transport, on the connection itself and as ASGI events."""

from __future__ import annotations

import asyncio
import json
import random
import socket as sockets
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from tests.protocol.wire import CONTINUATION, PING, TEXT, client_frame, server_frames
from tests.server.fixtures import Dial, Serve
from tests.server.peer import ENGINE, WebSocketPeer
from tests.server.site import Lane, Site, rest, soon, until
from windsock import BroadcastOperator, PerMessageDeflate, Server, SlowConsumer, Socket
from windsock.protocol.websocket import deflate


def make_server(**options: Any) -> tuple[Server, asyncio.Queue[str]]:
    """A server that echoes, and why its clients leave."""
    io = Server(**options)
    left: asyncio.Queue[str] = asyncio.Queue()
    io.on("disconnect")(lambda socket, reason: left.put_nowait(reason))
    io.on("echo")(lambda socket, *arguments: arguments)
    return io, left


async def open_peer(dial: Dial, site: Site, **options: Any) -> WebSocketPeer:
    peer = await dial(site, "websocket", **options)
    assert isinstance(peer, WebSocketPeer)
    await peer.connect()
    return peer


COMPRESSED, PLAIN = 0xC1, 0x81


# -- messages --


async def test_fragments_and_pings(host: Serve, lane: Lane, dial: Dial) -> None:
    io, _ = make_server()
    peer = await open_peer(dial, await host(io, lane))
    pieces = ['421["ec', 'ho","', "é", '",{}', "]"]
    await peer.connection.send(iter(pieces))
    assert await peer.acknowledgement(1) == ["é", {}]
    pong = await peer.connection.ping(b"are you there")
    await peer.fence()
    await soon(pong)
    raw = client_frame(TEXT, b'421["echo"', final=False) + client_frame(PING) + client_frame(CONTINUATION, b"]")
    peer.connection.transport.write(raw)
    assert await peer.acknowledgement(1) == []


async def test_binary_of_any_size_there_and_back(host: Serve, lane: Lane, dial: Dial) -> None:
    io, _ = make_server()
    peer = await open_peer(dial, await host(io, lane))
    sizes = [0, 1, 125, 126, 65_535, 65_536, 300_000]
    data = [bytes(index % 251 for index in range(size)) for size in sizes]
    placeholders = ",".join(f'{{"_placeholder":true,"num":{number}}}' for number in range(len(data)))
    await peer.send(f'45{len(data)}-1["echo",{placeholders}]', *data)
    assert await peer.packet() == f"6{len(data)}-1[{placeholders}]"
    assert [await peer.receive() for _ in data] == data


async def test_a_message_of_the_limit_and_one_over_it(host: Serve, lane: Lane, dial: Dial) -> None:
    io, left = make_server(max_http_buffer_size=1000)
    site = await host(io, lane)
    peer, other = await open_peer(dial, site), await open_peer(dial, site)
    empty = len('421["echo",""]')
    assert await peer.call("echo", "x" * (1000 - empty)) == ["x" * (1000 - empty)]
    await peer.send('421["echo","' + "é" * 400 + 'x"]')  # counted in bytes
    await peer.acknowledgement(1)
    await peer.send('421["echo","' + "é" * ((1000 - empty) // 2) + 'xxx"]')
    assert await peer.gone() == 1009
    assert await soon(left.get()) == "transport error"
    await other.fence()


async def test_fragments_are_bounded(host: Serve, dial: Dial) -> None:
    io, left = make_server(max_fragments=4)
    peer = await open_peer(dial, await host(io))

    def fragments(*pieces: bytes) -> bytes:
        last = len(pieces) - 1
        frames = [client_frame(CONTINUATION if n else TEXT, piece, final=n == last) for n, piece in enumerate(pieces)]
        return b"".join(frames)

    peer.connection.transport.write(fragments(b'421["', b"ec", b"ho", b'"]'))
    assert await peer.acknowledgement(1) == []
    peer.connection.transport.write(fragments(b'421["', b"ec", b"ho", b'"', b"]"))
    assert await peer.gone() == 1008
    assert await soon(left.get()) == "transport error"


async def test_messages_before_the_end_are_handled(host: Serve, lane: Lane, dial: Dial) -> None:
    io, left = make_server()
    seen: list[int] = []
    io.on("count")(lambda socket, number: seen.append(number))
    peer = await open_peer(dial, await host(io, lane))
    frames = [client_frame(TEXT, f'42["count",{number}]'.encode()) for number in range(10)]
    peer.connection.transport.write(b"".join(frames) + client_frame(8, b"\x03\xe8"))
    assert await soon(left.get()) == "transport close"
    assert seen == list(range(10))


async def test_what_is_sent_before_the_end_arrives(host: Serve, lane: Lane, dial: Dial) -> None:
    io, _ = make_server()

    @io.on("leave")
    def leave(socket: Socket) -> None:
        for number in range(100):
            socket.emit("n", number, "x" * 1000)
        socket.disconnect(close=True)

    site = await host(io, lane)
    peer = await open_peer(dial, site)
    await peer.emit("leave")
    for number in range(100):
        assert (await peer.event("n"))[0] == number
    assert await peer.packet() == "1"
    assert await peer.gone() == 1000
    await until(lambda: site.connections == 0, "the connection is closed")


async def test_a_peer_that_does_not_answer_a_close_frame_is_not_waited_for_by_others(
    host: Serve, lane: Lane, dial: Dial
) -> None:
    io, left = make_server()
    site = await host(io, lane)
    peer = await open_peer(dial, site)
    peer.connection.transport.pause_reading()
    io.disconnect_sockets(close=True)
    assert await soon(left.get()) == "server namespace disconnect"
    await (await open_peer(dial, site)).fence()
    await until(lambda: len(io.engine.sessions) == 1, "the session is forgotten")
    peer.connection.transport.abort()


async def test_shutdown_tells_clients_to_come_back(host: Serve, dial: Dial) -> None:
    io, left = make_server()
    site = await host(io)
    peer = await open_peer(dial, site)
    site.ask_to_shut_down()
    assert await peer.gone() == 1001
    assert await soon(left.get()) in ("transport close", "server shutting down")


# -- compression --


def deflating(**options: Any) -> dict[str, Any]:
    return {"compression": None, "extensions": [ClientPerMessageDeflateFactory(**options)]}


OFFERS = {
    "plain": {"compression": None},
    "usual": {"compression": "deflate"},
    "no takeover": deflating(client_no_context_takeover=True, server_no_context_takeover=True),
    "small window of the client": deflating(client_max_window_bits=9),
    "small window of the server": deflating(server_max_window_bits=9),
    "both small": deflating(server_max_window_bits=9, client_max_window_bits=9),
}


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS.keys())
@pytest.mark.parametrize("deflate", [PerMessageDeflate(threshold=100), False], ids=["on", "off"])
async def test_whatever_is_negotiated_the_data_is_right(host: Serve, dial: Dial, offer: Any, deflate: Any) -> None:
    io, _ = make_server(per_message_deflate=deflate)
    peer = await open_peer(dial, await host(io), **offer)
    assert peer.connection.response is not None
    agreed = peer.connection.response.headers.get("Sec-WebSocket-Extensions", "")
    assert ("permessage-deflate" in agreed) == (bool(deflate) and offer != OFFERS["plain"])
    for text in ("short", "long and longer " * 5000, "é" * 99):
        assert await peer.call("echo", text) == [text]
        io.emit("news", text)
        assert await peer.event("news") == [text]
        io.compress(False).emit("news", text, text)
        assert await peer.event("news") == [text, text]
    data = bytes(range(256)) * 1000
    await peer.send('451-2["echo",{"_placeholder":true,"num":0}]', data)
    assert (await peer.packet()).startswith("61-2[")
    assert await peer.receive() == data


class RawWebSocket:
    """A handshake by hand, for what was on the wire."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, site: Site, extensions: str | None = None) -> RawWebSocket:
        sock = sockets.socket()
        sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 8192)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", site.port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=8192)
        lines = [
            f"GET {ENGINE}&transport=websocket HTTP/1.1",
            f"Host: 127.0.0.1:{site.port}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            *([f"Sec-WebSocket-Extensions: {extensions}"] if extensions else []),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        head = await soon(reader.readuntil(b"\r\n\r\n"))
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head or b"sec-websocket-accept: s3pP" in head
        raw = cls(reader, writer)
        assert (await raw.text()).startswith(b"0{")
        raw.writer.write(client_frame(TEXT, b"40"))
        assert (await raw.text()).startswith(b'40{"sid"')
        return raw

    def pause(self) -> None:
        """Reads no more."""
        self.transport.pause_reading()

    def resume(self) -> None:
        """Reads again."""
        self.transport.resume_reading()

    @property
    def transport(self) -> asyncio.Transport:
        transport = self.writer.transport
        assert isinstance(transport, asyncio.Transport)
        return transport

    async def text(self) -> bytes:
        """The next message, compressed or not."""
        first, payload = await self.frame()
        return zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff") if first == COMPRESSED else payload

    async def frame(self) -> tuple[int, bytes]:
        """First byte and payload of the next frame."""
        head = await soon(self.reader.readexactly(2))
        length = head[1]
        if length == 126:
            head += await soon(self.reader.readexactly(2))
            length = int.from_bytes(head[2:])
        payload = await soon(self.reader.readexactly(length))
        (frame,) = server_frames(head + payload)
        return head[0], frame.payload


@pytest.fixture
async def raw(host: Serve) -> AsyncIterator[Any]:
    """Opens raw WebSockets and closes them."""
    opened: list[RawWebSocket] = []

    async def open(site: Site, extensions: str | None = None) -> RawWebSocket:
        found = await RawWebSocket.open(site, extensions)
        opened.append(found)
        return found

    yield open
    for one in opened:
        one.transport.abort()


async def test_the_threshold_and_the_operator_are_respected(host: Serve, raw: Any) -> None:
    io, _ = make_server(per_message_deflate=PerMessageDeflate(threshold=100))
    client = await raw(await host(io), "permessage-deflate; client_max_window_bits")
    text = "x" * (100 - len('42["e",""]'))
    sending: list[tuple[BroadcastOperator, str, int]] = [
        (io.to("room"), text, COMPRESSED),
        (io.to("room"), text[1:], PLAIN),
        (io.compress(False), text, PLAIN),
        (io.to("nobody").compress(True).in_("room"), text, COMPRESSED),
    ]
    io.sockets_join("room")
    for target, value, first in sending:
        target.emit("e", value)
        assert (await client.frame())[0] == first


async def test_each_message_is_compressed_by_itself(host: Serve, raw: Any) -> None:
    """So that the same bytes can go to all."""
    io, _ = make_server(per_message_deflate=True)
    site = await host(io)
    first = await raw(site, "permessage-deflate")
    io.emit("e", "same " * 1000)
    once = await first.frame()
    second = await raw(site, "permessage-deflate")
    io.emit("e", "same " * 1000)
    assert await first.frame() == await second.frame() == once
    assert len(once[1]) < 100


@pytest.mark.parametrize("to", ["a room", "everybody"])
async def test_a_broadcast_is_compressed_once_for_all(host: Serve, raw: Any, to: str) -> None:
    """Told by the time that it takes: much to compress, and little to write."""
    io, _ = make_server(per_message_deflate=PerMessageDeflate(level=9))
    site = await host(io)
    clients = [await raw(site, "permessage-deflate") for _ in range(40)]
    io.sockets_join("room")
    text = "".join(f"{number % 97:02}" for number in range(1_000_000))
    packet = f'42["e","{text}"]'.encode()
    started = time.process_time()
    wanted = deflate(packet, level=9)
    once = time.process_time() - started
    started = time.process_time()
    (io.to("room") if to == "a room" else io).emit("e", text)
    for client in clients:
        assert await client.frame() == (COMPRESSED, wanted)
    assert time.process_time() - started < 10 * once


@pytest.mark.parametrize("policy", ["close", "drop_oldest"])
async def test_a_compressing_client_that_falls_behind_leaves_the_room_s_fast_path(
    host: Serve, raw: Any, policy: Any
) -> None:
    """And takes part again when it has caught up; the one that reads gets all of it."""
    slow_consumer = SlowConsumer(max_bytes=200_000, policy=policy)
    io, left = make_server(slow_consumer=slow_consumer, per_message_deflate=True, ping_interval=60)
    site = await host(io)
    slow, healthy = [await raw(site, "permessage-deflate") for _ in range(2)]
    io.sockets_join("room")
    slow.pause()
    noise = random.Random(1)
    for number in range(400):
        io.to("room").emit("e", number, noise.randbytes(20_000).hex())
        assert (await healthy.text()).startswith(f'42["e",{number},'.encode())
    if policy == "close":
        assert left.get_nowait() == "transport error"
        return
    io.to("room").emit("last", "x" * 2000)
    slow.resume()
    seen = []
    while not (text := await slow.text()).startswith(b'42["last"'):
        seen.append(int(text.removeprefix(b'42["e",').partition(b",")[0]))
    assert seen == sorted(seen)
    assert 0 < len(seen) < 400
    assert io.slow_consumers.dropped_messages == 400 - len(seen)
    io.to("room").emit("again", "x" * 2000)
    await healthy.text()
    assert (await healthy.text()) == (await slow.text()) == b'42["again","' + b"x" * 2000 + b'"]'


@pytest.mark.parametrize("level", [1, 9])
async def test_the_level_is_the_servers(host: Serve, raw: Any, level: int) -> None:
    io, _ = make_server(per_message_deflate=PerMessageDeflate(level=level))
    client = await raw(await host(io), "permessage-deflate")
    words = [f"{number * number} of {number}" for number in range(500)]
    io.emit("e", words)
    packet = b"42" + json.dumps(["e", words], separators=(",", ":")).encode()
    wanted = deflate(packet, level=level)
    assert wanted != deflate(packet)
    assert (await client.frame())[1] == wanted


async def test_an_offer_that_cannot_be_read_is_not_taken(host: Serve, raw: Any) -> None:
    io, _ = make_server(per_message_deflate=True)
    client = await raw(await host(io), "permessage-deflate; server_max_window_bits=99")
    io.emit("e", "x" * 2000)
    assert (await client.frame())[0] == PLAIN


# -- a client that does not read --


@pytest.mark.parametrize("volatile", [False, True])
async def test_a_client_that_does_not_read_is_given_up_and_others_are_not(
    host: Serve, lane: Lane, dial: Dial, raw: Any, volatile: bool
) -> None:
    io, left = make_server(slow_consumer=SlowConsumer(max_bytes=100_000), ping_interval=60)
    site = await host(io, lane)
    stalled = await raw(site)
    stalled.pause()
    reads = await open_peer(dial, site)
    text = "x" * 50_000
    rounds = 400 if volatile else 2000
    target = io.volatile if volatile else io
    received = 0
    for _ in range(rounds):
        target.emit("news", text)
        if await reads.event("news") == [text]:
            received += 1
        if not left.empty():
            break
    if volatile:
        assert left.empty(), "what may be dropped is no reason to give a client up"
        assert received == rounds
        io.emit("last")
        assert await reads.event("last") == []
        assert len(io.engine.sessions) == 2
        return
    assert await soon(left.get()) == "transport error"
    assert received < rounds
    if lane == "lane":
        await until(lambda: site.connections == 1, "the connection is cut: nobody else would do it")
    else:  # ASGI has no word for that; uvicorn waits for the client to take what is written
        await until(lambda: site.requests == 1, "the application is done with it")
    await reads.fence()
    assert len(io.engine.sessions) == 1


@pytest.mark.parametrize("extensions", [None, "permessage-deflate"])
async def test_one_handler_s_answers_are_not_all_gathered_first(host: Serve, raw: Any, extensions: str | None) -> None:
    """Whoever does not take them is found out before the handler ends, compressed or not."""
    io, _ = make_server(slow_consumer=SlowConsumer(max_bytes=100_000), per_message_deflate=PerMessageDeflate(level=1))
    sent: asyncio.Queue[int] = asyncio.Queue()
    piece = random.Random(1).randbytes(100_000).hex()

    @io.on("flood")
    def flood(socket: Socket) -> None:
        count = 0
        while socket.connected and count < 300:
            socket.emit("piece", piece)
            count += 1
        sent.put_nowait(count)

    client = await raw(await host(io), extensions)
    client.pause()
    client.writer.write(client_frame(TEXT, b'42["flood"]'))
    assert await soon(sent.get()) < 300


async def test_a_client_that_catches_up_gets_everything(host: Serve, lane: Lane, raw: Any) -> None:
    io, left = make_server(slow_consumer=SlowConsumer(max_bytes=50_000_000))
    client = await raw(await host(io, lane))
    client.pause()
    total = 300
    for number in range(total):
        io.emit("n", number, "x" * 40_000)
        if number % 10 == 0:
            await asyncio.sleep(0)
    client.resume()
    for number in range(total):
        _, payload = await client.frame()
        assert payload.startswith(b'42["n",%d,' % number)
    assert left.empty()
    client.writer.write(client_frame(TEXT, b'421["echo",1]'))
    assert (await client.frame())[1] == b"431[1]"


async def test_a_client_that_does_not_read_is_not_read_from(host: Serve, raw: Any) -> None:
    """Who does not take its answers cannot ask for more: what it asks waits on its own side."""
    io, left = make_server(slow_consumer=SlowConsumer(max_bytes=100_000_000), max_http_buffer_size=100_000)
    answered = 0

    @io.on("ask")
    def ask(socket: Socket, question: str) -> str:
        nonlocal answered
        answered += 1
        return question

    client = await raw(await host(io))
    client.pause()
    frame = client_frame(TEXT, b'421["ask","' + b"x" * 60_000 + b'"]')

    async def flood() -> None:
        for _ in range(400):
            client.writer.write(frame)
            await client.writer.drain()

    flooding = asyncio.ensure_future(flood())
    await rest()
    assert not flooding.done()
    assert 0 < answered < 300
    client.resume()

    async def read() -> None:
        for _ in range(400):
            await client.frame()

    await soon(asyncio.gather(flooding, read()))
    assert answered == 400
    assert left.empty()


def chunks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


async def test_a_trickle_is_read_like_any_other(host: Serve, lane: Lane, dial: Dial) -> None:
    io, _ = make_server()
    peer = await open_peer(dial, await host(io, lane))
    for piece in chunks(client_frame(TEXT, b'421["echo","' + b"x" * 200 + b'"]'), 7):
        peer.connection.transport.write(piece)
        await asyncio.sleep(0)
    assert await peer.acknowledgement(1) == ["x" * 200]
