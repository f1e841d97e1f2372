"""A server in the test's own event loop, on a free port: over the fast lane, or as any ASGI application."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any, Final, Literal, TypeVar

import uvicorn

from windsock import Server
from windsock.engine.session import State
from windsock.testing import Clock
from windsock.types import ASGIApp
from windsock.uvicorn import HttpProtocol, WebSocketProtocol

T = TypeVar("T")
Lane = Literal["lane", "asgi"]

WITHIN: Final = 30.0
"""Seconds that anything may take: far more than it does, so that a busy machine fails no test."""

BUFFER: Final = 200_000
"""Bytes that the kernel keeps for each direction of a connection, which else grow to what a machine is set to."""


async def until(condition: Callable[[], bool], what: str, *, within: float = WITHIN) -> None:
    """Waits until ``condition`` holds; fails with ``what`` when it does not in time."""
    deadline = asyncio.get_running_loop().time() + within
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"not within {within} s: {what}"
        await asyncio.sleep(0.001)


async def soon(awaitable: Awaitable[T]) -> T:
    """The result, which must come in time."""
    async with asyncio.timeout(WITHIN):
        return await awaitable


async def rest() -> None:
    """Waits until nothing is left to do but what time, a thread or another process brings.

    Sockets between two ends in this process have carried what they hold by then, so that what did not come will not.
    """
    with Clock() as clock:
        await pass_time(clock, 0, 0)


async def pass_time(clock: Clock, seconds: float, step: float) -> None:
    """Moves a clock in steps, each of which sees all come that was sent in the one before."""
    end = clock.time() + seconds
    while True:
        for _ in range(2):
            await clock.settle()
            _let_arrive()
        await clock.settle()
        if clock.time() >= end:
            return
        await clock.advance(min(step, end - clock.time()))


async def pass_time_until(clock: Clock, awaitable: Awaitable[T], step: float) -> T:
    """The result of an awaitable, for which a clock is moved in steps; it has ``WITHIN`` seconds on that clock."""
    coming = asyncio.ensure_future(soon(awaitable))
    while not coming.done():
        await pass_time(clock, step, step)
    return await coming


def _let_arrive() -> None:
    """Waits for the loopback device, which carries in order: what was sent has arrived when one byte more has."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=WITHIN) as here,
    ):
        there, _ = server.accept()
        with there:
            there.settimeout(WITHIN)
            here.sendall(b"x")
            assert there.recv(1) == b"x"


def bounded_socket() -> socket.socket:
    """One for TCP whose buffers do not grow; of a listening one, the connections that it takes have them."""
    # asyncio switches Nagle's algorithm off where the protocol is named, as it is when asyncio makes the socket.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    made.setblocking(False)
    return made


class Site:
    """Serves an application from :meth:`open` to :meth:`close`.

    Args:
        app: a Windsock server, or any ASGI application.
        lane: over Windsock's own uvicorn classes, or over uvicorn's.
        config: further options of uvicorn.
    """

    def __init__(self, app: Server | ASGIApp, lane: Lane, **config: Any) -> None:
        self.io = app if isinstance(app, Server) else None
        self.lane = lane
        self._config = uvicorn.Config(
            app.asgi() if isinstance(app, Server) else app,
            port=0,
            http=HttpProtocol if lane == "lane" else "auto",
            ws=WebSocketProtocol if lane == "lane" else "auto",
            log_config=None,
            access_log=False,
            # As `windsock serve` has it: nothing stands in front, so polls go around uvicorn's cycle.
            **{"proxy_headers": False, **config},
        )
        self._server = uvicorn.Server(self._config)
        self.port = 0
        self._listening = ExitStack()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """Connections that are open."""
        return len(self._server.server_state.connections)

    @property
    def requests(self) -> int:
        """Calls of the application that have not returned."""
        return len(self._server.server_state.tasks)

    async def open(self) -> None:
        self._config.load()
        self._server.lifespan = self._config.lifespan_class(self._config)
        listening = bounded_socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self._listening.enter_context(listening)
        try:
            await self._server.startup([listening])
        except BaseException:
            self._listening.close()
            raise
        await self._server.on_tick(0)

    def ask_to_shut_down(self) -> None:
        """Tells every connection, as uvicorn does first when it stops."""
        for connection in list(self._server.server_state.connections):
            connection.shutdown()

    async def close_lifespan(self) -> None:
        """Sends the application its lifespan's end."""
        await self._server.lifespan.shutdown()

    async def close(self) -> None:
        """Ends what runs, as uvicorn does, but without its pauses; nothing may be left."""
        state = self._server.server_state
        for server in self._server.servers:
            server.close()
        if self.io is not None:
            await self.io.close()
        self.ask_to_shut_down()
        await until(lambda: not state.connections, "every connection is closed")
        await until(lambda: not state.tasks, "every request is done")
        self._listening.close()
        await self.close_lifespan()
        if self.io is not None:
            # A polling session that is closed waits for the GET that takes its last packets along.
            assert all(session.state is State.CLOSING for session in self.io.engine.sessions.values())
            for namespace in self.io.namespaces.values():
                assert not namespace.sockets, f"a socket is left in {namespace.name}"


class Trouble(logging.Handler):
    """Errors that the server logged. What a test does not expect fails it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.module == "websockets_sansio_impl" and "without completing handshake" in record.msg:
            return  # uvicorn's own class says so of every handshake that is answered with a response
        if record.name.startswith(("windsock", "uvicorn", "asyncio")):
            cause = f" ({record.exc_info[1]!r})" if record.exc_info else ""
            self._records.append(f"{record.name}: {record.getMessage()}{cause}")

    def expect(self, *texts: str) -> None:
        """Takes the errors that contain these texts, one each; they must be there."""
        for text in texts:
            found = next((record for record in self._records if text in record), None)
            assert found is not None, f"expected an error with {text!r}, got {self._records}"
            self._records.remove(found)

    def check(self) -> None:
        assert not self._records, "the server logged an error:\n" + "\n".join(self._records)
