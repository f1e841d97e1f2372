"""A Socket.IO client that says exactly what a test tells it to, on either transport."""

from __future__ import annotations

import asyncio
import json
import ssl
from abc import ABC, abstractmethod
from base64 import b64decode, b64encode
from collections import deque
from contextlib import AsyncExitStack
from typing import Any, Final, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.server.site import WITHIN, bounded_socket

ENGINE: Final = "/socket.io/?EIO=4"
_NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # made once: httpx would load certificates for each client


class Gone(Exception):
    """The session is over.

    Attributes:
        code: of the close frame, or of the body of a polling answer.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"the session is over: {code}")
        self.code = code


class Peer(ABC):
    """What both transports have in common.

    Attributes:
        parameters: of the open packet.
    """

    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}
        self._last_id = 0
        self._unread: deque[str | bytes] = deque()

    @property
    def sid(self) -> str:
        sid: str = self.parameters["sid"]
        return sid

    @property
    def has_unread(self) -> bool:
        """Whether the next packet has come with an earlier one."""
        return bool(self._unread)

    @abstractmethod
    async def send(self, *packets: str | bytes) -> None:
        """Sends Engine.IO packets: text with its type digit, binary bare."""

    @abstractmethod
    async def close(self) -> None:
        """Ends the connection without a word."""

    @abstractmethod
    async def _receive(self) -> list[str | bytes]:
        """The next packets.

        Raises:
            Gone: there are none, and never will be.
        """

    async def receive(self, *, within: float = WITHIN) -> str | bytes:
        """The next Engine.IO packet."""
        async with asyncio.timeout(within):
            while not self._unread:
                self._unread += await self._receive()
        return self._unread.popleft()

    async def packet(self, *, within: float = WITHIN) -> str:
        """The next message, which must be text; pings are answered on the way."""
        async with asyncio.timeout(within):
            while (packet := await self.receive()) in ("2", "6"):
                if packet == "2":
                    await self.send("3")
        assert isinstance(packet, str), f"expected text, got {packet!r}"
        assert packet[0] == "4", f"expected a message, got {packet!r}"
        return packet[1:]

    async def gone(self, *, within: float = WITHIN) -> int:
        """Waits until the session is over; returns the code."""
        async with asyncio.timeout(within):
            while True:
                try:
                    self._unread += await self._receive()
                except Gone as end:
                    return end.code

    # -- Socket.IO --

    async def connect(self, namespace: str = "/", auth: Any = None) -> str:
        """Joins a namespace; returns the socket's id."""
        await self.send(f"40{_prefix(namespace)}{'' if auth is None else json.dumps(auth)}")
        answer = await self.packet()
        start = f"0{_prefix(namespace)}"
        assert answer.startswith(start + "{"), answer
        sid: str = json.loads(answer[len(start) :])["sid"]
        return sid

    async def refused(self, namespace: str = "/", auth: Any = None) -> dict[str, Any]:
        """Tries to join a namespace; returns the error."""
        await self.send(f"40{_prefix(namespace)}{'' if auth is None else json.dumps(auth)}")
        answer = await self.packet()
        start = f"4{_prefix(namespace)}"
        assert answer.startswith(start + "{"), answer
        error: dict[str, Any] = json.loads(answer[len(start) :])
        return error

    async def emit(self, event: str, *arguments: Any, namespace: str = "/", id: int | None = None) -> None:
        """Emits an event without binary."""
        await self.send(event_packet(event, *arguments, namespace=namespace, id=id))

    async def event(self, name: str, namespace: str = "/") -> list[Any]:
        """Arguments of the next packet, which must be this event."""
        packet = await self.packet()
        start = f"2{_prefix(namespace)}["
        assert packet.startswith(start), packet
        arguments: list[Any] = json.loads(packet[len(start) - 1 :])
        assert arguments[0] == name, packet
        return arguments[1:]

    async def call(self, event: str, *arguments: Any, namespace: str = "/") -> list[Any]:
        """Emits an event; the arguments of its acknowledgement, which must be the next packet."""
        self._last_id += 1
        await self.emit(event, *arguments, namespace=namespace, id=self._last_id)
        return await self.acknowledgement(self._last_id, namespace)

    async def acknowledgement(self, id: int, namespace: str = "/") -> list[Any]:
        """Arguments of the next packet, which must be this acknowledgement."""
        packet = await self.packet()
        start = f"3{_prefix(namespace)}{id}["
        assert packet.startswith(start), packet
        arguments: list[Any] = json.loads(packet[len(start) - 1 :])
        return arguments

    async def fence(self, namespace: str = "/") -> None:
        """Fails when anything was sent to this client before now: an event nobody handles is answered next."""
        (answer,) = await self.call("fence", namespace=namespace)
        assert answer["error"]["code"] == "unknown_event"


