"""The plain client with each server."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import ssl
import subprocess
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
from pydantic import BaseModel
from websockets.asyncio.server import ServerConnection

from tests.client.proxy import Proxy
from tests.client.websocket import starlette_app
from tests.client.websocket.conftest import Make, Speak
from tests.client.websocket.servers import PlainServer
from tests.server.fixtures import Serve
from tests.server.site import WITHIN, Trouble, pass_time, rest, soon, until
from windsock import (
    ConfigurationError,
    ConnectionFailed,
    DecodeError,
    EncodeError,
    NotConnected,
    WebSocketClient,
    WebSocketClosure,
    WebSocketState,
)
from windsock.testing import Clock

MESSAGES: list[str | bytes] = ["", "grüße 🎐", "x" * 70_000, b"", b"\x00\xff", b"\x01" * 700_000]


async def test_there_and_back(server: PlainServer, make: Make) -> None:
    ws, seen = make(server.url)
    await soon(ws.connect())
    for message in MESSAGES:
        ws.send(message)
    assert [await soon(ws.receive()) for _ in MESSAGES] == MESSAGES
    ws.send(bytearray(b"array"))
    ws.send(memoryview(b"view"))
    assert [await soon(ws.receive()) for _ in range(2)] == [b"array", b"view"]
    assert seen.states == [WebSocketState("connecting"), WebSocketState("open")]


async def test_json(server: PlainServer, make: Make) -> None:
    class Point(BaseModel):
        x: int

    ws, _ = make(server.url)
    await soon(ws.connect())
    values: list[Any] = [None, 1.5, "text", [1, {"a": "grüße"}], {"deep": [[[]]]}]
    for value in values:
        ws.send_json(value)
    assert [await soon(ws.receive_json()) for _ in values] == values
    ws.send_json({"point": Point(x=1)})
    assert await soon(ws.receive()) == '{"point":{"x":1}}'
    ws.send_json({1: "a key that is no text, as on the server"})
    assert await soon(ws.receive()) == '{"1":"a key that is no text, as on the server"}'
    ws.send("{")
    with pytest.raises(DecodeError, match="JSON"):
        await soon(ws.receive_json())
    ws.send_json(1)
    ws.send_json(2)
    values = []
    async for value in ws.json():
        values.append(value)
        if value == 2:
            break
    assert values == [1, 2]


async def test_order_and_volume(server: PlainServer, make: Make) -> None:
    ws, _ = make(server.url)
    for number in range(500):
        ws.send(str(number))
    await soon(ws.connect())
    for number in range(500, 1000):
        ws.send(str(number))
    assert [await soon(ws.receive()) for _ in range(1000)] == [str(number) for number in range(1000)]


@pytest.mark.parametrize("fragments", [True, False])
@pytest.mark.parametrize("size", [0, 1, 65_536, 1_000_003])
async def test_a_file(server: PlainServer, make: Make, tmp_path: Path, size: int, fragments: bool) -> None:
    ws, _ = make(server.url)
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    await soon(ws.connect())
    ws.send("before")
    sending = asyncio.ensure_future(ws.send_file(tmp_path / "file", fragments=fragments))
    # It has its place in the order of sending as soon as it is open; then it is said what comes after it.
    assert await soon(sending) == size
    ws.send("after")
    assert await soon(ws.receive()) == "before"
    parts = []
    while (message := await soon(ws.receive())) != "after":
        parts.append(message)
    assert b"".join(cast(list[bytes], parts)) == content
    assert len(parts) == (1 if fragments else -(-size // 65_536))


async def test_an_open_file_is_sent_from_where_it_stands(server: PlainServer, make: Make) -> None:
    ws, _ = make(server.url)
    await soon(ws.connect())
    file = io.BytesIO(b"0123456789")
    file.seek(4)
    assert await soon(ws.send_file(file, chunk_size=4)) == 6
    assert await soon(ws.receive()) == b"456789"
    assert not file.closed


async def test_messages_between_the_chunks_of_a_file(server: PlainServer, make: Make) -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() == 4:
                ws_loop.call_soon_threadsafe(ws.send, "between")
            return super().read(size)

    ws, _ = make(server.url)
    await soon(ws.connect())
    ws_loop = asyncio.get_running_loop()
    await soon(ws.send_file(Slow(b"01234567"), chunk_size=2, fragments=False))
    received = [await soon(ws.receive()) for _ in range(5)]
    assert [each for each in received if each != "between"] == [b"01", b"23", b"45", b"67"]
    assert "between" in received[:4], "it does not wait for the end of the file"


@pytest.mark.parametrize("fragments", [True, False])
async def test_a_file_is_read_as_the_network_takes_it(
    make: Make, speak: Speak, proxy: Proxy, tmp_path: Path, fragments: bool
) -> None:
    """However large it is, a little of it is in memory: as much as the system's buffers take, and a chunk."""
    size = 256 * 1024 * 1024
    digest = hashlib.sha256()
    total = 0

    async def script(connection: ServerConnection) -> None:
        nonlocal total
        while total < size:
            async for part in connection.recv_streaming():
                assert isinstance(part, bytes)
                digest.update(part)
                total += len(part)
        await connection.send("all")
        await connection.wait_closed()  # the client has still to look whether the file goes on

    path = tmp_path / "large"
    with path.open("wb") as file:
        file.write(b"head")
        file.truncate(size)
    url = await speak(script)
    ws, _ = make(proxy.to(int(url.rpartition(":")[2])), compression=False, ping_interval=None)
    await soon(ws.connect())
    proxy.silence()
    with path.open("rb") as source:
        sending = asyncio.ensure_future(ws.send_file(source, fragments=fragments))
        # Whoever reads on regardless of the network is far beyond by then.
        with path.open("rb") as other:
            while await asyncio.to_thread(other.read, 65536):
                pass
        await rest()
        assert 0 < source.tell() < 32 * 1024 * 1024
        assert not sending.done()
        proxy.resume()
        async with asyncio.timeout(4 * WITHIN):
            assert await sending == size
            assert await ws.receive() == "all"
    assert digest.digest() == hashlib.sha256(path.read_bytes()).digest()


