"""uvicorn's ``http`` class, with bounds on a request's head and a short way for long-polling."""

from __future__ import annotations

import asyncio
import logging
import math
import sys
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from websockets.datastructures import Headers
from websockets.http11 import Request

from windsock.asgi import EXTENSION, ASGIApplication
from windsock.engine.transports.outbox import FLUSH_AT
from windsock.tasks import start
from windsock.uvicorn.exchange import DirectRequest, Exchange
from windsock.uvicorn.head import MAX_HEAD_SIZE, MAX_HEADERS, announces_body, is_too_large, names_a_host
from windsock.uvicorn.websocket import Head, WebSocketProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application
    from uvicorn.config import Config
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
    from uvicorn.server import ServerState

    from windsock.engine.registry import Engine
    from windsock.engine.wiring import Wiring


MAX_PIPELINED: Final = 1000
"""Requests of one connection that wait for the answer to an earlier one. One read can hold ten thousand."""

HEAD_TIMEOUT: Final = 20.0
"""Seconds in which a request's head must have come. A client that sends a byte a minute holds a descriptor."""

SEND_TIMEOUT: Final = 60.0
"""Seconds in which a client must take some of an answer that does not fit into its connection's buffers (as nginx's
``send_timeout``): one that takes nothing would have it kept for ever, and its connection."""

FIRST_REQUEST_TIMEOUT: Final = 2.0
"""Seconds that a stopping server waits for the first request of a connection that it has accepted: the client has sent
it, as far as it knows, and would take the end of the connection for a failure. On one that was used before it expects
that (RFC 9112, section 9.3.1)."""

LINGER_TIMEOUT: Final = 1.0
"""Seconds in which the rest of a refused request is thrown away (RFC 9112, section 9.6)."""

MAX_LINGER: Final = 1024 * 1024
"""Bytes of it."""

logger: logging.Logger = logging.getLogger("uvicorn.error")


class HeadRefused(Exception):
    """Raised out of the parser, to end it."""


