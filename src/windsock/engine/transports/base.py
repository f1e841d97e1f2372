"""What a session asks of its transport, and a transport of whoever it feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from windsock.engine.transports.straggler import Straggler
    from windsock.protocol.engineio import Message
    from windsock.slow_consumer import Terms
    from windsock.types import TransportName


class Outgoing(Protocol):
    """What a WebSocket sends as one unit: a :class:`~windsock.protocol.engineio.Message`, or one message as it is.

    Attributes:
        compress: whether a transport that compresses may compress it.
        terms: what may be done with it while its receiver is slow; nothing, if there are none.
    """

    compress: bool
    terms: Terms | None

    @property
    def frame(self) -> bytes:
        """As WebSocket frames."""

    def deflated(self, level: int) -> bytes:
        """As compressed WebSocket frames; the level is zlib's."""

    @property
    def size(self) -> int:
        """Bytes of content."""

    @property
    def parts(self) -> tuple[str | bytes, ...]:
        """As the messages that an ASGI server takes."""


class Receiver(Protocol):
    """Whoever a transport feeds: a session, or the upgrade that may give it to one."""

    def receive(self, packet: str | bytes) -> None:
        """Takes one packet: text with its type digit, or the payload of a binary message."""

    def receive_encoded(self, packet: bytes) -> bool:
        """Takes one packet of text as it came; ``False`` if it is to be decoded, or refused, first."""

    def transport_closed(self, reason: str) -> None:
        """Called once, when the transport can carry nothing any more."""


class Transport(Protocol):
    """One way between a session and its client.

    Attributes:
        pending: the list to which plain frames may be appended directly once the transport is marked in
            the outbox, or ``None`` while messages must go through :meth:`send`. It is what lets a
            broadcast touch thousands of sessions without a call each.
        receiver: whoever gets what comes in.
    """

    pending: list[bytes] | None
    receiver: Receiver

    @property
    def name(self) -> TransportName:
        """``polling`` or ``websocket``."""

    @property
    def writable(self) -> bool:
        """Whether a message sent now leaves now: volatile messages are dropped otherwise."""

    @property
    def straggler(self) -> Straggler | None:
        """What waits for a client that does not keep up; ``None`` for one that does."""

    @property
    def buffered(self) -> int:
        """Bytes that wait for the client."""

    def send(self, message: Message) -> None:
        """Queues a message; it leaves at the end of the event loop's iteration, or when its client takes it."""

    def close(self) -> None:
        """Sends what is queued, then closes. ``transport_closed`` follows."""

    def abort(self) -> None:
        """Closes at once; what is queued is lost. ``transport_closed`` follows."""

    def discard(self) -> list[Message]:
        """Ends the transport in favour of another one; returns what it has not sent, in order."""

    def hold(self) -> None:
        """Stops feeding the receiver, and reading, until :meth:`release`."""

    def release(self) -> None:
        """Feeds what was held back, and reads again."""
