"""What stands before the application: the Host that a request names, and the headers of every answer."""

import re
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, Protocol
from urllib.parse import quote

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

_log = structlog.get_logger(__name__)

# Scripts, styles and connections of this origin alone; nothing embeds the chat. The client sets styles by script, which
# needs no 'unsafe-inline'.
_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
# Only over TLS: a browser ignores it elsewhere, and a name without a certificate must stay reachable.
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")
_API: Final = "/api/"
# What the interface answers is somebody's own, and changes: neither a proxy nor a browser keeps it.
_NO_STORE: Final = (b"cache-control", b"no-store")
_REFUSAL: Final = (
    b'{"error":{"code":"wrong_host","message":"This server does not go by that name. '
    b'The names that it goes by are set with WINDSOCK_CHAT_ALLOWED_HOSTS."}}'
)
# RFC 9110, 7.2: a name, an IPv4 address or an IPv6 one in brackets, and perhaps a port.
_HOST: Final = re.compile(rb"(?P<name>[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(:\d{1,5})?", re.IGNORECASE)


class Closing(Protocol):
    """An ASGI application that can end its connections before the server waits for them."""

    @property
    def close(self) -> Callable[[], Awaitable[None]]: ...

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]: ...


class Edge:
    """Passes on what names one of `hosts` (`*` is any), and puts the security headers on every answer.

    A page elsewhere that has its own name resolve to this server (DNS rebinding) names itself as the host, and is
    refused before anything reads its request. What one of the `proxies` (addresses or networks) says of the client's
    address and scheme is believed.
    """

    def __init__(self, app: Closing, hosts: Iterable[str], proxies: list[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.strip("[]").lower() for host in hosts)
        # uvicorn has names of its own for the types of ASGI.
        entrance: Any = self._pass
        if proxies:
            entrance = ProxyHeadersMiddleware(entrance, proxies)
        self._entrance: ASGIApp = entrance

    async def close(self) -> None:
        """End the connections."""
        await self._app.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._entrance(scope, receive, send)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        elif self._is_welcome(scope):
            await self._app(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [*_HEADERS]
        if scope["scheme"] == "https":
            headers.append(_HSTS)
        if scope["path"].startswith(_API):
            headers.append(_NO_STORE)
        begun = time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
                _log_request(scope, message["status"], time.perf_counter() - begun)
            await send(message)

        if self._is_welcome(scope):
            await self._app(scope, receive, send_with_headers)
        else:
            await _refuse(send_with_headers)

    def _is_welcome(self, scope: Scope) -> bool:
        named = [value for name, value in scope["headers"] if name == b"host"]
        match = _HOST.fullmatch(named[0]) if len(named) == 1 else None
        if match is None or not scope["path"].startswith("/"):
            return False
        return "*" in self._hosts or match["name"].strip(b"[]").decode().lower() in self._hosts


def _log_request(scope: Scope, status: int, seconds: float) -> None:
    # Neither the query nor a header: they may hold what is nobody's business. Quoted, so that no path is two lines.
    if scope["path"].startswith(_API):
        path = quote(scope["path"])
        _log.info("request", method=scope["method"], path=path, status=status, ms=round(seconds * 1000, 1))


async def _refuse(send: Callable[[Message], Awaitable[Any]]) -> None:
    length = str(len(_REFUSAL)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": _REFUSAL})
