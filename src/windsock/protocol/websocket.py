"""WebSocket frames (RFC 6455), over the sans-IO protocol of the ``websockets`` library.

The library knows the whole of the RFC. This module adds the two things that decide the speed of a
server: outgoing frames are plain ``bytes`` that many connections share, and the frame that makes up
nearly all traffic (a whole, masked, uncompressed data frame between two messages) is read here without
the library. Every other frame is cut off at its boundary and handed to the library: fragments, control
frames, compressed frames, and everything that is wrong.
"""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.protocol import Protocol, Side, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from websockets.extensions import Extension

    from windsock.slow_consumer import Terms

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform for which the library has no compiled wheel
    from websockets.utils import apply_mask

TEXT: Final = 0x1
BINARY: Final = 0x2

unmask: Final = apply_mask
"""Of a payload and its mask (RFC 6455, section 5.3)."""

MAX_FRAGMENTS: Final = 1024
"""Fragments of one message. An endless row of tiny fragments costs far more memory and time than their
bytes (CVE-2026-48779); a browser sends a message whole, or in pieces of many kilobytes."""

MAX_PONGS: Final = 256
"""Answers to the pings of one read. A read holds tens of thousands of empty ones; a client that means something by
them sends one now and then."""

INFLATION: Final = 256 * 1024
"""Bytes of messages that took the library, after which the rest of a read waits until the caller has done with them.
A thousandth of a compressed message is enough to send it: the 64 kilobytes of one read would stand in memory as 64
megabytes, and as many again for each client that is not read from."""

LIBRARY_FRAME: Final = 256
"""Bytes for which a frame that took the library counts among these, besides its message's: empty fragments would keep
everybody else waiting for a third of a second with each read."""

_FIN: Final = 0x80
_RSV1: Final = 0x40
_MASKED: Final = 0x80
SHORT_SURPLUS: Final = _MASKED - 6
"""Second byte of a short masked frame, less the frame's length: two bytes of head and four of mask are not payload."""
COMMON_TEXT: Final = _FIN | TEXT
_COMMON_BINARY: Final = _FIN | BINARY
_CLOSE: Final = _FIN | 0x8
_PING: Final = _FIN | 0x9
_PONG: Final = _FIN | 0xA
PING_FRAME: Final = bytes((_PING, 0))
"""A ping of a server: nothing is to be learnt from a payload that comes back."""
SHORT_TEXT_HEADS: Final = tuple(bytes((COMMON_TEXT, length)) for length in range(126))
"""Heads of final, unmasked text frames, by the length of their payload (RFC 6455, section 5.2)."""

_FLUSH_TAIL: Final = b"\x00\x00\xff\xff"

QUIET: Final = logging.getLogger("windsock.websocket")
"""For the library's log calls: what a peer does wrong is its error, not the server's."""

QUIET.setLevel(logging.CRITICAL)


def frame(opcode: int, data: bytes, *, compressed: bool = False) -> bytes:
    """One unmasked, final frame, as servers send them (RFC 6455, section 5.2)."""
    length = len(data)
    if length < 126 and opcode == TEXT and not compressed:
        return SHORT_TEXT_HEADS[length] + data
    head = _FIN | opcode | (_RSV1 if compressed else 0)
    if length < 126:
        return bytes((head, length)) + data
    if length < 65536:
        return bytes((head, 126, length >> 8, length & 0xFF)) + data
    return bytes((head, 127)) + length.to_bytes(8, "big") + data


