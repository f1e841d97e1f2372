"""The WebSocket transport that owns its connection: no task, no queue and no copy for a message."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from windsock.engine.transports.inbox import LARGE
from windsock.engine.transports.outbox import FLUSH_AT
from windsock.engine.transports.straggler import PORTION, Straggler
from windsock.protocol.websocket import COMMON_TEXT, PING_FRAME, SHORT_SURPLUS, Closed, MessageReader, unmask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from websockets.extensions import Extension

    from windsock.engine.options import PerMessageDeflate
    from windsock.engine.transports.base import Outgoing, Receiver
    from windsock.engine.wiring import Wiring
    from windsock.protocol.engineio import Message
    from windsock.types import TransportName

CLOSE_TIMEOUT: Final = 10.0
"""Seconds for the peer's answer to a close frame (RFC 6455, section 7.1.1), before the connection is cut."""

SHUTDOWN_TIMEOUT: Final = 1.0
"""The same when the server stops: one client that does not answer may not hold it up."""

_NORMAL: Final = 1000
_GOING_AWAY: Final = 1001
_ABNORMAL: Final = 1006


def deflated(message: Outgoing, deflate: PerMessageDeflate) -> bytes:
    """The frames of a message for a client that takes compressed ones: compressed where allowed and worth it."""
    if message.compress and message.size >= deflate.threshold:
        return message.deflated(deflate.level)
    return message.frame


