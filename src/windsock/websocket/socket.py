"""One client of an endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

import orjson

from windsock.engine.backlog import Backlog
from windsock.engine.transports.outbox import FLUSH_AT
from windsock.errors import EncodeError, NotConnected
from windsock.protocol import json
from windsock.protocol.nesting import MAX_DEPTH, is_json_too_deep
from windsock.protocol.websocket import BINARY, SHORT_TEXT_HEADS, TEXT, Closed, Data, frame

if TYPE_CHECKING:
    from windsock.engine.request import Request
    from windsock.engine.transports.asgi import AsgiWebSocketTransport
    from windsock.engine.transports.base import Outgoing
    from windsock.engine.transports.websocket import WebSocketTransport
    from windsock.engine.wiring import Wiring
    from windsock.websocket.connection import Connection

Message = str | bytes | bytearray | memoryview

_SHORT = len(SHORT_TEXT_HEADS) - 1
_MAX_REASON = 123
"""Bytes of a close frame's reason (RFC 6455, section 5.5)."""


class Held:
    """Stands in for the transport until the handshake is answered: nothing may reach the client before.

    Attributes:
        closing: how it is to end as soon as it has begun; by the application, or because too much waits.
    """

    pending: None = None
    straggler: None = None
    writable: bool = False

    def __init__(self, wiring: Wiring) -> None:
        self.closing: Closed | None = None
        self._backlog: Backlog[Outgoing] = Backlog(wiring.options.slow_consumer, wiring.slow_consumers)

    def send(self, message: Outgoing) -> None:
        """Keeps a message."""
        if not self._backlog.add(message, message.size, message.terms) and self.closing is None:
            self.closing = Closed(1013, "too much to begin with")

    def close(self, code: int, reason: str) -> None:
        """Remembers that the application closed it."""
        self.closing = self.closing or Closed(code, reason)

    def hand_over(self, transport: WebSocketTransport | AsgiWebSocketTransport) -> None:
        """Gives the transport what waited."""
        for message in self._backlog.take():
            transport.send(message)
        if self.closing is not None:
            transport.close(self.closing.code, self.closing.reason)