def deflate(data: bytes, *, level: int = 6, window_bits: int = 15) -> bytes:
    """Compresses one message by itself (RFC 7692, sections 7.2.1 and 7.2.3.3: no context takeover)."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, -window_bits)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(_FLUSH_TAIL)


class Data:
    """One message as it is, text or binary; each wire form is made once, for all its receivers.

    Args:
        opcode: ``TEXT`` or ``BINARY``.
        content: text in UTF-8.
        compress: whether transports that compress may compress it.

    Attributes:
        terms: what may be done with it while a receiver is slow; nothing, if there are none.
    """

    # What most messages have stands in the class: each attribute set for an instance is a tenth of making one.
    compress: bool = True
    terms: Terms | None = None
    _frame: bytes | None = None
    _deflated: bytes | None = None

    def __init__(self, opcode: int, content: bytes, compress: bool = True) -> None:
        self.opcode: int = opcode
        self.content: bytes = content
        if not compress:
            self.compress = False

    @property
    def frame(self) -> bytes:
        """As a WebSocket frame, uncompressed."""
        encoded = self._frame
        if encoded is None:
            encoded = self._frame = frame(self.opcode, self.content)
        return encoded

    def deflated(self, level: int) -> bytes:
        """As a WebSocket frame compressed without context takeover (RFC 7692, section 7.2.1).

        Args:
            level: zlib's; that of the first call counts, since an endpoint has but one.
        """
        encoded = self._deflated
        if encoded is None:
            encoded = self._deflated = frame(self.opcode, deflate(self.content, level=level), compressed=True)
        return encoded

    @property
    def size(self) -> int:
        """Bytes of content, for budgets."""
        return len(self.content)

    @property
    def parts(self) -> tuple[str | bytes, ...]:
        """As the messages that an ASGI server takes."""
        return (self.content.decode() if self.opcode == TEXT else self.content,)


@dataclass(frozen=True, slots=True)
class Closed:
    """How a connection ended: the code and reason of its close frame, 1006 when there was none."""

    code: int
    reason: str = ""


class MessageReader:
    """Turns the bytes of one client into messages; collects what the protocol answers by itself.

    Args:
        max_message_size: bytes in one message, after decompression; more closes with 1009.
        extensions: what the handshake negotiated, for incoming frames.
        max_fragments: frames in one message; more closes with 1008.

    Attributes:
        output: frames to write, in order: pongs and close frames. The caller takes and clears them.
        closed: set when the connection must end: the peer closed it, or broke the protocol. Nothing
            is read after that.
        ponged: whether a pong came; whoever sends pings clears it.
        more: whether some of what was received waits, because what came before it was inflated to a lot; a call with
            nothing new goes on with it.
    """

    __slots__ = (
        "_binary",
        "_buffer",
        "_extensions",
        "_fragments",
        "_library",
        "_max_fragments",
        "_max_message_size",
        "_needed",
        "closed",
        "more",
        "output",
        "ponged",
    )

    def __init__(
        self,
        max_message_size: int,
        extensions: Sequence[Extension] = (),
        *,
        max_fragments: int = MAX_FRAGMENTS,
    ) -> None:
        self._max_message_size = max_message_size
        self._max_fragments = max_fragments
        self._extensions = extensions
        self._buffer: bytearray | None = None
        self._needed = 0
        self._library: Protocol | None = None
        self._fragments: list[bytes | bytearray | memoryview] | None = None
        self._binary = False
        self.output: list[bytes] = []
        self.closed: Closed | None = None
        self.ponged: bool = False
        self.more: bool = False

    @property
    def idle(self) -> bool:
        """Whether it stands between two messages and keeps nothing: a whole frame may then be read without it."""
        return self._buffer is None and self._fragments is None and self.closed is None

    def receive(self, data: bytes) -> list[str | bytes]:
        """Takes what came from the network; returns the messages that are now complete, in order."""
        if self._has_ended():
            return []
        buffer = self._buffer
        if buffer is not None:
            # Waiting until the frame is whole keeps a message that trickles in byte by byte linear.
            buffer += data
            if len(buffer) < self._needed:
                return []
            data = bytes(buffer)
            self._buffer = None
            self.more = False
        messages: list[str | bytes] = []
        inflated = 0
        position = 0
        end = len(data)
        while end - position >= 2:
            head = data[position]
            length = data[position + 1] - _MASKED
            if length < 0:
                break  # not masked: for the library to refuse
            if length < 126:
                start = position + 6
            elif length == 126:
                start = position + 8
                length = (data[position + 2] << 8 | data[position + 3]) if end >= position + 4 else 0
            else:
                start = position + 14
                length = int.from_bytes(data[position + 2 : position + 10], "big") if end >= position + 10 else 0
            stop = start + length
            if length > self._max_message_size:
                if length >> 63:  # "the most significant bit MUST be 0" (section 5.2)
                    self.fail(CloseCode.PROTOCOL_ERROR, "invalid length")
                    return messages
                break  # the library refuses it by its header alone
            if stop > end:
                self._keep(data, position, stop - position)
                return messages
            if self._fragments is None and (head == COMMON_TEXT or head == _COMMON_BINARY):
                payload = apply_mask(data[start:stop], data[start - 4 : start])
                position = stop
                if head == _COMMON_BINARY:
                    messages.append(payload)
                    continue
                try:
                    messages.append(payload.decode())
                except UnicodeDecodeError:
                    self.fail(CloseCode.INVALID_DATA, "text is not UTF-8")
                    return messages
                continue
            inflated += self._take_uncommon(data[position:stop], start - position, messages)
            position = stop
            if self.closed is not None or inflated > INFLATION:
                self._leave(data, position)
                return messages
        if position < end:
            if end - position < 2:
                self._keep(data, position, 2)
            else:
                self._delegate(data[position:], messages)
        return messages

    def close(self, code: int, reason: str = "") -> bytes:
        """Starts the closing handshake (RFC 6455, section 7.1.2); returns the frame to write, if any."""
        if self.closing:
            return b""
        library = self._protocol()
        library.send_close(code, reason)
        return b"".join(library.data_to_send())

    def fail(self, code: int, reason: str = "") -> None:
        """Ends the connection because of what the peer did (RFC 6455, section 7.1.7)."""
        library = self._protocol()
        library.fail(code, reason)
        self._finish(library, Closed(code, reason))

    @property
    def closing(self) -> bool:
        """Whether a close frame was sent or received: no data frame may follow it."""
        return self.closed is not None or (self._library is not None and self._library.state is not State.OPEN)

    def _take_uncommon(self, frame: bytes, start: int, messages: list[str | bytes]) -> int:
        """Takes any frame; returns what it counts for in :data:`INFLATION`."""
        # Pings and pongs without the library, which takes twenty times as long: floods are made of them.
        head = frame[0]
        if start > 6 or (head != _PING and head != _PONG and (head != _CLOSE or self._library is not None)):
            known = len(messages)
            self._delegate(frame, messages)
            return LIBRARY_FRAME + (len(messages[-1]) if len(messages) > known else 0)
        if head == _PING:
            self._answer_ping(apply_mask(frame[start:], frame[start - 4 : start]))
        elif head == _CLOSE:
            self._answer_close(frame, apply_mask(frame[start:], frame[start - 4 : start]), messages)
        else:
            self.ponged = True
        return 0

    def _leave(self, data: bytes, position: int) -> None:
        """Keeps what is behind what was inflated; behind the end there is nothing."""
        if self.closed is None and position < len(data):
            self.more = True
            self._keep(data, position, 0)

    def _answer_ping(self, payload: bytes) -> None:
        if len(self.output) >= MAX_PONGS:
            self.fail(CloseCode.POLICY_VIOLATION, "too many pings")
        elif not self.closing:
            self.output.append(bytes((_PONG, len(payload))) + payload)

    def _answer_close(self, frame: bytes, payload: bytes, messages: list[str | bytes]) -> None:
        # A close frame that is in order: how connections end, and no reason to make the library's object for one.
        try:
            close = Close.parse(payload)
        except (ProtocolError, UnicodeDecodeError):
            self._delegate(frame, messages)
            return
        self.output.append(bytes((_CLOSE, len(payload))) + payload)
        self.closed = Closed(close.code, close.reason)
        self._fragments = None

    def _has_ended(self) -> bool:  # which mypy does not narrow: a call in between may end it
        return self.closed is not None

    def _keep(self, data: bytes, position: int, needed: int) -> None:
        self._buffer = bytearray(data[position:])
        self._needed = needed

    def _protocol(self) -> Protocol:
        # Made on demand: most connections never send a frame that needs it, and it outweighs the
        # rest of an idle connection.
        library = self._library
        if library is None:
            library = self._library = Protocol(
                Side.SERVER, state=State.OPEN, max_size=self._max_message_size, logger=QUIET
            )
            library.extensions = list(self._extensions)
        return library

    def _delegate(self, data: bytes, messages: list[str | bytes]) -> None:
        library = self._protocol()
        if data[0] == _CLOSE and self._fragments is not None:
            # A close frame may stand between fragments (RFC 6455, section 5.4); the library would call the
            # message incomplete and the peer at fault.
            library.current_size = None
        library.receive_data(data)
        for event in library.events_received():
            if isinstance(event, Frame) and self.closed is None:
                self._take(event, messages)
        if self._has_ended():
            return
        if library.parser_exc is not None:
            self._finish(library, _closed_by(library.parser_exc, library))
        elif library.close_rcvd is not None:
            self._finish(library, Closed(library.close_rcvd.code, library.close_rcvd.reason))
        else:
            self.output += library.data_to_send()

    def _finish(self, library: Protocol, closed: Closed) -> None:
        # The library ends what it writes with an empty chunk that asks for a half-close.
        self.output += [chunk for chunk in library.data_to_send() if chunk]
        self.closed = closed
        self._fragments = None
        self._buffer = None
        self.more = False

    def _take(self, received: Frame, messages: list[str | bytes]) -> None:
        if received.opcode is Opcode.TEXT or received.opcode is Opcode.BINARY:
            self._binary = received.opcode is Opcode.BINARY
            self._fragments = [received.data]
        elif received.opcode is Opcode.CONT and self._fragments is not None:
            self._fragments.append(received.data)
            if len(self._fragments) > self._max_fragments:
                self.fail(CloseCode.POLICY_VIOLATION, f"more than {self._max_fragments} fragments")
                return
        else:
            return  # control frames: the library answers them
        if not received.fin:
            return
        payload = b"".join(self._fragments)
        self._fragments = None
        if self._binary:
            messages.append(payload)
            return
        try:
            messages.append(payload.decode())
        except UnicodeDecodeError:
            self.fail(CloseCode.INVALID_DATA, "text is not UTF-8")


def _closed_by(error: Exception, library: Protocol) -> Closed:
    if library.close_sent is not None:
        return Closed(library.close_sent.code, library.close_sent.reason)
    if isinstance(error, PayloadTooBig):
        return Closed(CloseCode.MESSAGE_TOO_BIG, str(error))
    if isinstance(error, ProtocolError):
        return Closed(CloseCode.PROTOCOL_ERROR, str(error))
    return Closed(CloseCode.ABNORMAL_CLOSURE, str(error))
