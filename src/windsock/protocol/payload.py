"""Long-polling payloads: several packets in one HTTP body (Engine.IO protocol, "HTTP long-polling")."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterable
from typing import Final

from windsock.errors import PayloadError
from windsock.protocol.engineio import SEPARATOR, Message

MAX_PACKETS: Final = 10_000
"""Packets in one payload. A body of a million bytes could hold half a million of them, each costing
its own dispatch: such a body is refused before any of it is decoded. Clients that buffered while they
were offline stay far below."""

_PACKET_TYPES: Final = frozenset("0123456")


def encode(messages: Iterable[Message]) -> bytes:
    """Joins messages to one payload, in order."""
    return SEPARATOR.join([message.payload for message in messages])


def decode(body: bytes, *, max_packets: int = MAX_PACKETS) -> list[str | bytes]:
    """Splits a payload into text packets (``str``, type digit included) and binary messages (``bytes``).

    Raises:
        PayloadError: more than ``max_packets`` packets, an empty or unknown packet, text that is not
            UTF-8, or binary that is not base64. Nothing is decoded in part.
    """
    count = body.count(SEPARATOR) + 1
    if count > max_packets:
        raise PayloadError(f"expected at most {max_packets} packets in a payload, got {count}")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise PayloadError(f"expected UTF-8 in a payload: {error.reason} at byte {error.start}") from None
    return [_decode_packet(packet) for packet in text.split("\x1e")]


def _decode_packet(packet: str) -> str | bytes:
    kind = packet[:1]
    if kind == "b":
        try:
            return b64decode(packet[1:], validate=True)
        except (binascii.Error, ValueError):
            raise PayloadError("expected base64 after 'b' in a payload") from None
    if kind not in _PACKET_TYPES or not kind:
        raise PayloadError(f"expected a packet type from 0 to 6 or 'b', got {kind!r}")
    return packet
