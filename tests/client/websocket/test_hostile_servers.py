"""What a server may send to harm a plain client: each ends in a closure with a name, and costs little."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import tracemalloc
import zlib
from functools import partial

import pytest
from websockets.asyncio.server import ServerConnection

from tests.client.websocket.conftest import Listen, Make, Speak
from tests.protocol.wire import client_frame
from tests.server.site import pass_time, rest, soon, until
from windsock import Client, ConnectionFailed, WebSocketClosure
from windsock.testing import Clock

server_frame = partial(client_frame, masked=False)
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"


async def shake_hands(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, extra: bytes = b"") -> None:
    """Opens a WebSocket by hand."""
    head = await reader.readuntil(b"\r\n\r\n")
    key = next(line.partition(b":")[2].strip() for line in head.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key"))
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())  # noqa: S324  RFC 6455
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n" + extra + b"\r\n"
    )


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", 1006),
        (b"SSH-2.0-OpenSSH_9.2\r\n", 1002),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 1002),
        (b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: A\r\n\r\n", 1002),
        (b"HTTP/1.1 302 Found\r\nLocation: http://[::bad\r\nContent-Length: 0\r\n\r\n", 1002),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n", 1002),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, 1002),
    ],
    ids=["nothing", "ssh", "bare", "wrong-key", "redirect", "headers", "long-header"],
)  # fmt: skip
async def test_no_handshake(listen: Listen, make: Make, answer: bytes, code: int) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if answer:
            await reader.read()

    ws, seen = make(await listen(reply), reconnection_attempts=0 if code == 1006 else None)
    with pytest.raises(ConnectionFailed):
        await soon(ws.connect())
    closure = ws.state.closure
    assert closure is not None
    assert (closure.code, seen.names) == (code, ["connecting", "closed"])


async def test_a_server_that_says_nothing(listen: Listen, make: Make) -> None:
    async def reply(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    ws, _ = make(await listen(reply), reconnection=False, timeout=0.05)
    with pytest.raises(ConnectionFailed, match=r"within 0\.05 s"):
        await soon(ws.connect())


async def test_redirects_without_end(listen: Listen, make: Make) -> None:
    asked = 0

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    ws, _ = make(await listen(reply))
    with pytest.raises(ConnectionFailed, match="redirects"):
        await soon(ws.connect())
    assert asked < 20


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (b"\x83\x00", 1002),
        (b"\xf1\x01x", 1002),
        (b"\x81\x81\x00\x00\x00\x00x", 1002),
        (b"\x80\x00", 1002),
        (server_frame(1, b"a", final=False) + server_frame(1, b"b"), 1002),
        (server_frame(9, b"x" * 126), 1002),
        (b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 1009),
        (b"\x88\x01\x03", 1002),
        (b"\x88\x02\x03\xed", 1002),
        (server_frame(1, b"\xff\xfe"), 1007),
        (b"\x82\x7f\x00\x00\x00\x00\x7f\xff\xff\xff", 1009),
        (b"".join(server_frame(0 if n else 2, b"x" * 1000, final=False) for n in range(11)), 1009),
        (b"".join(server_frame(0 if n else 2, b"", final=False) for n in range(5000)), 1009),
    ],
    ids=[
        "opcode", "reserved-bits", "masked", "continuation", "interleaved", "large-ping", "length", "close-payload",
        "close-code", "utf-8", "large-frame", "large-message", "fragments",
    ],
)  # fmt: skip
async def test_frames_that_are_none(listen: Listen, make: Make, frames: bytes, code: int) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(server_frame(1, b"before") + frames)
        await reader.readexactly(2)

    ws, seen = make(await listen(reply), max_message_size=10_000)
    await soon(ws.connect())
    assert await soon(ws.receive()) == "before"
    closure = (await seen.state("closed")).closure
    assert closure is not None
    assert closure.code == code
    assert seen.names == ["connecting", "open", "closed"], "the same would come again"


async def test_a_bomb(listen: Listen, make: Make) -> None:
    """A thousand times as large once it is inflated."""
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(bytes(500_000_000)) + packer.flush(zlib.Z_SYNC_FLUSH)[:-4]

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer, DEFLATE)
        writer.write(b"\xc2\x7f" + len(bomb).to_bytes(8) + bomb)
        await reader.read()

    ws, seen = make(await listen(reply), max_message_size=1_000_000)
    tracemalloc.start()
    try:
        await soon(ws.connect())
        closure = (await seen.state("closed")).closure
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert closure is not None
    assert closure.code == 1009


async def test_a_flood_that_nobody_takes(speak: Speak, make: Make) -> None:
    """Neither within a connection nor over many does more than the bound wait."""
    connections = 0

    async def script(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        for _ in range(100):
            await connection.send(b"x" * 50_000)
        await connection.close(1012)

    ws, _ = make(await speak(script), compression=False)
    tracemalloc.start()
    try:
        await soon(ws.connect())
        await rest()
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
        assert connections == 1
    finally:
        tracemalloc.stop()
    for _ in range(250):
        assert await soon(ws.receive()) == b"x" * 50_000
    assert connections == 3


async def test_a_flood_over_many_connections(speak: Speak, make: Make) -> None:
    """What a connection had read before its end is kept; but the next is made only when there is room."""
    connections = 0

    async def script(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        for _ in range(2):
            await connection.send(bytes(1_100_000))
        await connection.close(1012)

    ws, seen = make(await speak(script), compression=False)
    await soon(ws.connect())
    await seen.state("reconnecting")
    with Clock() as clock:
        await pass_time(clock, 60, 10)
    assert connections == 1
    for _ in range(6):
        assert await soon(ws.receive()) == bytes(1_100_000)
    assert connections == 3


async def test_a_flood_of_pings(listen: Listen, make: Make) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        for _ in range(20):
            writer.write(server_frame(9, b"x" * 125) * 1000)
            assert await reader.readexactly(1000 * 131)
        writer.write(server_frame(1, b"after"))
        await reader.read()

    ws, seen = make(await listen(reply))
    await soon(ws.connect())
    assert await soon(ws.receive()) == "after"
    assert seen.names == ["connecting", "open"]


async def test_a_flood_of_pings_whose_pongs_are_not_taken(listen: Listen, make: Make) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport can
        while True:
            writer.write(server_frame(9, b"x" * 125) * 1000)
            await writer.drain()

    ws, seen = make(await listen(reply))
    await soon(ws.connect())
    closure = (await seen.state("closed")).closure
    assert closure == WebSocketClosure(1008, "expected the pongs to be taken, got more pings")


async def test_pongs_that_nobody_asked_for_are_a_sign_of_life(listen: Listen, make: Make) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        while not reader.at_eof():
            writer.write(server_frame(10, b"mine"))
            await asyncio.sleep(5)

    ws, seen = make(await listen(reply), ping_interval=20, ping_timeout=20)
    await soon(ws.connect())
    with Clock() as clock:
        await pass_time(clock, 200, 5)
    assert seen.names == ["connecting", "open"]


async def test_a_server_that_never_ends_the_closing_handshake(listen: Listen, make: Make) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        await asyncio.sleep(3600)

    ws, _ = make(await listen(reply))
    await soon(ws.connect())
    await soon(ws.close())
    assert ws.state.closure == WebSocketClosure(1000)


async def test_a_close_frame_without_an_end(listen: Listen, make: Make) -> None:
    """The server says that it closes, and keeps the connection: it is closed from here, and nothing is sent on it."""
    connections = 0
    got: list[bytes] = []

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await shake_hands(reader, writer)
        if connections == 1:
            writer.write(server_frame(1, b"last") + b"\x88\x02\x03\xf4")
        else:
            got.append(await reader.readexactly(6 + len("kept")))
        await asyncio.sleep(3600)

    ws, seen = make(await listen(reply))
    await soon(ws.connect())
    assert await soon(ws.receive()) == "last"
    assert ws.connected
    ws.send("kept")
    assert (await seen.state("reconnecting")).closure == WebSocketClosure(1012)
    await until(lambda: len(got) == 1, "it is sent on the next connection")
    head, key, masked = got[0][:2], got[0][2:6], got[0][6:]
    assert (head, bytes(byte ^ key[index % 4] for index, byte in enumerate(masked))) == (b"\x81\x84", b"kept")


async def test_the_socket_io_client_and_pongs_that_are_not_taken(listen: Listen) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(server_frame(1, b'0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}'))
        writer.write(server_frame(1, b'40{"sid":"b"}'))
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport can
        while True:
            writer.write(server_frame(9, b"x" * 125) * 1000)
            await writer.drain()

    io = Client(await listen(reply), transports=["websocket"], reconnection=False)
    lost: asyncio.Queue[str] = asyncio.Queue()
    io.on("disconnect")(lost.put_nowait)
    await soon(io.connect())
    assert await soon(lost.get()) == "transport close"
    await soon(io.close())
