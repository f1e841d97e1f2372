"""What an Engine.IO server can be told; names and defaults are the original's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from windsock.errors import ConfigurationError
from windsock.protocol.engineio import OpenParameters
from windsock.protocol.payload import MAX_PACKETS
from windsock.protocol.websocket import MAX_FRAGMENTS
from windsock.slow_consumer import SlowConsumer
from windsock.types import Scope, TransportName

OriginPredicate = Callable[[str, Scope], bool]
AllowRequest = Callable[[Scope], "bool | str | Awaitable[bool | str]"]


@dataclass(frozen=True, slots=True)
class Cookie:
    """The cookie a handshake sets, for load balancers that route by it. Its value is the session's id.

    Args:
        name: of the cookie.
        path: below which browsers send it.
        http_only: whether scripts of the page may not read it.
        same_site: whether it goes with requests from other sites; ``None`` leaves that to the browser.
        secure: whether it is sent over TLS alone. ``same_site="none"`` asks for that.
        max_age: seconds; ``None`` until the browser ends.
        domain: whose hosts it is sent to; ``None`` for the one that set it.
    """

    name: str = "io"
    path: str = "/"
    http_only: bool = True
    same_site: Literal["lax", "strict", "none"] | None = "lax"
    secure: bool = False
    max_age: int | None = None
    domain: str | None = None

    def header(self, sid: str) -> bytes:
        """Value of the Set-Cookie header."""
        parts = [f"{self.name}={sid}"]
        if self.max_age is not None:
            parts.append(f"Max-Age={self.max_age}")
        if self.domain is not None:
            parts.append(f"Domain={self.domain}")
        parts.append(f"Path={self.path}")
        if self.http_only:
            parts.append("HttpOnly")
        if self.secure:
            parts.append("Secure")
        if self.same_site is not None:
            parts.append(f"SameSite={self.same_site.capitalize()}")
        return "; ".join(parts).encode("latin-1")


@dataclass(frozen=True, slots=True)
class PerMessageDeflate:
    """Compression of WebSocket messages (RFC 7692), each by itself (section 7.1.1.1): once for all its receivers.

    Args:
        threshold: bytes; shorter messages are sent as they are.
        level: zlib's, 1 to 9.

    Raises:
        ConfigurationError: the level is out of its range.
    """

    threshold: int = 1024
    level: int = 6

    def __post_init__(self) -> None:
        _check_level(self.level)


@dataclass(frozen=True, slots=True)
class HttpCompression:
    """Compression of long-polling answers, for clients that accept gzip.

    Args:
        threshold: bytes; shorter answers are sent as they are.
        level: zlib's, 1 to 9.

    Raises:
        ConfigurationError: the level is out of its range.
    """

    threshold: int = 1024
    level: int = 6

    def __post_init__(self) -> None:
        _check_level(self.level)


def _check_level(level: int) -> None:
    if level not in range(1, 10):
        raise ConfigurationError(f"expected a level of compression from 1 to 9, got {level}")


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Options of an engine. Times are in seconds, sizes in bytes.

    Args:
        path: where the engine answers.
        add_trailing_slash: whether ``path`` ends with a slash.
        ping_interval: between the server's pings.
        ping_timeout: for the pong to a ping; then the session closes with ``ping timeout``.
        upgrade_timeout: for a WebSocket that probes to take over its session.
        max_http_buffer_size: bytes in one message or one long-polling request.
        transports: what clients may use.
        allow_upgrades: whether a long-polling session may move to a WebSocket.
        cookie: set on the answer to a handshake; ``None`` for no cookie.
        cors_allowed_origins: ``None`` for the same origin only, ``"*"``, a list of origins, or a predicate of
            the origin and the ASGI scope. It governs both the CORS headers and the ``Origin`` of WebSockets.
        cors_credentials: whether browsers may send cookies with cross-origin requests.
        allow_request: of the ASGI scope, before a session is made; ``False`` or a message refuses with 403.
        per_message_deflate: ``None`` (or ``False``) for no compression of WebSocket messages.
        http_compression: ``None`` (or ``False``) for no compression of long-polling answers.
        max_sessions: alive at once; a flood of long-polling handshakes holds no connection of its own and
            would otherwise grow without end.
        handshake_rate: sessions opened in a second; as many may come at once. Others wait, up to five seconds, and are
            refused with 503 and ``Retry-After`` beyond that: clients that all come back at once would otherwise
            keep the server from those that are there.
        slow_consumer: what happens to a client that does not take what is sent to it, so that one stalled reader
            cannot take the server's memory.
        max_payload_packets: packets in one long-polling request.
        max_fragments: frames in one WebSocket message.
    """

    path: str = "/socket.io/"
    add_trailing_slash: bool = True
    ping_interval: float = 25.0
    ping_timeout: float = 20.0
    upgrade_timeout: float = 10.0
    max_http_buffer_size: int = 1_000_000
    transports: Sequence[TransportName] = ("polling", "websocket")
    allow_upgrades: bool = True
    cookie: Cookie | None = None
    cors_allowed_origins: str | Sequence[str] | OriginPredicate | None = None
    cors_credentials: bool = False
    allow_request: AllowRequest | None = None
    per_message_deflate: PerMessageDeflate | None = None
    http_compression: HttpCompression | None = field(default_factory=HttpCompression)
    max_sessions: int = 100_000
    handshake_rate: float | None = None
    slow_consumer: SlowConsumer = SlowConsumer()  # noqa: RUF009  frozen
    max_payload_packets: int = MAX_PACKETS
    max_fragments: int = MAX_FRAGMENTS

    def __post_init__(self) -> None:
        unknown = set(self.transports) - {"polling", "websocket"}
        if unknown or not self.transports:
            raise ConfigurationError(f"expected transports among polling and websocket, got {list(self.transports)}")
        for name in ("ping_interval", "ping_timeout", "upgrade_timeout", "max_http_buffer_size"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"expected {name} above zero, got {getattr(self, name)}")
        if self.handshake_rate is not None and self.handshake_rate <= 0:
            raise ConfigurationError(f"expected handshake_rate above zero, got {self.handshake_rate}")
        origins = self.cors_allowed_origins
        if self.cors_credentials and origins is not None and not callable(origins) and "*" in origins:
            raise ConfigurationError("expected a list of origins with cors_credentials, got '*'")

    @property
    def normalized_path(self) -> str:
        """The path that requests must have."""
        bare = "/" + self.path.strip("/")
        return bare.rstrip("/") + "/" if self.add_trailing_slash else bare

    def open_parameters(self, transport: TransportName) -> OpenParameters:
        """What the ``open`` packet of a session that begins on this transport says."""
        can_upgrade = self.allow_upgrades and transport == "polling" and "websocket" in self.transports
        return OpenParameters(
            upgrades=("websocket",) if can_upgrade else (),
            ping_interval=round(self.ping_interval * 1000),
            ping_timeout=round(self.ping_timeout * 1000),
            max_payload=self.max_http_buffer_size,
        )
