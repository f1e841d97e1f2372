"""The client for plain WebSocket: the application's object, which keeps the connection."""

from __future__ import annotations

import asyncio
import inspect
import logging
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from ssl import SSLContext
from typing import Any, Final, Self, TypeVar

from windsock.client.handlers import Handlers
from windsock.client.listeners import Listener, Listeners
from windsock.client.reconnect import Backoff
from windsock.client.session import DRAIN_TIMEOUT
from windsock.client.websocket.closure import ABNORMAL, WebSocketClosure
from windsock.client.websocket.connection import Connection, Refused
from windsock.client.websocket.inbox import Inbox
from windsock.client.websocket.options import Options
from windsock.client.websocket.outgoing import Outgoing, SendQueue
from windsock.client.websocket.states import States, WebSocketState
from windsock.client.websocket.upload import CHUNK_SIZE, Source, Upload, opened
from windsock.errors import ConfigurationError, ConnectionFailed, EncodeError, NotConnected
from windsock.protocol import json
from windsock.protocol.closing import CloseCode

logger: logging.Logger = logging.getLogger("windsock.client")

L = TypeVar("L", bound=Listener)
Headers = Mapping[str, str] | Callable[[], Mapping[str, str] | Awaitable[Mapping[str, str]]] | None
"""Headers of the handshake, or a function that gives them for each, plain or ``async``: a token has its time."""

EVENTS: Final = frozenset({"state", "connecting", "open", "reconnecting", "closed", "message", "text", "bytes", "json"})
DONE: Final = frozenset({CloseCode.NORMAL, CloseCode.NO_STATUS})
"""After these nothing is wrong."""


