"""A session over one WebSocket, by the ``websockets`` library."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from windsock.client.endpoint import Endpoint
from windsock.client.transports.base import describe
from windsock.client.transports.deflate import DEFLATE_THRESHOLD, SelectiveDeflate, SelectiveDeflateFactory
from windsock.client.transports.guarded import CLOSE_TIMEOUT, GuardedConnection
from windsock.errors import ConnectionFailed
from windsock.protocol.engineio import Message
from windsock.protocol.websocket import QUIET
from windsock.types import TransportName


class WebSocketTransport:
    """See :class:`windsock.client.transports.base.Transport`."""

    name: TransportName = "websocket"

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._connection: ClientConnection | None = None
        self._deflate: SelectiveDeflate | None = None

    async def open(self, sid: str | None) -> None:
        """Makes the opening handshake."""
        endpoint = self._endpoint
        try:
            self._connection = await connect(
                endpoint.url("websocket", sid),
                ssl=endpoint.ssl,
                proxy=endpoint.proxy,
                additional_headers=endpoint.headers(),
                compression=None,  # the library's own knows no exceptions
                extensions=[SelectiveDeflateFactory()] if endpoint.compression else None,
                max_size=endpoint.max_message_size,
                open_timeout=None,  # the session has one for all that it takes to open
                ping_interval=None,  # Engine.IO has its own heartbeat
                close_timeout=CLOSE_TIMEOUT,
                logger=QUIET,
                create_connection=GuardedConnection,
            )
        except (OSError, EOFError, WebSocketException, ValueError) as error:
            raise ConnectionFailed(f"expected a WebSocket at {endpoint}: {describe(error)}") from error
        agreed = self._connection.protocol.extensions
        self._deflate = next((each for each in agreed if isinstance(each, SelectiveDeflate)), None)
        response = self._connection.response
        if response is not None:
            endpoint.set_cookies(response.headers.get_all("Set-Cookie"))

    async def receive(self) -> list[str | bytes]:
        """The next message."""
        try:
            message = await self._open_connection.recv()
        except ConnectionClosed as closed:
            raise _lost(closed) from closed
        return [message]

    async def send(self, messages: Sequence[Message]) -> None:
        """Sends each message and its attachments as frames."""
        connection = self._open_connection
        try:
            for message in messages:
                if message.text:
                    self._choose(message, message.text)
                    await connection.send(message.text, text=True)
                for attachment in message.attachments:
                    self._choose(message, attachment)
                    await connection.send(attachment)
        except ConnectionClosed as closed:
            raise _lost(closed) from closed

    async def close(self, *, graceful: bool) -> None:
        """Closes the connection, or cuts it."""
        connection = self._connection
        if connection is None:
            return
        if graceful:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(2 * CLOSE_TIMEOUT):
                    await connection.close()
        connection.transport.abort()

    def _choose(self, message: Message, data: bytes) -> None:
        """Says whether the next frame is compressed; nobody else sends any."""
        if self._deflate is not None:
            self._deflate.on = message.compress and len(data) >= DEFLATE_THRESHOLD

    @property
    def _open_connection(self) -> ClientConnection:
        assert self._connection is not None, "the transport was not opened"
        return self._connection


def _lost(closed: ConnectionClosed) -> ConnectionFailed:
    return ConnectionFailed(f"expected the WebSocket to stay open: {closed}", "transport close")
