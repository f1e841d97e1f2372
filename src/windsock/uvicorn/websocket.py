"""uvicorn's ``ws`` class: the handshake, then an ASGI endpoint or the engine."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, cast
from urllib.parse import unquote

from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from websockets.exceptions import InvalidHandshake, InvalidHeader
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from windsock.asgi import EXTENSION
from windsock.engine.transports.websocket import SHUTDOWN_TIMEOUT
from windsock.protocol.websocket import MAX_FRAGMENTS, QUIET, MessageReader
from windsock.tasks import start
from windsock.uvicorn.endpoint import ClientDisconnected, Endpoint

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    from uvicorn.config import Config
    from uvicorn.server import ServerState
    from websockets.extensions import Extension

    from windsock.engine.cors import Header
    from windsock.engine.registry import Engine
    from windsock.engine.transports.websocket import WebSocketTransport
    from windsock.engine.wiring import Wiring
    from windsock.types import Send

WINDOW_BITS: Final = 15
"""Of the compression that :func:`windsock.protocol.websocket.deflate` writes."""

NORMAL: Final = 1000
INTERNAL_ERROR: Final = 1011
SERVICE_RESTART: Final = 1012

logger: logging.Logger = logging.getLogger("uvicorn.error")


class Head(NamedTuple):
    """A request's header fields and the two ends of its connection, as the HTTP class knows them.

    Attributes:
        headers: names in lower case.
        scheme: ``http`` or ``https``.
        server: its address and port, on this side.
        client: those of the peer.
    """

    headers: list[Header]
    scheme: str
    server: tuple[str, int | None] | None
    client: tuple[str, int] | None


class WebSocketProtocol(asyncio.Protocol):
    """Performs the handshake, then serves an ASGI endpoint, or hands the connection over to the engine.

    Args:
        config: of uvicorn. ``ws_max_size``, ``ws_per_message_deflate``, ``ws_ping_interval`` and ``ws_ping_timeout``
            apply to plain ASGI endpoints; a connection that the engine takes over has the engine's options.
        server_state: the server's live connections and tasks.
        app_state: what the lifespan left.
    """

    max_fragments: ClassVar[int] = MAX_FRAGMENTS
    """Frames in one message to a plain ASGI endpoint."""

    met: ClassVar[set[Engine] | None] = None
    """See :attr:`windsock.uvicorn.http.HttpProtocol.met`."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self._config = config
        self._state = server_state
        self._app_state = app_state
        self._siblings = cast("set[object]", server_state.connections)
        self._connection: asyncio.Transport
        self._request: Request | None = None
        # Of the answer that accepts the handshake, as long as it may be given.
        self._accept_key: str | None = None
        self._endpoint: Endpoint | None = None
        self._taken = False
        # What a client sent before the handshake was over: one read at most, since reading pauses then.
        self._early = b""

    # -- asyncio.Protocol --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection comes from an HTTP class, which has read the request."""
        self._connection = cast("asyncio.Transport", transport)
        self._siblings.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._siblings.discard(self)
        self._accept_key = None
        if self._endpoint is not None:
            self._endpoint.connection_lost()

    def data_received(self, data: bytes) -> None:
        """The request, as uvicorn's own HTTP classes write it anew; then frames."""
        if self._request is None:
            self._receive_request(data)
        elif self._endpoint is not None and self._endpoint.accepted:
            self._endpoint.data_received(data)
        else:
            self._early += data
            self._connection.pause_reading()

    def eof_received(self) -> None:
        """The peer closed its half: asyncio closes the other one."""

    def pause_writing(self) -> None:
        """The client does not keep up."""
        if self._endpoint is not None:
            self._endpoint.writable.clear()

    def resume_writing(self) -> None:
        """The client caught up."""
        if self._endpoint is not None:
            self._endpoint.writable.set()

    def shutdown(self) -> None:
        """Called by uvicorn when it stops."""
        if self._endpoint is not None and self._endpoint.accepted:
            self._endpoint.close(SERVICE_RESTART, timeout=SHUTDOWN_TIMEOUT)
        else:
            self._fail(HTTPStatus.SERVICE_UNAVAILABLE)

    # -- the HTTP class's side --

    def begin(self, request: Request, early: bytes = b"", head: Head | None = None) -> None:
        """Takes the request of a handshake, and what came behind it; starts the application."""
        self._request = request
        self._early = early
        try:
            self._accept_key, _, _ = _handshake().process_request(request)
        except InvalidHandshake:
            # The library knows which answer is due to which fault.
            self.refuse(_handshake().accept(request))
            return
        task = start(self._run(self._scope(request, head or self._read_head(request))), asyncio.get_running_loop())
        if not task.done():
            self._state.tasks.add(task)
            task.add_done_callback(self._state.tasks.discard)

    # -- the engine's side (windsock.asgi.Lane) --

    def owns(self, send: Send) -> bool:
        """See :class:`windsock.asgi.Lane`."""
        return send == self._send

    def meet(self, engine: Engine) -> None:
        """See :class:`windsock.asgi.Host`."""
        if self.met is not None:
            self.met.add(engine)

    def take_over(self, wiring: Wiring, headers: list[Header], subprotocol: str | None = None) -> WebSocketTransport:
        """See :class:`windsock.asgi.Lane`."""
        compress = wiring.options.per_message_deflate is not None
        answer, extensions = self._accept(headers, subprotocol, compress=compress)
        # Frames are compressed once for all clients, so only for those that take the usual window.
        deflating = any(
            isinstance(extension, PerMessageDeflate) and extension.local_max_window_bits == WINDOW_BITS
            for extension in extensions
        )
        self._taken = True
        self._siblings.discard(self)
        transport = wiring.carriers.websocket(
            self._connection,
            wiring,
            extensions=extensions,
            deflating=deflating,
            siblings=self._siblings,
        )
        self._connection.set_protocol(transport)
        transport.begin(answer)
        if self._early:
            # Not before the engine has given the transport its receiver.
            asyncio.get_running_loop().call_soon(transport.data_received, self._early)
            self._connection.resume_reading()
        return transport

    # -- the endpoint's side (windsock.uvicorn.endpoint.Host) --

    def accept(self, headers: list[Header], subprotocol: str | None) -> tuple[MessageReader, list[Extension]]:
        """See :class:`windsock.uvicorn.endpoint.Host`."""
        answer, extensions = self._accept(headers, subprotocol, compress=self._config.ws_per_message_deflate)
        self._connection.write(answer)
        reader = MessageReader(self._config.ws_max_size, extensions, max_fragments=self.max_fragments)
        if self._early:
            asyncio.get_running_loop().call_soon(self.data_received, self._early)
            self._early = b""
            self._connection.resume_reading()
        return reader, extensions

    def refuse(self, response: Response) -> None:
        """See :class:`windsock.uvicorn.endpoint.Host`."""
        self._accept_key = None
        if not self._connection.is_closing():
            self._connection.write(response.serialize())
            self._connection.close()

    # -- inside --

    def _receive_request(self, data: bytes) -> None:
        handshake = _handshake()
        handshake.receive_data(data)
        for event in handshake.events_received():
            if isinstance(event, Request):
                self.begin(event)
                return
        # Too many header fields, or too long ones: the library wrote the answer.
        self._connection.write(b"".join(handshake.data_to_send()))
        self._connection.close()

    def _read_head(self, request: Request) -> Head:
        connection = self._connection
        headers = [
            (name.lower().encode("ascii"), value.encode("latin-1")) for name, value in request.headers.raw_items()
        ]
        scheme = "https" if is_ssl(connection) else "http"
        return Head(headers, scheme, get_local_addr(connection), get_remote_addr(connection))

    def _scope(self, request: Request, head: Head) -> dict[str, Any]:
        path, _, query = request.path.partition("?")
        root = self._config.root_path
        protocols = b",".join([value for name, value in head.headers if name == b"sec-websocket-protocol"]).decode(
            "latin-1"
        )
        return {
            "type": "websocket",
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if head.scheme == "https" else "ws",
            "server": head.server,
            "client": head.client,
            "root_path": root,
            "path": root + unquote(path),
            "raw_path": root.encode("ascii") + path.encode("ascii"),
            "query_string": query.encode("ascii"),
            "headers": head.headers,
            "subprotocols": [token.strip() for token in protocols.split(",")] if protocols else [],
            "state": self._app_state.copy(),
            "extensions": {"websocket.http.response": {}, EXTENSION: self},
        }

    async def _run(self, scope: dict[str, Any]) -> None:
        try:
            await self._config.loaded_app(scope, self._receive, self._send)
        except ClientDisconnected:
            return
        except Exception:
            logger.exception("Exception in ASGI application")
            if self._endpoint is not None and self._endpoint.accepted:
                self._endpoint.close(INTERNAL_ERROR)
            elif not self._taken:
                self._fail(HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        if self._taken:
            return
        if self._endpoint is not None and self._endpoint.answered:
            self._endpoint.close(NORMAL)
        elif self._accept_key is not None:
            logger.error("ASGI callable returned without completing the WebSocket handshake")
            self._fail(HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _receive(self) -> dict[str, Any]:
        return await self._open_endpoint().receive()

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        await self._open_endpoint().send(message)

    def _open_endpoint(self) -> Endpoint:
        # Made on demand: a connection that the engine takes over never asks.
        if self._endpoint is None:
            config = self._config
            self._endpoint = Endpoint(
                self,
                self._connection,
                ping_interval=config.ws_ping_interval,
                ping_timeout=config.ws_ping_timeout,
            )
        return self._endpoint

    def _accept(
        self, headers: Sequence[Header], subprotocol: str | None, *, compress: bool
    ) -> tuple[bytes, list[Extension]]:
        """The answer that accepts the handshake (RFC 6455, section 4.2.2), and the extensions agreed on."""
        key, self._accept_key = self._accept_key, None
        request = self._request
        if key is None or request is None:
            raise ClientDisconnected("the client disconnected before its handshake was answered")
        lines = [
            b"HTTP/1.1 101 Switching Protocols",
            b"upgrade: websocket",
            b"connection: Upgrade",
            b"sec-websocket-accept: " + key.encode(),
        ]
        extensions: list[Extension] = []
        if compress:
            # Without context takeover a message is compressed by itself: once for all, nothing kept for a client.
            negotiation = _handshake()
            negotiation.available_extensions = [
                ServerPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)
            ]
            try:
                agreed, extensions = negotiation.process_extensions(request.headers)
            except InvalidHeader:
                agreed = None  # an offer that cannot be read is an offer not taken
            if agreed is not None:
                lines.append(b"sec-websocket-extensions: " + agreed.encode())
        if subprotocol is not None:
            lines.append(b"sec-websocket-protocol: " + subprotocol.encode("ascii"))
        # With the date, which the server keeps up to date once a second.
        lines += [b"%b: %b" % header for header in (*self._state.default_headers, *headers)]
        return b"\r\n".join((*lines, b"", b"")), extensions

    def _fail(self, status: HTTPStatus) -> None:
        self.refuse(_handshake().reject(status, f"{status.phrase}.\n"))


def _handshake() -> ServerProtocol:
    return ServerProtocol(logger=QUIET)
