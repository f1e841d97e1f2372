"""Handlers, refusals and retries, with a server in the test's own loop."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tests.client.fixtures import Make
from tests.client.proxy import Proxy
from tests.server.fixtures import Serve
from tests.server.site import Trouble, pass_time, soon, until
from windsock import AckTimeout, Client, Cookie, EventError, NotConnected, Server, Socket
from windsock.errors import ConfigurationError, ConnectionFailed
from windsock.testing import Clock


class Said(BaseModel):
    text: str
    by: str = "nobody"


@pytest.fixture
def io() -> Server:
    """A server that asks what it is told to ask."""
    server = Server(cookie=Cookie("lane", path="/"))

    @server.on("ask")
    async def ask(socket: Socket, event: str, *arguments: Any) -> Any:
        return await socket.timeout(3600).emit_with_ack(event, *arguments)

    @server.on("headers")
    def headers(socket: Socket) -> dict[str, str]:
        return socket.handshake.headers

    return server


async def test_handlers_are_typed(io: Server, host: Serve, make: Make, transports: tuple[str, ...]) -> None:
    client, _ = make((await host(io)).url, transports=transports)
    got: list[Any] = []

    @client.on("said")
    async def said(message: Said) -> dict[str, Any]:
        got.append(message)
        return {"heard": message.text}

    @client.on("two")
    def two() -> tuple[int, int]:
        return (1, 2)

    @client.on("none")
    def none() -> None:
        got.append(None)

    await soon(client.connect())
    assert await soon(client.emit_with_ack("ask", "said", {"text": "hello"})) == {"heard": "hello"}
    assert got == [Said(text="hello")]
    refused = await soon(client.emit_with_ack("ask", "said", {"by": 5}))
    assert refused["error"]["code"] == "invalid_payload"
    assert refused["error"]["details"][0]["loc"] == [0, "text"]
    assert await soon(client.emit_with_ack("ask", "two")) == [1, 2]
    assert await soon(client.emit_with_ack("ask", "none")) is None
    client.off("two")
    asking = asyncio.ensure_future(client.timeout(0.05).emit_with_ack("ask", "two"))
    with pytest.raises(AckTimeout):
        await soon(asking)


async def test_a_handler_that_fails(io: Server, host: Serve, make: Make, trouble: Trouble) -> None:
    client, seen = make((await host(io)).url)

    @client.on("fails")
    async def fails(late: bool) -> None:
        if late:
            await asyncio.sleep(0)
        raise RuntimeError("a defect")

    @client.on("declines")
    def declines() -> None:
        raise EventError("busy", "later", {"retry_after": 3})

    @client.on("cannot be sent")
    def unsendable() -> object:
        return object()

    await soon(client.connect())
    for late in (False, True):
        assert (await soon(client.emit_with_ack("ask", "fails", late)))["error"]["code"] == "internal_error"
        trouble.expect("the handler of 'fails' in / failed")
    assert (await soon(client.emit_with_ack("ask", "declines")))["error"] == {
        "code": "busy", "message": "later", "retry_after": 3,
    }  # fmt: skip
    assert (await soon(client.emit_with_ack("ask", "cannot be sent")))["error"]["code"] == "internal_error"
    trouble.expect("an acknowledgement in / cannot be sent")
    assert seen.names == ["connect"], "the connection is not the handler's concern"


async def test_one_handler_for_an_event(make: Make) -> None:
    client, _ = make("http://127.0.0.1:1")
    client.on("said")(lambda: None)
    for event in ("said", "connect", "reconnect"):
        with pytest.raises(ConfigurationError, match="second"):
            client.on(event)(lambda: None)
    client.off("connect")
    client.on("connect")(lambda: None)
    with pytest.raises(ValueError, match="reserved"):
        client.emit("disconnect")


async def test_retries_are_in_order_and_at_least_once(host: Serve, make: Make, proxy: Proxy) -> None:
    server = Server()
    seen: list[int] = []
    deaf = 2

    @server.on("note")
    async def note(socket: Socket, number: int) -> int:
        nonlocal deaf
        seen.append(number)
        if number == 3 and deaf:
            deaf -= 1
            await asyncio.sleep(60)
        return number

    client, watched = make(proxy.to((await host(server)).port), retries=3, ack_timeout=5, transports=["websocket"])
    for number in range(3):
        client.emit("note", number)
    with Clock() as clock:
        await soon(client.connect())
        answers = [asyncio.ensure_future(client.emit_with_ack("note", number)) for number in range(3, 6)]
        await pass_time(clock, 9, 1)
        assert not answers[0].done()
        await pass_time(clock, 2, 1)
        assert await soon(asyncio.gather(*answers)) == [3, 4, 5]
    assert seen == [0, 1, 2, 3, 3, 3, 4, 5]
    proxy.accepting = False
    proxy.cut()
    await watched.stage("disconnect")
    waiting = asyncio.ensure_future(client.emit_with_ack("note", 6))
    await asyncio.sleep(0)
    client.emit("note", 7)
    proxy.accepting = True
    assert await soon(waiting) == 6
    await until(lambda: seen[-1] == 7, "the queue goes on")


async def test_retries_have_an_end(host: Serve, make: Make) -> None:
    server = Server()
    seen: list[str] = []

    @server.on("deaf")
    async def deaf(socket: Socket) -> None:
        seen.append("deaf")
        await asyncio.sleep(60)

    server.on("after")(lambda socket: seen.append("after"))
    client, _ = make((await host(server)).url, retries=2, ack_timeout=5)
    with Clock() as clock:
        await soon(client.connect())
        lost = asyncio.ensure_future(client.emit_with_ack("deaf"))
        await asyncio.sleep(0)
        client.emit("after")
        await pass_time(clock, 14, 1)
        assert not lost.done()
        await pass_time(clock, 2, 1)
        with pytest.raises(AckTimeout):
            await soon(lost)
    await until(lambda: "after" in seen, "the next one has its turn")
    assert seen == ["deaf", "deaf", "deaf", "after"]
    lost = asyncio.ensure_future(client.emit_with_ack("deaf"))
    await asyncio.sleep(0)
    await soon(client.close())
    with pytest.raises(NotConnected):
        await soon(lost)


async def test_tls(io: Server, host: Serve, make: Make, tmp_path: Path, transports: tuple[str, ...]) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=test -addext subjectAltName=IP:127.0.0.1"
    command = [*request.split(), "-keyout", str(key), "-out", str(certificate)]
    await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=30, check=True)
    site = await host(io, ssl_keyfile=str(key), ssl_certfile=str(certificate))
    url = site.url.replace("http://", "https://")
    trusting = ssl.create_default_context(cafile=str(certificate))
    client, _ = make(url, transports=transports, ssl=trusting)
    await soon(client.connect())
    assert "host" in await soon(client.emit_with_ack("headers"))
    careful, _ = make(url, transports=transports, reconnection=False)
    with pytest.raises(ConnectionFailed, match=r"(?i)certificate"):
        await soon(careful.connect())


async def test_cookies(io: Server, host: Serve, make: Make) -> None:
    site = await host(io)
    client, _ = make(site.url, transports=["polling", "websocket"], cookies={"tasty": "yes"})
    await soon(client.connect())
    assert "tasty=yes" in (await soon(client.emit_with_ack("headers")))["cookie"]
    first = client.id
    # The cookie that the first session's answer set travels with the next one's first request.
    await soon(client.close())
    await soon(client.connect())
    assert client.id != first
    assert "lane=" in (await soon(client.emit_with_ack("headers")))["cookie"]


async def test_a_proxy(io: Server, host: Serve, make: Make, transports: tuple[str, ...]) -> None:
    site = await host(io)
    asked: list[bytes] = []

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.split(b"\r\n")[0])
        there, back = await asyncio.open_connection("127.0.0.1", site.port)
        if head.startswith(b"CONNECT"):
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            back.write(head)

        async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                target.write(data)
            target.close()

        await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    async with server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        client, _ = make(site.url, transports=transports, proxy=address)
        await soon(client.connect())
        assert "host" in await soon(client.emit_with_ack("headers"))
        await soon(client.close())
    assert asked
    assert all(b"127.0.0.1" in line for line in asked)


async def test_once(io: Server, host: Serve) -> None:
    client = Client((await host(io)).url)
    got: list[Any] = []

    @client.once("said")
    async def said(message: Said) -> str:
        got.append(message.text)
        return "first"

    @client.once("connect")
    def connected() -> None:
        got.append("connected")

    await soon(client.connect())
    assert await soon(client.emit_with_ack("ask", "said", {"text": "hello"})) == "first"

    @client.on("said")
    def said_again(message: Said) -> str:
        return "others"

    for _ in range(2):
        assert await soon(client.emit_with_ack("ask", "said", {"text": "again"})) == "others"
    await soon(client.close())
    await soon(client.connect())
    assert got == ["connected", "hello"]
    await soon(client.close())


async def test_once_for_what_comes_within_the_handler(io: Server, host: Serve, make: Make) -> None:
    """It is taken away before it is called, so that it may be registered anew."""
    client, _ = make((await host(io)).url)
    order: list[int] = []

    def register(number: int) -> None:
        @client.once("next")
        def take() -> int:
            order.append(number)
            register(number + 1)
            return number

    register(1)
    await soon(client.connect())
    for number in (1, 2, 3):
        assert await soon(client.emit_with_ack("ask", "next")) == number
    client.off("next")
    assert order == [1, 2, 3]
