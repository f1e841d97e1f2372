"""Packets in MessagePack, as ``socket.io-msgpack-parser`` 3 has them: one binary message each.

A packet is a map of ``type``, ``nsp``, ``data`` and ``id``; binary values stand where they belong, and nothing follows
as an attachment.
"""

from __future__ import annotations

from typing import Any, Final

from windsock.errors import ConfigurationError, EncodeError, PacketError, UndecodableArgument
from windsock.protocol.engineio import Message
from windsock.protocol.nesting import MAX_DEPTH, is_too_deep
from windsock.protocol.socketio import (
    MAX_ACK_ID_DIGITS,
    MAX_NAMESPACE_LENGTH,
    RESERVED_EVENTS,
    Packet,
    PacketType,
    check_payload,
)

_EVENT: Final = PacketType.EVENT
_ACK: Final = PacketType.ACK
_KINDS: Final[dict[int, PacketType]] = {
    int(kind): kind for kind in PacketType if kind not in (PacketType.BINARY_EVENT, PacketType.BINARY_ACK)
}
_TYPES: Final[dict[PacketType, bytes]] = {kind: b"\xa4type%c\xa3nsp" % kind for kind in _KINDS.values()}
_ROOT: Final = b"\xa1/"
_END_OF_IDS: Final = 10**MAX_ACK_ID_DIGITS
_LEVELS: Final = 255
"""Of containers that ormsgpack writes."""


class MsgpackParser:
    """Reads and writes packets as ``socket.io-msgpack-parser`` does; for a server and all its clients, or none.

    What it sends may hold what JSON may (see :class:`windsock.parsers.JsonParser`), and ``NaN`` and infinities. Unlike
    there, a ``datetime``, which needs a time zone, arrives as a ``Date``, and a ``Date`` as a ``datetime`` in UTC.
    ``undefined`` arrives as ``None``. Integers have up to 64 bits; JavaScript reads those beyond 2**53 as the nearest
    that it has.

    Raises:
        ConfigurationError: ormsgpack is missing.
    """

    __slots__ = ("_decoder", "_dumps")

    def __init__(self) -> None:
        try:
            from windsock.protocol.notepack import dumps  # noqa: PLC0415  ormsgpack need not be installed
        except ImportError:
            raise ConfigurationError("expected ormsgpack for MessagePack: pip install 'windsock[msgpack]'") from None
        self._dumps = dumps
        self._decoder = MsgpackDecoder()

    def encode(
        self, type: PacketType, namespace: str, data: Any, id: int | None = None, compress: bool = True
    ) -> Message:
        """See :meth:`windsock.protocol.socketio.Parser.encode`."""
        text, attachments = self.pack(type, namespace, data, id)
        return Message(text, attachments, compress)

    def pack(
        self, type: PacketType, namespace: str, data: Any, id: int | None = None
    ) -> tuple[bytes, tuple[bytes, ...]]:
        """See :meth:`windsock.protocol.socketio.Parser.pack`: no text, and one attachment, which is the packet."""
        dumps = self._dumps
        fields = 0x82  # the head of a map of two
        rest = b""
        try:
            if data is not None:
                fields += 1
                rest = b"\xa4data" + dumps(data)
            if id is not None:
                fields += 1
                rest += b"\xa2id" + dumps(id)
            where = _ROOT if namespace == "/" else dumps(namespace)
        except TypeError as error:
            raise EncodeError(f"expected a value that MessagePack can carry: {error}") from error
        return b"", (b"%c%b%b%b" % (fields, _TYPES[type], where, rest),)

    def decoder(self) -> MsgpackDecoder:
        """One for all connections: it keeps nothing between two messages."""
        return self._decoder


class MsgpackDecoder:
    """See :class:`windsock.protocol.socketio.Decoder`. Made by :class:`MsgpackParser`."""

    __slots__ = ("_dumps", "_loads", "_unreadable")

    def __init__(self) -> None:
        from ormsgpack import packb  # noqa: PLC0415  see above

        from windsock.protocol.notepack import UnreadableDate, loads  # noqa: PLC0415  see above

        self._dumps = packb
        self._loads = loads
        self._unreadable = UnreadableDate

    def add(self, message: str | bytes, start: int = 0) -> Packet:
        """See :meth:`windsock.protocol.socketio.Decoder.add`."""
        if isinstance(message, str):
            raise PacketError("expected a packet in MessagePack, got text: its sender has another parser")
        try:
            fields = self._loads(message)
        except self._unreadable as error:
            raise _refusal(_read(self._loads(message, every_date=True)), str(error)) from None
        except ValueError as error:
            raise PacketError(f"expected MessagePack: {error}") from None
        packet = _read(fields)
        if len(message) > MAX_DEPTH and is_too_deep(packet.data, self._dumps, _LEVELS):
            raise _refusal(packet, f"expected arguments nested at most {MAX_DEPTH} deep")
        return packet


def _read(fields: Any) -> Packet:
    if type(fields) is not dict:
        raise PacketError(f"expected a map of a packet's fields, got {type(fields).__name__}")
    number = fields.get("type")
    kind = _KINDS.get(number) if type(number) is int else None
    if kind is None:
        raise PacketError(f"expected a packet type from 0 to 4, got {_show(number)}")
    namespace = fields.get("nsp")
    if type(namespace) is not str or not namespace.startswith("/") or len(namespace) > MAX_NAMESPACE_LENGTH:
        raise PacketError(
            f"expected a namespace that begins with '/', of at most {MAX_NAMESPACE_LENGTH} characters,"
            f" got {_show(namespace)}"
        )
    id = fields.get("id")
    if id is not None:
        if type(id) is not int or not 0 <= id < _END_OF_IDS:
            raise PacketError(f"expected an acknowledgement id of at most {MAX_ACK_ID_DIGITS} digits, got {_show(id)}")
        if kind is not _EVENT and kind is not _ACK:
            raise PacketError(f"expected no acknowledgement id in a {kind.name} packet")
    data = fields.get("data")
    if kind is _EVENT:
        if type(data) is not list or not data or type(data[0]) is not str or data[0] in RESERVED_EVENTS:
            check_payload(kind, data)
    elif data is not None or (kind is not PacketType.CONNECT and kind is not PacketType.DISCONNECT):
        check_payload(kind, data)
    return Packet(kind, namespace, data, id)


def _refusal(packet: Packet, message: str) -> PacketError | UndecodableArgument:
    if packet.type is not _EVENT and packet.type is not _ACK:
        return PacketError(message)
    return UndecodableArgument(message, namespace=packet.namespace, ack_id=packet.id if packet.type is _EVENT else None)


def _show(value: Any) -> str:
    """A value for an error's text; what it holds may be without end."""
    return repr(value)[:40] if isinstance(value, str | int | float | bytes) else type(value).__name__