class HttpProtocol(HttpToolsProtocol):
    """Refuses what a proxy would: too many or too long fields (431), a ``Host`` that is not one (400), a head that
    does not come in time.

    Requests start once all of a read is parsed, so that one whose body came with it is answered without the event
    loop coming round. An application may take a request over (see :class:`Exchange`).

    Where the engine's application is the outermost, what one iteration of the event loop reads is taken in at its
    end, and answers to long-polling are written together, as on WebSockets (see ``windsock.engine.transports.inbox``).

    It relies on ``HttpToolsProtocol`` of uvicorn, whose hooks for the parser are what is overridden here.
    """

    pending: ClassVar[None] = None
    """Nobody appends to its answers: see :class:`windsock.engine.transports.outbox.Flushable`."""

    met: ClassVar[set[Engine] | None] = None
    """Engines that have had a client; a server that drains them when it ends makes this a set of its own."""

    # Its base's, which it sets, too.
    parser: httptools.HttpRequestParser
    cycle: RequestResponseCycle

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        app = config.loaded_app
        # Only what is outermost may be gone around: a middleware in front of it would not see the requests.
        self._direct_app = app if isinstance(app, ASGIApplication) else None
        self._wiring: Wiring | None = None if self._direct_app is None else self._direct_app.engine.wiring
        # Answers of this iteration.
        self._queue: list[bytes] = []
        self._direct: DirectRequest | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        # While the client does not take its answers: what was left of them at the last look.
        self._send_timer: asyncio.TimerHandle | None = None
        self._unsent = math.inf
        # When the connection began to wait for another request; one timer looks at it now and then.
        self._idle_since: float | None = None
        self._refusal = HTTPStatus.BAD_REQUEST
        self._in_head = True
        # Whether the parser is within a head, and whether that began in the read that is being parsed.
        self._begun = False
        self._fresh = False
        self._ended = False
        # Whether the read that is being parsed held some of a body.
        self._fed = False
        self._unparsed = 0
        self._starting: deque[tuple[RequestResponseCycle, ASGI3Application]] = deque()
        self._active: RequestResponseCycle | None = None
        self._parsing = False
        self._read = b""
        self._behind = b""
        self._draining = False
        self._exchange: Exchange | None = None
        self._answered = False
        # Whether the server has stopped, and the next answer is the last.
        self._final = False
        # Bytes thrown away since the connection was to end.
        self._lingering: int | None = None

    # -- asyncio.Protocol --

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base says
        """Waits for a head."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT, self._head_timed_out)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells whoever took the request over."""
        if self._wiring is not None:
            self._wiring.inbox.take_in()  # what came before
        if self._active is not None:
            # The base knows only the request that was parsed last.
            self._active.disconnected = True
            self._active.message_event.set()
        self._starting.clear()
        self.pipeline.clear()
        super().connection_lost(exc)
        self._stop_head_timer()
        self._stop_send_timer()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        if self._direct is not None:
            self._direct.lose()
        exchange, self._exchange = self._exchange, None
        if exchange is not None and exchange.on_lost is not None:
            exchange.on_lost()

    def data_received(self, data: bytes) -> None:
        """Leaves what came to be taken with what came for others in this iteration."""
        if self._wiring is None:
            self.take(data)
        else:
            self._wiring.inbox.add(self, data)

    def take(self, data: bytes) -> None:
        """Parses, then starts what became whole."""
        if self._wiring is None:
            self._take(data)
            return
        # A body's messages are given one after the other, whatever their handlers do: each has a task of its own.
        turn = self._wiring.inbox.turn
        ready, turn.ready = turn.ready, False
        try:
            self._take(data)
        finally:
            turn.ready = ready

    def _take(self, data: bytes) -> None:
        if self._lingering is not None:
            self._lingering += len(data)
            if self._lingering > MAX_LINGER:
                self.transport.abort()
            return
        self._parsing = True
        self._fed = False
        self._read = rest = data
        try:
            while rest:
                super().data_received(rest)
                rest, self._behind = self._behind, b""
        finally:
            self._parsing = False
            self._read = b""
            self._fresh = False
        if self._direct is not None:
            self._direct.read_over()
        if self._ended:
            # Whatever of the next head came behind a request is less than one read.
            self._ended = False
            self._unparsed = 0
        elif self._fed:
            self._unparsed = 0
        else:
            self._unparsed += len(data)
            if self._unparsed > MAX_HEAD_SIZE and not self.transport.is_closing():
                self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
                self.send_400_response("")
        if self._begun and self._head_timer is None:
            # Not before the read is parsed: most heads come whole, and need no timer.
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT, self._head_timed_out)
        self._start_waiting()

    def abort(self) -> None:
        """Closes at once."""
        self.transport.abort()

    def shutdown(self) -> None:
        """Called by the server when it stops."""
        self.flush()
        if self._answered or not self._is_unasked():
            super().shutdown()
        else:
            self._final = True
            self.loop.call_later(FIRST_REQUEST_TIMEOUT, self._give_up_waiting)

    def pause_writing(self) -> None:
        """The client does not take its answers: start none of its requests."""
        super().pause_writing()
        self.flow.pause_reading()
        if self._send_timer is None:
            self._unsent = math.inf
            self._send_timer = self.loop.call_later(SEND_TIMEOUT, self._check_sent)

    def resume_writing(self) -> None:
        """The client took its answers."""
        super().resume_writing()
        self._stop_send_timer()
        self._start_waiting()
        if not self.flow.write_paused:
            self.flow.resume_reading()

    # -- the parser's hooks --

    def on_message_begin(self) -> None:
        """A request begins."""
        if len(self.pipeline) >= MAX_PIPELINED:
            self._refusal = HTTPStatus.TOO_MANY_REQUESTS
            raise HeadRefused
        self._begun = self._fresh = True
        self._idle_since = None
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field of the head."""
        if not self._in_head:
            # Behind a body: whoever reads the head's fields may not take it for one of them (RFC 9110, section 6.5.1).
            # A proxy that sets X-Forwarded-For has not looked at it.
            return
        if len(self.headers) >= MAX_HEADERS:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise HeadRefused  # before the rest of fifty thousand of them is kept
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = self._begun = False
        self._stop_head_timer()
        self._check_head()
        self._unparsed = 0
        app = self._direct_app
        if self._direct is not None:
            raise HeadRefused  # behind a poll that waits: it could not be answered in order
        upgrading = self.parser.should_upgrade()
        if upgrading and announces_body(self.headers):
            # The parser takes the body for what comes behind the request, and would read a request in it that a proxy
            # has not seen.
            raise HeadRefused
        if app is not None and self._is_idle() and not upgrading:
            path, _, query = self.url.partition(b"?")
            if path == app.raw_path:
                scope = cast("dict[str, Any]", self.scope)
                scope["method"] = self.parser.get_method().decode("ascii")
                scope["path"] = path.decode("ascii")
                scope["query_string"] = query
                scope["app"] = app.app
                keep_alive = self.parser.should_keep_alive() and not self._final
                self._direct = DirectRequest(self, app.engine, scope, keep_alive=keep_alive)
                return
        super().on_headers_complete()
        cycle: RequestResponseCycle | None = self.cycle
        if self._final and cycle is not None:
            cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A piece of a request's body."""
        self._fed = True
        if self._direct is not None:
            self._direct.add(body)
        elif self._has_cycle():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole; another one may follow."""
        self._in_head = self._ended = True
        if self._direct is not None:
            self._direct.complete()
        elif self._has_cycle():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answers what could not be parsed, or was refused on the way."""
        self.flush()
        if self._refusal is HTTPStatus.BAD_REQUEST:
            super().send_400_response(msg)
            return
        self.write_refusal()
        self.transport.close()

    def write_refusal(self) -> None:
        """Answers with the status for which the request is refused. Whoever calls ends the connection."""
        body = self._refusal.phrase.encode()
        head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[self._refusal] + head + body)

    def handle_websocket_upgrade(self) -> None:
        """Hands the connection to the WebSocket class, the request as it is."""
        if self._final:
            self._refusal = HTTPStatus.SERVICE_UNAVAILABLE
            self.send_400_response("")
            return
        if not (isinstance(self.ws_protocol_class, type) and issubclass(self.ws_protocol_class, WebSocketProtocol)):
            super().handle_websocket_upgrade()
            return
        self.connections.discard(self)
        self.flush()
        self._stop_send_timer()
        headers = Headers([(name.decode("ascii"), value.decode("latin-1")) for name, value in self.headers])
        request = Request(self.url.decode("ascii"), headers, self.scope["method"], f"HTTP/{self.scope['http_version']}")
        protocol = self.ws_protocol_class(self.config, self.server_state, self.app_state)
        transport = self.transport
        # Called while the parser's exception is handled, which tells how far it has read.
        upgrade = sys.exception()
        early = self._read[upgrade.args[0] :] if isinstance(upgrade, httptools.HttpParserUpgrade) else b""
        # The parser and this object hold each other: cut, so that neither waits for the garbage collector.
        self.parser = None  # type: ignore[assignment]  # as its base does when a connection is lost
        self.cycle = self._active = None  # type: ignore[assignment]  # as in its base before the first request
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.begin(request, early, Head(self.headers, self.scheme or "http", self.server, self.client))

    def on_response_complete(self) -> None:
        """An answer is written: the next request may start, or the wait for one."""
        self.server_state.total_requests += 1
        self._answered = True
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._watch_idle(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Closes a connection that had no request for so long."""
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return
        # A timer for each answer, cancelled by each request, would cost more than reading the clock.
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._watch_idle(left)
        else:
            super().timeout_keep_alive_handler()

    def _unset_keepalive_if_required(self) -> None:
        """Called for every read: but the rest of a body whose request is answered keeps nothing open."""

    def _watch_idle(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def write_direct(self, answer: bytes) -> None:
        """Writes the answer to a request that went around uvicorn's cycle, at the end of this iteration."""
        assert self._wiring is not None  # or there are no such requests
        outbox = self._wiring.outbox
        if not self._queue:
            outbox.mark(self)
        self._queue.append(answer)
        outbox.gathered += len(answer)
        if outbox.gathered > FLUSH_AT:
            outbox.flush()

    def flush(self) -> None:
        """Writes what was gathered, before anything else is."""
        queue = self._queue
        if queue:
            data = b"".join(queue)
            queue.clear()  # first: writing may call back
            self.transport.write(data)

    def finish_direct(self, *, close: bool, keep_alive: bool) -> None:
        """A request that went around uvicorn's cycle is answered."""
        self._direct = None
        if close or not keep_alive:
            self.flush()
            if close:
                self.linger()
            else:
                self.transport.close()
        self.on_response_complete()

    def linger(self) -> None:
        """Ends the connection in a while: closing on a client that still sends would destroy its answer."""
        self._lingering = 0
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_TIMEOUT, self.transport.abort)

    def hold_exchange(self, exchange: Exchange | None) -> None:
        """Remembers who took the request over, to tell it when the client goes away."""
        self._exchange = exchange

    # -- starting the application --

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._starting.append((cycle, app))
        if not self._parsing:
            self._start_waiting()

    def _start_waiting(self) -> None:
        # In a loop: a request that is answered at once starts the one behind it from within this method.
        if self._draining:
            return
        self._draining = True
        try:
            while self._starting and not self.flow.write_paused:
                self._start(*self._starting.popleft())
        finally:
            self._draining = False

    def _start(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.flush()
        self._active = cycle
        scope = cast("dict[str, Any]", cycle.scope)
        scope["extensions"] = {EXTENSION: Exchange(self, cycle)}
        task = start(cycle.run_asgi(app), self.loop)
        if not task.done():
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    # -- inside --

    def _check_head(self) -> None:
        # A head that came in one read is no larger than that; others are added up.
        if (not self._fresh or len(self._read) > MAX_HEAD_SIZE) and is_too_large(self.headers):
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise HeadRefused
        if not names_a_host(self.headers, self.parser.get_http_version()):
            raise HeadRefused

    def _unsupported_upgrade_warning(self) -> None:
        """Called when a request asks for a protocol that is not spoken here: it is answered without, and so is what
        comes behind it (RFC 9110, section 7.8)."""
        upgrade = sys.exception()
        if isinstance(upgrade, httptools.HttpParserUpgrade):
            self._read = self._behind = self._read[upgrade.args[0] :]

    def _is_idle(self) -> bool:
        """Whether every earlier request of the connection is answered, and the answers taken."""
        cycle: RequestResponseCycle | None = self.cycle
        return (cycle is None or cycle.response_complete) and not self._starting and not self.flow.write_paused

    def _has_cycle(self) -> bool:
        """Whether a request went through uvicorn's cycle: one that did not may be answered before its body is here."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None

    def _is_unasked(self) -> bool:
        """Whether no request is being answered."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None and self._direct is None

    def _give_up_waiting(self) -> None:
        if self._is_unasked() and not self.transport.is_closing():
            self.transport.close()

    def _check_sent(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        if unsent < self._unsent:
            self._unsent = unsent
            self._send_timer = self.loop.call_later(SEND_TIMEOUT, self._check_sent)
        else:
            self._send_timer = None
            self.transport.abort()

    def _stop_send_timer(self) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_timed_out(self) -> None:
        self._head_timer = None
        self._refusal = HTTPStatus.REQUEST_TIMEOUT
        if not self.transport.is_closing():
            self.send_400_response("")
