"""The fast lane: uvicorn protocol classes that can hand a WebSocket over to the engine.

``windsock serve`` uses them; so does ``uvicorn --ws windsock.uvicorn:WebSocketProtocol --http
windsock.uvicorn:HttpProtocol module:app``. The ASGI application runs as under any server: middleware, mounting and
plain ASGI WebSocket endpoints work as ever. What :mod:`windsock.asgi` finds in addition is an extension of the
scope with which it takes the connection over; from then on no task, queue or dict stands between the connection
and the engine.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import get_local_addr, get_path_with_query_string, get_remote_addr, is_ssl
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeader
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from windsock.asgi import EXTENSION
from windsock.engine.transports.websocket import CLOSE_TIMEOUT, WebSocketTransport
from windsock.protocol.websocket import BINARY, MAX_FRAGMENTS, QUIET, TEXT, MessageReader, frame

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    from uvicorn._types import WebSocketScope
    from uvicorn.config import Config
    from uvicorn.server import ServerState
    from websockets.extensions import Extension

    from windsock.engine.cors import Header
    from windsock.engine.registry import Engine

MAX_HEADERS: Final = 128
"""Fields in a request's head. The parser beneath keeps as many as come."""

MAX_HEAD_SIZE: Final = 64 * 1024
"""Bytes in a request's head: its target, names and values."""

MAX_UNREAD_MESSAGES: Final = 32
"""Messages read ahead of an ASGI application; then the connection is not read until it has caught up."""

HEAD_TIMEOUT: Final = 20.0
"""Seconds in which a request's head must have come. A client that sends a byte a minute holds a descriptor."""

WINDOW_BITS: Final = 15
"""Of the compression that :func:`windsock.protocol.websocket.deflate` writes."""

logger = logging.getLogger("uvicorn.error")


class ClientDisconnected(OSError):
    """Raised in an ASGI application that sends to a client that has gone (ASGI, "Disconnected Client")."""


