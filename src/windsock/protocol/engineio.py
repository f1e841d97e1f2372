"""Engine.IO v4 packets (Engine.IO protocol, "Packet encoding").

A packet is a type digit and a payload. Text and binary travel differently in the two transports: a
WebSocket carries text packets in text frames and the payload of a binary message bare in a binary
frame; long-polling carries text only, binary messages in base64 behind a ``b``.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Final

import orjson

from windsock.protocol.websocket import BINARY, TEXT, deflate, frame

if TYPE_CHECKING:
    from windsock.slow_consumer import Terms

PROTOCOL_VERSION: Final = "4"

SEPARATOR: Final = b"\x1e"
"""Stands between the packets of a long-polling payload (ASCII record separator)."""


class PacketType(StrEnum):
    """First character of a text packet."""

    OPEN = "0"
    CLOSE = "1"
    PING = "2"
    PONG = "3"
    MESSAGE = "4"
    UPGRADE = "5"
    NOOP = "6"


class ErrorCode(IntEnum):
    """Why a request was refused; the body of the answer is ``{"code": …, "message": …}``."""

    UNKNOWN_TRANSPORT = 0
    UNKNOWN_SID = 1
    BAD_HANDSHAKE_METHOD = 2
    BAD_REQUEST = 3
    FORBIDDEN = 4
    UNSUPPORTED_PROTOCOL_VERSION = 5


ERROR_MESSAGES: Final[dict[ErrorCode, str]] = {
    ErrorCode.UNKNOWN_TRANSPORT: "Transport unknown",
    ErrorCode.UNKNOWN_SID: "Session ID unknown",
    ErrorCode.BAD_HANDSHAKE_METHOD: "Bad handshake method",
    ErrorCode.BAD_REQUEST: "Bad request",
    ErrorCode.FORBIDDEN: "Forbidden",
    ErrorCode.UNSUPPORTED_PROTOCOL_VERSION: "Unsupported protocol version",
}


class Message:
    """What is sent as one unit: a text packet and the binary packets that belong to it, in this order; or these alone.

    Each wire form is made when a transport first asks for it and kept, so that a broadcast to many
    sessions encodes once for each form and not once for each session.

    Args:
        text: the text packet in UTF-8, its type digit included; empty when there is none.
        attachments: payloads of the binary packets that follow it.
        compress: whether transports that compress may compress it.

    Attributes:
        terms: what may be done with it while a receiver is slow; nothing, if there are none.
        event: the name and the arguments that it was made of, where somebody wants to hear of it.
    """

    # What most messages have stands in the class: each attribute set for an instance is a tenth of making one.
    attachments: tuple[bytes, ...] = ()
    compress: bool = True
    terms: Terms | None = None
    event: list[Any] | None = None
    _frame: bytes | None = None
    _payload: bytes | None = None
    _deflated: bytes | None = None

    def __init__(self, text: bytes = b"", attachments: tuple[bytes, ...] = (), compress: bool = True) -> None:
        self.text: bytes = text
        if attachments:
            self.attachments = attachments
        if not compress:
            self.compress = False

    @property
    def frame(self) -> bytes:
        """As WebSocket frames, uncompressed."""
        encoded = self._frame
        if encoded is None:
            encoded = frame(TEXT, self.text) if self.text else b""
            if self.attachments:
                encoded += b"".join(frame(BINARY, data) for data in self.attachments)
            self._frame = encoded
        return encoded

    def deflated(self, level: int) -> bytes:
        """As WebSocket frames compressed without context takeover (RFC 7692, section 7.2.1).

        Args:
            level: zlib's; that of the first call counts, since a server has but one.
        """
        encoded = self._deflated
        if encoded is None:
            encoded = frame(TEXT, deflate(self.text, level=level), compressed=True) if self.text else b""
            if self.attachments:
                encoded += b"".join(
                    frame(BINARY, deflate(data, level=level), compressed=True) for data in self.attachments
                )
            self._deflated = encoded
        return encoded

    @property
    def payload(self) -> bytes:
        """As packets of a long-polling payload."""
        encoded = self._payload
        if encoded is None:
            encoded = self.text
            if self.attachments:
                packets = [b"b" + b64encode(data) for data in self.attachments]
                encoded = SEPARATOR.join([encoded, *packets] if encoded else packets)
            self._payload = encoded
        return encoded

    @property
    def parts(self) -> tuple[str | bytes, ...]:
        """As the messages that an ASGI server takes."""
        return (self.text.decode(), *self.attachments) if self.text else self.attachments

    @property
    def size(self) -> int:
        """Bytes of content, for budgets."""
        return len(self.text) + sum(map(len, self.attachments))


CLOSE: Final = Message(b"1")
PING: Final = Message(b"2")
PROBE_PONG: Final = Message(b"3probe")
NOOP: Final = Message(b"6")


@dataclass(frozen=True, slots=True)
class OpenParameters:
    """Content of the ``open`` packet (Engine.IO protocol, "Handshake"). Times in milliseconds."""

    upgrades: tuple[str, ...]
    ping_interval: int
    ping_timeout: int
    max_payload: int

    def packet(self, sid: str) -> Message:
        """The packet that tells a client its session id and these parameters."""
        body = {
            "sid": sid,
            "upgrades": self.upgrades,
            "pingInterval": self.ping_interval,
            "pingTimeout": self.ping_timeout,
            "maxPayload": self.max_payload,
        }
        return Message(b"0" + orjson.dumps(body))
