"""How a client reaches the server: the ASGI application, and what every request to it carries."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from windsock.asgi import EXTENSION
from windsock.engine.transports.websocket import WebSocketTransport

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from windsock.engine.cors import Header
    from windsock.engine.registry import Engine
    from windsock.engine.wiring import Wiring
    from windsock.testing.wire import Stream, Wire
    from windsock.types import ASGIApp, Send, TransportName


logger: logging.Logger = logging.getLogger("windsock.testing")


class Endpoint:
    """Makes requests as an ASGI server would.

    Args:
        app: that answers them.
        path: of each.
        headers: of each.
        query: further fields of each query string.
        address: of the client.
        state: what the application's lifespan has left.

    Attributes:
        address: as given.
    """

    def __init__(
        self,
        app: ASGIApp,
        path: str,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        address: str,
        state: Mapping[str, Any],
    ) -> None:
        self.address: str = address
        self._app = app
        self._path = path
        self._headers = {"host": "testserver", **{name.lower(): value for name, value in headers.items()}}
        self._query = query
        self._state = state
        self._tasks: set[asyncio.Future[None]] = set()

    def open_websocket(self, stream: Stream, sid: str | None = None) -> Opening:
        """Asks for a WebSocket, for a session of its own or one that there is."""
        lane = {"websocket.http.response": {}, EXTENSION: _Lane(stream)}
        scope = self._scope("websocket", sid) | {"type": "websocket", "subprotocols": [], "extensions": lane}
        opening = Opening()
        opening.task = self._start(self._app(scope, opening.receive, opening.send))
        return opening

    def request(self, wire: Wire, on_answer: Callable[[Answer], None], sid: str | None, body: bytes | None) -> None:
        """Sends a request of long-polling: a POST if there is a body. Its answer, if one comes, is handed over."""
        scope = self._scope("polling", sid) | {"type": "http", "method": "GET" if body is None else "POST"}
        exchange = _Exchange(wire, body or b"", on_answer)
        wire.carry(lambda: self._start(exchange.run(self._app, scope)))

    def close(self) -> None:
        """Ends what still runs."""
        for task in self._tasks:
            task.cancel()

    def _start(self, running: Awaitable[None]) -> asyncio.Future[None]:
        task = asyncio.ensure_future(running)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _scope(self, transport: TransportName, sid: str | None) -> dict[str, Any]:
        fields = {"EIO": "4", "transport": transport, **({} if sid is None else {"sid": sid}), **self._query}
        return {
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws" if transport == "websocket" else "http",
            "server": ("testserver", 80),
            "client": (self.address, 50_000),
            "root_path": "",
            "path": self._path,
            "raw_path": self._path.encode(),
            "query_string": urlencode(fields).encode(),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self._headers.items()],
            "state": dict(self._state),
        }


class _Lane:
    """Offers the engine a connection without a network; see :class:`windsock.asgi.Lane`."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def meet(self, engine: Engine) -> None:
        """See :class:`windsock.asgi.Host`: nobody drains it."""

    def owns(self, send: Send) -> bool:
        """A middleware that wraps ``send`` has nothing to see: there is no answer to a handshake."""
        return True

    def take_over(self, wiring: Wiring, headers: list[Header], subprotocol: str | None = None) -> WebSocketTransport:
        """Puts the engine's own transport on the stream."""
        transport = wiring.carriers.websocket(self._stream, wiring, siblings=set())
        self._stream.set_protocol(transport)
        return transport


class Opening:
    """The opening request of a WebSocket, and what the application answers when it does not let the client in.

    Attributes:
        refused: whether it has answered so.
        answer: what it has said.
        task: in which it runs.
    """

    def __init__(self) -> None:
        self.refused: bool = False
        self.answer: str = ""
        self.task: asyncio.Future[None]
        self._opened = False

    @property
    def failed(self) -> bool:
        """Whether there will be no WebSocket."""
        return self.refused or self.task.done()

    async def receive(self) -> MutableMapping[str, Any]:
        """See the ASGI specification, "WebSocket"."""
        if self._opened:
            await asyncio.get_running_loop().create_future()  # until the harness ends
        self._opened = True
        return {"type": "websocket.connect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """As above."""
        if message["type"] == "websocket.http.response.start":
            self.answer = f"{message['status']} "
        elif message["type"] == "websocket.http.response.body":
            self.answer += message.get("body", b"").decode(errors="replace")
            self.refused = not message.get("more_body", False)
        else:
            self.answer = message["type"]
            self.refused = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request of long-polling was answered.

    Attributes:
        status: of HTTP.
        body: whole, and unpacked.
    """

    status: int
    body: bytes

    def __str__(self) -> str:
        return f"{self.status} {self.body.decode(errors='replace')}"


class _Exchange:
    """One request of long-polling: the server's end, with ``receive`` and ``send`` of ASGI."""

    def __init__(self, wire: Wire, body: bytes, on_answer: Callable[[Answer], None]) -> None:
        self._wire = wire
        self._body = body
        self._on_answer = on_answer
        self._received = False
        self._gone = asyncio.get_running_loop().create_future()
        self._status = 0
        self._written: list[bytes] = []
        self._answer: Answer | None = None

    async def run(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        """Has the application answer it."""
        self._wire.attach(self)
        try:
            await app(scope, self._receive, self._send)
        except Exception:
            logger.exception("the application failed")
            self._finish(500, b"Internal Server Error")
        if self._answer is None:
            self._wire.detach(self)

    def lose(self, error: Exception | None) -> None:
        """See :class:`windsock.testing.wire.End`: HTTP knows one way to be gone."""
        self._wire.detach(self)
        if not self._gone.done():
            self._gone.set_result(None)

    def flush(self) -> None:
        """See :class:`windsock.testing.wire.End`."""
        if self._answer is not None and self._wire.reading:
            self._wire.detach(self)
            self._wire.carry(self._on_answer, self._answer)

    async def _receive(self) -> MutableMapping[str, Any]:
        if self._received:
            await asyncio.shield(self._gone)
            return {"type": "http.disconnect"}
        self._received = True
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        elif message["type"] == "http.response.body":
            self._written.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._finish(self._status, b"".join(self._written))

    def _finish(self, status: int, body: bytes) -> None:
        self._answer = Answer(status, body)
        self.flush()
