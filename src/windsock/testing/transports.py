"""The client's ends of the two transports: packets of Engine.IO above, a wire below."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol as FrameProtocol
from websockets.protocol import Side, State

from windsock.protocol import payload
from windsock.protocol.engineio import SEPARATOR
from windsock.protocol.websocket import QUIET
from windsock.testing.wire import Stream

if TYPE_CHECKING:
    from windsock.protocol.engineio import Message
    from windsock.testing.endpoint import Answer, Endpoint, Opening
    from windsock.testing.wire import Wire
    from windsock.types import TransportName

_CLOSE: Final = "1"


class Receiver(Protocol):
    """Who hears what comes over a transport."""

    def take(self, packet: str | bytes) -> None:
        """A packet came: text with its type digit, or a binary message bare."""

    def transport_lost(self, transport: Transport, reason: str) -> None:
        """Nothing more will come."""


class Transport(Protocol):
    """What both transports have in common.

    Attributes:
        name: as in the query string.
    """

    name: ClassVar[TransportName]

    def send(self, message: Message) -> None:
        """Sends a message, whole and in order."""


class WebSocket:
    """One WebSocket; see :class:`Transport`.

    Args:
        endpoint: where to.
        wire: over which.
        receiver: of what comes.
        sid: of the session that moves onto it; without one it opens its own.

    Attributes:
        receiver: may be changed.
        opening: the request that it begins with.
    """

    name: ClassVar[TransportName] = "websocket"

    def __init__(self, endpoint: Endpoint, wire: Wire, receiver: Receiver, sid: str | None = None) -> None:
        self.receiver: Receiver = receiver
        self._frames = FrameProtocol(Side.CLIENT, state=State.OPEN, max_size=None, logger=QUIET)
        self._stream = Stream(wire, self._take, self._end, endpoint.address)
        self.opening: Opening = endpoint.open_websocket(self._stream, sid)

    def send(self, message: Message) -> None:
        """See :class:`Transport`: each packet in a frame."""
        frames = [Frame(Opcode.BINARY, data) for data in message.attachments]
        if message.text:
            frames.insert(0, Frame(Opcode.TEXT, message.text))
        self._stream.send(b"".join(frame.serialize(mask=True) for frame in frames))

    def _take(self, data: bytes) -> None:
        frames = self._frames
        frames.receive_data(data)
        for frame in frames.events_received():
            assert isinstance(frame, Frame)
            if frame.opcode is Opcode.TEXT:
                self.receiver.take(bytes(frame.data).decode())
            elif frame.opcode is Opcode.BINARY:
                self.receiver.take(bytes(frame.data))
        answer = b"".join(frames.data_to_send())
        if answer:
            self._stream.send(answer)

    def _end(self) -> None:
        self.receiver.transport_lost(self, "transport close")


class Polling:
    """Long-polling, one GET and one POST at a time; see :class:`Transport`.

    Args:
        endpoint: where to.
        wire: over which.
        receiver: of what comes.

    Attributes:
        refusal: the answer to its first request, if that opened no session.
    """

    name: ClassVar[TransportName] = "polling"

    def __init__(self, endpoint: Endpoint, wire: Wire, receiver: Receiver) -> None:
        self.refusal: Answer | None = None
        self._endpoint = endpoint
        self._wire = wire
        self._receiver = receiver
        self._sid: str | None = None
        self._max_payload = 0
        self._queue: list[bytes] = []
        self._posting = False
        self._polling = False
        self._ended = False
        self._on_pause: Callable[[], None] | None = None
        endpoint.request(wire, self._open, None, None)

    def begin(self, sid: str, max_payload: int) -> None:
        """The session's id is known, and how many bytes the server takes at once."""
        self._sid = sid
        self._max_payload = max_payload
        self._poll()

    def send(self, message: Message) -> None:
        """See :class:`Transport`: at once, or together with what waits for the POST before it."""
        self._queue.append(message.payload)
        self._post()

    def pause(self, then: Callable[[], None]) -> None:
        """Ends polling: calls ``then`` when no request is on its way any more."""
        self._on_pause = then
        self._pause_if_idle()

    def _open(self, answer: Answer) -> None:
        if answer.status != 200:
            self.refusal = answer
            self._ended = True
            return
        self._receive(answer.body)

    def _poll(self) -> None:
        self._polling = True
        self._endpoint.request(self._wire, self._take_poll, self._sid, None)

    def _take_poll(self, answer: Answer) -> None:
        self._polling = False
        if self._check(answer):
            self._receive(answer.body)
            if not self._ended and self._on_pause is None:
                self._poll()
            self._pause_if_idle()

    def _post(self) -> None:
        if self._posting or not self._queue or self._ended:
            return
        body = self._queue.pop(0)
        while self._queue and len(body) + len(self._queue[0]) < self._max_payload:
            body += SEPARATOR + self._queue.pop(0)
        self._posting = True
        self._endpoint.request(self._wire, self._take_post, self._sid, body)

    def _take_post(self, answer: Answer) -> None:
        self._posting = False
        if self._check(answer):
            self._post()
            self._pause_if_idle()

    def _pause_if_idle(self) -> None:
        then = self._on_pause
        if then is not None and not self._polling and not self._posting and not self._ended:
            self._ended = True
            then()

    def _check(self, answer: Answer) -> bool:
        if answer.status != 200:
            self._end("transport error")
        return not self._ended

    def _receive(self, body: bytes) -> None:
        for packet in payload.decode(body):
            if packet == _CLOSE:
                self._end("transport close")
                return
            self._receiver.take(packet)

    def _end(self, reason: str) -> None:
        if not self._ended:
            self._ended = True
            self._receiver.transport_lost(self, reason)
