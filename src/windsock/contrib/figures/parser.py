"""A parser that tells which events it encodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from windsock.protocol.socketio import PacketType

if TYPE_CHECKING:
    from windsock.protocol.engineio import Message
    from windsock.protocol.socketio import Decoder, Parser


class ObservedParser:
    """Everything but that is the parser's own.

    Args:
        parser: the parser.
        emitted: called with the namespace, the event and the id of the acknowledgement that is asked for, once for each
            event that is encoded, whether for one client or for many.
    """

    __slots__ = ("_emitted", "_encode", "decoder", "pack")

    def __init__(self, parser: Parser, emitted: Callable[[str, str, int | None], None]) -> None:
        self._encode = parser.encode
        self._emitted = emitted
        self.decoder: Callable[[], Decoder] = parser.decoder
        self.pack: Callable[..., tuple[bytes, tuple[bytes, ...]]] = parser.pack

    def encode(self, type: PacketType, namespace: str, data: Any, id: int | None, compress: bool) -> Message:
        """See :class:`windsock.protocol.socketio.Parser`."""
        message = self._encode(type, namespace, data, id, compress)
        if type is PacketType.EVENT:
            self._emitted(namespace, data[0], id)
        return message
