"""Transports that count their bytes. An engine that nobody observes has none of them."""

from __future__ import annotations

from collections.abc import Coroutine, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from windsock.engine.transports.asgi import AsgiWebSocketTransport
from windsock.engine.transports.polling import PollingTransport
from windsock.engine.transports.websocket import WebSocketTransport

if TYPE_CHECKING:
    import asyncio

    from windsock.engine.wiring import Wiring
    from windsock.types import Receive, Send


@dataclass(frozen=True, slots=True)
class Carriers:
    """The classes of an engine's transports: chosen once, so that what is not observed has nothing to ask.

    Attributes:
        websocket: owns its connection.
        asgi: a WebSocket by ASGI events.
        polling: long-polling.
    """

    websocket: type[WebSocketTransport] = WebSocketTransport
    asgi: type[AsgiWebSocketTransport] = AsgiWebSocketTransport
    polling: type[PollingTransport] = PollingTransport


@dataclass(slots=True)
class Traffic:
    """Bytes that one kind of transport has carried.

    WebSockets that own their connection count what is read and written, frame heads and the answer to the handshake
    included; those by ASGI events, and long-polling, the content of messages and the bodies of requests.

    Attributes:
        received: from clients.
        sent: to clients; what is queued is not sent.
    """

    received: int = 0
    sent: int = 0


def metered(websocket: Traffic, polling: Traffic) -> Carriers:
    """Transports that count their bytes into these two."""

    class MeteredConnection:
        """An asyncio transport that counts what is written to it, by whomever."""

        __slots__ = ("_connection",)

        def __init__(self, connection: asyncio.Transport) -> None:
            self._connection = connection

        def __getattr__(self, name: str) -> Any:
            return getattr(self._connection, name)

        def write(self, data: bytes) -> None:
            websocket.sent += len(data)
            self._connection.write(data)

    class MeteredWebSocket(WebSocketTransport):
        __slots__ = ()

        def __init__(self, connection: asyncio.Transport, wiring: Wiring, **options: Any) -> None:
            WebSocketTransport.__init__(
                self, cast("asyncio.Transport", MeteredConnection(connection)), wiring, **options
            )

        def data_received(self, data: bytes) -> None:
            websocket.received += len(data)
            WebSocketTransport.data_received(self, data)

    class MeteredPolling(PollingTransport):
        __slots__ = ()

        def flush(self) -> None:
            if self._poll is not None:
                polling.sent += sum(message.size for message in self._queue)
            PollingTransport.flush(self)

        def post(self, body: bytes) -> bool | Coroutine[Any, Any, bool]:
            polling.received += len(body)
            return PollingTransport.post(self, body)

    class MeteredAsgi(AsgiWebSocketTransport):
        __slots__ = ()

        def __init__(self, wiring: Wiring, receive: Receive, send: Send) -> None:
            async def count_received() -> MutableMapping[str, Any]:
                event = await receive()
                websocket.received += _content(event)
                return event

            async def count_sent(event: MutableMapping[str, Any]) -> None:
                websocket.sent += _content(event)
                await send(event)

            AsgiWebSocketTransport.__init__(self, wiring, count_received, count_sent)

    return Carriers(MeteredWebSocket, MeteredAsgi, MeteredPolling)


def _content(event: MutableMapping[str, Any]) -> int:
    text = event.get("text")
    return len(text.encode()) if text is not None else len(event.get("bytes") or b"")