class WebSocketPeer(Peer):
    """A client on a WebSocket, from its handshake or from its upgrade on."""

    def __init__(self, connection: ClientConnection) -> None:
        super().__init__()
        self.connection = connection

    @classmethod
    async def open(cls, url: str, stack: AsyncExitStack, **options: Any) -> Self:
        """Connects and reads the open packet."""
        peer = cls(await open_websocket(url + ENGINE + "&transport=websocket", stack, **options))
        packet = await peer.receive()
        assert isinstance(packet, str)
        assert packet[0] == "0", packet
        peer.parameters = json.loads(packet[1:])
        return peer

    async def send(self, *packets: str | bytes) -> None:
        for packet in packets:
            await self.connection.send(packet)

    async def close(self) -> None:
        self.connection.transport.abort()

    async def _receive(self) -> list[str | bytes]:
        try:
            return [await self.connection.recv()]
        except ConnectionClosed as closed:
            raise Gone(closed.rcvd.code if closed.rcvd is not None else 1006) from None


class PollingPeer(Peer):
    """A client on long-polling."""

    def __init__(self, http: httpx.AsyncClient, query: str = "") -> None:
        super().__init__()
        self.http = http
        self._query = query

    @classmethod
    async def open(cls, url: str, stack: AsyncExitStack, *, query: str = "", headers: Any = None) -> Self:
        """Connects and reads the open packet, which comes alone."""
        peer = cls(await open_http(url, stack, headers=headers), query)
        response = await peer.http.get(ENGINE + "&transport=polling" + query)
        assert response.status_code == 200, response.text
        assert response.text[0] == "0", response.text
        peer.parameters = json.loads(response.text[1:])
        return peer

    @property
    def target(self) -> str:
        """Where this session's requests go."""
        return f"{ENGINE}&transport=polling&sid={self.sid}{self._query}"

    async def get(self) -> httpx.Response:
        return await self.http.get(self.target)

    async def post(self, body: bytes) -> httpx.Response:
        return await self.http.post(self.target, content=body)

    async def send(self, *packets: str | bytes) -> None:
        response = await self.post(encode(*packets))
        assert (response.status_code, response.text) == (200, "ok"), response

    async def close(self) -> None:
        """Goes away while a GET waits: the server reads the request, then the end of the connection."""
        url = self.http.base_url
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"GET {self.target} HTTP/1.1\r\nHost: {url.netloc.decode()}\r\n\r\n".encode())
        writer.close()
        await writer.wait_closed()
        await self.http.aclose()

    async def _receive(self) -> list[str | bytes]:
        response = await self.get()
        if response.status_code != 200:
            raise Gone(response.json()["code"])
        packets = decode(response.text)
        if packets[-1] == "1":
            raise Gone(1)
        return packets


async def open_http(url: str, stack: AsyncExitStack, *, headers: Any = None) -> httpx.AsyncClient:
    """An HTTP client whose requests are bounded in time."""
    client = httpx.AsyncClient(base_url=url, verify=_NO_TLS, headers=headers, timeout=WITHIN, trust_env=False)
    return await stack.enter_async_context(client)


async def open_websocket(url: str, stack: AsyncExitStack, **options: Any) -> ClientConnection:
    """A WebSocket that does nothing by itself but answer close frames."""
    options = {"compression": None, "ping_interval": None, "close_timeout": WITHIN, "max_size": None, **options}
    sock = stack.enter_context(bounded_socket())
    host, _, port = url.partition("//")[2].partition("/")[0].partition(":")
    async with asyncio.timeout(WITHIN):
        await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
    connecting = connect(url.replace("http", "ws", 1), open_timeout=WITHIN, proxy=None, sock=sock, **options)
    return await stack.enter_async_context(connecting)


def event_packet(event: str, *arguments: Any, namespace: str = "/", id: int | None = None) -> str:
    """An event as an Engine.IO packet."""
    return f"42{_prefix(namespace)}{'' if id is None else id}{json.dumps([event, *arguments], separators=(',', ':'))}"


def encode(*packets: str | bytes) -> bytes:
    """A polling payload."""
    texts = ["b" + b64encode(packet).decode() if isinstance(packet, bytes) else packet for packet in packets]
    return "\x1e".join(texts).encode()


def decode(payload: str) -> list[str | bytes]:
    """The packets of a polling payload."""
    return [b64decode(packet[1:]) if packet[:1] == "b" else packet for packet in payload.split("\x1e")]


def _prefix(namespace: str) -> str:
    return "" if namespace == "/" else f"{namespace},"
