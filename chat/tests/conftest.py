"""The chats and the people that tests ask for.

`town` is in the test's own process. Where the network is the point, or the process, there are `served`, `exact` and
`strict`; their servers are shared, and each test brings people of its own.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from chat.tests.inside import ChatInside
from chat.tests.people import Town
from chat.tests.server import ChatServer
from tests.properties import be_patient
from windsock.testing import Harness

be_patient()

# What the server of `exact` signs its tokens with.
SECRET: Final = "s" * 40


def write_web_client(folder: Path) -> None:
    """A client as its build would leave it, with a secret beside it and a folder whose name begins like its own."""
    (folder / "assets").mkdir()
    (folder / "index.html").write_text("<!doctype html><title>Chat</title>" + " " * 2000)
    (folder / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "assets" / "app-3f2a.js").write_text("export const chat = 1;\n" * 200)
    (folder.parent / f"{folder.name}-secret").mkdir()
    (folder.parent / f"{folder.name}-secret" / "secret.txt").write_text("secret")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatServer]:
    """With cheap hashes and wide limits, and a small web client."""
    web = tmp_path_factory.mktemp("web")
    write_web_client(web)
    with ChatServer(tmp_path_factory.mktemp("chat"), web=web) as server:
        yield server


@pytest.fixture(scope="session")
def exact_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatServer]:
    """It signs with a secret that is known, and gives a spent refresh token no grace."""
    data = tmp_path_factory.mktemp("exact")
    with ChatServer(data, secret=SECRET, refresh_grace_seconds=0) as server:
        yield server


@pytest.fixture(scope="session")
def strict_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatServer]:
    """With the rate limits as they are shipped, behind a proxy that tells it addresses."""
    data = tmp_path_factory.mktemp("strict")
    with ChatServer(data, rate_factor=1, trusted_proxies="127.0.0.1") as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def inside(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ChatInside]:
    """What `town` is about: made once, since the interface's schemas take longer than a test."""
    async with Harness() as harness:
        inside = ChatInside(harness, tmp_path_factory.mktemp("inside"))
        await inside.open()
        async with Town(inside) as town:
            await town.person("root")
        yield inside


@pytest_asyncio.fixture(loop_scope="session")
async def town(inside: ChatInside) -> AsyncIterator[Town]:
    """Where people come from: a chat without a network, whose clock stands still unless the test moves it.

    It lives on the event loop of the session, and so do the tests that ask for it.
    """
    async with Town(inside) as town:
        yield town
    inside.harness.check_errors()


@pytest_asyncio.fixture
async def served(server: ChatServer) -> AsyncIterator[Town]:
    """A town over the network."""
    async with Town(server) as town:
        yield town


@pytest_asyncio.fixture
async def exact(exact_server: ChatServer) -> AsyncIterator[Town]:
    """A town whose secret is known, where a token is spent once."""
    async with Town(exact_server) as town:
        yield town


@pytest_asyncio.fixture
async def strict(strict_server: ChatServer) -> AsyncIterator[Town]:
    """A town where everything is limited."""
    async with Town(strict_server) as town:
        yield town


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder for a server with settings of its own."""
    return tmp_path / "data"
