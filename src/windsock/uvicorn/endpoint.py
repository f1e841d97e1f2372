"""A plain ASGI WebSocket endpoint: the application keeps the connection."""

from __future__ import annotations

import asyncio
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Protocol

from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.http11 import Response

from windsock.engine.transports.websocket import CLOSE_TIMEOUT
from windsock.protocol.websocket import BINARY, PING_FRAME, TEXT, MessageReader, frame

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    from websockets.extensions import Extension

    from windsock.engine.cors import Header

MAX_UNREAD_MESSAGES: Final = 32
"""Messages read ahead of an ASGI application; then the connection is not read until it has caught up."""

MAX_UNREAD_SIZE: Final = 1024 * 1024
"""Bytes of them, likewise. One message alone may be larger, and so may what one read is inflated to."""

MAX_DENIAL_SIZE: Final = 1024 * 1024
"""Bytes in the body of an answer that refuses a handshake: it is gathered before it is sent."""


INTERNAL_ERROR: Final = 1011
"""What uvicorn closes with when a ping is not answered."""


class ClientDisconnected(OSError):
    """Raised in an ASGI application that sends to a client that has gone (ASGI, "Disconnected Client")."""


class Host(Protocol):
    """Whoever performs the handshake."""

    def accept(self, headers: list[Header], subprotocol: str | None) -> tuple[MessageReader, list[Extension]]:
        """Accepts it; returns what reads the connection from now on, and the extensions agreed on."""

    def refuse(self, response: Response) -> None:
        """Answers it with something else, and closes."""


