"""The receiver of one client's transport: starts handlers, keeps the heartbeat, says how it ended."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from contextvars import copy_context
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from windsock.engine.transports.websocket import WebSocketTransport
from windsock.protocol.closing import CloseCode
from windsock.protocol.websocket import Closed
from windsock.tasks import start
from windsock.websocket.handlers import Unacceptable, refuse_type
from windsock.websocket.socket import Held

if TYPE_CHECKING:
    from windsock.engine.transports.asgi import AsgiWebSocketTransport
    from windsock.engine.transports.base import Outgoing
    from windsock.engine.transports.outbox import Outbox
    from windsock.websocket.endpoint import Endpoint
    from windsock.websocket.socket import WebSocket

logger: logging.Logger = logging.getLogger("windsock.endpoint")

MAX_UNREAD: Final = 32
"""Messages read ahead of a ``session`` handler; then the client is not read from until half of them are taken."""


class Connection:
    """One client, as its transport sees it.

    Attributes:
        endpoint: that it belongs to.
        outbox: of the endpoint.
        socket: what handlers are given.
        transport: where messages go, as the socket's.
        timer: the heartbeat's slice of deadlines that holds this connection.
    """

    __slots__ = ("_arrived", "_handler", "_loop", "_running", "_turn", "_unread", "endpoint", "outbox", "socket",
                 "timer", "transport")  # fmt: skip

    def __init__(self, endpoint: Endpoint, held: Held) -> None:
        self.endpoint: Endpoint = endpoint
        self.outbox: Outbox = endpoint.outbox
        self._handler = endpoint.message_handler
        self._turn = endpoint.turn
        self.socket: WebSocket
        self.transport: WebSocketTransport | AsgiWebSocketTransport | Held = held
        self.timer: set[Connection] | None = None
        self._loop = asyncio.get_running_loop()
        # Tasks of handlers that are not done; the event loop itself holds tasks weakly.
        self._running: set[asyncio.Task[Any]] | None = None
        self._unread: deque[str | bytes] | None = None
        self._arrived: asyncio.Event | None = None

    def open(self, transport: WebSocketTransport | AsgiWebSocketTransport) -> None:
        """The handshake is answered: sends what waited, and begins the session."""
        socket = self.socket
        held = socket.transport
        assert isinstance(held, Held)
        socket.transport = self.transport = transport
        self.outbox.layout += 1
        transport.receiver = self
        if isinstance(transport, WebSocketTransport):
            self.timer = self.endpoint.intervals.start(self)
        session = self.endpoint.handlers.get("session")
        if session is not None:
            self._unread = deque()
        socket.closed = held.closing
        held.hand_over(transport)
        if session is not None and socket.closed is None:
            self._start("session", self._run_session(session.function(socket)))

    def lost(self) -> None:
        """The client left before its handshake was answered."""
        self.socket.closed = Closed(CloseCode.ABNORMAL)
        self._end()

    # -- the transport's side (Receiver) --

    def receive(self, packet: str | bytes) -> None:
        """Takes one message."""
        handler = self._handler
        if handler is None:
            self._keep_unread(packet)
            return
        try:
            only = handler.only
            if type(packet) is not only:
                if only is not None:
                    refuse_type(only)
                elif handler.convert is not None:
                    packet = handler.convert(packet)
            outcome = handler.function(self.socket, packet)
            if outcome is None:
                return  # nearly every plain function
            if handler.asynchronous or type(outcome) is CoroutineType:
                turn = self._turn
                if not turn.ready:
                    self._start("message", outcome)
                    return
                context = copy_context()
                waits_for = context.run(turn.run, outcome)
                if not turn.ready:
                    task = turn.adopt(waits_for, context)  # type: ignore[unreachable]  # running it has changed that
                    if task is not None:
                        self._keep("message", task)
        except Unacceptable as refusal:
            self.socket.close(refusal.code, refusal.reason)
        except Exception as error:  # noqa: BLE001  whatever it is, it is reported, and the client told
            self._fail("message", error)
        except asyncio.CancelledError:
            return

    def receive_encoded(self, packet: bytes) -> bool:
        """See :class:`windsock.engine.transports.base.Receiver`."""
        try:
            text = packet.decode()
        except UnicodeDecodeError:
            return False
        self.receive(text)
        return True

    def transport_closed(self, reason: str) -> None:
        """The connection is over."""
        socket = self.socket
        if socket.closed is None:
            closed = socket.transport.closed if not isinstance(socket.transport, Held) else Closed(1006)
            socket.closed = (
                closed if closed.reason or closed.code != CloseCode.ABNORMAL else Closed(closed.code, reason)
            )
        self._end()

    # -- the socket's side, and the groups' (Outlet) --

    def send(self, message: Outgoing) -> None:
        """Sends a message of a group."""
        self.transport.send(message)

    def close(self, code: int, reason: str) -> None:
        """Closes the connection."""
        socket = self.socket
        if socket.closed is not None:
            return
        if not isinstance(socket.transport, Held):
            socket.closed = Closed(code, reason)
        socket.transport.close(code, reason)

    async def next(self) -> str | bytes:
        """The next message for a ``session`` handler.

        Raises:
            StopAsyncIteration: there is none, and never will be.
        """
        unread = self._unread
        if unread is None:
            raise RuntimeError("expected to be iterated in a 'session' handler: another takes this socket's messages")
        while not unread:
            if self.socket.closed is not None:
                raise StopAsyncIteration
            if self._arrived is None:
                self._arrived = asyncio.Event()
            self._arrived.clear()
            await self._arrived.wait()
        message = unread.popleft()
        transport = self.socket.transport
        if len(unread) == MAX_UNREAD // 2 and not isinstance(transport, Held):
            transport.release()
        return message

    # -- the heartbeat --

    def ping(self) -> None:
        """The interval is over: sends a ping."""
        transport = self.socket.transport
        assert isinstance(transport, WebSocketTransport)
        self.timer = self.endpoint.pongs.start(self)
        transport.ping()

    def check_pong(self) -> None:
        """The time for a pong is over."""
        transport = self.socket.transport
        assert isinstance(transport, WebSocketTransport)
        if transport.ponged:
            self.timer = self.endpoint.intervals.start(self)
        else:
            self.timer = None
            self.socket.closed = Closed(CloseCode.ABNORMAL, "ping timeout")
            transport.abort()

    # -- inside --

    def _keep_unread(self, packet: str | bytes) -> None:
        unread = self._unread
        if unread is None:
            return  # nobody takes messages
        unread.append(packet)
        if self._arrived is not None:
            self._arrived.set()
        transport = self.socket.transport
        if len(unread) >= MAX_UNREAD and not isinstance(transport, Held):
            transport.hold()

    async def _run_session(self, session: Coroutine[Any, Any, Any]) -> None:
        await session
        self.close(CloseCode.NORMAL, "")

    def _start(self, event: str, coroutine: Coroutine[Any, Any, Any]) -> None:
        task = start(coroutine, self._loop)
        if task.done():
            self._report(event, task)
        else:
            self._keep(event, task)

    def _keep(self, event: str, task: asyncio.Task[Any]) -> None:
        running = self._running
        if running is None:
            running = self._running = set()
        running.add(task)
        task.add_done_callback(partial(self._settle, event))
        transport = self.socket.transport
        if len(running) >= self.endpoint.max_handlers_in_flight and not isinstance(transport, Held):
            # A client whose handlers pile up is not read from until some are done.
            transport.hold()

    def _settle(self, event: str, task: asyncio.Task[Any]) -> None:
        self._report(event, task)
        running = self._running
        assert running is not None
        running.discard(task)
        transport = self.socket.transport
        if len(running) == self.endpoint.max_handlers_in_flight // 2 and not isinstance(transport, Held):
            transport.release()

    def _report(self, event: str, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(event, error)

    def _fail(self, event: str, error: BaseException) -> None:
        logger.error("the %r handler of an endpoint failed", event, exc_info=error)
        self.close(CloseCode.INTERNAL_ERROR, "the handler failed")

    def _end(self) -> None:
        if self.timer is not None:
            self.timer.discard(self)
            self.timer = None
        if self._arrived is not None:
            self._arrived.set()
        self.endpoint.forget(self.socket)
        handler = self.endpoint.handlers.get("disconnect")
        closed = self.socket.closed
        if handler is None or closed is None:
            return
        try:
            outcome = handler.function(*(self.socket, closed.code, closed.reason)[: handler.arity])
        except Exception:
            logger.exception("the 'disconnect' handler of an endpoint failed")
            return
        if isinstance(outcome, Coroutine):
            self._start("disconnect", outcome)
