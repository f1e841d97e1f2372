"""The long-polling transport: a GET waits for packets, a POST brings some (Engine.IO protocol, "HTTP long-polling")."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from windsock.engine.transports.outbox import FLUSH_AT
from windsock.engine.transports.straggler import Straggler
from windsock.errors import PayloadError
from windsock.protocol import payload
from windsock.protocol.engineio import CLOSE, NOOP

if TYPE_CHECKING:
    from windsock.engine.transports.base import Receiver
    from windsock.engine.wiring import Wiring
    from windsock.protocol.engineio import Message
    from windsock.types import TransportName

CLOSE_TIMEOUT: Final = 30.0
"""Seconds for the GET that takes the last packets of a closed session along."""


class Poll(Protocol):
    """A GET request that waits for packets."""

    def respond(self, messages: Sequence[Message]) -> None:
        """Answers with a payload of them; called at most once, and not after the client went away."""


class PollingTransport:
    """The requests of one session, seen as a transport.

    What is sent while a GET waits is gathered for its answer; what is sent while none does waits in a
    :class:`~windsock.engine.transports.straggler.Straggler`, under the rules for slow clients.

    Args:
        wiring: of the engine.
    """

    __slots__ = (
        "_buffered",
        "_closing",
        "_done",
        "_held",
        "_poll",
        "_queue",
        "_wiring",
        "pending",
        "posting",
        "receiver",
        "straggler",
    )

    name: ClassVar[TransportName] = "polling"

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self.straggler: Straggler | None = None
        self._queue: list[Message] = []
        self._buffered = 0
        self._poll: Poll | None = None
        self._held: asyncio.Future[None] | None = None
        self._closing: asyncio.TimerHandle | None = None
        self._done = False
        self.pending: list[bytes] | None = None
        self.posting: bool = False
        self.receiver: Receiver

    @property
    def writable(self) -> bool:
        """See :class:`windsock.engine.transports.base.Transport`."""
        return self._poll is not None and not self._queue

    @property
    def buffered(self) -> int:
        """See :class:`windsock.engine.transports.base.Transport`."""
        straggler = self.straggler  # asked for once: whoever exports metrics does so from another thread
        return self._buffered + (0 if straggler is None else straggler.size)

    def send(self, message: Message) -> None:
        """See :class:`windsock.engine.transports.base.Transport`."""
        if self._done or self._closing is not None:
            return
        size = message.size
        if self._poll is None:
            if self.straggler is None:
                self.straggler = Straggler(self._wiring, self._give_up, int)
            self.straggler.add(message, size, message.terms)
            return
        if not self._queue:
            self._wiring.outbox.mark(self)
        self._queue.append(message)
        self._buffered += size
        if self._buffered > FLUSH_AT:
            self.flush()

    def flush(self) -> None:
        """Answers the waiting GET with what was gathered."""
        poll = self._poll
        if poll is not None and self._queue:
            queue, self._queue = self._queue, []
            self._buffered = 0
            self._poll = None
            poll.respond(queue)

    def poll(self, request: Poll) -> bool:
        """Takes a GET request; ``False`` when one waits already, which ends the session."""
        if self._done:
            request.respond((CLOSE,))
            return True
        if self._poll is not None:
            self._finish("transport error")
            return False
        self._poll = request
        self._queue += self._take_waiting()
        if self._queue:
            self.flush()
        elif self._closing is not None:
            self._say_closed()
        return True

    def poll_aborted(self, request: Poll) -> None:
        """The client went away while its GET waited."""
        if self._poll is request:
            self._poll = None
            self._finish("transport error")

    def nudge(self) -> None:
        """Ends a waiting GET, so that a client that upgrades need not wait for the next packet."""
        if self._poll is not None and not self._queue:
            self._queue.append(NOOP)
        self.flush()

    def post(self, body: bytes) -> bool | Coroutine[Any, Any, bool]:
        """Takes the body of a POST request; ``False`` when it is malformed, which ends the session.

        While the receiver holds the transport the rest is to be awaited, so that the next request waits too.
        """
        try:
            packets = payload.decode(body, max_packets=self._wiring.options.max_payload_packets)
        except PayloadError:
            self._finish("parse error")
            return False
        for index, packet in enumerate(packets):
            if self._held is not None:
                return self._take_held(packets[index:])
            self._take(packet)
        return True

    def refuse(self, reason: str) -> None:
        """Ends the session because of a request that the protocol forbids."""
        self._finish(reason)

    def close(self) -> None:
        """See :class:`windsock.engine.transports.base.Transport`."""
        if self._done or self._closing is not None:
            return
        if self._poll is not None and not self._queue:
            self._say_closed()
            return
        # The close packet goes with a GET of its own: socket.io-client looks at the packets of an answer only
        # after engine.io-client has, which would close before it saw that it was told to disconnect.
        self.flush()
        self._closing = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, self._finish, "transport close")

    def abort(self) -> None:
        """See :class:`windsock.engine.transports.base.Transport`."""
        self.nudge()
        self._finish("transport close")

    def discard(self) -> list[Message]:
        """See :class:`windsock.engine.transports.base.Transport`."""
        queue = self._queue + self._take_waiting()
        self._queue = []
        self.nudge()
        self._done = True
        self.release()
        return queue

    def hold(self) -> None:
        """See :class:`windsock.engine.transports.base.Transport`."""
        if self._held is None and not self._done:
            self._held = asyncio.get_running_loop().create_future()

    def release(self) -> None:
        """See :class:`windsock.engine.transports.base.Transport`."""
        if self._held is not None:
            self._held.set_result(None)
            self._held = None

    def _take_waiting(self) -> list[Message]:
        straggler, self.straggler = self.straggler, None
        if straggler is None:
            return []
        straggler.end()
        return straggler.take()

    def _give_up(self) -> None:
        self._finish("transport error")

    def _take(self, packet: str | bytes) -> None:
        if packet == CLOSE_PACKET:
            self.nudge()
            self._finish("transport close")
        elif not self._done:
            self.receiver.receive(packet)

    async def _take_held(self, packets: list[str | bytes]) -> bool:
        for packet in packets:
            if self._held is not None:
                await self._held
            self._take(packet)
        return True

    def _say_closed(self) -> None:
        self._queue.append(CLOSE)
        self.flush()
        self._finish("transport close")

    def _finish(self, reason: str) -> None:
        if self._done:
            return
        self._done = True
        if self._closing is not None:
            self._closing.cancel()
        poll, self._poll = self._poll, None
        self._queue.clear()
        self._take_waiting()
        self.release()
        if poll is not None:
            poll.respond((NOOP,))
        self.receiver.transport_closed(reason)


CLOSE_PACKET: Final = "1"
"""A client's packet that closes its session."""