class Endpoint:
    """``receive`` and ``send`` of a connection (ASGI specification, "WebSocket").

    Args:
        host: performs the handshake.
        connection: to the client.
        ping_interval: seconds between pings, which find out that a client has gone; ``None`` for no pings.
        ping_timeout: seconds for the pong; ``None`` for as long as it takes.

    Attributes:
        accepted: whether the application accepted the handshake.
        answered: whether it accepted or denied it.
        writable: set while the client keeps up.
    """

    def __init__(
        self,
        host: Host,
        connection: asyncio.Transport,
        *,
        ping_interval: float | None = None,
        ping_timeout: float | None = None,
    ) -> None:
        self.accepted: bool = False
        self.answered: bool = False
        self.writable: asyncio.Event = asyncio.Event()
        self.writable.set()
        self._host = host
        self._connection = connection
        self._reader: MessageReader | None = None
        self._deflate: PerMessageDeflate | None = None
        self._unread: deque[dict[str, Any]] = deque([{"type": "websocket.connect"}])
        self._unread_size = 0
        # Whether nothing more is read until the application has caught up.
        self._stopped = False
        self._arrived = asyncio.Event()
        self._over: dict[str, Any] | None = None
        self._close_sent = False
        self._denial: tuple[int, list[Header]] | None = None
        self._denial_body = b""
        self._close_timer: asyncio.TimerHandle | None = None
        self._ping_interval = ping_interval
        self._ping_timeout = ping_timeout
        self._heartbeat: asyncio.TimerHandle | None = None

    # -- the application's side --

    async def receive(self) -> dict[str, Any]:
        """The next event; after the last one, that one again."""
        while not self._unread:
            if self._over is not None:
                return self._over
            self._arrived.clear()
            await self._arrived.wait()
        event = self._unread.popleft()
        self._unread_size -= _size(event)
        if (
            self._stopped
            and len(self._unread) <= MAX_UNREAD_MESSAGES // 2
            and self._unread_size <= MAX_UNREAD_SIZE // 2
        ):
            self._stopped = False
            self._go_on()
        return event

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Takes an event of the application.

        Raises:
            ClientDisconnected: the client has gone.
            RuntimeError: the event is not one that may come now.
        """
        kind: str = message["type"]
        if self._close_sent:
            raise RuntimeError(f"expected no event after the connection was closed, got {kind!r}")
        await self.writable.wait()
        if self._over is not None:
            raise ClientDisconnected("the client has disconnected")
        if self.accepted:
            self._send_open(kind, message)
        elif self._denial is not None:
            self._send_denial(kind, message)
        else:
            self._send_first(kind, message)

    def close(self, code: int, reason: str = "", timeout: float = CLOSE_TIMEOUT) -> None:
        """Starts the closing handshake (RFC 6455, section 7.1.2); waits ``timeout`` seconds for the client's part."""
        if self._close_sent or self._over is not None or self._reader is None:
            return
        self._close_sent = True
        self._stop_heartbeat()
        self._end(code, reason)
        self._connection.write(self._reader.close(code, reason))
        self._connection.resume_reading()  # for the answer
        self._close_timer = asyncio.get_running_loop().call_later(timeout, self._connection.abort)

    def _send_first(self, kind: str, message: MutableMapping[str, Any]) -> None:
        if kind == "websocket.accept":
            headers, subprotocol = list(message.get("headers", [])), message.get("subprotocol")
            self._reader, extensions = self._host.accept(headers, subprotocol)
            self._deflate = next((each for each in extensions if isinstance(each, PerMessageDeflate)), None)
            self.accepted = self.answered = True
            self._await_ping()
        elif kind == "websocket.close":
            self._deny(HTTPStatus.FORBIDDEN, [], b"")
        elif kind == "websocket.http.response.start":
            self._denial = (message["status"], list(message.get("headers", [])))
        else:
            raise RuntimeError(f"expected an event that answers the handshake, got {kind!r}")

    def _send_open(self, kind: str, message: MutableMapping[str, Any]) -> None:
        if kind == "websocket.send":
            data, text = message.get("bytes"), message.get("text")
            if data is not None:
                self._write(BINARY, bytes(data))
            elif text is not None:
                self._write(TEXT, text.encode())
            else:
                raise RuntimeError("expected bytes or text in websocket.send, got neither")
        elif kind == "websocket.close":
            self.close(message.get("code", 1000), message.get("reason") or "")
        else:
            raise RuntimeError(f"expected websocket.send or websocket.close, got {kind!r}")

    def _send_denial(self, kind: str, message: MutableMapping[str, Any]) -> None:
        if kind != "websocket.http.response.body":
            raise RuntimeError(f"expected websocket.http.response.body, got {kind!r}")
        self._denial_body += message.get("body", b"")
        if len(self._denial_body) > MAX_DENIAL_SIZE:
            raise RuntimeError(f"expected at most {MAX_DENIAL_SIZE} bytes in the body of a denial")
        if not message.get("more_body", False):
            assert self._denial is not None
            self._deny(*self._denial, self._denial_body)

    # -- the connection's side --

    def data_received(self, data: bytes) -> None:
        """Takes frames."""
        reader = self._reader
        assert reader is not None
        self._take(reader.receive(data))
        while reader.more and (self._close_sent or not self._is_full()):
            self._take(reader.receive(b""))
        if reader.output:
            self._connection.write(b"".join(reader.output))
            reader.output.clear()
        if reader.closed is not None:
            self._end(reader.closed.code, reader.closed.reason)
            self._connection.close()
        elif not self._close_sent and self._is_full():
            self._stopped = True
            self._connection.pause_reading()

    def connection_lost(self) -> None:
        """The connection is gone."""
        if self._close_timer is not None:
            self._close_timer.cancel()
        self._stop_heartbeat()
        self._end(1006, "")
        self.writable.set()

    # -- inside --

    def _take(self, messages: Sequence[str | bytes]) -> None:
        if self._close_sent:
            return
        for message in messages:
            self._unread.append({"type": "websocket.receive", "text" if isinstance(message, str) else "bytes": message})
            self._unread_size += len(message)
        if messages:
            self._arrived.set()

    def _is_full(self) -> bool:
        return len(self._unread) >= MAX_UNREAD_MESSAGES or self._unread_size >= MAX_UNREAD_SIZE

    def _go_on(self) -> None:
        if self._connection.is_closing():
            return
        self._connection.resume_reading()
        if self._reader is not None and self._reader.more:
            self.data_received(b"")

    def _await_ping(self) -> None:
        if self._ping_interval is not None:
            self._heartbeat = asyncio.get_running_loop().call_later(self._ping_interval, self._ping)

    def _ping(self) -> None:
        assert self._reader is not None  # the handshake was accepted
        self._reader.ponged = False
        self._connection.write(PING_FRAME)
        if self._ping_timeout is None:
            self._await_ping()
        else:
            self._heartbeat = asyncio.get_running_loop().call_later(self._ping_timeout, self._check_pong)

    def _check_pong(self) -> None:
        assert self._reader is not None  # the handshake was accepted
        # While the application does not keep up, a pong stands unread behind the messages.
        if self._reader.ponged or self._stopped:
            self._await_ping()
        else:
            self.close(INTERNAL_ERROR, "keepalive ping timeout")

    def _stop_heartbeat(self) -> None:
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            self._heartbeat = None

    def _deny(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        self._close_sent = self.answered = True
        fields = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])
        fields.setdefault("Content-Length", str(len(body)))
        fields.setdefault("Connection", "close")
        self._end(1006, "")
        self._host.refuse(Response(status, HTTPStatus(status).phrase, fields, body))

    def _write(self, opcode: int, data: bytes) -> None:
        if self._deflate is None:
            self._connection.write(frame(opcode, data))
        else:
            self._connection.write(Frame(Opcode(opcode), data).serialize(mask=False, extensions=[self._deflate]))

    def _end(self, code: int, reason: str) -> None:
        if self._over is None:
            self._over = {"type": "websocket.disconnect", "code": code, "reason": reason}
            self._arrived.set()


def _size(event: dict[str, Any]) -> int:
    return len(event.get("text") or event.get("bytes") or b"")