class WebSocketProtocol(asyncio.Protocol):
    """uvicorn's ``ws`` class: performs the handshake, then serves the application or hands over to the engine.

    Args:
        config: of uvicorn. ``ws_max_size`` and ``ws_per_message_deflate`` apply to plain ASGI endpoints; a connection
            that the engine takes over has the engine's options.
        server_state: the server's live connections and tasks.
        app_state: what the lifespan left.
    """

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
        self._handshake = ServerProtocol(logger=QUIET)
        self._response: Response | None = None
        self._request: Request | None = None
        self._early = bytearray()
        self._endpoint: Endpoint | None = None
        self._gone = False
        self.max_fragments = MAX_FRAGMENTS

    # -- asyncio.Protocol --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection comes from uvicorn's HTTP class, which has read the request."""
        self._connection = cast("asyncio.Transport", transport)
        self._siblings.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._siblings.discard(self)
        self._gone = True
        if self._endpoint is not None:
            self._endpoint.connection_lost()

    def data_received(self, data: bytes) -> None:
        """The request, as uvicorn wrote it anew; then frames."""
        if self._endpoint is not None and self._endpoint.accepted:
            self._endpoint.data_received(data)
        elif self._request is not None:
            # A client that does not wait for the answer; it may not send more before it has it.
            self._early += data
            self._connection.pause_reading()
        else:
            self._receive_request(data)

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
            self._endpoint.shutdown()
        else:
            self._refuse(self._handshake.reject(HTTPStatus.SERVICE_UNAVAILABLE, "The server is stopping.\n"))

    # -- the engine's side (windsock.asgi.Lane) --

    def accept(self, engine: Engine, headers: list[Header]) -> WebSocketTransport:
        """See :class:`windsock.asgi.Lane`."""
        deflate = engine.options.per_message_deflate
        factory = _deflate_factory() if deflate is not None else None
        extensions = self._accept(headers, None, factory)
        # Frames are compressed once for all clients, so only for those that take the usual window.
        deflating = any(
            isinstance(extension, PerMessageDeflate) and extension.local_max_window_bits == WINDOW_BITS
            for extension in extensions
        )
        self._siblings.discard(self)
        transport = WebSocketTransport(
            self._connection,
            engine.options,
            extensions=extensions,
            deflating=deflating,
            outbox=engine.outbox,
            closing=engine.closing,
            siblings=self._siblings,
        )
        self._connection.set_protocol(transport)
        if self._early:
            asyncio.get_running_loop().call_soon(transport.data_received, bytes(self._early))
            self._connection.resume_reading()
        return transport

    # -- inside --

    def _receive_request(self, data: bytes) -> None:
        handshake = self._handshake
        handshake.receive_data(data)
        for event in handshake.events_received():
            if isinstance(event, Request):
                self._request = event
        if self._request is None:
            # Too many header fields, or too long ones: the library wrote the answer.
            self._connection.write(b"".join(handshake.data_to_send()))
            self._connection.close()
            return
        response = handshake.accept(self._request)
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._refuse(response)
            return
        self._response = response
        self._endpoint = Endpoint(self, self._scope(self._request))
        task = asyncio.get_running_loop().create_task(self._run(self._endpoint))
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    def _scope(self, request: Request) -> dict[str, Any]:
        path, _, query = request.path.partition("?")
        root = self._config.root_path
        protocols = ",".join(request.headers.get_all("Sec-WebSocket-Protocol"))
        return {
            "type": "websocket",
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if is_ssl(self._connection) else "ws",
            "server": get_local_addr(self._connection),
            "client": get_remote_addr(self._connection),
            "root_path": root,
            "path": root + unquote(path),
            "raw_path": root.encode("ascii") + path.encode("ascii"),
            "query_string": query.encode("ascii"),
            "headers": [
                (name.lower().encode("ascii"), value.encode("latin-1")) for name, value in request.headers.raw_items()
            ],
            "subprotocols": [token.strip() for token in protocols.split(",")] if protocols else [],
            "state": self._app_state.copy(),
            "extensions": {"websocket.http.response": {}, EXTENSION: self},
        }

    async def _run(self, endpoint: Endpoint) -> None:
        try:
            await self._config.loaded_app(endpoint.scope, endpoint.receive, endpoint.send)
        except ClientDisconnected:
            pass
        except Exception:
            logger.exception("Exception in ASGI application")
            if self._response is not None:
                self._refuse(self._handshake.reject(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error"))
            else:
                endpoint.fail()
            return
        if self._connection.get_protocol() is not self:
            return  # taken over
        if self._response is not None and not self._gone:
            logger.error("ASGI callable returned without completing the WebSocket handshake")
            self._refuse(self._handshake.reject(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error"))
        else:
            endpoint.finish()

    def _accept(
        self, headers: Sequence[Header], subprotocol: str | None, factory: ServerPerMessageDeflateFactory | None
    ) -> list[Extension]:
        """Answers the handshake; returns the extensions agreed on."""
        response, self._response = self._response, None
        assert response is not None
        assert self._request is not None
        extensions: list[Extension] = []
        if factory is not None:
            self._handshake.available_extensions = [factory]
            try:
                agreed, extensions = self._handshake.process_extensions(self._request.headers)
            except InvalidHeader:
                agreed = None  # an offer that cannot be read is an offer not taken
            if agreed is not None:
                response.headers["Sec-WebSocket-Extensions"] = agreed
        if subprotocol is not None:
            response.headers["Sec-WebSocket-Protocol"] = subprotocol
        for name, value in (*self._state.default_headers, *headers):
            text = name.decode("latin-1")
            if text.lower() == "date":
                del response.headers["Date"]
            response.headers[text] = value.decode("latin-1")
        self._connection.write(response.serialize())
        return extensions

    def _refuse(self, response: Response) -> None:
        self._response = None
        if not self._connection.is_closing():
            self._connection.write(response.serialize())
            self._connection.close()


class Endpoint:
    """The ASGI side of a connection that the application keeps (ASGI specification, "WebSocket").

    Attributes:
        scope: of the connection.
        accepted: whether the application accepted it.
        writable: set while the client keeps up.
    """

    def __init__(self, protocol: WebSocketProtocol, scope: dict[str, Any]) -> None:
        self.scope = scope
        self.accepted = False
        self.writable = asyncio.Event()
        self.writable.set()
        self._protocol = protocol
        self._connection = protocol._connection
        self._reader: MessageReader | None = None
        self._deflate: PerMessageDeflate | None = None
        self._unread: deque[dict[str, Any]] = deque([{"type": "websocket.connect"}])
        self._arrived = asyncio.Event()
        self._arrived.set()
        self._disconnected = False
        self._close_sent = False
        self._denial: tuple[int, list[Header]] | None = None
        self._denial_body = bytearray()
        self._close_timer: asyncio.TimerHandle | None = None

    # -- the application's side --

    async def receive(self) -> dict[str, Any]:
        """The next event."""
        while not self._unread:
            self._arrived.clear()
            await self._arrived.wait()
        event = self._unread.popleft()
        if event["type"] == "websocket.disconnect":
            self._unread.append(event)  # for whoever asks again
        elif len(self._unread) == MAX_UNREAD_MESSAGES // 2 and not self._connection.is_closing():
            self._connection.resume_reading()
        return event

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Takes an event of the application.

        Raises:
            ClientDisconnected: the client has gone.
            RuntimeError: the event is not one that may come now.
        """
        kind = message["type"]
        if self._close_sent:
            raise RuntimeError(f"expected no event after the connection was closed, got {kind!r}")
        await self.writable.wait()
        if self._disconnected:
            raise ClientDisconnected("the client has disconnected")
        if self.accepted:
            self._send_open(kind, message)
        elif self._denial is not None:
            self._send_denial(kind, message)
        else:
            self._send_first(kind, message)

    def _send_first(self, kind: str, message: MutableMapping[str, Any]) -> None:
        if kind == "websocket.accept":
            self._accept(message)
        elif kind == "websocket.close":
            self._deny(HTTPStatus.FORBIDDEN, [], b"")
        elif kind == "websocket.http.response.start":
            self._denial = (message["status"], list(message.get("headers", [])))
        else:
            raise RuntimeError(f"expected an event that answers the handshake, got {kind!r}")

    def _send_open(self, kind: str, message: MutableMapping[str, Any]) -> None:
        if kind == "websocket.send":
            data = message.get("bytes")
            text = message.get("text")
            if data is not None:
                self._write_frame(BINARY, bytes(data))
            elif text is not None:
                self._write_frame(TEXT, text.encode())
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
        if not message.get("more_body", False):
            assert self._denial is not None
            status, headers = self._denial
            self._deny(status, headers, bytes(self._denial_body))

    # -- the connection's side --

    def data_received(self, data: bytes) -> None:
        """Takes frames."""
        reader = self._reader
        assert reader is not None
        for message in reader.receive(data):
            if not self._close_sent:
                key = "text" if isinstance(message, str) else "bytes"
                self._put({"type": "websocket.receive", key: message})
        if reader.output:
            self._connection.write(b"".join(reader.output))
            reader.output.clear()
        if reader.closed is not None:
            self._disconnect(reader.closed.code, reader.closed.reason)
            self._connection.close()
        elif len(self._unread) >= MAX_UNREAD_MESSAGES:
            self._connection.pause_reading()

    def connection_lost(self) -> None:
        """The connection is gone."""
        if self._close_timer is not None:
            self._close_timer.cancel()
        self._disconnect(1006, "")
        self.writable.set()

    def shutdown(self) -> None:
        """The server stops (RFC 6455, section 7.4.1: going away; 1012: come back)."""
        self.close(1012, "")

    def fail(self) -> None:
        """The application failed."""
        self.close(1011, "")

    def finish(self) -> None:
        """The application returned."""
        if self.accepted:
            self.close(1000, "")
        elif not self._connection.is_closing():
            self._connection.close()

    # -- inside --

    def _accept(self, message: MutableMapping[str, Any]) -> None:
        protocol = self._protocol
        factory = _deflate_factory() if protocol._config.ws_per_message_deflate else None
        extensions = protocol._accept(list(message.get("headers", [])), message.get("subprotocol"), factory)
        for extension in extensions:
            if isinstance(extension, PerMessageDeflate):
                self._deflate = extension
        self._reader = MessageReader(protocol._config.ws_max_size, extensions, max_fragments=protocol.max_fragments)
        self.accepted = True
        logger.info(
            '%s - "WebSocket %s" [accepted]',
            self.scope["client"],
            get_path_with_query_string(cast("WebSocketScope", self.scope)),
        )
        early, protocol._early = protocol._early, bytearray()
        if early:
            self.data_received(bytes(early))
            self._connection.resume_reading()

    def _deny(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        self._close_sent = True
        fields = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])
        fields.setdefault("Content-Length", str(len(body)))
        fields.setdefault("Connection", "close")
        self._put({"type": "websocket.disconnect", "code": 1006})
        self._protocol._refuse(Response(status, HTTPStatus(status).phrase, fields, body))

    def _write_frame(self, opcode: int, data: bytes) -> None:
        if self._deflate is None:
            self._connection.write(frame(opcode, data))
        else:
            self._connection.write(Frame(Opcode(opcode), data).serialize(mask=False, extensions=[self._deflate]))

    def close(self, code: int, reason: str) -> None:
        """Starts the closing handshake."""
        if self._close_sent or self._disconnected or self._reader is None:
            return
        self._close_sent = True
        self._connection.write(self._reader.close(code, reason))
        self._put({"type": "websocket.disconnect", "code": code, "reason": reason})
        self._connection.resume_reading()  # for the answer
        self._close_timer = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self._connection.abort)

    def _disconnect(self, code: int, reason: str) -> None:
        if not self._disconnected:
            self._disconnected = True
            if not self._close_sent:
                self._put({"type": "websocket.disconnect", "code": code, "reason": reason})

    def _put(self, event: dict[str, Any]) -> None:
        self._unread.append(event)
        self._arrived.set()


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP class with bounds on a request's head, which it leaves to a proxy.

    Too many fields or too long ones are answered 431, a ``Host`` that is not one 400, and a head that does not come
    in time ends the connection.
    """

    _head_size = 0
    _head_timer: asyncio.TimerHandle | None = None


def _deflate_factory() -> ServerPerMessageDeflateFactory:
    # Without context takeover a message is compressed by itself: once for all, and nothing is kept for a connection.
    return ServerPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)
