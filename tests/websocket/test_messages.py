"""Messages of a plain WebSocket endpoint, one by one and as a session, on the fast lane and as an ASGI application."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pydantic import BaseModel

from tests.server.fixtures import Serve
from tests.server.site import Lane, rest, soon, until
from tests.websocket.peer import dial, end, make_echo
from windsock import EncodeError
from windsock.websocket import Endpoint, WebSocket


async def test_text_and_binary_come_as_they_are(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    connection = await dial(await host(make_echo(), lane), stack)
    for message in ("", "a", "é🎉\0", "x" * 125, "x" * 126, "x" * 70_000, b"", b"\0\xff", bytes(70_000)):
        await connection.send(message)
        assert await soon(connection.recv()) == message


async def test_handlers_may_be_coroutines_and_start_in_order(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = Endpoint()
    started: list[str] = []

    @endpoint.on("message")
    async def message(socket: WebSocket, text: str) -> None:
        started.append(text)
        await asyncio.sleep(0)
        socket.send(text.upper())

    connection = await dial(await host(endpoint, lane), stack)
    for number in range(20):
        await connection.send(f"m{number}")
    assert [await soon(connection.recv()) for _ in range(20)] == [f"M{number}" for number in range(20)]
    assert started == [f"m{number}" for number in range(20)]


async def test_what_a_plain_handler_returns(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = Endpoint()

    async def shout(socket: WebSocket, text: str) -> None:
        await asyncio.sleep(0)
        socket.send(text.upper())

    @endpoint.on("message")
    def message(socket: WebSocket, text: str) -> Any:
        return shout(socket, text) if text.startswith("run") else text  # which is nobody's

    connection = await dial(await host(endpoint, lane), stack)
    for text in ("ignore this", "run this", "and this", "run that"):
        await connection.send(text)
    assert [await soon(connection.recv()) for _ in range(2)] == ["RUN THIS", "RUN THAT"]


class Move(BaseModel):
    x: int
    y: int


async def test_json_is_validated_by_the_annotation(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = Endpoint()

    @endpoint.on("message")
    def move(socket: WebSocket, move: Move) -> None:
        socket.send_json({"moved": move, 1: [move.x]})

    site = await host(endpoint, lane)
    connection = await dial(site, stack)
    await connection.send('{"x": 1, "y": 2}')
    assert json.loads(await soon(connection.recv())) == {"moved": {"x": 1, "y": 2}, "1": [1]}
    await connection.send(b'{"x": 3, "y": 4}')
    assert json.loads(await soon(connection.recv()))["1"] == [3]
    await connection.send('{"x": "left", "y": 2}')
    code, reason = await end(connection)
    assert code == 1007
    assert reason.startswith("x: ")
    other = await dial(site, stack)
    await other.send("no JSON")
    assert (await end(other))[0] == 1007


async def test_errors_without_end_are_counted(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = Endpoint()

    @endpoint.on("message")
    def add(socket: WebSocket, numbers: list[int]) -> None: ...

    connection = await dial(await host(endpoint, lane), stack)
    await connection.send(json.dumps(["x"] * 10_001))
    assert await end(connection) == (1007, "10001 errors")


@pytest.mark.parametrize(("annotation", "wrong"), [(str, b"binary"), (bytes, "text")])
async def test_the_other_type_is_unsupported(
    host: Serve, lane: Lane, stack: AsyncExitStack, annotation: Any, wrong: Any
) -> None:
    endpoint = Endpoint()

    def message(socket: WebSocket, message: Any) -> None:
        socket.send(message)

    message.__annotations__["message"] = annotation
    endpoint.on("message")(message)
    connection = await dial(await host(endpoint, lane), stack)
    right = annotation(b"right", "ascii") if annotation is str else b"right"
    await connection.send(right)
    assert await soon(connection.recv()) == right
    await connection.send(wrong)
    assert (await end(connection))[0] == 1003


async def test_what_cannot_be_sent(host: Serve, stack: AsyncExitStack) -> None:
    endpoint = Endpoint()
    errors: list[type[Exception]] = []

    @endpoint.on("message")
    def message(socket: WebSocket, message: str) -> None:
        for send, value in [
            (socket.send, 1),
            (socket.send, "\ud800"),
            (socket.send_json, object()),
            (endpoint.group("g").send, None),
            (endpoint.everybody.send_json, {"a": object()}),
            (socket.close, 1006),
            (socket.close, 999),
        ]:
            try:
                send(value)  # type: ignore[operator]  # what is wrong is the point
            except (EncodeError, ValueError) as error:
                errors.append(type(error))
        socket.send("still here")

    connection = await dial(await host(endpoint), stack)
    await connection.send("go")
    assert await soon(connection.recv()) == "still here"
    assert errors == [EncodeError] * 5 + [ValueError] * 2


async def test_a_session_iterates(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = Endpoint()
    left: asyncio.Queue[str] = asyncio.Queue()

    @endpoint.on("session")
    async def session(socket: WebSocket) -> None:
        socket.send("hello")
        async for message in socket:
            if message == "enough":
                return
            socket.send(message)
        left.put_nowait("the client")

    site = await host(endpoint, lane)
    connection = await dial(site, stack)
    assert await soon(connection.recv()) == "hello"
    for number in range(200):  # more than is read ahead
        await connection.send(str(number))
    for number in range(200):
        assert await soon(connection.recv()) == str(number)
    await connection.send("enough")
    assert (await end(connection))[0] == 1000
    other = await dial(site, stack)
    await other.close()
    assert await soon(left.get()) == "the client"


@pytest.mark.parametrize("wrong", ["{", "[" * 201 + "]" * 201, b'{"a":' * 300 + b"1" + b"}" * 300])
async def test_a_session_reads_json(host: Serve, lane: Lane, stack: AsyncExitStack, wrong: str | bytes) -> None:
    endpoint = Endpoint()

    @endpoint.on("session")
    async def session(socket: WebSocket) -> None:
        async for value in socket.iter_json():
            socket.send_json([value])

    connection = await dial(await host(endpoint, lane), stack)
    for value in ('{"a":1}', "[" * 200 + "]" * 200):
        await connection.send(value)
        assert await soon(connection.recv()) == f"[{value}]"
    await connection.send(wrong)
    code, reason = await end(connection)
    assert code == 1007
    assert reason.startswith("expected JSON")


async def test_a_session_that_does_not_read_is_not_read_for(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = Endpoint(max_message_size=100_000)
    go = asyncio.Event()
    received = 0

    @endpoint.on("session")
    async def session(socket: WebSocket) -> None:
        nonlocal received
        await go.wait()
        async for _ in socket:
            received += 1

    connection = await dial(await host(endpoint, lane), stack)
    total = 600

    async def flood() -> None:
        for _ in range(total):
            await connection.send("x" * 50_000)

    flooding = asyncio.ensure_future(flood())
    await rest()
    assert not flooding.done(), "what it sends waits on its own side"
    go.set()
    await soon(flooding)
    await until(lambda: received == total, "all of it comes")


async def test_handlers_in_flight_are_bounded(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    endpoint = Endpoint(max_handlers_in_flight=8)
    running = most = done = 0
    release = asyncio.Event()

    @endpoint.on("message")
    async def message(socket: WebSocket, message: str) -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await release.wait()
        running -= 1
        done += 1

    site = await host(endpoint, lane)
    connection, other = await dial(site, stack), await dial(site, stack)
    for _ in range(100):
        await connection.send("x")
    await until(lambda: running >= 8, "the bound is reached")
    pong = await other.ping()
    await soon(pong)
    assert most == 8
    release.set()
    await until(lambda: done == 100, "none is lost")
    assert most == 8
