"""A session over HTTP long-polling, by aiohttp."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

import aiohttp

from windsock.client.endpoint import Endpoint
from windsock.client.handshake import Handshake
from windsock.client.transports.base import describe
from windsock.errors import ConnectionFailed, PayloadError
from windsock.protocol import payload
from windsock.protocol.engineio import CLOSE, Message
from windsock.types import TransportName

CLOSE_TIMEOUT: Final = 1.0
"""Seconds to tell the server that the session ends."""

MAX_QUOTED: Final = 200
"""Bytes of a refusal that are shown."""

_CONTENT_TYPE: Final = {"Content-Type": "text/plain;charset=UTF-8"}


class PollingTransport:
    """See :class:`windsock.client.transports.base.Transport`."""

    name: TransportName = "polling"

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._http: aiohttp.ClientSession | None = None
        self._sid: str | None = None

    async def open(self, sid: str | None) -> None:
        """Nothing is sent: the first packets received are the handshake."""
        self._sid = sid
        self._http = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),  # the endpoint keeps them, for both transports
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None, sock_read=None),  # the heartbeat watches
            trust_env=self._endpoint.proxy is True,
            middlewares=(self._try_once,),
        )

    async def receive(self) -> list[str | bytes]:
        """One GET: it lasts until the server has something."""
        body = await self._request("GET", None)
        try:
            packets = payload.decode(body)
        except PayloadError as error:
            raise ConnectionFailed(f"expected packets from {self._endpoint}: {error}") from error
        if self._sid is None:
            self._sid = Handshake.parse(packets[0]).sid
        return packets

    async def send(self, messages: Sequence[Message]) -> None:
        """One POST for all."""
        await self._request("POST", payload.encode(messages))

    async def close(self, *, graceful: bool) -> None:
        """Posts a close packet, or just stops asking."""
        http = self._http
        if http is None or http.closed:
            return
        if graceful and self._sid is not None:
            with contextlib.suppress(ConnectionFailed, TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self._request("POST", CLOSE.payload)
        await http.close()

    async def _request(self, method: str, data: bytes | None) -> bytes:
        assert self._http is not None, "the transport was not opened"
        endpoint = self._endpoint
        headers = endpoint.headers()
        try:
            async with self._http.request(
                method,
                endpoint.url("polling", self._sid),
                data=data,
                headers=headers if data is None else {**headers, **_CONTENT_TYPE},
                ssl=True if endpoint.ssl is None else endpoint.ssl,
                proxy=endpoint.proxy if isinstance(endpoint.proxy, str) else None,
                allow_redirects=False,  # headers and cookies may be secrets of this server
            ) as response:
                body = await self._read(response)
                endpoint.set_cookies(response.headers.getall("Set-Cookie", []))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ConnectionFailed(f"expected an answer from {endpoint}: {describe(error)}") from error
        if response.status != 200:
            said = body[:MAX_QUOTED].decode(errors="replace")
            raise ConnectionFailed(f"expected status 200 from {endpoint}, got {response.status}: {said}")
        return body

    async def _try_once(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Keeps aiohttp from sending a GET again by itself: the packets in a lost answer do not come a second time."""
        try:
            return await handler(request)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise ConnectionFailed(f"expected an answer from {self._endpoint}: {describe(error)}") from error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        # Several messages travel in one body, binary ones in base64.
        limit = 2 * self._endpoint.max_message_size
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > limit:
                raise ConnectionFailed(f"expected at most {limit} bytes in one answer of {self._endpoint}")
        return bytes(body)
