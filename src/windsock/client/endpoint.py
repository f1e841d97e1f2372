"""Where the server is, and what every request to it carries."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from ssl import SSLContext
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from windsock.errors import ConfigurationError
from windsock.protocol.engineio import PROTOCOL_VERSION
from windsock.types import TransportName

MAX_COOKIES: Final = 64
"""Cookies kept. They travel with each request: a server could make a client's requests as large as it likes."""

_SECURE: Final = {"http": False, "https": True, "ws": False, "wss": True}


class Endpoint:
    """A server's address.

    Args:
        url: ``http``, ``https``, ``ws`` or ``wss``; its path names a namespace, its query joins ``query``.
        path: of Socket.IO on that server.
        query: added to each request.
        headers: sent with each request.
        cookies: sent with each request, with those that the server sets: a load balancer knows a client by them.
        ssl: how to verify the server and what to show it; the system's defaults if ``None``.
        proxy: an URL, ``True`` for the environment's (``https_proxy``), ``None`` for none.
        max_message_size: bytes in one incoming message.
        compression: whether to offer permessage-deflate.

    Raises:
        ConfigurationError: the URL is none of these.
    """

    def __init__(
        self,
        url: str,
        *,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        cookies: Mapping[str, str] | None,
        ssl: SSLContext | None,
        proxy: str | bool | None,
        max_message_size: int,
        compression: bool,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _SECURE or not parts.hostname:
            raise ConfigurationError(f"expected a URL such as https://host:port/namespace, got {url!r}")
        self.secure: bool = _SECURE[parts.scheme]
        self.namespace: str = parts.path if parts.path.strip("/") else "/"
        self.ssl: SSLContext | bool | None = (ssl or True) if self.secure else None
        self.proxy = proxy or None
        self.max_message_size = max_message_size
        self.compression = compression
        self._address = f"{parts.netloc}/{path.strip('/')}/".replace("//", "/")
        self._query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **(query or {})}
        self._headers = dict(headers or {})
        self._cookies = dict(cookies or {})

    def __str__(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self._address.rpartition('@')[2]}"

    def url(self, transport: TransportName, sid: str | None) -> str:
        """For a request of one transport, in a session if it has begun."""
        scheme = {"polling": "http", "websocket": "ws"}[transport] + ("s" if self.secure else "")
        query = {**self._query, "EIO": PROTOCOL_VERSION, "transport": transport}
        if sid is not None:
            query["sid"] = sid
        return f"{scheme}://{self._address}?{urlencode(query)}"

    def headers(self) -> dict[str, str]:
        """For the next request."""
        if not self._cookies:
            return self._headers
        return {**self._headers, "Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}

    def set_cookies(self, headers: list[str]) -> None:
        """Keeps what ``Set-Cookie`` headers say; a cookie without a value, or without age, is dropped."""
        for header in headers:
            try:
                parsed = SimpleCookie(header)
            except CookieError:
                continue
            for name, morsel in parsed.items():
                if not morsel.value or morsel["max-age"] == "0":
                    self._cookies.pop(name, None)
                elif name in self._cookies or len(self._cookies) < MAX_COOKIES:
                    self._cookies[name] = morsel.coded_value
