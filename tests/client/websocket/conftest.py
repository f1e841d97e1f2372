"""Plain servers and clients, in place of those of Socket.IO."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any, Protocol

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websockets

from tests.client.websocket.servers import COMMANDS, PlainServer
from tests.client.websocket.watcher import Watcher
from tests.server.site import Trouble
from windsock import WebSocketClient


@pytest.fixture(scope="session")
def plain_servers(javascript: None) -> Iterator[Callable[[str], PlainServer]]:
    """Servers that all tests of this folder share."""
    found: dict[str, PlainServer] = {}

    def get(kind: str) -> PlainServer:
        if kind not in found:
            found[kind] = PlainServer(kind)
        return found[kind]

    yield get
    trouble = [line for server in found.values() for line in server.trouble()]
    for server in found.values():
        server.kill()
        server.__exit__()
    assert not trouble, "\n".join(trouble)


@pytest.fixture(params=list(COMMANDS))
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of server in turn."""
    found: str = request.param
    return found


@pytest.fixture
def server(plain_servers: Callable[[str], PlainServer], kind: str) -> PlainServer:
    """A shared server of each kind in turn."""
    return plain_servers(kind)


class Begin(Protocol):
    """Starts a server for one test alone."""

    def __call__(self, kind: str) -> PlainServer: ...


@pytest.fixture
def begin(javascript: None) -> Iterator[Begin]:
    """Servers that a test may stop, kill and start again."""
    servers: list[PlainServer] = []

    def run(kind: str) -> PlainServer:
        servers.append(PlainServer(kind))
        return servers[-1]

    yield run
    for server in servers:
        server.kill()
        server.__exit__()


class Make(Protocol):
    """Makes a client, watched, that is closed with the test. It reconnects quickly unless told otherwise."""

    def __call__(self, url: str, **options: Any) -> tuple[WebSocketClient, Watcher]: ...


@pytest.fixture
async def make(trouble: Trouble) -> AsyncIterator[Make]:
    """Clients for one test."""
    async with AsyncExitStack() as clients:

        def build(url: str, **options: Any) -> tuple[WebSocketClient, Watcher]:
            client = WebSocketClient(url, **{"reconnection_delay": 0.01, "reconnection_delay_max": 0.1, **options})
            clients.push_async_callback(client.close)
            return client, Watcher(client)

        yield build


Script = Callable[[ServerConnection], Awaitable[None]]
Speak = Callable[..., Awaitable[str]]


@pytest.fixture
async def speak() -> AsyncIterator[Speak]:
    """Starts a server in this process that does what a script says; returns its URL."""
    servers = []

    async def start(script: Script, **options: Any) -> str:
        # Without a heartbeat of its own: a busy machine takes longer for a large file than that has patience.
        settings = {"max_size": None, "ping_interval": None, **options}
        server = await serve_websockets(script, "127.0.0.1", 0, **settings)
        servers.append(server)
        return f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Listen = Callable[[Answer], Awaitable[str]]


@pytest.fixture
async def listen() -> AsyncIterator[Listen]:
    """Starts a TCP server in this process, for what no WebSocket library would send; returns its URL."""
    tasks: set[asyncio.Task[None]] = set()
    over = False  # clients may still come back
    async with AsyncExitStack() as stack:

        async def start(answer: Answer) -> str:
            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                task = asyncio.current_task()
                assert task is not None
                tasks.add(task)
                try:
                    if not over:
                        await answer(reader, writer)
                except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                    pass  # the client has left, or the test is over, which Python 3.11 would log as an error
                finally:
                    writer.transport.abort()

            listening = await asyncio.start_server(serve, "127.0.0.1", 0)
            stack.push_async_callback(listening.wait_closed)
            stack.callback(listening.close)
            return f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}"

        yield start
        over = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
