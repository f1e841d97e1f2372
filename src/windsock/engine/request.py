"""What a session remembers of the request that opened it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from windsock.types import Scope

_MAX_QUERY_FIELDS = 64
"""Fields of a query string: far more than any client sends, few enough to parse for strangers."""


def parse_query(query_string: bytes) -> dict[str, str]:
    """Fields of a query string, the last value of each.

    Raises:
        ValueError: more than 64 fields.
    """
    text = query_string.decode("latin-1")
    if "%" not in text and "+" not in text and text.count("&") < _MAX_QUERY_FIELDS:
        # What clients send; parse_qsl costs several times as much, for every long-polling request.
        fields = {}
        for field in text.split("&"):
            name, _, value = field.partition("=")
            fields[name] = value
        return fields
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS))


class Request:
    """The opening request, kept compact and taken apart only when somebody asks.

    Attributes:
        address: of the peer, as the ASGI server reports it; empty when it does not.
        opened_at: seconds since the epoch.
        secure: whether it came over TLS.
        app: the ASGI application that the request was for, as frameworks put it into the scope; or ``None``.
        state: what the lifespan left, as the ASGI server put it into the scope; ``None`` when it left nothing.
    """

    __slots__ = ("_headers", "_path", "_query_string", "address", "app", "opened_at", "secure", "state")

    def __init__(self, scope: Scope) -> None:
        client = scope.get("client")
        self.address: str = client[0] if client else ""
        self.opened_at: float = time.time()
        self.secure: bool = scope.get("scheme") in ("https", "wss")
        self.app: Any = scope.get("app")
        self.state: dict[str, Any] | None = scope.get("state") or None
        self._path: str = scope["path"]
        self._query_string: bytes = scope["query_string"]
        # One bytes object instead of three for each header: it is most of what an idle session holds.
        self._headers = b"\n".join([b"%b:%b" % header for header in scope["headers"]])

    @property
    def headers(self) -> dict[str, str]:
        """Names in lower case; values of a repeated header joined by a comma."""
        headers: dict[str, str] = {}
        for line in self._headers.split(b"\n") if self._headers else ():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return headers

    @property
    def query(self) -> dict[str, str]:
        """Fields of the query string."""
        return parse_query(self._query_string)

    @property
    def url(self) -> str:
        """Path and query string."""
        query = self._query_string.decode("latin-1")
        return f"{self._path}?{query}" if query else self._path
