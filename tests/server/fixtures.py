"""Servers and clients for one test; the folders' ``conftest.py`` import what they need."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from tests.server.client import Client
from tests.server.peer import Peer, PollingPeer, WebSocketPeer
from tests.server.site import Lane, Site, Trouble
from windsock import Server
from windsock.types import ASGIApp


@dataclass(frozen=True)
class Way:
    """How a client reaches the server."""

    lane: Lane
    transports: tuple[str, ...]


WAYS = {
    "lane": Way("lane", ("websocket",)),
    "asgi": Way("asgi", ("websocket",)),
    "lane-polling": Way("lane", ("polling",)),
    "asgi-polling": Way("asgi", ("polling",)),
}


@pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
def way(request: pytest.FixtureRequest) -> Way:
    """Each way in turn: a test that asks for it runs on all."""
    found: Way = request.param
    return found


@pytest.fixture(params=["lane", "asgi"])
def lane(request: pytest.FixtureRequest) -> Lane:
    """Over Windsock's own uvicorn classes, then over uvicorn's."""
    found: Lane = request.param
    return found


@pytest.fixture
def trouble() -> Iterator[Trouble]:
    """What the server logs as an error; it fails the test that does not expect it."""
    handler = Trouble()
    root = logging.getLogger()
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    handler.check()


class Serve(Protocol):
    """Starts a server, an application, or both mounted together, in the test's event loop."""

    async def __call__(self, app: Server | ASGIApp, lane: Lane = "lane", **config: Any) -> Site: ...


@pytest.fixture
async def host(trouble: Trouble) -> AsyncIterator[Serve]:
    """Servers for one test."""
    async with AsyncExitStack() as stack:

        async def start(app: Server | ASGIApp, lane: Lane = "lane", **config: Any) -> Site:
            site = Site(app, lane, **config)
            await site.open()
            stack.push_async_callback(site.close)
            return site

        yield start


@pytest.fixture
async def stack(host: Serve) -> AsyncIterator[AsyncExitStack]:
    """Closes what a test opens, before its servers end."""
    async with AsyncExitStack() as clients:
        yield clients


class Join(Protocol):
    """Connects a python-socketio client; see :class:`tests.server.client.Client`."""

    async def __call__(
        self,
        site: Site,
        *,
        answers: dict[str, Callable[..., Any]] | None = None,
        transports: list[str] | None = None,
        **options: Any,
    ) -> Client: ...


@pytest.fixture
def join(stack: AsyncExitStack, request: pytest.FixtureRequest) -> Join:
    """Clients for one test, on its ``way``."""

    async def connect(
        site: Site,
        *,
        answers: dict[str, Callable[..., Any]] | None = None,
        transports: list[str] | None = None,
        **options: Any,
    ) -> Client:
        chosen = transports or list(request.getfixturevalue("way").transports)
        client = Client(chosen, answers)
        stack.push_async_callback(client.close)
        return await client.connect(site.url, **options)

    return connect


class Dial(Protocol):
    """Opens an Engine.IO session; see :mod:`tests.server.peer`."""

    async def __call__(self, site: Site, transport: str | None = None, **options: Any) -> Peer: ...


@pytest.fixture
def dial(stack: AsyncExitStack, request: pytest.FixtureRequest) -> Dial:
    """Bare clients for one test, on its ``way``."""

    async def open(site: Site, transport: str | None = None, **options: Any) -> Peer:
        chosen = transport or request.getfixturevalue("way").transports[0]
        if chosen == "polling":
            return await PollingPeer.open(site.url, stack, **options)
        return await WebSocketPeer.open(site.url, stack, **options)

    return open