class WebSocket:
    """One client. Made by the endpoint, given to handlers.

    Attributes:
        request: that opened it: ``headers``, ``query``, ``url``, ``address``, ``secure``, ``app``, ``state``.
        path_params: what the framework's router found in the path.
        subprotocol: that was agreed on, or ``None``.
        closed: how the connection ended: ``code`` and ``reason``; ``None`` as long as it has not.
        groups: names of the groups it is in; change them with :meth:`join` and :meth:`leave`.
        outlet: for the library: its connection.
        transport: for the library: where its messages go.
    """

    __slots__ = ("__weakref__", "_data", "_outbox", "closed", "groups", "outlet", "path_params", "request",
                 "subprotocol", "transport")  # fmt: skip

    def __init__(
        self, connection: Connection, request: Request, path_params: dict[str, Any], subprotocol: str | None, held: Held
    ) -> None:
        self.request: Request = request
        self.path_params: dict[str, Any] = path_params
        self.subprotocol: str | None = subprotocol
        self.closed: Closed | None = None
        self.groups: Collection[str] = ()
        self.transport: WebSocketTransport | AsgiWebSocketTransport | Held = held
        self.outlet: Connection = connection
        self._outbox = connection.outbox
        self._data: SimpleNamespace | None = None

    @property
    def data(self) -> Any:
        """Whatever the application keeps with the socket: ``socket.data.user = …``."""
        if self._data is None:
            self._data = SimpleNamespace()
        return self._data

    def send(self, message: Message, *, volatile: bool = False, compress: bool = True) -> None:
        """Sends a message, text or binary by its type. It is queued, and never blocks; lost when the client is gone.

        Args:
            message: the content.
            volatile: it may be dropped if the client cannot take it now.
            compress: whether the transport may compress it.

        Raises:
            EncodeError: it is neither text nor bytes, or text that is not Unicode.
        """
        transport = self.transport
        pending = transport.pending
        if pending is None or type(message) is not str:
            self._send(data_of(message, compress), message, volatile)
            return
        # What most messages are, without an object that many could share.
        try:
            text = message.encode()
        except UnicodeEncodeError as error:
            raise _not_unicode(error) from error
        size = len(text)
        outbox = self._outbox
        if not pending:
            outbox.dirty.append(transport)  # type: ignore[arg-type]  # whoever offers ``pending`` is flushable
            if not outbox.scheduled:
                outbox.schedule()
        pending.append(SHORT_TEXT_HEADS[size] + text if size <= _SHORT else frame(TEXT, text))
        outbox.gathered = gathered = outbox.gathered + size
        if gathered > FLUSH_AT:
            outbox.flush()

    def send_json(self, value: Any, *, volatile: bool = False, compress: bool = True) -> None:
        """Sends a value as JSON text; see :meth:`send`.

        Raises:
            EncodeError: JSON cannot carry it.
        """
        self._send(Data(TEXT, json.encode(value), compress), value, volatile)

    def join(self, *names: str) -> None:
        """Joins groups of the endpoint. Nothing happens for those it is in, or when the client has left."""
        self.outlet.endpoint.join(self, names)

    def leave(self, *names: str) -> None:
        """Leaves groups. Nothing happens for those it is not in."""
        self.outlet.endpoint.leave(self, names)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Sends what is queued, then closes; the code tells the client whether to come back (docs/websocket.md).

        Args:
            code: 1000 to 1014 but 1004 to 1006, or 3000 to 4999.
            reason: cut to 123 bytes.

        Raises:
            ValueError: the code is none that may be sent.
        """
        if not (1000 <= code <= 1014 and code not in (1004, 1005, 1006)) and not 3000 <= code <= 4999:
            raise ValueError(f"expected a close code that may be sent (RFC 6455, section 7.4), got {code}")
        self.outlet.close(code, reason.encode()[:_MAX_REASON].decode(errors="ignore"))

    async def drain(self) -> None:
        """Waits until the client has caught up; returns at once while it keeps up.

        Raises:
            NotConnected: the client has left.
        """
        while self.closed is None:
            straggler = self.transport.straggler
            if straggler is None:
                return
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            straggler.notify(future)
            try:
                await future
            finally:
                future.cancel()
        raise NotConnected("the client has disconnected")

    # -- for a ``session`` handler --

    def __aiter__(self) -> Self:
        """The messages, in order, until the client has left."""
        return self

    async def __anext__(self) -> str | bytes:
        """The next message.

        Raises:
            StopAsyncIteration: the client has left.
        """
        return await self.outlet.next()

    async def iter_json(self) -> AsyncIterator[Any]:
        """The messages as JSON; one that is not closes the connection with 1007."""
        async for message in self:
            try:
                value = orjson.loads(message)
            except orjson.JSONDecodeError as error:
                self.close(1007, f"expected JSON: {error}")
                return
            if is_json_too_deep(message, [value]):
                self.close(1007, f"expected JSON nested at most {MAX_DEPTH} deep")
                return
            yield value

    def _send(self, data: Data, subject: Any, volatile: bool) -> None:
        endpoint = self.outlet.endpoint
        if volatile and not endpoint.may_send_volatile(self):
            return
        endpoint.set_terms(data, subject, volatile)
        self.transport.send(data)


def data_of(message: Message, compress: bool = True) -> Data:
    """A message to be sent.

    Raises:
        EncodeError: it is neither text nor bytes, or text that is not Unicode.
    """
    if isinstance(message, str):
        return Data(TEXT, encode(message), compress)
    if isinstance(message, bytes | bytearray | memoryview):
        return Data(BINARY, bytes(message), compress)
    raise EncodeError(f"expected str or bytes, got {type(message).__name__}")


def encode(text: str) -> bytes:
    """Text in UTF-8.

    Raises:
        EncodeError: it holds a lone surrogate.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise _not_unicode(error) from error


def _not_unicode(error: UnicodeEncodeError) -> EncodeError:
    return EncodeError(f"expected Unicode text: {error}")
