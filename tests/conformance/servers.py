"""The servers that the tests talk to: Windsock in every way it can be run, and the original."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from tests.conformance.javascript import DIRECTORY
from tests.conformance.process import ServerProcess, python

APPLICATION: Final = "tests.conformance.app"

COMMANDS: Final[dict[str, list[str]]] = {
    "windsock": python("-m", "windsock.cli", "serve", f"{APPLICATION}:app", "--host", "127.0.0.1", "--port", "{port}"),
    "workers": python("-m", "windsock.cli", "serve", f"{APPLICATION}:app", "--workers", "2", "--port", "{port}"),
    "uvicorn": python("-m", "uvicorn", f"{APPLICATION}:app", "--host", "127.0.0.1", "--port", "{port}"),
    "hypercorn": python("-m", "hypercorn", f"{APPLICATION}:app", "--bind", "127.0.0.1:{port}"),
    "granian": python(
        "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", "{port}", f"{APPLICATION}:app"
    ),
    "node": ["node", str(DIRECTORY / "app.js"), "{port}"],
}

GRACEFUL: Final = frozenset({"windsock", "workers"})
"""End on SIGTERM whatever their clients do. Of the others, Node waits for its connections, uvicorn for the requests it
answers at that moment, hypercorn, on Python 3.12 and newer, for all connections."""


class Servers:
    """Starts each server once for each set of options, and ends them all together."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, str], ServerProcess] = {}

    def get(self, kind: str, options: Mapping[str, Any] | None = None) -> ServerProcess:
        """A running server that tests share.

        Args:
            kind: a key of ``COMMANDS``.
            options: of the Windsock server, as in Python.
        """
        key = (kind, json.dumps(options or {}, sort_keys=True))
        server = self._running.get(key)
        if server is None or not server.alive:
            server = self._running[key] = start(kind, options)
        return server

    def close(self) -> None:
        failures = []
        for (kind, _), server in self._running.items():
            if kind not in GRACEFUL:
                server.kill()
            try:
                server.__exit__()
            except AssertionError as error:
                failures.append(str(error))
        assert not failures, "\n".join(failures)


def start(kind: str, options: Mapping[str, Any] | None = None) -> ServerProcess:
    """Starts a server for one test alone."""
    return ServerProcess(COMMANDS[kind], environment={"WINDSOCK_TEST_OPTIONS": json.dumps(options or {})})
