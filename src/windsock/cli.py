"""``windsock serve``: the fast way to run an application; the other commands stand beside what they are about."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import uvicorn

from windsock import terminal
from windsock.contracts import command as contracts
from windsock.errors import ConfigurationError
from windsock.server.server import Server
from windsock.types import ASGIApp
from windsock.uvicorn import HttpProtocol, WebSocketProtocol

HIGHEST_PORT: Final = 65535


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="windsock", description="Real-time for Python.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("serve", help="run a server or an ASGI application")
    command.add_argument("target", metavar="module:name", help="a windsock.Server or an ASGI application")
    command.add_argument("--host", default="127.0.0.1")
    command.add_argument("--port", type=int, default=8000, help="0 to 65535; 0 for any that is free")
    command.add_argument("--log-level", default="info", choices=["critical", "error", "warning", "info", "debug"])
    command.add_argument("--access-log", action="store_true", help="log every HTTP request")
    command.add_argument(
        "--proxy-headers",
        action="store_true",
        help="believe X-Forwarded-For and X-Forwarded-Proto from this host, or from FORWARDED_ALLOW_IPS",
    )
    command.add_argument("--health-path", metavar="PATH", help="of a windsock.Server: /healthz; '' for none")
    command.add_argument("--ws-max-size", type=int, default=16 * 1024 * 1024, help="bytes; plain WebSocket endpoints")
    command.add_argument("--ws-max-fragments", type=int, default=1024, help="frames in a message; likewise")
    contracts.add_commands(commands)
    terminal.add_commands(commands)
    options = parser.parse_args(arguments)
    if options.command in terminal.COMMANDS:
        try:
            return terminal.run(options)
        except ConfigurationError as error:
            parser.error(str(error))
    sys.path.insert(0, str(Path.cwd()))
    try:
        if options.command in contracts.COMMANDS:
            return contracts.run(options, load)
        serve(
            options.target,
            host=options.host,
            port=options.port,
            log_level=options.log_level,
            access_log=options.access_log,
            proxy_headers=options.proxy_headers,
            health_path=options.health_path,
            ws_max_size=options.ws_max_size,
            ws_max_fragments=options.ws_max_fragments,
        )
    except ConfigurationError as error:
        parser.error(str(error))
    return 0


def serve(
    target: str | Server | ASGIApp,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    log_level: str = "info",
    access_log: bool = False,
    health_path: str | None = None,
    ws_max_size: int = 16 * 1024 * 1024,
    ws_max_fragments: int = 1024,
    proxy_headers: bool = False,
    log_config: dict[str, Any] | None = uvicorn.config.LOGGING_CONFIG,
) -> None:
    """Runs an application until SIGINT or SIGTERM, on uvicorn with uvloop and the fast lane.

    Args:
        target: a server, an ASGI application, or where to import one from, as ``module:name``.
        host: to listen on.
        port: to listen on; 0 for any that is free. The line ``listening on http://HOST:PORT`` tells which.
        log_level: of the server's own log.
        access_log: whether to log every HTTP request.
        health_path: where a server tells whether it takes clients: ``/healthz`` by default, an empty one for nowhere.
            An ASGI application says so itself: ``io.asgi(app, health_path=…)``.
        ws_max_size: bytes in one message of a plain ASGI WebSocket endpoint.
        ws_max_fragments: frames in one message of such an endpoint.
        proxy_headers: whether to believe ``X-Forwarded-For`` and ``X-Forwarded-Proto`` from the local host, or from
            the addresses in the environment's ``FORWARDED_ALLOW_IPS``.
        log_config: for :mod:`logging`; ``None`` to leave it alone.

    Raises:
        ConfigurationError: the target is neither, or cannot be imported; the port is none; or there is a path for the
            health of an application.
    """
    if not 0 <= port <= HIGHEST_PORT:
        raise ConfigurationError(f"expected a port from 0 to {HIGHEST_PORT}, got {port}")
    app = load(target) if isinstance(target, str) else target
    if isinstance(app, Server):
        app = app.asgi(health_path="/healthz" if health_path is None else health_path or None)
    elif health_path:
        raise ConfigurationError("expected no health path with an ASGI application: use io.asgi(app, health_path=…)")
    if not callable(app):
        raise ConfigurationError(
            f"expected a windsock.Server or an ASGI application as {target!r}, got {type(app).__name__}"
        )

    class Endpoints(WebSocketProtocol):
        max_fragments = ws_max_fragments

    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=HttpProtocol,
        ws=Endpoints,
        ws_max_size=ws_max_size,
        loop="auto",
        lifespan="auto",
        log_level=log_level,
        access_log=access_log,
        proxy_headers=proxy_headers,
        server_header=False,
        timeout_graceful_shutdown=10,
        log_config=log_config,
    )
    ServeLoop(config, app).run()


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


class ServeLoop(uvicorn.Server):
    """uvicorn's server: says where it listens, and closes sessions before it waits for their requests."""

    def __init__(self, config: uvicorn.Config, app: Any) -> None:
        super().__init__(config)
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
        """Starts, and says where."""
        await super().startup(sockets)
        if self.started:
            for server in self.servers:
                for socket in server.sockets:
                    host, port = socket.getsockname()[:2]
                    host = f"[{host}]" if ":" in host else host
                    print(f"listening on http://{host}:{port}", file=sys.stderr, flush=True)  # noqa: T201

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """Stops accepting, closes every session, then lets uvicorn wait for what runs."""
        for server in self.servers:
            server.close()
        close = getattr(self._app, "close", None)
        if close is not None:
            await close()
        await super().shutdown(sockets)


if __name__ == "__main__":
    sys.exit(main())
