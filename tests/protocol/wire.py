"""WebSocket frames as a client writes and reads them (RFC 6455, section 5.2), written apart from the library's."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA


def client_frame(
    opcode: int,
    payload: bytes = b"",
    *,
    final: bool = True,
    reserved: int = 0,
    masked: bool = True,
    key: bytes = b"\x37\xfa\x21\x3d",
    length: int | None = None,
) -> bytes:
    """One frame of a client.

    Args:
        reserved: RSV1 to RSV3 as three bits.
        length: what the head says instead of the truth.
    """
    announced = len(payload) if length is None else length
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    flag = 0x80 if masked else 0
    if announced < 126:
        head += bytes([flag | announced])
    elif announced < 65_536:
        head += bytes([flag | 126]) + struct.pack("!H", announced)
    else:
        head += bytes([flag | 127]) + struct.pack("!Q", announced)
    if not masked:
        return head + payload
    return head + key + bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


@dataclass(frozen=True)
class ServerFrame:
    """One frame of a server."""

    opcode: int
    payload: bytes
    final: bool = True
    compressed: bool = False


def server_frames(data: bytes) -> list[ServerFrame]:
    """The frames in ``data``, which must be whole and unmasked."""
    frames = []
    position = 0
    while position < len(data):
        first, length = data[position], data[position + 1]
        position += 2
        assert first & 0x30 == 0, "RSV2 and RSV3 have no meaning here"
        assert length < 128, "a server must not mask"
        if length == 126:
            (length,) = struct.unpack_from("!H", data, position)
            assert length >= 126, "expected the shortest form of a length"
            position += 2
        elif length == 127:
            (length,) = struct.unpack_from("!Q", data, position)
            assert length >= 65_536, "expected the shortest form of a length"
            position += 8
        payload = data[position : position + length]
        assert len(payload) == length, "the last frame is cut off"
        position += length
        frames.append(ServerFrame(first & 0x0F, payload, bool(first & 0x80), bool(first & 0x40)))
    return frames


def close_payload(code: int, reason: str = "") -> bytes:
    """Payload of a close frame."""
    return struct.pack("!H", code) + reason.encode()
