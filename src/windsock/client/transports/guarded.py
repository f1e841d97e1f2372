"""The ``websockets`` library's connection, with what it leaves to a server's good will."""

from __future__ import annotations

from typing import Final

from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import Event

CLOSE_TIMEOUT: Final = 1.0
"""Seconds for the closing handshake; a server that is gone does not answer it."""

MAX_PONG_BYTES: Final = 64 * 1024
"""Pongs that wait for a server that takes nothing: the library writes one to each ping, whatever waits already."""

_FRAME_HEAD: Final = 6


class GuardedConnection(ClientConnection):
    """Ends when the closing handshake does not, and when pongs pile up.

    Attributes:
        seen: when something came, or the network took more of what it had refused to take: signs of life.
        flooded: whether it was ended because the server sends pings and does not take the pongs.
    """

    seen: float = 0.0
    flooded: bool = False
    _ending: bool = False
    _pong_bytes: int = 0

    def data_received(self, data: bytes) -> None:
        """Whatever it is."""
        self.seen = self.loop.time()
        super().data_received(data)
        # The library closes the connection in time only while something is being sent.
        if not self._ending and self.protocol.close_expected():
            self._ending = True
            self.loop.call_later(CLOSE_TIMEOUT, self.transport.abort)

    def process_event(self, event: Event) -> None:
        """A frame; the pong to a ping has been written."""
        super().process_event(event)
        if self.paused and isinstance(event, Frame) and event.opcode is Opcode.PING:
            self._pong_bytes += len(event.data) + _FRAME_HEAD
            if self._pong_bytes > MAX_PONG_BYTES:
                self.flooded = True
                self.transport.abort()

    def resume_writing(self) -> None:
        """The system's buffer was full: only the server's confirmations make room in it."""
        self.seen = self.loop.time()
        self._pong_bytes = 0
        super().resume_writing()
