"""A TCP proxy: the network, which loses connections, or goes silent."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Self

from tests.server.site import until
from windsock import Client


class Proxy:
    """Forwards connections to a port of this machine.

    Attributes:
        target: the port.
        accepting: whether connections are taken; otherwise they are torn at once.
        connections: taken so far.
    """

    def __init__(self) -> None:
        self.target = 0
        self.accepting = True
        self.connections = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._polls: set[asyncio.StreamReader] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._backs: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.accepting = False  # some may have been taken whose tasks have not begun
        self._server.close()
        self._flowing.set()
        for writer in (*self._writers, *self._backs):
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def to(self, port: int) -> str:
        """Forwards to this port; returns the URL to use instead."""
        self.target = port
        return self.url

    def cut(self) -> None:
        """Tears every connection. The server sees an end, for a reset would take from it what it has not yet read."""
        for writer in list(self._writers):
            writer.transport.abort()
        for back in list(self._backs):
            back.close()

    @property
    def polled(self) -> bool:
        """Whether a request of long-polling waits for its answer."""
        return bool(self._polls)

    async def lose(self, client: Client) -> None:
        """Tears every connection while the client waits for something: between two polls it would not notice."""
        await until(lambda: client.transport == "websocket" or self.polled, "a poll is on its way")
        self.cut()

    def silence(self) -> None:
        """Forwards nothing more; connections stay, as with a cable pulled out."""
        self._flowing.clear()

    def resume(self) -> None:
        """Forwards again what has come meanwhile."""
        self._flowing.set()

    def strand(self) -> None:
        """Forwards nothing more on the connections that are there, not even their end; new ones work."""
        self.silence()
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if not self.accepting:
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            await self._forward(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # nobody listens, or the test is over; before Python 3.13 asyncio would log it as an error
        finally:
            writer.transport.abort()
            self._writers.discard(writer)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        self._backs.add(back)
        try:
            await asyncio.gather(self._pump(reader, back, reader), self._pump(there, writer, reader))
        finally:
            back.close()
            self._backs.discard(back)

    async def _pump(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, client: asyncio.StreamReader
    ) -> None:
        flowing = self._flowing
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if source is not client:
                    self._polls.discard(client)
                elif data.startswith(b"GET") and b"transport=polling" in data:
                    self._polls.add(client)
                await flowing.wait()
                target.write(data)
                await target.drain()
        self._polls.discard(client)
        await flowing.wait()
        target.close()
