from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.fixtures import javascript
from tests.workers.fixtures import PATIENT, Workers

__all__ = ["javascript"]


@pytest.fixture(scope="module")
def four_workers() -> Iterator[Workers]:
    with Workers(4, environment=PATIENT) as workers:
        yield workers
        assert not workers.trouble(), workers.log()


@pytest.fixture
def four(four_workers: Workers) -> Workers:
    """A server of four workers, whom nobody hurts. None has connections left of a test before, or is taken by the
    others to have some: it would be passed over."""
    four_workers.rest()
    return four_workers
