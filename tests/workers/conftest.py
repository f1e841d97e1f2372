from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.fixtures import javascript
from tests.conformance.process import wait_until
from tests.workers.fixtures import WITHIN, Workers

__all__ = ["javascript"]


@pytest.fixture(scope="module")
def four_workers() -> Iterator[Workers]:
    with Workers(4) as workers:
        yield workers
        assert not workers.trouble(), workers.log()


@pytest.fixture
def four(four_workers: Workers) -> Workers:
    """A server of four workers, whom nobody hurts. None has connections left of a test before, which it would be taken
    to have too many of."""
    wait_until(lambda: four_workers.connections() == 0, "every connection is closed", within=WITHIN)
    return four_workers
