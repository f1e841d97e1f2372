"""The connection between a client and the server: no network, and every fault that one has, on demand."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

HIGH_WATER: Final = 64 * 1024
"""Bytes that wait for the client before the server is told to pause: asyncio's own default."""

_DEAD: Final = "the connection was lost"


class Wire(asyncio.Transport):
    """The server's end is an asyncio transport, beneath the engine's own; the client's is a pair of calls.

    What one side sends arrives at the other in a later iteration of the event loop, in order.

    Args:
        on_data: gets what the server wrote.
        on_lost: told once that the connection is gone.
        address: of the client, as the server sees it.
    """

    def __init__(self, on_data: Callable[[bytes], None], on_lost: Callable[[], None], address: str) -> None:
        super().__init__({"peername": (address, 0)})
        self._loop = asyncio.get_running_loop()
        self._on_data = on_data
        self._on_lost = on_lost
        self._protocol: asyncio.Protocol
        self._delay = 0.0
        self._dropping = False
        # Each end learns by itself that the connection is gone: the server's ...
        self._closing = False
        self._lost = False
        # ... and the client's.
        self._ended = False
        # Of each direction: what is on its way, or waits for a reader.
        self._to_client: deque[bytes] = deque()
        self._to_server: deque[bytes] = deque()
        self._client_reads = True
        self._server_reads = True
        self._paused = False
        self._last_arrival = 0.0

    # -- faults, for tests --

    @property
    def open(self) -> bool:
        """Whether the connection stands, as far as the client knows."""
        return not self._ended

    def cut(self, *, abruptly: bool = False) -> None:
        """Ends the connection without a word.

        Args:
            abruptly: by a reset, which the server calls ``transport error``; else by its end, ``transport close``.
        """
        self._lose(ConnectionResetError(_DEAD) if abruptly else None)
        self._end()

    def drop(self) -> None:
        """From now on everything is lost on the way, in both directions, and neither side is told."""
        self._dropping = True

    def delay(self, seconds: float) -> None:
        """From now on everything takes so long to arrive, in both directions, on the test's clock; 0 ends it."""
        self._delay = seconds

    def stop_reading(self) -> None:
        """The client takes nothing any more: what it is sent piles up on the server's side."""
        self._client_reads = False

    def start_reading(self) -> None:
        """The client reads again, beginning with what has piled up."""
        self._client_reads = True
        self._flush_to_client()

    # -- the client's side --

    def send(self, data: bytes) -> None:
        """Sends bytes to the server; lost when the connection is."""
        self._travel(self._arrive_at_server, data)

    # -- the server's side (asyncio.Transport) --

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See :class:`asyncio.Transport`."""
        if self._lost or self._closing:
            return
        self._to_client.append(bytes(data))
        if self._client_reads:
            self._flush_to_client()
        elif not self._paused and self.get_write_buffer_size() > HIGH_WATER:
            self._paused = True
            self._protocol.pause_writing()

    def get_write_buffer_size(self) -> int:
        """Bytes that the client has not read."""
        return sum(map(len, self._to_client))

    def pause_reading(self) -> None:
        """See :class:`asyncio.Transport`."""
        self._server_reads = False

    def resume_reading(self) -> None:
        """See :class:`asyncio.Transport`."""
        self._server_reads = True
        self._loop.call_soon(self._feed_server)

    def is_closing(self) -> bool:
        """See :class:`asyncio.Transport`."""
        return self._closing or self._lost

    def close(self) -> None:
        """Ends the connection once the client has read everything."""
        if not self.is_closing():
            self._closing = True
            self._close_if_read()

    def abort(self) -> None:
        """Ends the connection at once."""
        self._lose(None)
        if not self._dropping:
            self._loop.call_soon(self._end)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """See :class:`asyncio.Transport`."""
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """See :class:`asyncio.Transport`."""
        return self._protocol

    # -- inside --

    def _travel(self, arrive: Callable[[bytes], None], data: bytes) -> None:
        if self._dropping or self._ended:
            return
        # Nothing overtakes what was sent before a delay ended.
        now = self._loop.time()
        self._last_arrival = max(self._last_arrival, now + self._delay)
        if self._last_arrival > now:
            self._loop.call_at(self._last_arrival, arrive, data)
        else:
            self._loop.call_soon(arrive, data)

    def _arrive_at_server(self, data: bytes) -> None:
        self._to_server.append(data)
        self._feed_server()

    def _feed_server(self) -> None:
        while self._to_server and self._server_reads and not self.is_closing():
            self._protocol.data_received(self._to_server.popleft())

    def _flush_to_client(self) -> None:
        while self._to_client:
            self._travel(self._arrive_at_client, self._to_client.popleft())
        if self._paused:
            self._paused = False
            self._protocol.resume_writing()
        self._close_if_read()

    def _arrive_at_client(self, data: bytes) -> None:
        if not self._ended:
            self._on_data(data)

    def _close_if_read(self) -> None:
        if self._closing and not self._to_client and not self._lost:
            self._travel(lambda _: self._end(), b"")
            self._lose(None)

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            self._to_client.clear()
            self._to_server.clear()
            self._loop.call_soon(self._protocol.connection_lost, error)

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._on_lost()
