from __future__ import annotations

from tests.conformance.fixtures import javascript
from tests.server.conftest import pytest_asyncio_loop_factories
from tests.server.fixtures import dial, host, join, lane, stack, trouble, way

__all__ = ["dial", "host", "javascript", "join", "lane", "pytest_asyncio_loop_factories", "stack", "trouble", "way"]