class WebSocketClient:
    """A client for plain WebSocket, which comes back when its connection was lost.

    ``async with WebSocketClient("wss://host/path") as ws:`` connects and, at the end, closes. Times are in seconds.

    What is sent while there is no connection waits for the next. Each message is given to the network once, in the
    order of sending: one that was on its way when the connection was lost may have been received, or not, and is not
    sent again. :meth:`ping` tells that all before it has arrived.

    Args:
        url: ``wss://host:port/path?query``; ``https`` stands for ``wss``, ``http`` for ``ws``.
        subprotocols: to offer, the preferred first.
        headers: of the handshake: a mapping, or a function that gives one for each attempt.
        ssl: for ``wss``: how to verify the server, and a certificate of one's own.
        proxy: an URL, ``True`` for the environment's, ``None`` for none. SOCKS wants python-socks.
        compression: whether to offer permessage-deflate.
        timeout: for each attempt to connect.
        reconnection: whether to connect again after a loss or a failure.
        reconnection_attempts: in a row; ``None`` for no end.
        reconnection_delay: before the first; it doubles with each, until a connection has stood for as long as was
            waited for it.
        reconnection_delay_max: that no delay exceeds.
        randomization_factor: 0 to 1: by how much of itself a delay is more or less.
        reconnect_after: whether to come back after a closure, instead of :attr:`WebSocketClosure.transient`.
        ping_interval: between two pings; ``None`` for none, so that a dead connection may stay unnoticed.
        ping_timeout: within which a server must answer one, or send something else, or take what is sent to it.
        max_buffered_bytes: that may wait to be sent, while offline or for a slow server.
        max_message_size: bytes in one incoming message, which a server could fill the memory with. A larger one ends
            the connection with 1009.

    Attributes:
        state: what it is at.
        subprotocol: that the server chose; ``None`` if it chose none or there is no connection.

    Raises:
        ConfigurationError: an option is wrong.
    """

    def __init__(
        self,
        url: str,
        *,
        subprotocols: Sequence[str] = (),
        headers: Headers = None,
        ssl: SSLContext | None = None,
        proxy: str | bool | None = True,
        compression: bool = True,
        timeout: float = 20.0,
        reconnection: bool = True,
        reconnection_attempts: int | None = None,
        reconnection_delay: float = 1.0,
        reconnection_delay_max: float = 5.0,
        randomization_factor: float = 0.5,
        reconnect_after: Callable[[WebSocketClosure], bool] | None = None,
        ping_interval: float | None = 20.0,
        ping_timeout: float = 20.0,
        max_buffered_bytes: int = 16 * 1024 * 1024,
        max_message_size: int = 16 * 1024 * 1024,
    ) -> None:
        self._options = Options(
            url,
            subprotocols=subprotocols,
            ssl=ssl,
            proxy=proxy,
            compression=compression,
            timeout=timeout,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            max_message_size=max_message_size,
        )
        self._headers = headers
        self._attempts = reconnection_attempts if reconnection else 0
        self._backoff = Backoff(reconnection_delay, reconnection_delay_max, randomization_factor)
        self._reconnect_after = reconnect_after
        self.state: WebSocketState = WebSocketState("closed")
        self.subprotocol: str | None = None
        self._queue = SendQueue(max_buffered_bytes)
        self._handlers = Handlers("the connection", answer=_ignore, hold=self._hold, release=self._release)
        self._listeners = Listeners(self._handlers.start)
        self._inbox = Inbox(self._listeners, self._control_flow)
        self._watchers: weakref.WeakSet[States] = weakref.WeakSet()
        self._waiters: set[asyncio.Future[None]] = set()
        self._connection: Connection | None = None
        self._runner: asyncio.Task[None] | None = None
        self._delay = 0.0
        self._held = False
        self._leaving: WebSocketClosure | None = None
        self._left = False

    async def __aenter__(self) -> Self:
        try:
            await self.connect()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<WebSocketClient {self._options.name} {self.state.name}>"

    # -- the connection --

    @property
    def connected(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return self._connection is not None

    async def connect(self) -> None:
        """Returns when the connection stands; until then the client tries as it was told to, and logs each failure.

        Raises:
            ConnectionFailed: the server refuses, or cannot be reached, and no further attempt is made.
            NotConnected: it was closed meanwhile.
        """
        if self._connection is not None:
            return
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.add(waiter)
        try:
            if self._runner is None:
                self._runner = loop.create_task(self._run())
            await waiter
        finally:
            self._waiters.discard(waiter)

    async def close(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Sends what waits, for two seconds at most, then closes. It may be connected again.

        What has come can still be received; what could not be sent waits for another :meth:`connect`.

        Args:
            code: 1000, 1001 or 3000 to 4999.
            reason: up to 123 bytes.

        Raises:
            ConfigurationError: the code or the reason is none that may be sent.
        """
        closure = WebSocketClosure.chosen(code, reason)
        runner, connection = self._runner, self._connection
        if runner is not None and self._leaving is None:
            if connection is not None:
                await self._drain_before_end(connection)
            self._leaving = closure
            if connection is not None:
                await connection.close(code, reason)
            else:
                runner.cancel()
        if runner is not None and runner is not asyncio.current_task():
            await asyncio.wait([runner])
        await self._handlers.close()

    async def _drain_before_end(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT):
                while self._connection is connection and not self._queue.drained:
                    await self._queue.changed.wait()
        except TimeoutError:
            logger.warning("%s was left before it took %d bytes", self._options.name, self._queue.size)

    # -- being told --

    def on(self, event: str) -> Callable[[L], L]:
        """Registers the handler of an event; one for each, plain or ``async``.

        ``connecting``, ``open``, ``reconnecting`` and ``closed`` get the :class:`WebSocketState`, and ``state`` gets
        each of them. A message goes to one handler: ``json`` gets the value of a text message, or ``text`` the text,
        ``bytes`` the bytes, and ``message`` whatever none of these takes, also text that is not JSON. What no handler
        takes waits for :meth:`receive`. Handlers start in the order in which the messages came.

        Raises:
            ConfigurationError: there is no such event, or it has a handler.
        """
        if event not in EVENTS:
            raise ConfigurationError(f"expected one of {', '.join(sorted(EVENTS))}, got {event!r}")

        def register(function: L) -> L:
            self._listeners.add(event, function)
            return function

        return register

    def off(self, event: str) -> None:
        """Takes the handler of an event away, if there is one."""
        self._listeners.remove(event)

    def states(self) -> States:
        """The state that is, then each that comes: ``async for state in ws.states()``. It ends after ``closed``."""
        states = States(self.state)
        self._watchers.add(states)
        return states

    # -- sending --

    def send(self, message: str | bytes | bytearray | memoryview) -> None:
        """Sends text or bytes. It is queued and never blocks; while offline it waits for the connection.

        Raises:
            BufferFull: more than ``max_buffered_bytes`` wait.
            EncodeError: it is neither, or text that is not Unicode (a lone surrogate).
        """
        if isinstance(message, str):
            try:
                self._queue.add(Outgoing(message.encode(), text=True))
            except UnicodeEncodeError as error:
                raise EncodeError(f"expected Unicode: {error}") from None
        elif isinstance(message, bytes | bytearray | memoryview):
            self._queue.add(Outgoing(bytes(message), text=False))
        else:
            raise EncodeError(f"expected str or bytes, got {type(message).__name__}; for JSON there is send_json")

    def send_json(self, value: Any) -> None:
        """Sends a value as JSON, in a text message: what orjson takes, and pydantic models.

        Raises:
            BufferFull: more than ``max_buffered_bytes`` wait.
            EncodeError: it cannot be written as JSON.
        """
        self._queue.add(Outgoing(json.encode(value), text=True))

    async def send_file(self, file: Source, *, chunk_size: int = CHUNK_SIZE, fragments: bool = True) -> int:
        """Sends a file as the network takes it, without ever having more than a chunk of it in memory.

        It waits for its turn and, while offline, for the connection. It is not begun again when the connection is
        lost on the way. Cancelled with a message half sent, it closes the connection, which then comes back.

        Args:
            file: its path, or a file open for reading bytes, which is sent from where it stands and left open.
            chunk_size: bytes.
            fragments: whether it is one message, in fragments (RFC 6455, section 5.4), which no other message gets
                between; otherwise each chunk is a message, and others may.

        Returns:
            Bytes that were given to the network.

        Raises:
            NotConnected: the client is closed, or the connection was lost on the way: the message says where.
            BufferFull: more than ``max_buffered_bytes`` wait.
            OSError: the file cannot be read.
        """
        async with opened(file) as source:
            upload = Upload(source, chunk_size, fragments=fragments)
            self._require_life()
            self._queue.add(upload)
            return await upload.done

    async def drain(self) -> None:
        """Returns when all that was sent has been given to the network: back-pressure for one who sends much.

        Raises:
            NotConnected: the client is closed, and messages wait.
        """
        while not self._queue.drained:
            self._require_life()
            await self._queue.changed.wait()

    async def ping(self) -> float:
        """Sends a ping after all that waits, and returns the seconds until its pong.

        All that was sent before has then reached the server, which answers in order; its application may not have
        looked at it yet.

        Raises:
            NotConnected: there is no connection, or it was lost before the pong came.
        """
        await self.drain()
        if self._connection is None:
            raise self._not_connected()
        return await self._connection.ping()

    # -- receiving --

    async def receive(self) -> str | bytes:
        """The next message that no handler takes.

        The server is read from only as fast as messages are taken, but for a megabyte that may wait.

        Raises:
            NotConnected: the client is closed, and none waits.
        """
        while (message := self._inbox.take()) is None:
            self._require_life()
            await self._inbox.changed.wait()
        return message

    async def receive_json(self) -> Any:
        """The value of the next message.

        Raises:
            DecodeError: it is not JSON.
            NotConnected: the client is closed, and none waits.
        """
        return json.decode(await self.receive())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str | bytes:
        """The next message.

        It ends when the client was closed, or the server has said that all is done (1000, or no code).

        Raises:
            NotConnected: the connection ended otherwise, and does not come back.
        """
        try:
            return await self.receive()
        except NotConnected:
            closure = self.state.closure
            if closure is not None and (self._left or closure.code in DONE):
                raise StopAsyncIteration from None
            raise

    async def json(self) -> AsyncGenerator[Any]:
        """The values of the messages; see :meth:`receive_json`. It ends as iterating over messages does."""
        async for message in self:
            yield json.decode(message)

    # -- keeping the connection --

    def _not_connected(self) -> NotConnected:
        closure = self.state.closure
        return NotConnected(f"{self._options.name} is not connected" + (f": closed with {closure}" if closure else ""))

    def _require_life(self) -> None:
        if self._runner is None:
            raise self._not_connected()

    async def _run(self) -> None:
        """Connects, and again, until it is closed for good."""
        self._backoff.reset()
        self._delay = 0.0
        self._left = False
        closure = WebSocketClosure(ABNORMAL, "the client was stopped")
        try:
            while True:
                closure = await self._connect()
                if self._leaving is not None or not await self._pause(closure):
                    break
        except Exception as error:
            # A defect, of ours or of a library: whoever waits is not to wait for good.
            logger.exception("the client of %s failed", self._options.name)
            closure = WebSocketClosure(ABNORMAL, f"the client failed: {error!r}")
        finally:
            self._conclude(closure)

    def _conclude(self, closure: WebSocketClosure) -> None:
        """It does not come back by itself."""
        self._runner = None
        if self._leaving is not None:
            closure, self._leaving, self._left = self._leaving, None, True
        self._change(WebSocketState("closed", closure=closure))
        error: Exception = self._not_connected()
        self._queue.abandon(error, all=True)
        if not self._left:
            error = ConnectionFailed(f"expected a WebSocket at {self._options.name}: {closure}")
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(error)
        self._queue.changed.notify()
        self._inbox.changed.notify()

    async def _connect(self) -> WebSocketClosure:
        """One connection, from the attempt to its end."""
        self._change(WebSocketState("connecting", self._backoff.attempts))
        connection = Connection(self._options, self._queue, self._inbox.add)
        try:
            await connection.open(await self._make_headers())
        except Refused as refused:
            logger.warning("expected a WebSocket at %s: %s", self._options.name, refused)
            return refused.closure
        loop = asyncio.get_running_loop()
        opened_at = loop.time()
        self._connection = connection
        self.subprotocol = connection.subprotocol
        try:
            self._control_flow()
            self._change(WebSocketState("open", self._backoff.attempts))
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)
            closure = await connection.run()
        finally:
            self._connection = self.subprotocol = None
        logger.info("the connection to %s ended: %s", self._options.name, closure)
        if loop.time() - opened_at >= self._delay:
            # Sooner, it may be a server that accepts everybody and fails each: to that one, ever less often.
            self._backoff.reset()
        return closure

    async def _pause(self, closure: WebSocketClosure) -> bool:
        """Waits before the next attempt; whether there is to be one."""
        over = self._attempts is not None and self._backoff.attempts >= self._attempts
        if over or not self._comes_back(closure):
            return False
        self._delay = self._backoff.next()
        self._change(WebSocketState("reconnecting", self._backoff.attempts, self._delay, closure))
        await asyncio.sleep(self._delay)
        while self._inbox.full:  # what a connection had read before its end is kept beyond the bound: once
            await self._inbox.changed.wait()
        return True

    def _comes_back(self, closure: WebSocketClosure) -> bool:
        if self._reconnect_after is None:
            return closure.transient
        try:
            return self._reconnect_after(closure)
        except Exception:
            logger.exception("reconnect_after failed")
            return closure.transient

    async def _make_headers(self) -> Mapping[str, str]:
        if not callable(self._headers):
            return self._headers or {}
        try:
            headers = self._headers()
            return await headers if inspect.isawaitable(headers) else headers
        except Exception as error:
            # Whoever gives tokens may be away with the server.
            logger.exception("the headers function failed")
            reason = f"the headers function failed: {error}"
            raise Refused(WebSocketClosure(ABNORMAL, reason)) from error

    def _change(self, state: WebSocketState) -> None:
        self.state = state
        for watcher in list(self._watchers):
            watcher.add(state)
        self._listeners.notify(state.name, state)
        self._listeners.notify("state", state)

    # -- flow control --

    def _hold(self) -> None:
        self._held = True
        self._control_flow()

    def _release(self) -> None:
        self._held = False
        self._control_flow()

    def _control_flow(self) -> None:
        if self._connection is None:
            return
        if self._held or self._inbox.full:
            self._connection.hold()
        else:
            self._connection.release()


def _ignore(*_: Any) -> None:
    """The server asks for no acknowledgement."""
