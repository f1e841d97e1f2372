"""Both clients through proxies: given, or found in the environment; HTTP and SOCKS."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator

import pytest

from tests.client.websocket import starlette_app
from tests.server.fixtures import Serve
from tests.server.site import WITHIN, Site, soon
from windsock import Client, ConnectionFailed, Server, WebSocketClient
from windsock.types import TransportName

PLACES = ("http_proxy", "https_proxy", "socks_proxy", "all_proxy", "no_proxy", "ws_proxy")


class Gateway:
    """A proxy that speaks HTTP and SOCKS 5, by the first byte.

    Attributes:
        asked: how and where to.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(1)
        if first == b"\x05":
            await reader.readexactly((await reader.readexactly(1))[0])
            writer.write(b"\x05\x00")
            # RFC 1928, section 4: version, CONNECT, reserved, a name or an IPv4 address
            kind = (await reader.readexactly(4))[3]
            length = (await reader.readexactly(1))[0] if kind == 3 else 4
            host = await reader.readexactly(length)
            (port,) = struct.unpack("!H", await reader.readexactly(2))
            name = host.decode() if kind == 3 else ".".join(map(str, host))
            self.asked.append(("socks", f"{name}:{port}"))
            there, back = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"\x05\x00\x00\x01" + bytes(6))
        else:
            head = first + await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
            self.asked.append((method, target))
            host_port = target if method == "CONNECT" else target.split("/")[2]
            there, back = await asyncio.open_connection("127.0.0.1", int(host_port.rpartition(":")[2]))
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                back.write(head)

        async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                target.write(data)
            target.close()

        await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)
        writer.transport.abort()
        back.transport.abort()


@pytest.fixture
async def gateway(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    for name in PLACES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    found = Gateway()
    async with await asyncio.start_server(found.serve, "127.0.0.1", 0) as server:
        found.port = server.sockets[0].getsockname()[1]
        yield found


@pytest.fixture
async def plain(host: Serve) -> Site:
    return await host(starlette_app.app, lifespan="off")


async def echo(url: str, proxy: str | bool | None) -> None:
    async with asyncio.timeout(WITHIN), WebSocketClient(url, proxy=proxy, reconnection=False) as ws:
        ws.send("there?")
        assert await ws.receive() == "there?"


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
async def test_the_plain_client_by_a_proxy_that_is_given(gateway: Gateway, plain: Site, scheme: str) -> None:
    await echo(plain.url, f"{scheme}://127.0.0.1:{gateway.port}")
    assert gateway.asked == [("CONNECT" if scheme == "http" else "socks", f"127.0.0.1:{plain.port}")]


@pytest.mark.parametrize(
    ("name", "scheme", "how"),
    [("https_proxy", "http", "CONNECT"), ("ws_proxy", "http", "CONNECT"), ("socks_proxy", "socks5h", "socks")],
)
async def test_the_plain_client_by_the_environment(
    gateway: Gateway, plain: Site, monkeypatch: pytest.MonkeyPatch, name: str, scheme: str, how: str
) -> None:
    monkeypatch.setenv(name, f"{scheme}://127.0.0.1:{gateway.port}")
    await echo(plain.url, True)
    assert [asked[0] for asked in gateway.asked] == [how]
    await echo(plain.url, None)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    await echo(plain.url, True)
    assert len(gateway.asked) == 1, "not by one who wants none, nor for a host that is excepted"


async def test_a_proxy_that_is_none(plain: Site) -> None:
    for proxy in ("gopher://127.0.0.1:70", "http://127.0.0.1:70/path"):
        ws = WebSocketClient(plain.url, proxy=proxy)
        with pytest.raises(ConnectionFailed, match=r"(?i)proxy|scheme|path"):
            await soon(ws.connect())
        assert ws.state.name == "closed"


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_the_client_by_the_environment(
    gateway: Gateway, host: Serve, monkeypatch: pytest.MonkeyPatch, transport: TransportName
) -> None:
    io = Server()
    io.on("echo")(lambda socket, value: value)
    site = await host(io)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{gateway.port}")
    async with asyncio.timeout(WITHIN), Client(site.url, transports=[transport]) as client:
        assert await client.emit_with_ack("echo", 1) == 1
    asked = len(gateway.asked)
    assert asked > 0
    async with asyncio.timeout(WITHIN), Client(site.url, transports=[transport], proxy=None) as client:
        assert await client.emit_with_ack("echo", 1) == 1
    assert len(gateway.asked) == asked


async def test_the_client_by_socks(gateway: Gateway, host: Serve) -> None:
    io = Server()
    io.on("echo")(lambda socket, value: value)
    site = await host(io)
    proxy = f"socks5://127.0.0.1:{gateway.port}"
    async with asyncio.timeout(WITHIN), Client(site.url, transports=["websocket"], proxy=proxy) as client:
        assert await client.emit_with_ack("echo", 1) == 1
    assert gateway.asked == [("socks", f"127.0.0.1:{site.port}")]
