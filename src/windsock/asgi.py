"""The ASGI application: long-polling, WebSocket, and everything else left to the application behind it."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from windsock.engine.cors import header
from windsock.engine.registry import Refusal
from windsock.engine.session import Session
from windsock.engine.transports.polling import PollingTransport
from windsock.protocol import payload
from windsock.protocol.engineio import ErrorCode

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from windsock.engine.cors import Header
    from windsock.engine.registry import Engine
    from windsock.engine.transports.websocket import WebSocketTransport
    from windsock.engine.wiring import Wiring
    from windsock.protocol.engineio import Message
    from windsock.types import ASGIApp, Receive, Scope, Send

    Answer = tuple[int, list[Header], bytes]

EXTENSION: Final = "windsock"
"""Key in ``scope["extensions"]`` under which the fast lane offers its connection."""

_GZIP: Final = re.compile(rb"(?:^|,)\s*gzip\s*(?:,|$|;\s*q=(?!0(?:\.0*)?\s*(?:,|$)))", re.IGNORECASE)
"""Gzip among the accepted codings, with a weight that is not zero (RFC 9110, section 12.5.3)."""

_JSON: Final = (b"content-type", b"application/json")
_TEXT: Final = (b"content-type", b"text/plain; charset=UTF-8")
_HTML: Final = (b"content-type", b"text/html")
_NO_STORE: Final = (b"cache-control", b"no-store")


class Host(Protocol):
    """A server that closes sessions when it ends; also where a middleware keeps its lane from being used."""

    def meet(self, engine: Engine) -> None:
        """Tells it of an engine that has a client."""


class Lane(Protocol):
    """A connection whose server lets the engine own it (see :mod:`windsock.uvicorn`)."""

    def owns(self, send: Send) -> bool:
        """Whether this is the ``send`` that the server gave: if not, a middleware wants to see what is sent."""

    def take_over(self, wiring: Wiring, headers: list[Header], subprotocol: str | None = None) -> WebSocketTransport:
        """Completes the handshake and hands the connection over; its receiver is to be set before anything else."""


class PollLane(Protocol):
    """An HTTP request whose server lets the engine answer it without ASGI events."""

    def owns(self, send: Send) -> bool:
        """Whether this is the ``send`` that the server gave: if not, a middleware wants to see what is sent."""

    def take_over(self, on_lost: Callable[[], None] | None = None) -> None:
        """From now on the application's return means nothing; ``on_lost`` tells that the client went away."""

    def respond(self, status: int, headers: list[Header], body: bytes, *, close: bool = False) -> None:
        """Writes the whole answer; ``close``: and reads no further request."""


class Route:
    """Answers at one path, and leaves everything else to another application.

    Args:
        path: where; within the path that the application is mounted at.
        endpoint: answers HTTP requests.
        app: gets everything else, and the lifespan; without one the rest is answered 404.
    """

    def __init__(self, path: str, endpoint: ASGIApp, app: ASGIApp | None = None) -> None:
        self._path = path
        self._endpoint = endpoint
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] == "http" and _local_path(scope) == self._path:
            await self._endpoint(scope, receive, send)
        elif self._app is not None:
            await self._app(scope, receive, send)
        else:
            await _refuse(scope, receive, send)


