from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.javascript import Runner, install
from tests.conformance.servers import Servers


@pytest.fixture(scope="session")
def javascript() -> None:
    install()


@pytest.fixture(scope="session")
def runner(javascript: None) -> Iterator[Runner]:
    with Runner() as running:
        yield running


@pytest.fixture(scope="session")
def servers(javascript: None) -> Iterator[Servers]:
    running = Servers()
    yield running
    running.close()
