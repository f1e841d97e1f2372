"""How a server is reached."""

from __future__ import annotations

from collections.abc import Sequence
from ssl import SSLContext
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from windsock.errors import ConfigurationError

_SCHEMES: Final = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}


class Options:
    """Of each connection; see :class:`windsock.WebSocketClient`.

    Attributes:
        url: ``ws`` or ``wss``.
        name: the URL without its query and its password, to be logged.
        ssl: ``None`` for ``ws``, ``True`` for the system's defaults.

    Raises:
        ConfigurationError: the URL is none, or a limit is below its least.
    """

    def __init__(
        self,
        url: str,
        *,
        subprotocols: Sequence[str],
        ssl: SSLContext | None,
        proxy: str | bool | None,
        compression: bool,
        timeout: float,
        ping_interval: float | None,
        ping_timeout: float,
        max_message_size: int,
    ) -> None:
        parts = urlsplit(url)
        scheme = _SCHEMES.get(parts.scheme)
        if scheme is None or not parts.hostname or parts.fragment:
            raise ConfigurationError(f"expected a URL such as wss://host:port/path, got {url!r}")
        if not (timeout > 0 and ping_timeout > 0 and (ping_interval is None or ping_interval > 0)):
            raise ConfigurationError(f"expected times above 0 s, got {timeout}, {ping_interval} and {ping_timeout}")
        if isinstance(subprotocols, str):
            raise ConfigurationError(f"expected a sequence of subprotocols, got the text {subprotocols!r}")
        self.url: str = urlunsplit(parts._replace(scheme=scheme))
        self.name: str = urlunsplit((scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
        self.ssl: SSLContext | bool | None = (ssl or True) if scheme == "wss" else None
        self.subprotocols: Sequence[str] = tuple(subprotocols)
        self.proxy = proxy or None
        self.compression: bool = compression
        self.timeout: float = timeout
        self.ping_interval: float | None = ping_interval
        self.ping_timeout: float = ping_timeout
        self.max_message_size: int = max_message_size
