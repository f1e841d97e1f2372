"""What a server may send that is no Socket.IO: each ends in an error with a name, and costs little."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.client.fixtures import Make
from tests.server.site import soon, until
from windsock import ConnectionFailed, ConnectionRefused

OPEN = "0" + json.dumps({"sid": "a", "upgrades": [], "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 1000})
Script = Callable[[ServerConnection], Awaitable[None]]
Speak = Callable[[Script], Awaitable[str]]


@pytest.fixture
async def speak() -> AsyncIterator[Speak]:
    """Starts a server that does what a script says; returns its URL."""
    servers = []

    async def start(script: Script) -> str:
        server = await serve(script, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    "first",
    [
        "", "0", "0{}", "0[]", "4hello", b"binary", OPEN.replace('"a"', '""'), OPEN.replace("25000", "-1"),
        OPEN.replace("25000", "1e99"), OPEN.replace('"a"', "5"),
    ],
)  # fmt: skip
async def test_no_handshake(speak: Speak, make: Make, first: str | bytes) -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send(first)
        await connection.wait_closed()

    io, seen = make(await speak(script), transports=["websocket"], reconnection=False)
    with pytest.raises(ConnectionFailed, match="handshake"):
        await soon(io.connect())
    assert seen.names == ["connect_error"]


async def test_a_server_that_says_nothing(speak: Speak, make: Make) -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.wait_closed()

    io, _ = make(await speak(script), transports=["websocket"], reconnection=False, timeout=0.05)
    with pytest.raises(ConnectionFailed, match=r"within 0\.05 s"):
        await soon(io.connect())


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        ("49", "parse error"),
        ('42["connect"]', "parse error"),
        ("42{", "parse error"),
        ('451-["x",{"_placeholder":true,"num":5}]', None),
        (b"unexpected", "parse error"),
        ("7", "transport error"),
        ("", "transport error"),
        ("1", "transport close"),
    ],
)
async def test_a_broken_packet_ends_the_connection(
    speak: Speak, make: Make, packet: str | bytes, reason: str | None
) -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send(OPEN)
        await connection.recv()
        await connection.send('40{"sid":"b"}')
        await connection.send(packet)
        if reason is None:
            await connection.send(b"an attachment")
        await connection.wait_closed()

    io, seen = make(await speak(script), transports=["websocket"], reconnection=False)
    await soon(io.connect())
    assert await seen.stage("disconnect") == (reason or "parse error",)


async def test_an_acknowledgement_without_a_list_of_arguments(speak: Speak, make: Make) -> None:
    """The original takes it as one without arguments."""

    async def script(connection: ServerConnection) -> None:
        await connection.send(OPEN)
        await connection.recv()
        await connection.send('40{"sid":"b"}')
        await connection.recv()
        await connection.send("430")
        await connection.wait_closed()

    io, _ = make(await speak(script), transports=["websocket"], reconnection=False)
    await soon(io.connect())
    assert await soon(io.emit_with_ack("question")) is None


async def test_a_message_that_is_too_large(speak: Speak, make: Make) -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send(OPEN)
        await connection.recv()
        await connection.send('40{"sid":"b"}')
        await connection.send('42["x","' + "y" * 100_000 + '"]')
        await connection.wait_closed()

    io, seen = make(await speak(script), transports=["websocket"], reconnection=False, max_message_size=10_000)
    await soon(io.connect())
    await seen.stage("disconnect")


async def test_an_older_protocol_s_answer(speak: Speak, make: Make) -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send(OPEN)
        await connection.send("40")
        await connection.wait_closed()

    io, _ = make(await speak(script), transports=["websocket"])
    with pytest.raises(ConnectionRefused, match="older"):
        await soon(io.connect())


async def test_early_events_wait_for_the_connection(speak: Speak, make: Make) -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.send(OPEN)
        for number in range(1500):
            await connection.send(f'42["early",{number}]')
        await connection.send('40{"sid":"b"}')
        await connection.send('42["late"]')
        await connection.wait_closed()

    io, seen = make(await speak(script), transports=["websocket"])
    await soon(io.connect())
    assert await seen.events("early", 1000) == [(number,) for number in range(1000)]
    assert await seen.event() == ("late",)


@pytest.mark.parametrize("binary", [False, True])
async def test_early_events_are_bounded_in_bytes_too(speak: Speak, make: Make, binary: bool) -> None:
    """Each is as large as a message may be, and a server may never connect the namespace."""
    size = 3 * 1024 * 1024

    async def script(connection: ServerConnection) -> None:
        await connection.send(OPEN)
        for _ in range(10):
            if binary:
                await connection.send('452-["early",{"_placeholder":true,"num":1}]')
                await connection.send(bytes(size - 1000))
                await connection.send(b"the other")
            else:
                await connection.send(f'42["early","{"x" * (size - 1000)}"]')
        await connection.send('40{"sid":"b"}')
        await connection.send('42["late"]')
        await connection.wait_closed()

    io, seen = make(await speak(script), transports=["websocket"], compression=False)
    await soon(io.connect())
    assert len(await seen.events("early", 5)) == 5
    assert await seen.event() == ("late",)


async def test_an_upgrade_that_fails_costs_nothing(make: Make) -> None:
    sent: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            sent.append(head)
            if b"websocket" in head.split(b"\r\n")[0]:
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                continue
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
            body = await reader.readexactly(length)
            if head.startswith(b"POST"):
                reply = b"ok"
                if body.startswith(b"42"):
                    answers.put_nowait(b"43" + body[2:3] + b"[true]")
                elif body == b"40":
                    answers.put_nowait(b'40{"sid":"b"}')
            elif b"sid=" not in head:
                reply = OPEN.replace("[]", '["websocket"]').encode()
            else:
                reply = await answers.get()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(reply) + reply)

    answers: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    async with server:
        io, seen = make(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await soon(io.connect())
        await until(lambda: any(b"transport=websocket" in head for head in sent), "it tries to upgrade")
        assert await soon(io.emit_with_ack("there?")) is True
        assert io.transport == "polling"
        assert seen.names == ["connect"]
        answers.put_nowait(b"1")
        await soon(io.close())
