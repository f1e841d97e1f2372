"""The WebSocket transport over ASGI: for servers that keep the connection to themselves."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar, Final

from windsock.engine.transports.straggler import Straggler
from windsock.protocol.websocket import Closed

if TYPE_CHECKING:
    from windsock.engine.cors import Header
    from windsock.engine.transports.base import Outgoing, Receiver
    from windsock.engine.wiring import Wiring
    from windsock.protocol.engineio import Message
    from windsock.types import Receive, Send, TransportName

_TOO_BIG: Final = 1009
_NORMAL: Final = 1000
_NO_STATUS: Final = 1005
_ABNORMAL: Final = 1006

WRITE_AHEAD: Final = 64 * 1024
"""Bytes that wait for the writing task while the server takes all it is given. More in one go is for the slow client's
rules: only when the writing task has run is it known whether the client is one."""


class AsgiWebSocketTransport:
    """One WebSocket connection as ASGI events (ASGI specification, "WebSocket").

    A task of the server's reads; one task of this transport writes, since ``send`` may wait for a slow client. While it
    waits, what is sent waits in a :class:`~windsock.engine.transports.straggler.Straggler`.

    Args:
        wiring: of the engine.
        receive: of the ASGI application.
        send: of the ASGI application.
    """

    __slots__ = ("_buffered", "_closing", "_done", "_finished", "_queue", "_reading", "_receive", "_released", "_send",
                 "_sent", "_stuck", "_wake", "_wiring", "closed", "pending", "receiver", "straggler")  # fmt: skip

    name: ClassVar[TransportName] = "websocket"

    def __init__(self, wiring: Wiring, receive: Receive, send: Send) -> None:
        self._wiring = wiring
        self.straggler: Straggler | None = None
        self._stuck = False  # while ``send`` has not returned
        self._sent = 0
        self._receive = receive
        self._send = send
        self._queue: deque[Outgoing] = deque()
        self._buffered = 0
        self._wake = asyncio.Event()
        self._released = asyncio.Event()
        self._released.set()
        self._closing: Closed | None = None
        self._done = False
        self._finished = asyncio.Event()
        self._reading: asyncio.Future[Any]
        self.closed: Closed = Closed(_ABNORMAL)
        self.pending: list[bytes] | None = None
        self.receiver: Receiver

    @property
    def writable(self) -> bool:
        """See :class:`windsock.engine.transports.base.Transport`."""
        return self.straggler is None and not self._stuck and not self._done

    @property
    def buffered(self) -> int:
        """See :class:`windsock.engine.transports.base.Transport`. What the ASGI server holds is not known."""
        straggler = self.straggler  # asked for once: whoever exports metrics does so from another thread
        return self._buffered + (0 if straggler is None else straggler.size)

    def send(self, message: Outgoing) -> None:
        """See :class:`windsock.engine.transports.base.Transport`."""
        if self._done or self._closing is not None:
            return
        straggler = self.straggler
        size = message.size
        if straggler is None and (self._stuck or self._buffered > WRITE_AHEAD):
            straggler = self.straggler = Straggler(self._wiring, self._give_up, lambda: self._sent)
        if straggler is None:
            self._queue.append(message)
            self._buffered += size
        else:
            straggler.add(message, size, message.terms)
        self._wake.set()

    def close(self, code: int = _NORMAL, reason: str = "") -> None:
        """See :class:`windsock.engine.transports.base.Transport`.

        Args:
            code: of the close frame.
            reason: of the close frame; 123 bytes at most.
        """
        if not self._done and self._closing is None:
            self._closing = Closed(code, reason)
            self._wake.set()
            self._released.set()

    def abort(self) -> None:
        """See :class:`windsock.engine.transports.base.Transport`."""
        self._finish("transport close")

    def discard(self) -> list[Message]:
        """A WebSocket is the last transport a session has: nothing replaces it."""
        return []

    def hold(self) -> None:
        """See :class:`windsock.engine.transports.base.Transport`."""
        self._released.clear()

    def release(self) -> None:
        """See :class:`windsock.engine.transports.base.Transport`."""
        self._released.set()

    async def run(self, headers: list[Header], subprotocol: str | None = None) -> None:
        """Accepts the connection, of which the first event was received, and carries it until it ends."""
        try:
            await self._send({"type": "websocket.accept", "headers": headers, "subprotocol": subprotocol})
            await self._carry()
        except OSError:
            pass  # how ASGI tells that the client has gone
        finally:
            self._finish("transport error")

    async def _carry(self) -> None:
        # The third is for a client that is given up while a ``send`` to it waits.
        parts = [asyncio.ensure_future(part) for part in (self._read(), self._write(), self._finished.wait())]
        self._reading = parts[0]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            if self._closing is not None and parts[0].cancelled():
                await asyncio.wait(parts[1:], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            results = await asyncio.gather(*parts, return_exceptions=True)
            failed = any(isinstance(result, Exception) for result in results)
            self._finish("transport error" if failed else "transport close")

    async def _read(self) -> None:
        limit = self._wiring.options.max_http_buffer_size
        while True:
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                self.closed = Closed(event.get("code", _NO_STATUS), event.get("reason") or "")
                return
            text = event.get("text")
            packet: str | bytes = text if text is not None else event.get("bytes") or b""
            # The server's own limit on messages may be wider than the engine's.
            if len(packet) > limit or (isinstance(packet, str) and len(packet.encode()) > limit):
                self.closed = Closed(_TOO_BIG)
                await self._send({"type": "websocket.close", "code": _TOO_BIG})
                self._finish("transport error")
                return
            await self._released.wait()
            if self._done:
                return
            self.receiver.receive(packet)

    async def _write(self) -> None:
        while not self._done:
            await self._wake.wait()
            self._wake.clear()
            while (message := self._next()) is not None:
                for part in message.parts:
                    key = "text" if isinstance(part, str) else "bytes"
                    await self._give({"type": "websocket.send", key: part})
            if self._closing is not None:
                # granian does not close while the application waits for an event.
                self._reading.cancel()
                code, reason = self._closing.code, self._closing.reason
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
                return

    async def _give(self, event: dict[str, Any]) -> None:
        self._stuck = True
        await self._send(event)
        self._stuck = False
        self._sent += 1

    def _next(self) -> Outgoing | None:
        queue = self._queue
        straggler = self.straggler
        if not queue and straggler is not None:
            # Little by little: what is not given to the server yet may still be dropped.
            queue += straggler.take(1)
            self._buffered = sum(message.size for message in queue)
            if not queue:
                self.straggler = None
                straggler.end()
        if not queue:
            return None
        message = queue.popleft()
        self._buffered -= message.size
        return message

    def _give_up(self) -> None:
        self._finish("transport error")

    def _finish(self, reason: str) -> None:
        if self._done:
            return
        self._done = True
        straggler, self.straggler = self.straggler, None
        if straggler is not None:
            straggler.end()
        self._finished.set()
        self._queue.clear()
        self._wake.set()
        self._released.set()
        self.receiver.transport_closed(reason)
