"""What every test folder may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest

from tests.conformance.process import ServerProcess, python
from tests.properties import be_patient

be_patient()


class Serve(Protocol):
    """Starts ``windsock serve TARGET`` and returns when it accepts connections.

    Args:
        target: ``module:attribute`` of a Server or an ASGI application, importable from the repository's root.
        arguments: further arguments of the command.
        environment: variables added to those of this process.
    """

    def __call__(self, target: str, *arguments: str, environment: dict[str, str] | None = None) -> ServerProcess: ...


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Servers for one test: each is ended with it, and what it logged as an error fails the test."""
    servers: list[ServerProcess] = []
    with ExitStack() as stack:

        def start(target: str, *arguments: str, environment: dict[str, str] | None = None) -> ServerProcess:
            command = python("-m", "windsock.cli", "serve", target, "--host", "127.0.0.1", "--port", "{port}")
            server = stack.enter_context(ServerProcess([*command, *arguments], environment=environment))
            servers.append(server)
            return server

        yield start
        for server in servers:
            if server.alive:
                server.stop()
            trouble = "\n".join(server.trouble())
            assert not trouble, f"the server logged an error:\n{trouble}"
