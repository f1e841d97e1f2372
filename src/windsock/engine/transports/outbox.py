"""Write once a tick: what is to be sent at the end of this iteration."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from windsock.engine.transports.receivers import Receivers

logger: logging.Logger = logging.getLogger("windsock.engine")


class Flushable(Protocol):
    """A transport that gathers what it sends."""

    @property
    def pending(self) -> list[bytes] | None:
        """See :class:`windsock.engine.transports.base.Transport`; whoever offers it has a ``connection``."""

    def flush(self) -> None:
        """Writes what was gathered, in one go."""


class Shared(Protocol):
    """The protocol of a connection that takes frames that are shared."""

    def put_first(self, data: bytes) -> None:
        """Has something written before what is pending."""


FLUSH_AT: Final = 1024 * 1024
"""Bytes gathered in one iteration, after which they are written at once. One read from a client can hold thousands
of requests whose answers are large: without a bound, all of them would stand in memory before the first is written,
and no transport would have had occasion to find out that its client does not keep up."""


class Outbox:
    """Flushes each transport marked during an iteration of the event loop once, at its end.

    However many messages a burst brings for one client, they cost it one write. Belongs to one event loop at a
    time.

    Attributes:
        dirty: the marked transports; append through :meth:`mark`, or, in bulk, after :meth:`schedule`.
        scheduled: whether the flush at the end of the iteration is arranged for.
        gathered: bytes put into them in this iteration, a broadcast's once; whoever adds to it calls
            :meth:`flush` when it passes ``FLUSH_AT``.
        layout: changes whenever a transport begins or ceases to take shared frames; what :meth:`share` is given was
            gathered since.
    """

    __slots__ = ("_deflated", "_frames", "_loop", "_receivers", "dirty", "gathered", "layout", "scheduled")

    def __init__(self) -> None:
        self.dirty: list[Flushable] = []
        self.gathered: int = 0
        self.layout: int = 0
        # What is shared, and by whom: the same messages in both lists, the second empty when nobody compresses.
        self._receivers: Receivers | None = None
        self._frames: list[bytes] = []
        self._deflated: list[bytes] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self.scheduled: bool = False

    def mark(self, transport: Flushable) -> None:
        """Has the transport flushed at the end of this iteration."""
        self.dirty.append(transport)
        if not self.scheduled:
            self.schedule()

    def schedule(self) -> None:
        """Makes sure that ``dirty`` is flushed."""
        if self.scheduled:
            return
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        self.scheduled = True
        try:
            self._loop.call_soon(self._run)
        except RuntimeError:  # it is closed: the server is used again, on another
            self._loop = asyncio.get_running_loop()
            self._loop.call_soon(self._run)

    def share(self, receivers: Receivers, frame: bytes, deflated: bytes | None = None) -> bool:
        """Takes a frame for connections that all have nothing pending; ``False`` when some have.

        One broadcast to a room after the other is joined once, for all of its members together. What cannot be
        shared goes member by member: whatever was for another room or for one of them stands in between, and the
        order on a connection is that of what is sent on it.

        Args:
            receivers: of one room; a change of it has others.
            frame: for those that take plain ones.
            deflated: for those that compress: what the same message is to them. ``None`` when there are none.
        """
        shared = self._receivers
        if not self.dirty and (
            shared is receivers or (shared is None and (deflated is not None or receivers.connections))
        ):
            self._receivers = receivers
            self._frames.append(frame)
            if deflated is not None:
                self._deflated.append(deflated)
            return True
        if shared is not None:
            self._break_up(shared)
        return False

    def write_shared(self) -> None:
        """Writes what is shared: at the end of the iteration, or before one of its connections is closed."""
        shared = self._receivers
        if shared is not None:
            # Both are taken first: writing may call back.
            frames, deflated = self._take_shared()
            _write(shared.connections, frames)
            if deflated is not None:
                _write(shared.deflating, deflated)

    def _break_up(self, shared: Receivers) -> None:
        frames, deflated = self._take_shared()
        _put_first(shared.connections, frames)
        if deflated is not None:
            _put_first(shared.deflating, deflated)

    def _take_shared(self) -> tuple[bytes, bytes | None]:
        self._receivers = None
        frames, self._frames = self._frames, []
        plain = frames[0] if len(frames) == 1 else b"".join(frames)
        if not self._deflated:
            return plain, None
        frames, self._deflated = self._deflated, []
        return plain, frames[0] if len(frames) == 1 else b"".join(frames)

    def __enter__(self) -> None:
        """Leaves the flush to the end of the block."""
        self.scheduled = True

    def __exit__(self, *_: object) -> None:
        self._run()

    def flush(self) -> None:
        """Flushes what is marked now."""
        self.gathered = 0
        if self._receivers is not None:
            self.write_shared()
        dirty = self.dirty
        for transport in dirty:  # and those that are marked meanwhile: an answer to a poll is written by its connection
            try:
                pending = transport.pending
                if pending is not None and len(pending) == 1:
                    # What ``flush`` does, without a call: nearly all that is sent to one client alone.
                    transport.connection.write(pending.pop())  # type: ignore[attr-defined]  # of whoever offers ``pending``
                else:
                    transport.flush()
            except Exception:
                logger.exception("a connection failed")
        dirty.clear()

    def _run(self) -> None:
        self.flush()
        self.scheduled = False


def _write(connections: list[asyncio.WriteTransport], data: bytes) -> None:
    for connection in connections:
        try:
            connection.write(data)
        except Exception:
            logger.exception("a connection failed")


def _put_first(connections: list[asyncio.WriteTransport], data: bytes) -> None:
    for connection in connections:
        protocol: Shared = connection.get_protocol()  # type: ignore[assignment]  # what is shared among
        protocol.put_first(data)
