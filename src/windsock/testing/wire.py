"""What lies between a client and the server: no network, and every fault that one has, on demand."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

HIGH_WATER: Final = 64 * 1024
"""Bytes that wait for the client before the server is told to pause: asyncio's own default."""

_DEAD: Final = "the connection was lost"


class End(Protocol):
    """The server's end of a connection: a WebSocket's, or that of a request which is not answered yet."""

    def lose(self, error: Exception | None) -> None:
        """The connection is gone: reset if there is an error."""

    def flush(self) -> None:
        """The client reads again."""


class Wire:
    """Everything between one client and the server, be it a WebSocket or requests.

    What one side sends arrives at the other in a later iteration of the event loop, in order.

    Args:
        on_lost: told once that the client knows that there is no connection any more.

    Attributes:
        reading: whether the client reads.
        dropping: whether everything is lost on the way.
    """

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self.reading: bool = True
        self.dropping: bool = False
        self._loop = asyncio.get_running_loop()
        self._on_lost = on_lost
        self._ends: list[End] = []
        self._open = True
        self._delay = 0.0
        self._last_arrival = 0.0

    # -- faults, for tests --

    @property
    def open(self) -> bool:
        """Whether the connection stands, as far as the client knows."""
        return self._open

    def cut(self, *, abruptly: bool = False) -> None:
        """Ends the connection without a word.

        Of a client on long-polling the server learns by the request that waits, else by its heartbeat.

        Args:
            abruptly: by a reset, which the server calls ``transport error``; else by its end, ``transport close``.
        """
        for end in tuple(self._ends):
            end.lose(ConnectionResetError(_DEAD) if abruptly else None)
        self.end()

    def drop(self) -> None:
        """From now on everything is lost on the way, in both directions, and neither side is told."""
        self.dropping = True

    def delay(self, seconds: float) -> None:
        """From now on everything takes so long to arrive, in both directions, on the test's clock; 0 ends it."""
        self._delay = seconds

    def stop_reading(self) -> None:
        """The client takes nothing any more: what it is sent piles up on the server's side."""
        self.reading = False

    def start_reading(self) -> None:
        """The client reads again, beginning with what has piled up."""
        self.reading = True
        for end in tuple(self._ends):
            end.flush()

    # -- for the connections --

    def attach(self, end: End) -> None:
        """A connection begins."""
        self._ends.append(end)

    def detach(self, end: End) -> None:
        """A connection has ended."""
        if end in self._ends:
            self._ends.remove(end)

    def carry(self, arrive: Callable[..., object], *what: Any) -> None:
        """Calls ``arrive(*what)`` at the other end, if nothing is lost."""
        if self.dropping or not self._open:
            return
        # Nothing overtakes what was sent before a delay ended.
        now = self._loop.time()
        self._last_arrival = max(self._last_arrival, now + self._delay)
        if self._last_arrival > now:
            self._loop.call_at(self._last_arrival, arrive, *what)
        else:
            self._loop.call_soon(arrive, *what)

    def end(self) -> None:
        """The client knows that it is gone."""
        if self._open:
            self._open = False
            self._on_lost()

    def abandon(self) -> None:
        """The client ends it; the server learns that only if something still arrives there."""
        if self.dropping:
            self.end()
        else:
            self.cut()


class Stream(asyncio.Transport):
    """A WebSocket's connection: the server's end is an asyncio transport, the client's a pair of calls.

    Args:
        wire: that it runs over.
        on_data: gets what the server wrote.
        on_lost: told once that it is gone, when the client learns it from the server.
        address: of the client, as the server sees it.
    """

    def __init__(self, wire: Wire, on_data: Callable[[bytes], None], on_lost: Callable[[], None], address: str) -> None:
        super().__init__({"peername": (address, 0)})
        self._loop = asyncio.get_running_loop()
        self._wire = wire
        self._on_data = on_data
        self._on_lost = on_lost
        self._protocol: asyncio.Protocol | None = None
        # Each end learns by itself that the connection is gone: the server's ...
        self._closing = False
        self._lost = False
        # ... and the client's.
        self._ended = False
        # Of each direction: what is on its way, or waits for a reader.
        self._to_client: deque[bytes] = deque()
        self._to_server: deque[bytes] = deque()
        self._server_reads = True
        self._paused = False
        wire.attach(self)

    # -- the client's side --

    def send(self, data: bytes) -> None:
        """Sends bytes to the server; lost when the connection is."""
        if not self._ended:
            self._wire.carry(self._arrive_at_server, data)

    def lose(self, error: Exception | None) -> None:
        """See :class:`End`."""
        if not self._lost:
            self._lost = True
            self._wire.detach(self)
            self._to_client.clear()
            self._to_server.clear()
            if self._protocol is not None:
                self._loop.call_soon(self._protocol.connection_lost, error)

    def flush(self) -> None:
        """See :class:`End`."""
        while self._to_client:
            self._wire.carry(self._arrive_at_client, self._to_client.popleft())
        if self._paused:
            self._paused = False
            self._engine.resume_writing()
        self._close_if_read()

    # -- the server's side (asyncio.Transport) --

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See :class:`asyncio.Transport`."""
        if self._lost or self._closing:
            return
        self._to_client.append(bytes(data))
        if self._wire.reading:
            self.flush()
        elif not self._paused and self.get_write_buffer_size() > HIGH_WATER:
            self._paused = True
            self._engine.pause_writing()

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
        self.lose(None)
        if not self._wire.dropping:
            self._loop.call_soon(self._end)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """See :class:`asyncio.Transport`."""
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol
        self._loop.call_soon(self._feed_server)  # what came with the handshake

    def get_protocol(self) -> asyncio.BaseProtocol:
        """See :class:`asyncio.Transport`."""
        return self._engine

    # -- inside --

    @property
    def _engine(self) -> asyncio.Protocol:
        assert self._protocol is not None  # it answers the handshake by taking the connection over
        return self._protocol

    def _arrive_at_server(self, data: bytes) -> None:
        self._to_server.append(data)
        self._feed_server()

    def _feed_server(self) -> None:
        while self._to_server and self._server_reads and self._protocol is not None and not self.is_closing():
            self._engine.data_received(self._to_server.popleft())

    def _arrive_at_client(self, data: bytes) -> None:
        if not self._ended and self._wire.open:
            self._on_data(data)

    def _close_if_read(self) -> None:
        if self._closing and not self._to_client and not self._lost:
            self._wire.carry(self._end)
            self.lose(None)

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._on_lost()
