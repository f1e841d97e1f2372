"""How a connection ended, and whether that may be over soon."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final, Self

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidProxy,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidURI,
)

from windsock.client.transports.base import describe
from windsock.errors import ConfigurationError
from windsock.protocol.closing import CloseCode, may_come_back

ABNORMAL: Final = int(CloseCode.ABNORMAL)
"""There was no closing handshake."""

UNTRUSTED: Final = 1015
"""The server's certificate is not trusted (RFC 6455, section 7.4.1)."""

TRANSIENT_STATUSES: Final = frozenset({408, 425, 429})
"""Beside 500 and above: too slow, too early, too many."""

MAX_REASON: Final = 123
"""Bytes: a control frame has room for no more (RFC 6455, section 5.5)."""

SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class WebSocketClosure:
    """How a connection ended, or why there was none.

    Attributes:
        code: RFC 6455, section 7.4; 1005 when the server gave none, 1006 when it did not say that it closes or could
            not be reached, 1015 when its certificate is not trusted.
        reason: in the server's words; in the client's, when the server said nothing.
        status: of HTTP, when the server, or a proxy, answered the handshake with another than 101.
    """

    code: int
    reason: str = ""
    status: int | None = None

    def __str__(self) -> str:
        return f"{self.code} ({self.reason})" if self.reason else str(self.code)

    @property
    def transient(self) -> bool:
        """Whether it may be over soon, so that a client comes back, unless ``reconnect_after`` says otherwise."""
        if self.status is not None:
            return self.status >= SERVER_ERROR or self.status in TRANSIENT_STATUSES
        return may_come_back(self.code)

    @classmethod
    def chosen(cls, code: int, reason: str) -> Self:
        """One that the application wants.

        Raises:
            ConfigurationError: the code or the reason is none that may be sent.
        """
        if code not in (CloseCode.NORMAL, CloseCode.GOING_AWAY) and not 3000 <= code <= 4999:
            raise ConfigurationError(f"expected 1000, 1001 or 3000 to 4999 as a close code, got {code}")
        size = len(reason.encode(errors="surrogatepass"))
        if size > MAX_REASON:
            raise ConfigurationError(f"expected a reason of at most {MAX_REASON} bytes, got {size}")
        return cls(int(code), reason)

    @classmethod
    def of(cls, closed: ConnectionClosed) -> Self:
        """Of a connection that stood: what the side said that closed first."""
        received, sent = closed.rcvd, closed.sent
        first = sent if received is None or (sent is not None and not closed.rcvd_then_sent) else received
        if first is None:
            cause = closed.__cause__
            return cls(ABNORMAL, "the connection was lost" if cause is None else describe(cause))
        return cls(int(first.code), first.reason)

    @classmethod
    def before(cls, error: Exception) -> Self:
        """Of a connection that did not come to stand."""
        reason = describe(error)
        if isinstance(error, InvalidStatus | InvalidProxyStatus):
            return cls(ABNORMAL, reason, error.response.status_code)
        if isinstance(error, ssl.SSLCertVerificationError):
            return cls(UNTRUSTED, reason)
        torn = isinstance(error, InvalidMessage) and isinstance(error.__cause__, EOFError)
        if isinstance(error, InvalidHandshake | InvalidURI | InvalidProxy | ValueError) and not torn:
            return cls(int(CloseCode.PROTOCOL_ERROR), reason)  # it answers, but not as it must
        return cls(ABNORMAL, reason)
