"""Which origins may talk to the engine, and the headers that tell a browser so (Fetch, "CORS protocol")."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from windsock.engine.options import EngineOptions
    from windsock.types import Scope

Header = tuple[bytes, bytes]


def header(scope: Scope, name: bytes) -> bytes | None:
    """First value of a request header."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


class OriginPolicy:
    """One rule for long-polling and WebSocket alike.

    A request without ``Origin`` does not come from a page of another site, and is allowed: the rule defends
    browsers' users, not the server from programs.
    """

    __slots__ = ("_allowed", "_any", "_credentials", "_predicate")

    def __init__(self, options: EngineOptions) -> None:
        rule = options.cors_allowed_origins
        self._any = rule == "*"
        self._predicate = rule if callable(rule) else None
        self._allowed: frozenset[str] = frozenset()
        if isinstance(rule, str):
            self._allowed = frozenset({rule})
        elif rule is not None and not callable(rule):
            self._allowed = frozenset(rule)
            self._any = "*" in self._allowed
        self._credentials = options.cors_credentials

    def allows(self, scope: Scope) -> bool:
        """Whether a page of the request's origin may talk to the engine."""
        origin = _origin(scope)
        return origin is None or self._allows_origin(origin, scope)

    def headers(self, scope: Scope) -> list[Header]:
        """CORS headers of an answer; none for the same origin, and none for a foreign one."""
        origin = _origin(scope)
        if origin is None:
            return []
        if self._any and not self._credentials:
            return [(b"access-control-allow-origin", b"*")]
        headers: list[Header] = [(b"vary", b"Origin")]
        if self._names(origin, scope):
            headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
            if self._credentials:
                headers.append((b"access-control-allow-credentials", b"true"))
        return headers

    def preflight_headers(self, scope: Scope) -> list[Header]:
        """Headers of the answer to an OPTIONS request."""
        headers = self.headers(scope)
        if any(name == b"access-control-allow-origin" for name, _ in headers):
            headers.append((b"access-control-allow-methods", b"GET,POST"))
            requested = header(scope, b"access-control-request-headers")
            headers.append((b"access-control-allow-headers", requested or b"content-type"))
            headers.append((b"access-control-max-age", b"600"))
        return headers

    def _names(self, origin: str, scope: Scope) -> bool:
        if self._predicate is not None:
            return self._predicate(origin, scope)
        return self._any or origin in self._allowed

    def _allows_origin(self, origin: str, scope: Scope) -> bool:
        return self._names(origin, scope) or _is_same_origin(origin, scope)


def _origin(scope: Scope) -> str | None:
    value = header(scope, b"origin")
    return None if value is None else value.decode("latin-1")


def _is_same_origin(origin: str, scope: Scope) -> bool:
    host = header(scope, b"host")
    if host is None:
        return False
    try:
        parts = urlsplit(origin)
        # The scheme is not compared: behind a proxy that ends TLS the server sees http where the page
        # has https, and an attacker who serves this very host and port is not another site.
        return parts.scheme in ("http", "https") and parts.netloc.lower() == host.decode("latin-1").lower()
    except ValueError:
        return False
