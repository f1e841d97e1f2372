"""Where handlers are tested: clients in the test's own process, and a clock that the test moves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from windsock.testing.clock import Clock
from windsock.testing.endpoint import Endpoint
from windsock.testing.line import Line
from windsock.testing.peer import Peer, connect

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from windsock.server.server import Server
    from windsock.types import ASGIApp, TransportName

T = TypeVar("T")


class _Errors(logging.Handler):
    """Gathers what is logged as an error by Windsock and by asyncio while its event loop runs, others' left out."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []
        self.loop: asyncio.AbstractEventLoop | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(("windsock", "asyncio")) and self._is_ours():
            self.records.append(record)

    def _is_ours(self) -> bool:
        try:
            return asyncio.get_running_loop() is self.loop
        except RuntimeError:
            return self.loop is not None and self.loop.is_running()  # in a thread beside it, or for somebody else


class _Lifespan:
    """The lifespan of an application (ASGI specification, "Lifespan").

    Attributes:
        state: what the application leaves for its requests.
    """

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self.app = app
        self.state: dict[str, Any] = {}
        self._clock = clock
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._answers: list[MutableMapping[str, Any]] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises whatever the application does."""
        self._task = asyncio.ensure_future(self._run())
        await self._tell("startup")

    async def stop(self) -> None:
        """As above."""
        await self._tell("shutdown")

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}

        async def send(message: MutableMapping[str, Any]) -> None:
            self._answers.append(message)

        await self.app(scope, self._events.get, send)

    async def _tell(self, what: str) -> None:
        task = self._task
        assert task is not None
        self._answers.clear()
        self._events.put_nowait({"type": f"lifespan.{what}"})
        await self._clock.wait_for(lambda: bool(self._answers) or task.done())
        if not self._answers and task.done():
            task.result()
        if not self._answers or not self._answers[0]["type"].endswith(".complete"):
            answer = self._answers[0].get("message", "") if self._answers else "none"
            raise AssertionError(f"expected lifespan.{what}.complete, got {answer}")


class Harness:
    """Tests servers without a network and without waiting; used with ``async with``, or as a fixture.

    Its clients go through the ASGI application, the engine, the parser and the connection as they run in production:
    only the network is replaced. As long as it is open, the clock of the event loop stands still unless
    the test moves it; see :class:`windsock.testing.Clock`. It closes what was connected when it ends, and then raises
    what a handler raised and the test does not expect.

    Attributes:
        clock: of the event loop.
    """

    def __init__(self) -> None:
        self.clock: Clock = Clock()
        self._lines: list[Line] = []
        self._servers: list[Server] = []
        self._lifespans: list[_Lifespan] = []
        self._errors = _Errors()

    async def __aenter__(self) -> Self:
        self.clock.__enter__()
        self._errors.loop = asyncio.get_running_loop()
        logging.getLogger().addHandler(self._errors)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._close()
        finally:
            logging.getLogger().removeHandler(self._errors)
            self.clock.__exit__()
        if error is None:
            self.check_errors()

    async def connect(
        self,
        io: Server,
        namespace: str = "/",
        *,
        auth: Any = None,
        app: ASGIApp | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        path: str | None = None,
        address: str = "127.0.0.1",
        transport: TransportName = "websocket",
    ) -> Peer:
        """A new client of a server, connected to a namespace.

        Args:
            io: the server.
            namespace: which it joins first.
            auth: its payload.
            app: the ASGI application that the server is mounted in, for what it knows of the request; it is called
                as an ASGI server would.
            headers: of the opening request.
            query: further fields of its query string.
            path: of the same request; the server's own by default.
            address: of the client.
            transport: ``websocket``, or ``polling``, from which :meth:`windsock.testing.Peer.upgrade` moves on.

        Raises:
            ConnectionRefused: the namespace did not let it in.
            ConnectionFailed: the opening request was refused: by ``allow_request``, its origin, a middleware.
            AssertionError: nothing can bring an answer any more.
        """
        if io not in self._servers:
            self._servers.append(io)
        app = app or io.asgi()
        state = next((known.state for known in self._lifespans if known.app is app), {})
        path = path or io.engine.options.normalized_path
        endpoint = Endpoint(app, path, headers or {}, query or {}, address, state)
        line = Line(self.clock, io.parser, endpoint, transport)
        self._lines.append(line)
        await line.open()
        return await connect(line, namespace, auth)

    async def start(self, app: ASGIApp) -> None:
        """Runs an application's startup; its shutdown follows when the harness ends.

        Raises:
            AssertionError: it does not say that it is complete.
        """
        lifespan = _Lifespan(app, self.clock)
        await lifespan.start()
        self._lifespans.append(lifespan)

    async def serve(self, *servers: Server) -> None:
        """Starts servers that nobody connects to by themselves, and connects them to their cluster.

        A server that has a client is started by that; what it says before the others are there is lost to them.
        """
        for io in servers:
            if io not in self._servers:
                self._servers.append(io)
            await io.start()
        await self.settle()

    async def settle(self) -> None:
        """Lets everything happen that can happen now; see :meth:`windsock.testing.Clock.settle`."""
        await self.clock.settle()

    async def advance(self, seconds: float) -> None:
        """Lets time go by; see :meth:`windsock.testing.Clock.advance`."""
        await self.clock.advance(seconds)

    async def advance_until(self, awaitable: Awaitable[T], *, within: float = 3600.0) -> T:
        """Lets as much time go by as a result needs; see :meth:`windsock.testing.Clock.advance_until`."""
        return await self.clock.advance_until(awaitable, within=within)

    def expect_error(self, text: str) -> None:
        """Takes the errors that were logged until now and contain a text; there must be one.

        Raises:
            AssertionError: there is none.
        """
        records = self._errors.records
        found = [record for record in records if text in record.getMessage() or text in _cause(record)]
        if not found:
            logged = [f"{record.getMessage()}{_cause(record)}" for record in records]
            raise AssertionError(f"expected an error with {text!r}, got {logged}")
        self._errors.records = [record for record in records if record not in found]

    def check_errors(self) -> None:
        """Raises the first error that was logged and not expected, as the harness does at its end.

        For a harness that many tests share: each ends with it.

        Raises:
            AssertionError: there is one; all of them are taken.
        """
        records, self._errors.records = self._errors.records, []
        for record in records:
            cause = record.exc_info[1] if record.exc_info else None
            raise AssertionError(f"an error was logged: {record.getMessage()}{_cause(record)}") from cause

    # -- inside --

    async def _close(self) -> None:
        for line in self._lines:
            line.wire.delay(0)
            line.wire.cut()
        await self.settle()
        for lifespan in reversed(self._lifespans):
            await lifespan.stop()
        for io in self._servers:
            await io.close()
            # Those on long-polling would be given half a minute to ask what there is, and nobody asks any more.
            for session in list(io.engine.sessions.values()):
                session.transport.abort()
        for line in self._lines:
            line.endpoint.close()
        await self.settle()


def _cause(record: logging.LogRecord) -> str:
    return f": {record.exc_info[1]!r}" if record.exc_info else ""
