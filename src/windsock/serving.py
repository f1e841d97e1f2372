"""What ``windsock serve`` runs in one process: an application on uvicorn, with uvloop and the fast lane."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import uvicorn

from windsock.asgi import ASGIApplication
from windsock.engine.drain import drain
from windsock.engine.registry import Engine
from windsock.errors import ConfigurationError
from windsock.server.server import Server
from windsock.types import ASGIApp
from windsock.uvicorn import HttpProtocol, WebSocketProtocol

HIGHEST_PORT: Final = 65535

DRAIN_SHARE: Final = 0.8
"""Of the graceful time-out, for sessions and their handlers; the rest is for requests and the lifespan."""

SHORTEST_HANG: Final = 2.0
"""Seconds: a worker is heard of each second."""

logger: logging.Logger = logging.getLogger("uvicorn.error")


@dataclass(frozen=True, slots=True)
class Serving:
    """What to run and how; see :func:`windsock.cli.serve`.

    Raises:
        ConfigurationError: the port, or a time, is none.
    """

    target: str | Server | ASGIApp
    host: str = "127.0.0.1"
    port: int = 8000
    log_level: str = "info"
    access_log: bool = False
    health_path: str | None = None
    ws_max_size: int = 16 * 1024 * 1024
    ws_max_fragments: int = 1024
    proxy_headers: bool = False
    forwarded_allow_ips: str | None = None
    graceful_timeout: float = 10.0
    drain_window: float = 5.0
    hang_timeout: float = 30.0
    log_config: dict[str, Any] | None = field(default_factory=lambda: uvicorn.config.LOGGING_CONFIG)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= HIGHEST_PORT:
            raise ConfigurationError(f"expected a port from 0 to {HIGHEST_PORT}, got {self.port}")
        if self.graceful_timeout <= 0:
            raise ConfigurationError(f"expected a graceful time-out above zero, got {self.graceful_timeout}")
        if self.drain_window < 0:
            raise ConfigurationError(f"expected a drain window of at least zero, got {self.drain_window}")
        if self.hang_timeout < SHORTEST_HANG:
            raise ConfigurationError(
                f"expected a hang time-out of at least {SHORTEST_HANG} seconds, got {self.hang_timeout}"
            )

    def application(self) -> Any:
        """The ASGI application.

        Raises:
            ConfigurationError: the target is none, or cannot be imported; or there is a path for the health of an
                application.
        """
        app = load(self.target) if isinstance(self.target, str) else self.target
        if isinstance(app, Server):
            return app.asgi(health_path="/healthz" if self.health_path is None else self.health_path or None)
        if self.health_path:
            raise ConfigurationError(
                "expected no health path with an ASGI application: use io.asgi(app, health_path=…)"
            )
        if not callable(app):
            raise ConfigurationError(
                f"expected a windsock.Server or an ASGI application as {self.target!r}, got {type(app).__name__}"
            )
        return app

    def config(self, app: Any, http: type[HttpProtocol], engines: set[Engine]) -> uvicorn.Config:
        """uvicorn's options.

        Args:
            app: the ASGI application.
            http: the class of connections.
            engines: gets those that have clients.
        """

        class Endpoints(WebSocketProtocol):
            max_fragments = self.ws_max_fragments
            met = engines

        return uvicorn.Config(
            app,
            host=self.host,
            port=self.port,
            http=type(http.__name__, (http,), {"met": engines}),
            ws=Endpoints,
            ws_max_size=self.ws_max_size,
            loop="auto",
            lifespan="auto",
            log_level=self.log_level,
            access_log=self.access_log,
            proxy_headers=self.proxy_headers,
            forwarded_allow_ips=self.forwarded_allow_ips,
            server_header=False,
            timeout_graceful_shutdown=self.graceful_timeout,  # type: ignore[arg-type]  # asyncio takes fractions
            log_config=self.log_config,
        )


def load(target: str) -> Any:
    """What ``module:name`` names.

    Raises:
        ConfigurationError: there is no such thing.
    """
    module_name, _, name = target.partition(":")
    if not module_name or not name:
        raise ConfigurationError(f"expected module:name, got {target!r}")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # one that the module itself imports
        raise ConfigurationError(f"expected a module that can be imported, got {module_name!r}") from error
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ConfigurationError(f"expected {name!r} in {module_name!r}, found no such name") from None
    return found


def announce(listeners: Sequence[socket.socket]) -> None:
    """Says where clients are awaited."""
    for listener in listeners:
        host, port = listener.getsockname()[:2]
        host = f"[{host}]" if ":" in host else host
        print(f"listening on http://{host}:{port}", file=sys.stderr, flush=True)  # noqa: T201


class ServeLoop(uvicorn.Server):
    """uvicorn's server: says where it listens, and closes sessions before it waits for their requests."""

    def __init__(self, serving: Serving, app: Any, http: type[HttpProtocol] = HttpProtocol) -> None:
        engines: set[Engine] = {app.engine} if isinstance(app, ASGIApplication) else set()
        super().__init__(serving.config(app, http, engines))
        self._engines = engines
        self._serving = serving
        self._app = app

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stops on SIGINT and SIGTERM: a process that was asked to end and did has ended well."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Starts, and says where, unless it was given its sockets."""
        await super().startup(sockets)
        if self.started and sockets is None:
            for server in self.servers:
                announce(server.sockets)

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """Takes no more clients, closes every session, waits for what runs; ends in time whatever it does."""
        loop = asyncio.get_running_loop()
        within = self._serving.graceful_timeout
        deadline = loop.time() + within
        # Connections are accepted until then: a long-polling client that is told of the end may need another one.
        try:
            async with asyncio.timeout(within * DRAIN_SHARE):
                await self.drain(0 if signal.SIGINT in self._captured_signals else self._serving.drain_window)
        except TimeoutError:
            logger.warning("handlers go on after %g s: they are left to end, or not", within * DRAIN_SHARE)
        close = getattr(self._app, "close", None)
        if close is not None:
            await close()
        self.config.timeout_graceful_shutdown = max(0.1, deadline - loop.time())  # type: ignore[assignment]  # likewise
        await super().shutdown(sockets)

    async def drain(self, within: float) -> None:
        """Closes the sessions of every engine that has met a client."""
        within = min(within, self._serving.graceful_timeout / 2)
        await asyncio.gather(*[drain(engine, within) for engine in self._engines])
