from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.fixtures import javascript
from tests.workers.fixtures import Workers

__all__ = ["javascript"]


@pytest.fixture(scope="module")
def four() -> Iterator[Workers]:
    """A server of four workers, whom nobody hurts."""
    with Workers(4) as workers:
        yield workers
        assert not workers.trouble(), workers.log()
