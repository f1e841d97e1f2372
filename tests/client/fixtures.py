"""Servers, clients and the network between them, for one test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any, Protocol

import pytest

from tests.client.observer import Observer
from tests.client.proxy import Proxy
from tests.client.servers import KINDS, Running, start
from tests.conformance.process import ServerProcess
from tests.server.site import Trouble
from windsock import Client

TRANSPORTS = {"polling": ("polling",), "websocket": ("websocket",), "upgrade": ("polling", "websocket")}


@pytest.fixture(params=list(TRANSPORTS.values()), ids=list(TRANSPORTS))
def transports(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Each transport in turn, and the upgrade between them."""
    found: tuple[str, ...] = request.param
    return found


@pytest.fixture(scope="session")
def running(javascript: None) -> Iterator[Running]:
    """Servers that all tests of this folder share."""
    servers = Running()
    yield servers
    servers.close()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of server in turn."""
    found: str = request.param
    return found


@pytest.fixture
def server(running: Running, kind: str) -> ServerProcess:
    """A shared server of each kind in turn."""
    return running.get(kind)


class Begin(Protocol):
    """Starts a server for one test alone."""

    def __call__(self, kind: str, **options: Any) -> ServerProcess: ...


@pytest.fixture
def begin(javascript: None) -> Iterator[Begin]:
    """Servers that a test may stop, kill and start again."""
    servers: list[ServerProcess] = []

    def run(kind: str, **options: Any) -> ServerProcess:
        servers.append(start(kind, options))
        return servers[-1]

    yield run
    for server in servers:
        server.kill()
        server.__exit__()


class Make(Protocol):
    """Makes a client, watched, that is closed with the test. It reconnects quickly unless told otherwise."""

    def __call__(self, url: str, **options: Any) -> tuple[Client, Observer]: ...


@pytest.fixture
async def make(trouble: Trouble) -> AsyncIterator[Make]:
    """Clients for one test."""
    async with AsyncExitStack() as clients:

        def build(url: str, **options: Any) -> tuple[Client, Observer]:
            client = Client(url, **{"reconnection_delay": 0.01, "reconnection_delay_max": 0.1, **options})
            clients.push_async_callback(client.close)
            return client, Observer(client)

        yield build


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """A network that can fail."""
    async with Proxy() as between:
        yield between
