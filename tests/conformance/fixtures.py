"""Fixtures that several test folders import into their ``conftest.py``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.javascript import Runner, install
from tests.conformance.servers import Servers


@pytest.fixture(scope="session")
def javascript() -> None:
    """The packages of ``js/package-lock.json``, installed."""
    install()


@pytest.fixture(scope="session")
def runner(javascript: None) -> Iterator[Runner]:
    """The Node process that runs scenarios."""
    with Runner() as running:
        yield running


@pytest.fixture(scope="session")
def servers(javascript: None) -> Iterator[Servers]:
    """Servers that the tests of one folder share."""
    running = Servers()
    yield running
    running.close()