class WebSocketTransport(asyncio.Protocol):
    """One WebSocket connection, from the end of its handshake on.

    It is the asyncio protocol of the connection: what comes in goes from ``data_received`` to the receiver
    in one call chain, and what goes out is gathered in ``pending`` until the outbox flushes it.

    A client that stops reading makes the connection's buffer rise over its high-water mark. From then on
    nothing is read from it either, so that it cannot ask for more, and what others send it waits in a
    :class:`~windsock.engine.transports.straggler.Straggler`, under the rules for slow clients.

    Args:
        connection: the asyncio transport; its protocol is to be set to this object.
        wiring: of the engine.
        extensions: negotiated in the handshake.
        deflating: whether permessage-deflate is among them.
        siblings: the server's set of live connections, for its graceful shutdown.

    Attributes:
        connection: frames that stand alone or are shared may be written to it directly, while ``pending`` is offered,
            or while it is ``writable`` and compresses.
        deflate: how it compresses; ``None`` when it does not.
    """

    __slots__ = (
        "_done",
        "_expiry",
        "_held",
        "_holding",
        "_idle",
        "_inbox",
        "_lost",
        "_outbox",
        "_paused",
        "_queue",
        "_reader",
        "_siblings",
        "_wiring",
        "connection",
        "deflate",
        "pending",
        "receiver",
        "straggler",
    )

    name: ClassVar[TransportName] = "websocket"

    def __init__(
        self,
        connection: asyncio.Transport,
        wiring: Wiring,
        *,
        extensions: Sequence[Extension] = (),
        deflating: bool = False,
        siblings: set[object],
    ) -> None:
        options = wiring.options
        self.connection: asyncio.Transport = connection
        self._wiring = wiring
        self._reader = MessageReader(options.max_http_buffer_size, extensions, max_fragments=options.max_fragments)
        self._idle = True  # the reader
        self._inbox = wiring.inbox
        self._outbox = wiring.outbox
        self._siblings = siblings
        self._expiry: set[WebSocketTransport] | None = None
        self.deflate: PerMessageDeflate | None = options.per_message_deflate if deflating else None
        self._queue: list[bytes] = []
        # While the connection takes nothing; the straggler is there until all that waited is written.
        self._paused = False
        self.straggler: Straggler | None = None
        # Messages of one read that wait for the receiver, or for the client to take its answers.
        self._held: list[str | bytes] | None = None
        self._holding = False
        self._lost = False
        self._done = False
        # A compressing transport chooses a form for each message, so nobody may append for it.
        self.pending: list[bytes] | None = None if deflating else self._queue
        self.receiver: Receiver
        siblings.add(self)

    def begin(self, answer: bytes) -> None:
        """Has the answer to the handshake written together with the first packet."""
        self._outbox.mark(self)
        self._queue.append(answer)

    @property
    def writable(self) -> bool:
        """See :class:`windsock.engine.transports.base.Transport`."""
        return self.straggler is None and not self._done

    @property
    def buffered(self) -> int:
        """See :class:`windsock.engine.transports.base.Transport`."""
        straggler = self.straggler  # asked for once: whoever exports metrics does so from another thread
        waiting = 0 if straggler is None else straggler.size
        return sum(map(len, self._queue)) + waiting + self.connection.get_write_buffer_size()

    def send(self, message: Outgoing) -> None:
        """See :class:`windsock.engine.transports.base.Transport`."""
        pending = self.pending
        if pending is not None:
            frame = message.frame
            outbox = self._outbox
            if not pending:
                outbox.mark(self)
            pending.append(frame)
            outbox.gathered += len(frame)
            if outbox.gathered > FLUSH_AT:
                outbox.flush()
            return
        deflate = self.deflate
        frame = message.frame if deflate is None else deflated(message, deflate)
        if self.straggler is None:
            self._enqueue(frame)
        else:
            self.straggler.add(frame, len(frame), message.terms)

    def put_first(self, data: bytes) -> None:
        """See :class:`windsock.engine.transports.outbox.Shared`."""
        queue = self._queue
        if not queue:
            self._outbox.mark(self)
        queue.insert(0, data)

    def flush(self) -> None:
        """Writes what was gathered in this iteration."""
        queue = self._queue
        if queue and self.straggler is None:
            if len(queue) == 1:
                self.connection.write(queue.pop())
            else:
                data = b"".join(queue)
                queue.clear()  # first: writing may call back
                self.connection.write(data)

    def close(self, code: int = _NORMAL, reason: str = "") -> None:
        """See :class:`windsock.engine.transports.base.Transport`.

        Args:
            code: of the close frame.
            reason: of the close frame; 123 bytes at most.
        """
        self._close(code, reason)

    @property
    def closed(self) -> Closed:
        """How the peer ended the connection, or broke the protocol; 1006 when it did neither."""
        return self._reader.closed or Closed(_ABNORMAL)

    def ping(self) -> None:
        """Sends a ping; :attr:`ponged` is false until something answers it."""
        self._reader.ponged = False
        if not self._done:
            self._enqueue(PING_FRAME)

    @property
    def ponged(self) -> bool:
        """Whether a pong came since the last ping."""
        return self._reader.ponged

    def abort(self) -> None:
        """See :class:`windsock.engine.transports.base.Transport`."""
        if not self._done:
            self._stop()
            self.connection.abort()
            self.receiver.transport_closed("transport close")

    def cut(self) -> None:
        """The peer did not answer the close frame in time."""
        self._expiry = None
        self.connection.abort()

    def discard(self) -> list[Message]:
        """A WebSocket is the last transport a session has: nothing replaces it."""
        return []

    def hold(self) -> None:
        """See :class:`windsock.engine.transports.base.Transport`."""
        if not self._holding and not self._done:
            self._holding = True
            self._pause_reading()

    def release(self) -> None:
        """See :class:`windsock.engine.transports.base.Transport`."""
        self._holding = False
        self._go_on()

    def shutdown(self) -> None:
        """Called by the ASGI server when it stops: the client is to come back, to another process."""
        self._close(_GOING_AWAY)
        asyncio.get_running_loop().call_later(SHUTDOWN_TIMEOUT, self.cut)

    # -- the connection's side (asyncio.Protocol) --

    def data_received(self, data: bytes) -> None:
        """Leaves what came to be taken with what came for others in this iteration."""
        inbox = self._inbox
        arrivals = inbox.arrivals
        if not arrivals:
            inbox.schedule()
        arrivals.append((self, data))
        if len(data) > LARGE:
            inbox.take_in()

    def take(self, data: bytes) -> None:
        """Feeds the receiver with what is complete."""
        # ``pending`` is offered by a transport that is neither over nor slow nor compressing.
        if self._idle and self.pending is not None and not self._holding:
            # One short text frame, whole: nearly every read of a server, and not worth a call.
            end = len(data)
            if (
                6 <= end < 132
                and data[0] == COMMON_TEXT
                and data[1] == end + SHORT_SURPLUS
                and self.receiver.receive_encoded(unmask(data[6:], data[2:6]))
            ):
                return  # else it is for the reader to decode, or to refuse
        if self._lost:
            return  # what came with the handshake is read later, and the client may be gone by then
        reader = self._reader
        held = None if data else self._held
        if held:
            self._held = None
            messages = held  # what was put back
        else:
            messages = reader.receive(data)
            self._idle = reader.idle
        if self._done:
            while reader.more:
                reader.receive(b"")  # nobody is there for it; the answer to a close frame may stand behind it
            if reader.closed is not None:
                self._end()
            return
        if messages and self._feed(messages):
            return  # it is called again, before anything else is taken in
        if reader.output:
            self._write_output()
        if reader.closed is not None:
            self._end()
        elif reader.more and not self._done:
            # Others have their turn first.
            self._pause_reading()
            asyncio.get_running_loop().call_soon(self._go_on)

    def eof_received(self) -> None:
        """The peer closed its half without a closing handshake: asyncio closes the other one."""

    def pause_writing(self) -> None:
        """The client does not keep up: count what waits for it, and read no more of its requests."""
        self._paused = True
        if self.straggler is None and not self._done:
            self.pending = None
            self._outbox.layout += 1
            self.straggler = Straggler(self._wiring, self._give_up, self.connection.get_write_buffer_size)
            self._pause_reading()

    def resume_writing(self) -> None:
        """The client takes more, and may catch up."""
        self._paused = False
        straggler = self.straggler
        if straggler is None:
            return
        queue = self._queue  # of the iteration in which it fell behind; written before what waits
        while queue or (queue := straggler.take(PORTION)):
            data = b"".join(queue)
            queue.clear()
            self.connection.write(data)
            if self._is_paused():
                return
        self.straggler = None
        straggler.end()
        if self.deflate is None:
            self.pending = self._queue
        self._outbox.layout += 1
        self._go_on()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        self._inbox.take_in()  # what came before
        self._outbox.write_shared()  # while the connection may still be written to, though it goes nowhere
        self._lost = True
        self._siblings.discard(self)
        if self._expiry is not None:
            self._expiry.discard(self)
        if not self._done:
            self._stop()
            self.receiver.transport_closed("transport close" if error is None else "transport error")

    # -- inside --

    def _enqueue(self, data: bytes) -> None:
        if self.straggler is not None:
            self.straggler.add(data, len(data))
        elif not self._done:
            outbox = self._outbox
            if not self._queue:
                outbox.mark(self)
            self._queue.append(data)
            outbox.gathered += len(data)
            if outbox.gathered > FLUSH_AT:
                outbox.flush()

    def _give_up(self) -> None:
        """The client does not keep up, and its policy is to close then."""
        self._stop()
        self.connection.abort()
        self.receiver.transport_closed("transport error")

    def _is_paused(self) -> bool:  # which mypy does not narrow: writing may pause
        return self._paused

    def _feed(self, messages: list[str | bytes]) -> bool:
        """Gives messages to the receiver, as far as it, and the client's own reading, allow.

        Returns:
            Whether the rest is put back, for the handler that has suspended to have its place before the next.
        """
        if self._held:
            self._held += messages
            return False
        inbox = self._inbox
        for index, message in enumerate(messages):
            if inbox.turn.suspended is not None:
                self._held = messages[index:]
                inbox.put_back(self)
                return True
            if self._holding or self.straggler is not None:
                self._held = messages[index:]
                return False
            self.receiver.receive(message)  # which an upgrade may replace on the way
        return False

    def _go_on(self) -> None:
        """Feeds what was held back, and reads again, unless something still forbids it."""
        if self._done or self._holding or self.straggler is not None:
            return
        if self._held:
            held, self._held = self._held, None
            self._feed(held)
        # What was fed may have had reading stopped again.
        if self._reader.more and self._may_go_on():
            self.take(b"")
        if not self._reader.more and self._may_go_on():
            self._resume_reading()

    def _may_go_on(self) -> bool:
        return not self._done and not self._holding and self.straggler is None and not self._held

    def _write_output(self) -> None:
        output = self._reader.output
        self._enqueue(b"".join(output))
        output.clear()

    def _end(self) -> None:
        """The peer closed, or broke the protocol: its last messages count, then it is over."""
        closed = self._reader.closed
        assert closed is not None
        held, self._held = self._held, None
        if held:
            self._inbox.turn.ready = False  # nobody is to wait for another
            for message in held:
                self.receiver.receive(message)
        if self._done:
            # Both sides closed: what is left to write is the answer to a close frame, if it is not one itself.
            self.connection.write(b"".join(self._reader.output))
            self.connection.close()
            return
        self._write_rest()
        self._stop()
        self.connection.close()
        by_peer = closed.code in (1000, 1001, 1005) or closed.code >= 3000
        self.receiver.transport_closed("transport close" if by_peer else "transport error")

    def _close(self, code: int, reason: str = "") -> None:
        if self._done:
            return
        self._write_rest(self._reader.close(code, reason))
        self._stop()
        self._resume_reading()  # for the answer
        self._expiry = self._wiring.closing.start(self)
        self.receiver.transport_closed("transport close")

    def _write_rest(self, last: bytes = b"") -> None:
        self._outbox.write_shared()  # which came before
        waiting = [] if self.straggler is None else self.straggler.take()
        self.connection.write(b"".join([*self._queue, *waiting, last]))

    def _stop(self) -> None:
        self._done = True
        self.pending = None
        self._outbox.layout += 1
        straggler, self.straggler = self.straggler, None
        if straggler is not None:
            straggler.end()
        self._queue.clear()
        self._held = None

    def _pause_reading(self) -> None:
        if not self.connection.is_closing():
            self.connection.pause_reading()

    def _resume_reading(self) -> None:
        if not self.connection.is_closing():
            self.connection.resume_reading()
