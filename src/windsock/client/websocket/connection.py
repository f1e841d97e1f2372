"""One WebSocket, from the opening handshake to the end, by the ``websockets`` library."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.protocol import OPEN
from websockets.typing import Subprotocol

from windsock.client.transports.guarded import CLOSE_TIMEOUT, GuardedConnection
from windsock.client.websocket.closure import ABNORMAL, WebSocketClosure
from windsock.client.websocket.options import Options
from windsock.client.websocket.outgoing import SendQueue
from windsock.client.websocket.upload import Upload, UploadStopped
from windsock.errors import NotConnected
from windsock.protocol.closing import CloseCode
from windsock.protocol.websocket import QUIET

logger: logging.Logger = logging.getLogger("windsock.client")

MAX_FRAMES: Final = 1
"""Frames that wait in the library before it stops reading: each may be as large as a message, and more wait in the
client's own queue, which counts bytes."""


class Refused(Exception):
    """The connection did not come to stand.

    Args:
        closure: why.
    """

    def __init__(self, closure: WebSocketClosure) -> None:
        super().__init__(str(closure))
        self.closure = closure


class Connection:
    """Carries messages while it stands; never opened twice.

    Args:
        options: how to reach the server.
        queue: what to send.
        receive: called with each message. It may raise nothing.
    """

    def __init__(self, options: Options, queue: SendQueue, receive: Callable[[str | bytes], None]) -> None:
        self._options = options
        self._queue = queue
        self._receive = receive
        self._reading = asyncio.Event()
        self._reading.set()
        self._over = False
        self._silent = False

    @property
    def subprotocol(self) -> str | None:
        """The one that the server chose."""
        return self._websocket.subprotocol

    async def open(self, headers: Mapping[str, str]) -> None:
        """Makes the opening handshake.

        Raises:
            Refused: the server cannot be reached, or does not open a WebSocket.
        """
        options = self._options
        try:
            async with asyncio.timeout(options.timeout):
                websocket = await connect(
                    options.url,
                    ssl=options.ssl,
                    proxy=options.proxy,
                    additional_headers=headers,
                    subprotocols=[Subprotocol(name) for name in options.subprotocols] or None,
                    compression="deflate" if options.compression else None,
                    max_size=options.max_message_size,
                    max_queue=(MAX_FRAMES, 0),
                    open_timeout=None,
                    ping_interval=None,  # the library waits for room to send a ping, for good if the network is gone
                    close_timeout=CLOSE_TIMEOUT,
                    logger=QUIET,
                    create_connection=GuardedConnection,
                )
        except TimeoutError:
            reason = f"expected an answer within {options.timeout} s"
            raise Refused(WebSocketClosure(ABNORMAL, reason)) from None
        except (OSError, EOFError, WebSocketException, ValueError) as error:
            raise Refused(WebSocketClosure.before(error)) from error
        assert isinstance(websocket, GuardedConnection), "what was asked for"
        self._websocket = websocket

    async def run(self) -> WebSocketClosure:
        """Carries messages until the connection ends; returns how it did."""
        loop = asyncio.get_running_loop()
        websocket = self._websocket
        websocket.seen = loop.time()
        reading = loop.create_task(self._guard(self._read()))
        tasks = [reading, loop.create_task(self._guard(self._write())), loop.create_task(self._guard(self._beat()))]
        try:
            await websocket.wait_closed()
            self._over = True
            self._reading.set()
            await reading  # what has come already is taken in
        finally:
            websocket.transport.abort()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._queue.abandon(NotConnected("the connection was lost in the middle of the file"))
        if self._silent:
            reason = f"expected an answer to a ping within {self._options.ping_timeout} s"
            return WebSocketClosure(ABNORMAL, reason)
        if websocket.flooded:
            return WebSocketClosure(int(CloseCode.POLICY_VIOLATION), "expected the pongs to be taken, got more pings")
        return WebSocketClosure.of(websocket.close_exc)

    async def close(self, code: int, reason: str) -> None:
        """Makes the closing handshake, within a second or two."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(2 * CLOSE_TIMEOUT):
                await self._websocket.close(code, reason)
        self._websocket.transport.abort()

    async def ping(self) -> float:
        """Seconds until the answer.

        Raises:
            NotConnected: the connection was lost before it came.
        """
        try:
            return await (await self._websocket.ping())
        except ConnectionClosed as closed:
            raise NotConnected(f"the connection was lost before the pong came: {WebSocketClosure.of(closed)}") from None

    def hold(self) -> None:
        """Reads no further."""
        self._reading.clear()

    def release(self) -> None:
        """Reads again."""
        self._websocket.seen = asyncio.get_running_loop().time()  # nothing could be seen meanwhile
        self._reading.set()

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """A defect ends the connection, rather than leave it half alive."""
        try:
            await work
        except ConnectionClosed:
            pass
        except Exception:
            logger.exception("a connection to %s failed", self._options.name)
            self._websocket.transport.abort()

    async def _read(self) -> None:
        while True:
            if not self._over:
                await self._reading.wait()
            self._receive(await self._websocket.recv())

    async def _write(self) -> None:
        queue = self._queue
        while True:
            await queue.filled()
            if self._websocket.state is not OPEN:
                return  # what waits is the next connection's
            item = queue.take()
            try:
                if isinstance(item, Upload):
                    await self._upload(item)
                else:
                    await self._websocket.send(item.data, text=item.text)
            finally:
                queue.written()

    async def _upload(self, upload: Upload) -> None:
        """Sends a file, or the next chunk of it."""
        try:
            if upload.done.done():
                return
            if upload.fragments:
                await self._send_fragments(upload)
            elif chunk := await upload.read():
                await self._websocket.send(chunk)
                upload.sent += len(chunk)
                self._queue.put_back(upload)
                return
            upload.finish()
        except (ConnectionClosed, asyncio.CancelledError):
            upload.fail(NotConnected(f"the connection was lost {upload.sent} bytes into the file"))
            raise
        except UploadStopped as stopped:
            logger.debug("a file was not sent to its end: %s", stopped.__cause__ or "nobody waits for it")

    async def _send_fragments(self, upload: Upload) -> None:
        """Sends a file as one message. When that ends in the middle, the library closes the connection with 1011."""
        async with contextlib.aclosing(upload.chunks()) as chunks:
            sending: asyncio.Future[Any] = asyncio.ensure_future(self._websocket.send(chunks))
            waiting: tuple[asyncio.Future[Any], ...] = (sending, upload.done)
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if not sending.done():  # nobody waits any more: it ends with the next chunk, if there is one
                    await asyncio.wait([sending], timeout=CLOSE_TIMEOUT)
                    self._websocket.transport.abort()
                await sending
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def _beat(self) -> None:
        """Cuts the connection when the server shows no life: to a ping comes no pong, nor anything else."""
        websocket, interval, timeout = self._websocket, self._options.ping_interval, self._options.ping_timeout
        loop = asyncio.get_running_loop()
        while interval is not None:
            await asyncio.sleep(interval)
            asked = loop.time()
            try:
                async with asyncio.timeout(timeout):
                    await (await websocket.ping())
            except TimeoutError:
                # While the application takes nothing, what the server sends is not read, its pongs neither.
                if websocket.seen < asked and self._reading.is_set():
                    self._silent = True
                    websocket.transport.abort()
