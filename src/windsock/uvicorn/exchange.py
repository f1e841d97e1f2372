"""Requests that are answered without ASGI events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.protocols.utils import get_client_addr, get_path_with_query_string

from windsock.asgi import LongPolling
from windsock.tasks import start

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from windsock.engine.cors import Header
    from windsock.engine.registry import Engine
    from windsock.types import Send
    from windsock.uvicorn.http import HttpProtocol


CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class DirectRequest:
    """A request at the engine's path, when nothing stands between the server and the engine.

    It is ``receive`` and :class:`windsock.asgi.PollLane` at once, in the place of uvicorn's request cycle.

    Args:
        protocol: of the connection.
        engine: that answers.
        scope: of the request.
        keep_alive: whether another request may follow.
    """

    __slots__ = ("_begun", "_body", "_complete", "_engine", "_keep_alive", "_lost", "_on_lost", "_protocol", "_scope",
                 "_wake")  # fmt: skip

    def __init__(self, protocol: HttpProtocol, engine: Engine, scope: dict[str, Any], *, keep_alive: bool) -> None:
        self._protocol = protocol
        self._engine = engine
        self._scope = scope
        self._keep_alive = keep_alive
        self._body: list[bytes] = []
        self._begun = False
        self._complete = False
        self._lost = False
        self._on_lost: Callable[[], None] | None = None
        self._wake: asyncio.Future[None] | None = None

    # -- the connection's side --

    def add(self, body: bytes) -> None:
        """A piece of the body came. The engine takes it as it comes, and refuses the whole when it is too large."""
        self._body.append(body)
        self._wake_up()

    def complete(self) -> None:
        """The body is whole."""
        self._complete = True
        self._wake_up()
        self.begin()

    def begin(self) -> None:
        """Starts the answer, unless it has begun; a request whose body came with its head is answered at once."""
        if self._begun:
            return
        self._begun = True
        polling = LongPolling(self._engine, self._scope, self.receive, None, self)
        rest = polling.handle_whole(b"".join(self._body)) if self._complete else polling.handle()
        if rest is None:
            return
        task = start(rest, self._protocol.loop)
        if not task.done():
            self._protocol.tasks.add(task)
            task.add_done_callback(self._protocol.tasks.discard)

    def read_over(self) -> None:
        """What one read held of the request is here."""
        self.begin()
        if self._body and not self._complete:
            self._protocol.flow.pause_reading()  # until the engine has taken it: the event loop reads on otherwise

    def lose(self) -> None:
        """The client went away."""
        self._lost = True
        self._wake_up()
        if self._on_lost is not None:
            self._on_lost()

    def _wake_up(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    # -- the engine's side --

    async def receive(self) -> dict[str, Any]:
        """See the ASGI specification, "HTTP"."""
        protocol = self._protocol
        while not self._body and not self._complete and not self._lost:
            if protocol.expect_100_continue:
                # It is wanted after all (RFC 9110, section 10.1.1); a request that is refused is answered without.
                protocol.expect_100_continue = False
                protocol.flush()
                protocol.transport.write(CONTINUE)
            self._wake = protocol.loop.create_future()
            await self._wake
        if self._lost:
            return {"type": "http.disconnect"}
        body, self._body = b"".join(self._body), []
        protocol.flow.resume_reading()
        return {"type": "http.request", "body": body, "more_body": not self._complete}

    def owns(self, send: Send) -> bool:
        """See :class:`windsock.asgi.PollLane`: there is nobody in between."""
        return True

    def take_over(self, on_lost: Callable[[], None] | None = None) -> None:
        """See :class:`windsock.asgi.PollLane`."""
        self._on_lost = on_lost

    def respond(self, status: int, headers: list[Header], body: bytes, *, close: bool = False) -> None:
        """See :class:`windsock.asgi.PollLane`."""
        protocol = self._protocol
        self._on_lost = None
        if self._lost or protocol.transport.is_closing():
            return
        if protocol.access_log:
            _log(protocol, {**self._scope, "raw_path": self._scope["path"].encode()}, status)
        keep_alive = self._keep_alive and not close
        protocol.write_direct(_answer(protocol, self._scope, status, headers, body, keep_alive=keep_alive))
        protocol.finish_direct(close=close, keep_alive=keep_alive)


class Exchange:
    """A request that the application may answer without ASGI events (see :class:`windsock.asgi.PollLane`).

    Attributes:
        on_lost: called when the client goes away before the answer.
    """

    __slots__ = ("_cycle", "_protocol", "on_lost")

    def __init__(self, protocol: HttpProtocol, cycle: RequestResponseCycle) -> None:
        self._protocol = protocol
        self._cycle = cycle
        self.on_lost: Callable[[], None] | None = None

    def owns(self, send: Send) -> bool:
        """See :class:`windsock.asgi.PollLane`."""
        return send == self._cycle.send

    def meet(self, engine: Engine) -> None:
        """See :class:`windsock.asgi.Host`."""
        if self._protocol.met is not None:
            self._protocol.met.add(engine)

    def take_over(self, on_lost: Callable[[], None] | None = None) -> None:
        """Makes the application's return mean nothing; the answer comes by :meth:`respond`, now or later."""
        # To uvicorn's cycle it looks as if the client had gone: it expects nothing more.
        self._cycle.disconnected = True
        self.on_lost = on_lost
        self._protocol.hold_exchange(self)

    def respond(self, status: int, headers: list[Header], body: bytes, *, close: bool = False) -> None:
        """Writes the whole answer; ``close``: and ends the connection, whose request may not be read to its end."""
        protocol = self._protocol
        cycle = self._cycle
        protocol.hold_exchange(None)
        self.on_lost = None
        transport = protocol.transport
        if cycle.response_complete or transport.is_closing():
            return
        if protocol.access_log:
            _log(protocol, cycle.scope, status)
        keep_alive = cycle.keep_alive and not close
        transport.write(_answer(protocol, cycle.scope, status, headers, body, keep_alive=keep_alive))
        cycle.response_started = cycle.response_complete = True
        if close:
            protocol.linger()
        elif not cycle.keep_alive:
            transport.close()
        protocol.on_response_complete()


def _answer(
    protocol: HttpProtocol, scope: Any, status: int, headers: list[Header], body: bytes, *, keep_alive: bool
) -> bytes:
    parts = [STATUS_LINE[status]]
    for name, value in protocol.server_state.default_headers:
        parts += (name, b": ", value, b"\r\n")
    for name, value in headers:
        parts += (name, b": ", value, b"\r\n")
    if not keep_alive:
        parts.append(b"connection: close\r\n")
    parts.append(b"\r\n" if status == HTTPStatus.NO_CONTENT else b"content-length: %d\r\n\r\n" % len(body))
    if scope["method"] != "HEAD":  # whose answer ends with its head (RFC 9110, section 9.3.2)
        parts.append(body)
    return b"".join(parts)


def _log(protocol: HttpProtocol, scope: Any, status: int) -> None:
    address, target = get_client_addr(scope), get_path_with_query_string(scope)
    line = '%s - "%s %s HTTP/%s" %d'
    protocol.access_logger.info(line, address, scope["method"], target, scope["http_version"], status)
