"""Socket.IO v5 packets (Socket.IO protocol, "Packet encoding").

A packet is a type digit, then for binary packets the number of attachments and ``-``, then the namespace
and ``,`` unless it is ``/``, then an acknowledgement id, then a JSON payload::

    <type>[<attachments>-][<namespace>,][<id>][<payload>]
"""

from __future__ import annotations

import math
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from windsock.errors import PacketError

if TYPE_CHECKING:
    from windsock.protocol.engineio import Message

MAX_ATTACHMENTS: Final = 10
"""Binary attachments of one packet; each may be as large as a message, and all are held in memory
until the last one has come."""

MAX_ACK_ID_DIGITS: Final = 15
"""Digits of an acknowledgement id: what a JavaScript number holds exactly. Python's integers have no
such end, and parsing an endless one is quadratic."""

MAX_NAMESPACE_LENGTH: Final = 1024
"""Characters of a namespace. A refused name travels back in the refusal."""

RESERVED_EVENTS: Final = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
"""Events that only the library raises: a packet that carries one is malformed."""


AckId = int | bytes
"""An acknowledgement id: a number, or its digits as they came, to be sent back as they are; those are known only to
:class:`windsock.protocol.parsers.json.JsonParser`, whose decoder finds them."""


class PacketType(IntEnum):
    """First digit of a packet."""

    CONNECT = 0
    DISCONNECT = 1
    EVENT = 2
    ACK = 3
    CONNECT_ERROR = 4
    BINARY_EVENT = 5
    BINARY_ACK = 6


class Packet:
    """One Socket.IO packet.

    Args:
        type: never BINARY_EVENT or BINARY_ACK: whether a packet is binary is the codec's concern.
        namespace: with its leading slash.
        data: CONNECT: the auth mapping, the ``{"sid": …}`` of the answer, or ``None``. EVENT: a list, the
            event's name first. ACK: a list of arguments. CONNECT_ERROR: a mapping with ``message``.
        id: acknowledgement id, or ``None``.
        compress: whether a transport may compress it.

    Attributes:
        has_offset: whether the last of an event's arguments is its offset, which is not the application's.
    """

    # Without slots, which make an object that lives for one call slower to make. What nearly all packets have stands
    # in the class.
    compress: bool = True
    has_offset: bool = False

    def __init__(
        self, type: PacketType, namespace: str = "/", data: Any = None, id: int | None = None, compress: bool = True
    ) -> None:
        self.type: PacketType = type
        self.namespace: str = namespace
        self.data: Any = data
        self.id: int | None = id
        if not compress:
            self.compress = False

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Packet):
            return NotImplemented
        return (self.type, self.namespace, self.data, self.id) == (other.type, other.namespace, other.data, other.id)

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # mutable, compared by value

    def __repr__(self) -> str:
        return f"Packet({self.type.name}, {self.namespace!r}, {self.data!r}, id={self.id!r})"


class Decoder(Protocol):
    """Reads the packets of one connection. It keeps the packet whose attachments are still to come."""

    def add(self, message: str | bytes, start: int = 0) -> Packet | None:
        """Takes one Engine.IO message, a text from ``start`` on; returns a packet once it is whole.

        Raises:
            PacketError: the message breaks the protocol; the connection must be closed.
            UndecodableArgument: the packet is refused, the connection may go on.
        """


class Parser(Protocol):
    """A wire format for Socket.IO packets. A parser belongs to a server, never to the process."""

    def encode(self, type: PacketType, namespace: str, data: Any, id: int | None, compress: bool) -> Message:
        """One packet as the Engine.IO message that carries it; the parameters are those of :class:`Packet`.

        Raises:
            EncodeError: the data holds a value that the format cannot carry.
        """

    def pack(self, type: PacketType, namespace: str, data: Any, id: int | None) -> tuple[bytes, tuple[bytes, ...]]:
        """The text and the attachments of that message, for who needs no object that many can share.

        Raises:
            EncodeError: as above.
        """

    def decoder(self) -> Decoder:
        """A decoder for one connection."""


def check_payload(kind: PacketType, data: Any) -> None:
    """Refuses data that no packet of this type has. An event's name that is a number becomes the text that it is in
    JavaScript, by which the original finds its handler.

    Args:
        kind: neither BINARY_EVENT nor BINARY_ACK.
        data: of the packet, if it has any: whether it may have none is the format's to say.

    Raises:
        PacketError: as the name says.
    """
    if kind is PacketType.EVENT:
        _check_event(data)
    elif kind is PacketType.ACK:
        if type(data) is not list:
            raise PacketError("expected an array of acknowledgement arguments")
    elif kind is PacketType.CONNECT:
        if type(data) is not dict:
            raise PacketError("expected an object as the auth payload")
    elif kind is PacketType.DISCONNECT:
        raise PacketError("expected no payload in a DISCONNECT packet")
    elif type(data) not in (str, dict):
        raise PacketError("expected an object with the reason of a refused connection")


def _check_event(data: Any) -> None:
    if type(data) is not list or not data or type(data[0]) not in (str, int, float):
        raise PacketError("expected an array that begins with the event's name")
    if type(data[0]) is not str:
        data[0] = _number_as_text(data[0])
    if data[0] in RESERVED_EVENTS:
        raise PacketError(f"expected an event's name, got the reserved {data[0]!r}")


def _number_as_text(number: float) -> str:
    """As JavaScript writes it (ECMA-262, Number::toString)."""
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    shortest = repr(float(number))
    if number == 0:
        return "0"
    if 1e-6 <= abs(number) < 1e21:
        return format(Decimal(shortest).normalize(), "f")
    digits, _, exponent = shortest.partition("e")
    return f"{digits}e{int(exponent):+d}"
