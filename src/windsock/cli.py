"""``windsock serve``: the fast way to run an application; the other commands stand beside what they are about."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import uvicorn

from windsock import terminal
from windsock.adapters.environment import ADAPTER_VARIABLE, ADAPTERS, REDIS_VARIABLE, sharing_over
from windsock.contracts import command as contracts
from windsock.errors import ConfigurationError
from windsock.server.server import Server
from windsock.serving import ServeLoop, Serving, load
from windsock.types import ASGIApp

HIDDEN: Final = "***"
"""Stands among the arguments for a URL that is in the environment."""


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
        help="believe X-Forwarded-For and X-Forwarded-Proto from this host, or from --forwarded-allow-ips",
    )
    command.add_argument(
        "--forwarded-allow-ips",
        metavar="NETWORKS",
        help="addresses and networks of proxies, between commas; FORWARDED_ALLOW_IPS, else this host",
    )
    command.add_argument(
        "--workers", type=int, metavar="N", help="processes that share the port, the clients and rooms"
    )
    command.add_argument(
        "--redis",
        metavar="URL",
        help=f"share the rooms with other hosts over this Redis server; {REDIS_VARIABLE}, else only among the workers",
    )
    command.add_argument(
        "--redis-adapter",
        choices=ADAPTERS,
        help=f"how; {ADAPTER_VARIABLE}, else streams with connection state recovery, and pubsub without",
    )
    command.add_argument("--reload", action="store_true", help="start anew when a file below this folder changes")
    command.add_argument(
        "--graceful-timeout", type=float, default=10.0, metavar="SECONDS", help="from SIGTERM to the end: 10"
    )
    command.add_argument(
        "--drain-window",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="in which SIGTERM closes the clients' connections, at most: 5",
    )
    command.add_argument(
        "--hang-timeout",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="after which a worker is ended whose event loop does not come round: 30",
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
    if options.command == "serve" and options.redis == HIDDEN and os.environ.get(REDIS_VARIABLE):
        options.redis = None
    elif options.command == "serve" and options.redis is not None and arguments is None:
        _conceal(options.redis)
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
            forwarded_allow_ips=options.forwarded_allow_ips,
            workers=options.workers,
            redis=options.redis,
            redis_adapter=options.redis_adapter,
            reload=options.reload,
            graceful_timeout=options.graceful_timeout,
            drain_window=options.drain_window,
            hang_timeout=options.hang_timeout,
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
    forwarded_allow_ips: str | None = None,
    workers: int | None = None,
    redis: str | None = None,
    redis_adapter: Literal["pubsub", "sharded", "streams"] | None = None,
    reload: bool = False,
    graceful_timeout: float = 10.0,
    drain_window: float = 5.0,
    hang_timeout: float = 30.0,
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
        proxy_headers: whether to believe ``X-Forwarded-For`` and ``X-Forwarded-Proto`` from a proxy.
        forwarded_allow_ips: where proxies are: addresses and networks, between commas. By default the environment's
            ``FORWARDED_ALLOW_IPS``, else the local host.
        workers: processes that share the port; each imports the target, which is ``module:name`` then. One that ends
            is started again; SIGHUP has each replaced, one after the other. ``None`` for this process alone.
        redis: URL of the Redis server over which the target, which is ``module:name`` then, shares its rooms with other
            hosts, those of Socket.IO among them. ``None`` for what ``WINDSOCK_REDIS`` in the environment says, else for
            the workers alone.
        redis_adapter: which of those in :mod:`windsock.redis`. ``None`` for what ``WINDSOCK_REDIS_ADAPTER`` says, else
            ``streams`` for a server with connection state recovery, and ``pubsub`` for one without.
        reload: whether to replace the workers, one by default, when a Python file below the working directory
            changes.
        graceful_timeout: seconds from the signal to the end of the process, whatever still runs.
        drain_window: seconds over which the clients' connections are closed after SIGTERM or, of a worker, SIGHUP;
            fewer when there are fewer than 50 for each second, and at most half of ``graceful_timeout``.
        hang_timeout: seconds, at least 2, after which a worker is ended and started again whose event loop does not
            come round: a handler blocks it, or it was stopped.
        log_config: for :mod:`logging`; ``None`` to leave it alone.

    Raises:
        ConfigurationError: the target is neither, or cannot be imported; the port is none; there is a path for the
            health of an application; workers are to run what they cannot import; the Redis server's URL is none or
            missing, what speaks to it is not installed, or a server has an adapter already.
        SystemExit: the application did not start.
    """
    serving = Serving(
        target,
        host=host,
        port=port,
        log_level=log_level,
        access_log=access_log,
        health_path=health_path,
        ws_max_size=ws_max_size,
        ws_max_fragments=ws_max_fragments,
        proxy_headers=proxy_headers,
        forwarded_allow_ips=forwarded_allow_ips,
        graceful_timeout=graceful_timeout,
        drain_window=drain_window,
        hang_timeout=hang_timeout,
        log_config=log_config,
    )
    if redis is not None and not isinstance(target, str):
        raise ConfigurationError(f"expected module:name to import and connect to Redis, got {target!r}")
    with sharing_over(redis, redis_adapter):
        if workers is not None or reload:
            from windsock.workers.supervisor import Supervisor  # noqa: PLC0415  what one process does not need

            Supervisor(serving, 1 if workers is None else workers, reload=reload).run()
            return
        app = serving.application()
        ServeLoop(serving, app).run()


def _conceal(url: str) -> None:
    """Begins anew without a password among the arguments, which every user of a machine can see."""
    concealed = [argument.replace(url, HIDDEN) for argument in sys.orig_argv]
    if ("@" in url or "password" in url) and concealed != sys.orig_argv:
        os.environ[REDIS_VARIABLE] = url
        os.execv(sys.executable, concealed)  # noqa: S606  itself


if __name__ == "__main__":
    sys.exit(main())
