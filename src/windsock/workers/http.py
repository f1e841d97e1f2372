"""The connections of a worker: each request is answered by the worker whose session it belongs to."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar, Final, cast

from windsock.uvicorn.head import MAX_HEAD_SIZE
from windsock.uvicorn.http import HEAD_TIMEOUT, HttpProtocol
from windsock.workers.links import Outcome

if TYPE_CHECKING:
    import asyncio

    from windsock.workers.links import Links

_OWNER: Final = re.compile(rb"[?&]sid=([0-9a-f]{6})[A-Za-z0-9_-]{20}(?=[& ])")
"""In a request line: the worker that gave this id out. It need not be a session's: whoever makes an id up has its
connection moved, and nothing else."""


class RoamingHttpProtocol(HttpProtocol):
    """Looks at each request's first line before anything else does, and moves its connection to where it belongs.

    What was read goes with it, so the other worker sees the request as if it had come there. The next one may move it
    again. Behind a request that is not answered yet nothing can be moved: what a client pipelines is answered here.

    Attributes:
        links: to the other workers.
    """

    links: ClassVar[Links]
    arrived: tuple[bytes, bool] | None = None
    """What came with a connection from another worker, and whether it is to be answered here in any case."""

    _line = b""
    _settled = False
    _leaving: list[bytes] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base says
        """Waits for a request, or has it already."""
        super().connection_made(transport)
        if self.arrived is not None:
            data, self._settled = self.arrived
            self.data_received(data)

    def take(self, data: bytes) -> None:
        """Takes in what came, unless it is for another worker."""
        if self._leaving is not None:
            self._leaving.append(data)
            return
        if self._lingering is not None:
            super().take(data)  # which throws it away, whomever it is for
            return
        if self._settled or not self._in_head or self._begun or self._direct is not None or not self._is_idle():
            self._settled = False
            super().take(data)
            return
        data, self._line = self._line + data, b""
        end = data.find(b"\n")
        if end < 0 and len(data) <= MAX_HEAD_SIZE:
            self._line = data
            self._unset_keepalive_if_required()
            if self._head_timer is None:
                self._head_timer = self.loop.call_later(HEAD_TIMEOUT, self._head_timed_out)
            return
        owner = self._owner(data, end)
        if owner is None:
            super().take(data)
        else:
            # Whatever else was read in this iteration goes with it.
            self._leaving = [data]
            self.transport.pause_reading()
            self.loop.call_soon(self._leave, owner)

    def _owner(self, data: bytes, end: int) -> str | None:
        """The worker that is to answer; ``None`` for this one."""
        links = self.links
        found = _OWNER.search(data, 0, end)
        if found is None:
            return links.successor() if links.retiring else None
        owner = found[1].decode()
        return None if owner == links.name else owner

    def _leave(self, owner: str) -> None:
        transport, leaving = self.transport, self._leaving
        self._leaving = None
        if transport.is_closing() or leaving is None:
            return
        data = b"".join(leaving)
        self.flush()
        outcome = Outcome.GONE
        if not transport.get_write_buffer_size():  # or an answer would be cut off
            descriptor = cast("int", transport.get_extra_info("socket").fileno())
            outcome = self.links.hand_over(owner, descriptor, data, settled=_OWNER.search(data) is None)
        if outcome is Outcome.TAKEN:
            transport.abort()  # which says nothing to the peer: the connection has another descriptor
            return
        if outcome is Outcome.BUSY:
            self._refusal = HTTPStatus.SERVICE_UNAVAILABLE
            self.write_refusal()
            transport.resume_reading()
            self.linger()  # the client still sends, or what it sent is not read
            return
        transport.resume_reading()
        self._settled = True
        self.take(data)
