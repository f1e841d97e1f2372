"""The servers that the client is tried with: the original, python-socketio's, and Windsock's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from tests.conformance import servers
from tests.conformance.process import ServerProcess, python

PYTHON_SOCKETIO: Final = python(
    "-m", "uvicorn", "tests.client.python_socketio_app:app", "--host", "127.0.0.1", "--port", "{port}",
    "--timeout-graceful-shutdown", "1",
)  # fmt: skip

KINDS: Final = ("windsock", "node", "python-socketio")


def start(kind: str, options: Mapping[str, Any] | None = None) -> ServerProcess:
    """Starts a server for one test alone."""
    if kind != "python-socketio":
        return servers.start(kind, options)
    return ServerProcess(PYTHON_SOCKETIO, environment={"WINDSOCK_TEST_OPTIONS": json.dumps(options or {})})


class Running:
    """Servers that tests share, one for each kind and its options."""

    def __init__(self) -> None:
        self._servers: dict[tuple[str, str], ServerProcess] = {}

    def get(self, kind: str, **options: Any) -> ServerProcess:
        """A running server."""
        key = (kind, json.dumps(options, sort_keys=True))
        if key not in self._servers:
            self._servers[key] = start(kind, options)
        return self._servers[key]

    def close(self) -> None:
        """Ends them. What they logged as an error fails the tests."""
        trouble = [line for server in self._servers.values() for line in server.trouble()]
        for server in self._servers.values():
            server.kill()
            server.__exit__()
        assert not trouble, "\n".join(trouble)
