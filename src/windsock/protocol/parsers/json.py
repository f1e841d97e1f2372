"""The default format: JSON, binary values lifted out as attachments.

orjson calls its ``default`` hook only for values it cannot write, which is where ``bytes`` are lifted out:
a message without them pays nothing for the possibility.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson
from orjson import JSONDecodeError, dumps, loads

from windsock.errors import EncodeError, PacketError, UndecodableArgument
from windsock.protocol.engineio import Message
from windsock.protocol.nesting import MAX_DEPTH, SHALLOW, is_json_too_deep
from windsock.protocol.socketio import (
    MAX_ACK_ID_DIGITS,
    MAX_ATTACHMENTS,
    MAX_NAMESPACE_LENGTH,
    RESERVED_EVENTS,
    AckId,
    Packet,
    PacketType,
    check_payload,
)

_CONNECT: Final = PacketType.CONNECT
_EVENT: Final = PacketType.EVENT
_ACK: Final = PacketType.ACK
_HEADS: Final = {kind: b"4%d" % kind for kind in PacketType}
_KINDS: Final = {str(int(kind)): kind for kind in PacketType}
_BINARY: Final = {PacketType.EVENT: PacketType.BINARY_EVENT, PacketType.ACK: PacketType.BINARY_ACK}
_TEXTUAL: Final = {binary: text for text, binary in _BINARY.items()}
_EVENT_DIGIT: Final = ord("2")
_ID_AND_BRACKET: Final = MAX_ACK_ID_DIGITS + 1
_DIGITS: Final = frozenset("0123456789")
_LONE_SURROGATE: Final = re.compile(
    r"""(?<!\\)((?:\\\\)*)          # an even number of backslashes, so that the next one escapes
        (?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])   # high half without a low one
          |(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})  # low half without a high one
    """,
    re.VERBOSE,
)
_STRIP_SURROGATES: Final = r"\1\\ufffd"


class JsonParser:
    """Reads and writes packets as the default ``socket.io-parser`` does.

    Args:
        max_attachments: binary attachments allowed in one incoming packet.
    """

    __slots__ = ("_attachments", "_default", "_max_attachments")

    def __init__(self, *, max_attachments: int = MAX_ATTACHMENTS) -> None:
        self._max_attachments = max_attachments
        self._attachments: list[bytes] = []
        self._default = self._lift

    def encode(
        self, type: PacketType, namespace: str, data: Any, id: int | None = None, compress: bool = True
    ) -> Message:
        """See :meth:`windsock.protocol.socketio.Parser.encode`."""
        text, attachments = self.pack(type, namespace, data, id)
        return Message(text, attachments, compress)

    def pack(
        self, type: PacketType, namespace: str, data: Any, id: AckId | None = None
    ) -> tuple[bytes, tuple[bytes, ...]]:
        """See :meth:`windsock.protocol.socketio.Parser.pack`; the id may be what :meth:`JsonDecoder.read_event` found.

        Takes what orjson takes (``str``, ``int`` of 64 bits, ``float``, ``bool``, ``None``, ``list``, ``tuple``,
        ``dict``, dataclasses, ``datetime``, ``UUID``, enums), ``bytes``, ``bytearray`` and ``memoryview``, and
        whatever has a ``model_dump`` method (pydantic models).
        """
        if data is None:
            body = b""
        else:
            try:
                body = dumps(data, self._default)
            except TypeError:
                body = self._dump_keys(data)
        attachments: tuple[bytes, ...] = ()
        head = _HEADS[type]
        if self._attachments:
            attachments = tuple(self._attachments)
            self._attachments = []
            head = b"%b%d-" % (_HEADS[_BINARY[type]], len(attachments))
        if namespace != "/":
            head += namespace.encode() + b","
        if id is None:
            return head + body, attachments
        digits = id if isinstance(id, bytes) else dumps(id)  # twice as fast as formatting
        return head + digits + body, attachments

    def decoder(self) -> JsonDecoder:
        """A decoder for one connection."""
        return JsonDecoder(self._max_attachments)

    def _dump_keys(self, data: Any) -> bytes:
        # Keys that are not strings cost orjson time when they are allowed, so only on demand.
        self._attachments = []
        try:
            return dumps(data, self._default, orjson.OPT_NON_STR_KEYS)
        except TypeError as error:
            self._attachments = []
            raise EncodeError(f"expected a value that JSON or an attachment can carry: {error}") from error

    def _lift(self, value: Any) -> Any:
        if isinstance(value, bytes | bytearray | memoryview):
            self._attachments.append(bytes(value))
            return {"_placeholder": True, "num": len(self._attachments) - 1}
        dump = getattr(value, "model_dump", None)
        if dump is not None:
            return dump()
        raise TypeError(f"{type(value).__name__} cannot be sent")


class JsonDecoder:
    """Reads the packets of one connection; see :class:`windsock.protocol.socketio.Decoder`."""

    __slots__ = ("_attachments", "_expected", "_max_attachments", "_packet", "_refusal")

    def __init__(self, max_attachments: int = MAX_ATTACHMENTS) -> None:
        self._max_attachments = max_attachments
        self._packet: Packet | None = None
        self._expected = 0
        self._attachments: list[bytes] | None = None
        # Why the packet is refused when it is whole: its attachments come in any case, and belong to no other.
        self._refusal: UndecodableArgument | None = None

    def add(self, message: str | bytes, start: int = 0) -> Packet | None:
        """See :meth:`windsock.protocol.socketio.Decoder.add`."""
        if isinstance(message, bytes):
            return self._add_attachment(message)
        if self._packet is not None:
            raise PacketError(f"expected {self._expected} attachments, got text in between")
        if message.startswith("2", start):
            # An event in the namespace "/" is nearly all that a server reads.
            begin = start + 1
            bracket = message.find("[", begin, begin + _ID_AND_BRACKET)
            id = None
            if bracket > begin:
                digits = message[begin:bracket]
                if digits.isdecimal() and digits.isascii():
                    id = int(digits)
                else:
                    bracket = 0
            if bracket > 0:
                body = message[bracket:]
                try:
                    data = loads(body)
                except JSONDecodeError as error:
                    raise _decode_error(body, error, _EVENT, "/", id) from None
                if not data or type(data[0]) is not str or data[0] in RESERVED_EVENTS:
                    check_payload(_EVENT, data)
                if len(body) > SHALLOW:
                    _check_depth(body, data, _EVENT, "/", id)
                return Packet(_EVENT, "/", data, id)
        return self._decode(message[start:])

    def read_event(self, message: bytes, start: int) -> tuple[list[Any], bytes | None] | None:
        """Reads a text that was not decoded, if it is what nearly all are: an event in the namespace ``/``, in order.

        Args:
            message: UTF-8; JSON that is not is not in order. Short, so that it is not nested too deep.
            start: where the packet begins.

        Returns:
            The event's name and arguments, and the digits of its acknowledgement id; ``None`` for all that :meth:`add`
            is to read, or refuse.
        """
        begin = start + 1
        bracket = message.find(b"[", begin, begin + _ID_AND_BRACKET)
        if bracket < 0 or message[start] != _EVENT_DIGIT or self._packet is not None:
            return None
        digits = None
        if bracket > begin:
            digits = message[begin:bracket]
            if not digits.isdigit() or digits < b"1":  # with a zero in front it is not what is sent back
                return None
        try:
            data = loads(message[bracket:])
        except JSONDecodeError:
            return None
        if not data or type(data[0]) is not str or data[0] in RESERVED_EVENTS:
            return None
        return data, digits

    def _add_attachment(self, data: bytes) -> Packet | None:
        packet = self._packet
        attachments = self._attachments
        if packet is None or attachments is None:
            raise PacketError("expected a text packet before binary data")
        attachments.append(data)
        if len(attachments) < self._expected:
            return None
        self._packet = self._attachments = None
        refusal, self._refusal = self._refusal, None
        if refusal is not None:
            raise refusal
        _fill_placeholders(packet.data, attachments)
        return packet

    def _decode(self, text: str) -> Packet | None:
        kind = _KINDS.get(text[:1])
        if kind is None:
            raise PacketError(f"expected a packet type from 0 to 6, got {text[:1]!r}")
        position = 1
        expected = 0
        namespace = "/"
        id: int | None = None
        if text[1:2] != "[":  # else: an event or acknowledgement with nothing in between
            if kind in _TEXTUAL:
                expected, position = self._attachment_count(text)
                kind = _TEXTUAL[kind]
            if text.startswith("/", position):
                namespace, position = _namespace(text, position)
            if text[position : position + 1] in _DIGITS:
                id, position = _ack_id(text, position)
        elif kind in _TEXTUAL:
            raise PacketError("expected a number of attachments and '-' in a binary packet")
        data = None
        if len(text) > position:
            try:
                data = _load(text[position:], kind, namespace, id)
            except UndecodableArgument as refusal:
                if not expected:
                    raise
                self._refusal = refusal
        elif kind is _EVENT or kind is PacketType.CONNECT_ERROR or expected:
            check_payload(kind, data)
        packet = Packet(kind, namespace, data, id)
        if not expected:
            return packet
        self._packet = packet
        self._expected = expected
        self._attachments = []
        return None

    def _attachment_count(self, text: str) -> tuple[int, int]:
        dash = text.find("-", 1, 8)
        digits = text[1:dash] if dash > 0 else ""
        if not digits or not _DIGITS.issuperset(digits):
            raise PacketError("expected a number of attachments and '-' in a binary packet")
        count = int(digits)
        if not 1 <= count <= self._max_attachments:
            raise PacketError(f"expected 1 to {self._max_attachments} attachments, got {count}")
        return count, dash + 1


def _namespace(text: str, position: int) -> tuple[str, int]:
    comma = text.find(",", position)
    end = comma if comma >= 0 else len(text)
    if end - position > MAX_NAMESPACE_LENGTH:
        raise PacketError(f"expected a namespace of at most {MAX_NAMESPACE_LENGTH} characters")
    return text[position:end], end + 1


def _ack_id(text: str, position: int) -> tuple[int, int]:
    end = text.find("[", position, position + MAX_ACK_ID_DIGITS + 1)
    digits = text[position:end] if end > 0 else text[position:]
    if len(digits) > MAX_ACK_ID_DIGITS or not _DIGITS.issuperset(digits):
        raise PacketError(f"expected an acknowledgement id of at most {MAX_ACK_ID_DIGITS} digits")
    return int(digits), position + len(digits)


def _load(text: str, kind: PacketType, namespace: str, id: int | None) -> Any:
    try:
        data = loads(text)
    except JSONDecodeError as error:
        raise _decode_error(text, error, kind, namespace, id) from None
    check_payload(kind, data)
    if len(text) > SHALLOW:
        _check_depth(text, data, kind, namespace, id)
    return data


def _check_depth(text: str, data: Any, kind: PacketType, namespace: str, id: int | None) -> None:
    if not is_json_too_deep(text, data):
        return
    message = f"expected arguments nested at most {MAX_DEPTH} deep"
    if kind is _EVENT or kind is _ACK:
        raise UndecodableArgument(message, namespace=namespace, ack_id=id if kind is _EVENT else None)
    raise PacketError(message)


def _decode_error(
    text: str, error: JSONDecodeError, kind: PacketType, namespace: str, id: int | None
) -> PacketError | UndecodableArgument:
    if (kind is _EVENT or kind is _ACK) and _only_surrogates_are_wrong(text):
        message = "expected Unicode text in the arguments, got a lone surrogate"
        return UndecodableArgument(message, namespace=namespace, ack_id=id if kind is _EVENT else None)
    return PacketError(f"expected JSON: {error}")


def _only_surrogates_are_wrong(text: str) -> bool:
    repaired = _LONE_SURROGATE.sub(_STRIP_SURROGATES, text)
    if repaired == text:
        return False
    try:
        loads(repaired)
    except JSONDecodeError:
        return False
    return True


def _fill_placeholders(data: Any, attachments: list[bytes]) -> None:
    """Puts each attachment where its placeholder stands, without recursion: the depth is the sender's."""
    used: set[int] = set()
    containers: list[Any] = [data]
    while containers:
        container = containers.pop()
        items = container.items() if type(container) is dict else enumerate(container)
        for key, value in list(items):
            kind = type(value)
            if kind is list:
                containers.append(value)
            elif kind is dict:
                if value.get("_placeholder") is not True:
                    containers.append(value)
                    continue
                number = value.get("num")
                if type(number) is not int or not 0 <= number < len(attachments) or number in used:
                    raise PacketError(f"expected the number of an attachment in a placeholder, got {number!r}")
                used.add(number)
                container[key] = attachments[number]