class ASGIApplication:
    """Answers Engine.IO clients; made by :meth:`windsock.Server.asgi`.

    Args:
        engine: to which requests at its path belong.
        app: gets every other request, and the lifespan; without one they are answered 404.
        on_startup: awaited when the lifespan begins.
        on_shutdown: awaited when it ends.
        health: answers at its path, before ``app`` is asked.

    Attributes:
        app: as given.
        raw_path: of the engine.
    """

    def __init__(
        self,
        engine: Engine,
        app: ASGIApp | None,
        *,
        on_startup: Callable[[], Awaitable[None]],
        on_shutdown: Callable[[], Awaitable[None]],
        health: tuple[str, ASGIApp] | None = None,
    ) -> None:
        self.engine = engine
        self.start = on_startup
        self.close = on_shutdown
        self.app: ASGIApp | None = app
        self._rest = app if health is None else Route(*health, app)
        self._path = engine.options.normalized_path
        self.raw_path: bytes = self._path.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        kind = scope["type"]
        if kind == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if not self._is_ours(scope):
            await (self._rest or _refuse)(scope, receive, send)
            return
        # Where frameworks say whose request it is; mounted in one, it has said so before.
        scope.setdefault("app", self.app)
        if kind == "http":
            lane: PollLane | None = scope.get("extensions", {}).get(EXTENSION)
            if lane is not None and not lane.owns(send):
                lane = None
            await LongPolling(self.engine, scope, receive, send, lane).handle()
        elif kind == "websocket":
            await self._websocket(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        path = _local_path(scope)
        return path == self._path or (not self._path.endswith("/") and path == self._path + "/")

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.app is not None:

            async def receive_and_close() -> MutableMapping[str, Any]:
                message = await receive()
                if message["type"] == "lifespan.startup":
                    await self.start()
                elif message["type"] == "lifespan.shutdown":
                    await self.close()
                return message

            await self.app(scope, receive_and_close, send)
            return
        await _live(receive, send, self.start, self.close)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        engine = self.engine
        lane = lane_of(scope, send)
        if lane is None:
            await receive()
        found = engine.find(scope, websocket=True)
        if found is None:
            found = await engine.admit(scope)
        if isinstance(found, Refusal):
            engine.refuse(scope, found)
            if lane is not None:
                await receive()
            await deny(scope, send, found.status, found.body, found.headers)
            return
        sid = engine.new_id()
        headers = engine.handshake_headers(sid) if found is None else []
        carrier = None if lane is not None else engine.wiring.carriers.asgi(engine.wiring, receive, send)
        transport = carrier if lane is None else lane.take_over(engine.wiring, headers)
        assert transport is not None
        if found is None:
            engine.open(scope, transport, sid)
            _introduce(engine, scope)
        else:
            engine.begin_upgrade(found, transport)
        if carrier is not None:
            await carrier.run(headers)


class LongPolling:
    """One HTTP request (Engine.IO protocol, "HTTP long-polling").

    Args:
        engine: that answers.
        scope: of the request.
        receive: of the application.
        send: of the application; not needed with a lane.
        lane: takes the answer in one piece, if the server offers one.
    """

    __slots__ = ("_answer", "_engine", "_lane", "_receive", "_scope", "_send", "_sent_headers")

    def __init__(
        self, engine: Engine, scope: Scope, receive: Receive, send: Send | None, lane: PollLane | None
    ) -> None:
        self._engine = engine
        self._scope = scope
        self._receive = receive
        self._send = send
        self._lane = lane
        self._answer: asyncio.Future[Sequence[Message]] | None = None
        self._sent_headers: list[Header] = []

    def handle_whole(self, body: bytes) -> Coroutine[Any, Any, None] | None:
        """Answers a request that has come whole, over a lane; or returns what is left to be awaited.

        Nearly every request of a session, and the first, can be answered where it is read, without a task.
        """
        found = self._engine.find(self._scope, websocket=False)
        if type(found) is Session:
            method = self._scope["method"]
            transport = _polling(found)
            if method == "GET":
                self._wait(transport)
                return None
            if method == "POST" and not transport.posting and self._may_take(len(body)):
                taken = transport.post(body)
                if taken is not True and taken is not False:
                    return self._answer_post(transport, taken)
                self._write_now(*self._post_answer(taken))
                return None
        elif found is None and self._engine.admits_at_once:
            self._wait(self._begin_session())
            return None
        return self.handle()

    async def handle(self) -> None:
        """Answers it."""
        engine = self._engine
        scope = self._scope
        method = scope["method"]
        if method == "OPTIONS":
            await self._write(204, engine.origins.preflight_headers(scope), b"")
            return
        found = engine.find(scope, websocket=False)
        if found is None:
            found = await engine.admit(scope)
        if isinstance(found, Refusal):
            engine.refuse(scope, found)
            await self._refuse(found)
        elif found is None:
            await self._open()
        elif method == "GET":
            await self._poll(_polling(found))
        elif method == "POST":
            await self._post(found)
        else:
            await self._refuse(Refusal(ErrorCode.BAD_REQUEST, status=405))

    def respond(self, messages: Sequence[Message]) -> None:
        """See :class:`windsock.engine.transports.polling.Poll`."""
        if self._lane is not None:
            headers, body = self._payload(messages)
            self._write_now(200, self._with_common(headers), body)
        elif self._answer is not None and not self._answer.done():
            self._answer.set_result(messages)

    async def _open(self) -> None:
        await self._poll(self._begin_session())

    def _begin_session(self) -> PollingTransport:
        engine = self._engine
        transport = engine.wiring.carriers.polling(engine.wiring)
        sid = engine.new_id()
        engine.open(self._scope, transport, sid)
        _introduce(engine, self._scope)
        self._sent_headers = engine.handshake_headers(sid)
        return transport

    async def _poll(self, transport: PollingTransport) -> None:
        if self._lane is not None:
            self._wait(transport)
            return
        self._answer = asyncio.get_running_loop().create_future()
        if not transport.poll(self):
            await self._refuse(Refusal(ErrorCode.BAD_REQUEST))
            return
        if not self._answer.done():
            departure = asyncio.ensure_future(self._departure())
            try:
                await asyncio.wait((self._answer, departure), return_when=asyncio.FIRST_COMPLETED)
            finally:
                departure.cancel()
            if not self._answer.done():
                transport.poll_aborted(self)
                return
        headers, body = self._payload(self._answer.result())
        await self._write(200, self._with_common(headers), body)

    def _wait(self, transport: PollingTransport) -> None:
        assert self._lane is not None  # without one, a coroutine waits
        self._lane.take_over(lambda: transport.poll_aborted(self))
        if not transport.poll(self):
            self._write_now(*self._refusal(Refusal(ErrorCode.BAD_REQUEST)))

    async def _departure(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _payload(self, messages: Sequence[Message]) -> tuple[list[Header], bytes]:
        body = payload.encode(messages)
        compression = self._engine.options.http_compression
        headers = [_TEXT, *self._sent_headers]
        # One message that is not to be compressed keeps all that share its answer as they are: it may be a secret,
        # beside which a guess would show in the answer's size.
        if (
            compression is not None
            and len(body) >= compression.threshold
            and all(message.compress for message in messages)
            and self._accepts_gzip()
        ):
            headers.append((b"content-encoding", b"gzip"))
            return headers, gzip.compress(body, compression.level)
        return headers, body

    def _accepts_gzip(self) -> bool:
        accepted = header(self._scope, b"accept-encoding")
        return accepted is not None and _GZIP.search(accepted) is not None

    async def _post(self, session: Session) -> None:
        transport = _polling(session)
        if transport.posting:
            transport.refuse("transport error")
            await self._refuse(Refusal(ErrorCode.BAD_REQUEST))
            return
        transport.posting = True
        try:
            body = await self._read_in_time(session)
            if body is not None:
                taken = transport.post(body)
                await self._write(*self._post_answer(taken if isinstance(taken, bool) else await taken))
        finally:
            transport.posting = False

    async def _answer_post(self, transport: PollingTransport, rest: Coroutine[Any, Any, bool]) -> None:
        transport.posting = True
        try:
            await self._write(*self._post_answer(await rest))
        finally:
            transport.posting = False

    def _may_take(self, size: int) -> bool:
        """Whether the head of a POST, and the size of its body, give no reason to refuse it."""
        for name, value in self._scope["headers"]:
            if name == b"content-type" and value == b"application/octet-stream":
                return False
        return size <= self._engine.options.max_http_buffer_size

    async def _read_in_time(self, session: Session) -> bytes | None:
        options = self._engine.options
        try:
            # A pong would need another POST: who takes longer has no session any more, and must not hold what has come.
            async with asyncio.timeout(options.ping_interval + options.ping_timeout):
                return await self._read_body(session)
        except TimeoutError:
            _polling(session).refuse("transport error")
            await self._write(408, self._with_common([]), b"", close=True)
            return None

    async def _read_body(self, session: Session) -> bytes | None:
        """The request's body; ``None`` when it was too large or cut off, which ends the session."""
        limit = self._engine.options.max_http_buffer_size
        for name, value in self._scope["headers"]:
            if name == b"content-type" and value == b"application/octet-stream":
                # Binary travels in base64: the third version of the protocol is not spoken here.
                _polling(session).refuse("transport error")
                await self._refuse(Refusal(ErrorCode.BAD_REQUEST))
                return None
            if name == b"content-length" and (len(value) > 15 or not value.isdigit() or int(value) > limit):
                await self._refuse_body(session)
                return None
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                _polling(session).refuse("transport error")
                return None
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                await self._refuse_body(session)
                return None
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)

    async def _refuse_body(self, session: Session) -> None:
        _polling(session).refuse("transport error")
        # The rest of the body is not read, so the connection cannot be used again.
        await self._write(413, self._with_common([]), b"", close=True)

    def _post_answer(self, taken: bool) -> Answer:
        return (200, self._with_common([_HTML]), b"ok") if taken else self._refusal(Refusal(ErrorCode.BAD_REQUEST))

    def _refusal(self, refusal: Refusal) -> Answer:
        return refusal.status, self._with_common([_JSON, *refusal.headers]), orjson.dumps(refusal.body)

    def _with_common(self, headers: list[Header]) -> list[Header]:
        return [*headers, _NO_STORE, *self._engine.origins.headers(self._scope)]

    async def _refuse(self, refusal: Refusal) -> None:
        await self._write(*self._refusal(refusal))

    def _write_now(self, status: int, headers: list[Header], body: bytes, *, close: bool = False) -> None:
        assert self._lane is not None  # or it is to be awaited
        self._lane.take_over()
        self._lane.respond(status, headers, body, close=close)

    async def _write(self, status: int, headers: list[Header], body: bytes, *, close: bool = False) -> None:
        if self._lane is not None:
            self._write_now(status, headers, body, close=close)
        else:
            assert self._send is not None  # or there is a lane
            if close:
                headers.append((b"connection", b"close"))
            await _respond(self._send, status, headers, body)


def lane_of(scope: Scope, send: Send) -> Lane | None:
    """The fast lane that a WebSocket's server offers, unless a middleware stands in between."""
    lane: Lane | None = scope.get("extensions", {}).get(EXTENSION)
    return lane if lane is not None and lane.owns(send) else None


def _introduce(engine: Engine, scope: Scope) -> None:
    host: Host | None = scope.get("extensions", {}).get(EXTENSION)
    if host is not None:
        host.meet(engine)


def _local_path(scope: Scope) -> str:
    """Of a request: what is left of its path where the application is mounted."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(root) else path


async def _live(
    receive: Receive,
    send: Send,
    on_startup: Callable[[], Awaitable[None]] | None = None,
    on_shutdown: Callable[[], Awaitable[None]] | None = None,
) -> None:
    await receive()
    if on_startup is not None:
        await on_startup()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    if on_shutdown is not None:
        await on_shutdown()
    await send({"type": "lifespan.shutdown.complete"})


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """What an application does that has nothing."""
    kind = scope["type"]
    if kind == "lifespan":
        await _live(receive, send)
    elif kind == "http":
        await _respond(send, 404, [_TEXT], b"Not Found")
    else:
        await receive()
        await send({"type": "websocket.close", "code": 1000})


def _polling(session: Session) -> PollingTransport:
    assert isinstance(session.transport, PollingTransport)  # Engine.find compares the transports
    return session.transport


async def _respond(send: Send, status: int, headers: list[Header], body: bytes) -> None:
    if status != 204:
        headers = [*headers, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def deny(scope: Scope, send: Send, status: int, content: dict[str, object], more: Sequence[Header] = ()) -> None:
    """Refuses a WebSocket, whose first event was received, with JSON where the server can send that."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    body = orjson.dumps(content)
    headers = [_JSON, _NO_STORE, (b"content-length", b"%d" % len(body)), (b"connection", b"close"), *more]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