async def test_a_file_that_cannot_be_read(server: PlainServer, make: Make, tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() >= 4:
                raise OSError("the disk is broken")
            return super().read(size)

    ws, seen = make(server.url)
    await soon(ws.connect())
    with pytest.raises(FileNotFoundError):
        await soon(ws.send_file(tmp_path / "nowhere"))
    with pytest.raises(OSError, match="broken"):
        await soon(ws.send_file(Broken(b"01234567"), chunk_size=2, fragments=False))
    with pytest.raises(TypeError, match="bytes"):
        await soon(ws.send_file(cast(BinaryIO, io.StringIO("text"))))
    with pytest.raises(ConfigurationError, match="chunks"):
        await soon(ws.send_file(io.BytesIO(b"x"), chunk_size=0))
    ws.send("still there")
    while await soon(ws.receive()) != "still there":
        pass
    # Half a message cannot be taken back: the connection is given up, and another made.
    with pytest.raises(OSError, match="broken"):
        await soon(ws.send_file(Broken(b"01234567"), chunk_size=2))
    closure = (await seen.state("reconnecting")).closure
    assert closure is not None
    assert closure.code == 1011
    await seen.state("open", 2)
    ws.send("back")
    assert await soon(ws.receive()) == "back"


class Endless(io.BytesIO):
    """A file without end, whose disk is slow; it counts how often it is read."""

    reads = 0

    def read(self, size: int | None = -1) -> bytes:
        time.sleep(0.001)
        self.reads += 1
        return b"x" * (size or 1)


async def give_up(sending: Awaitable[int], file: Endless) -> None:
    """Waits for a file no more when it is on its way."""
    task = asyncio.ensure_future(sending)
    await until(lambda: file.reads >= 3, "it is on its way")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(task)


async def test_a_file_that_nobody_waits_for_any_more(server: PlainServer, make: Make) -> None:
    ws, seen = make(server.url)
    ws.on("message")(lambda: None)
    await soon(ws.connect())
    file = Endless()
    await give_up(ws.send_file(file, chunk_size=10, fragments=False), file)
    await soon(ws.ping())
    assert seen.names == ["connecting", "open"]
    file = Endless()
    await give_up(ws.send_file(file, chunk_size=10), file)
    closure = (await seen.state("reconnecting")).closure
    assert closure == WebSocketClosure(1011, "error in fragmented message")
    await seen.state("open", 2)


async def test_a_file_that_nobody_waits_for_while_the_network_is_silent(
    server: PlainServer, make: Make, proxy: Proxy
) -> None:
    ws, seen = make(proxy.to(server.port), compression=False)
    await soon(ws.connect())
    proxy.silence()
    file, other = Endless(), Endless()
    sending = asyncio.ensure_future(ws.send_file(file, chunk_size=1_000_000))
    await until(lambda: file.reads >= 3, "it is on its way")
    while other.reads < 100:  # as quick a reader, whom no network holds up
        await asyncio.to_thread(other.read)
    assert file.reads < 50
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(sending)
    await seen.state("reconnecting")
    proxy.resume()
    await seen.state("open", 2)


async def test_what_the_handshake_says(server: PlainServer, make: Make) -> None:
    asked = 0

    async def headers() -> dict[str, str]:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return {"X-Token": str(asked)}

    url = server.url.replace("ws:", "http:") + "/deep/path?colour=r%20ed"
    ws, seen = make(url, headers=headers, subprotocols=["one", "two"])
    await soon(ws.connect())
    assert ws.subprotocol == "two"
    ws.send("!tell")
    told = await soon(ws.receive_json())
    assert (told["url"], [each.strip() for each in told["offered"]]) == ("/deep/path?colour=r%20ed", ["one", "two"])
    assert told["headers"]["x-token"] == "1"
    ws.send("!close 1012")
    await seen.state("open", 2)
    ws.send("!tell")
    assert (await soon(ws.receive_json()))["headers"]["x-token"] == "2"


async def test_handlers(server: PlainServer, make: Make, trouble: Trouble) -> None:
    ws, _ = make(server.url)
    got: list[tuple[str, Any]] = []
    done = asyncio.Event()

    @ws.on("json")
    async def on_json(value: Any) -> None:
        got.append(("json", value))
        await asyncio.sleep(0)
        if value == "fail":
            raise RuntimeError("a handler's own")

    @ws.on("bytes")
    async def on_bytes(message: bytes) -> None:
        got.append(("bytes", message))

    @ws.on("message")
    async def on_message(message: str | bytes) -> None:
        got.append(("message", message))
        done.set()

    await soon(ws.connect())
    for message in ('{"a":1}', b"{}", '"fail"', "[]", "no json"):
        ws.send(message)
    await soon(done.wait())
    await soon(ws.ping())
    assert got == [("json", {"a": 1}), ("bytes", b"{}"), ("json", "fail"), ("json", []), ("message", "no json")]
    trouble.expect("the json handler failed")
    with pytest.raises(ConfigurationError, match="second"):
        ws.on("json")(on_json)
    with pytest.raises(ConfigurationError, match="pigeon"):
        ws.on("pigeon")
    for event in ("json", "bytes", "message"):
        ws.off(event)
    texts: list[str] = []
    ws.on("text")(texts.append)
    ws.send(b"nobody takes it")
    assert await soon(ws.receive()) == b"nobody takes it"
    ws.send("somebody")
    await until(lambda: texts == ["somebody"], "the handler of text")


async def test_iterating(server: PlainServer, make: Make) -> None:
    ws, _ = make(server.url)
    await soon(ws.connect())
    ws.send("one")
    ws.send("two")
    ws.send("!close 1000 done")
    assert [message async for message in ws] == ["one", "two"]
    assert ws.state.closure == WebSocketClosure(1000, "done")
    assert not ws.connected
    await soon(ws.connect())
    ws.send("three")
    ws.send("!close 4403 forbidden")
    assert await soon(anext(ws)) == "three"
    with pytest.raises(NotConnected, match=r"4403 \(forbidden\)"):
        await soon(anext(ws))
    with pytest.raises(NotConnected):
        await ws.receive()


async def test_closing(server: PlainServer, make: Make) -> None:
    ws, seen = make(server.url)
    await soon(ws.connect())
    for number in range(100):
        ws.send(str(number))
    iterating = asyncio.ensure_future(_all(ws))
    # A pong comes after all that was echoed before it.
    assert 0 < await soon(ws.ping()) < WITHIN
    await soon(ws.close(4000, "enough"))
    assert await soon(iterating) == [str(number) for number in range(100)]
    assert seen.states[-1] == WebSocketState("closed", closure=WebSocketClosure(4000, "enough"))
    await soon(ws.close())
    with pytest.raises(NotConnected):
        await soon(ws.ping())
    with pytest.raises(NotConnected):
        await soon(ws.send_file(io.BytesIO(b"x")))
    for code, reason in ((1005, ""), (1006, ""), (1012, ""), (5000, ""), (2000, ""), (1000, "é" * 62)):
        with pytest.raises(ConfigurationError):
            await ws.close(code, reason)


async def _all(ws: WebSocketClient) -> list[str | bytes]:
    return [message async for message in ws]


async def test_what_the_server_sees_of_the_end(speak: Speak, make: Make) -> None:
    seen: asyncio.Queue[tuple[list[str | bytes], int | None, str | None]] = asyncio.Queue()

    async def script(connection: ServerConnection) -> None:
        messages = [message async for message in connection]
        seen.put_nowait((messages, connection.close_code, connection.close_reason))

    ws, _ = make(await speak(script))
    await soon(ws.connect())
    ws.send("last")
    await soon(ws.close(1001, "grüße"))
    assert await soon(seen.get()) == (["last"], 1001, "grüße")


async def test_closing_when_the_server_does_not_answer(server: PlainServer, make: Make) -> None:
    ws, _ = make(server.url, compression=False)
    await soon(ws.connect())
    ws.send("!stop")
    ws.send(b"x" * 15_000_000)
    await soon(ws.close())
    assert ws.state.name == "closed"


async def test_draining(server: PlainServer, make: Make, proxy: Proxy) -> None:
    ws, _ = make(proxy.to(server.port), compression=False)
    await ws.drain()
    ws.send("early")
    with pytest.raises(NotConnected):
        await ws.drain()
    connecting = asyncio.ensure_future(ws.connect())
    await asyncio.sleep(0)
    await soon(ws.drain())
    await soon(connecting)
    proxy.silence()
    ws.send(b"x" * 15_000_000)
    draining = asyncio.ensure_future(ws.drain())
    await rest()
    assert not draining.done()
    proxy.resume()
    await soon(draining)


async def test_the_server_is_read_as_messages_are_taken(make: Make, speak: Speak) -> None:
    sent = 0

    async def script(connection: ServerConnection) -> None:
        nonlocal sent
        for sent in range(1000):
            await connection.send(b"%04d" % sent + b"x" * 100_000)
        await connection.wait_closed()

    url = await speak(script)
    ws, seen = make(url, ping_interval=20, ping_timeout=20, compression=False)
    await soon(ws.connect())
    with Clock() as clock:  # three heartbeats: that the client does not read is no fault of the server's
        await pass_time(clock, 130, 10)
    assert 0 < sent < 200
    for number in range(1000):
        message = await soon(ws.receive())
        assert isinstance(message, bytes)
        assert message[:4] == b"%04d" % number
    assert seen.names == ["connecting", "open"]


async def test_handlers_that_do_not_end_hold_the_server_up(make: Make, speak: Speak) -> None:
    async def script(connection: ServerConnection) -> None:
        for number in range(30_000):
            await connection.send(str(number))
        await connection.wait_closed()

    ws, _ = make(await speak(script))
    started: list[str] = []
    gate = asyncio.Event()

    @ws.on("text")
    async def wait(message: str) -> None:
        started.append(message)
        await gate.wait()

    await soon(ws.connect())
    await until(lambda: len(started) >= 10_000, "as many as may run")
    await rest()
    assert len(started) < 10_100
    gate.set()
    await until(lambda: len(started) == 30_000, "the others")
    assert started == [str(number) for number in range(30_000)]


async def test_tls(host: Serve, make: Make, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=test -addext subjectAltName=IP:127.0.0.1"
    command = [*request.split(), "-keyout", str(key), "-out", str(certificate)]
    await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=30, check=True)
    site = await host(starlette_app.app, lifespan="off", ssl_keyfile=str(key), ssl_certfile=str(certificate))
    url = site.url.replace("http://", "wss://")
    ws, _ = make(url, ssl=ssl.create_default_context(cafile=str(certificate)))
    await soon(ws.connect())
    ws.send("secret")
    assert await soon(ws.receive()) == "secret"
    careful, seen = make(url)
    with pytest.raises(ConnectionFailed, match=r"(?i)certificate"):
        await soon(careful.connect())
    assert seen.names == ["connecting", "closed"], "another attempt would fail likewise"
    assert careful.state.closure is not None
    assert careful.state.closure.code == 1015


async def test_compression(server: PlainServer, make: Make) -> None:
    for compression, expected in ((True, "permessage-deflate"), (False, "")):
        ws, _ = make(server.url, compression=compression)
        await soon(ws.connect())
        ws.send("!tell")
        headers = (await soon(ws.receive_json()))["headers"]
        assert headers.get("sec-websocket-extensions", "").partition(";")[0] == expected
        ws.send("z" * 50_000)
        assert await soon(ws.receive()) == "z" * 50_000


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("localhost:8000", {}, "URL"),
        ("ftp://localhost", {}, "URL"),
        ("ws://localhost/#part", {}, "URL"),
        ("ws://localhost", {"randomization_factor": 2}, "randomization"),
        ("ws://localhost", {"reconnection_delay": -1}, "delay"),
        ("ws://localhost", {"timeout": 0}, "times"),
        ("ws://localhost", {"ping_interval": -1}, "times"),
        ("ws://localhost", {"subprotocols": "chat"}, "subprotocols"),
    ],
)
def test_what_is_wrong_is_said_at_once(url: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        WebSocketClient(url, **options)


def test_what_cannot_be_sent() -> None:
    ws = WebSocketClient("ws://localhost")
    for value in (5, None, {"a": 1}, "\ud800"):
        with pytest.raises(EncodeError):
            ws.send(cast(str, value))
    for unwritable in (object(), {object(): 2}, "\ud800", {"a": b"bytes"}):
        with pytest.raises(EncodeError):
            ws.send_json(unwritable)


def test_its_password_and_its_token_are_not_shown() -> None:
    assert repr(WebSocketClient("wss://me:secret@host/path?token=x")) == "<WebSocketClient wss://host/path closed>"
