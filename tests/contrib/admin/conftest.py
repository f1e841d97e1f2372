from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from tests.conformance.fixtures import javascript

__all__ = ["javascript"]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The standard library's event loop, whose clock a test can move."""
    return {"asyncio": asyncio.new_event_loop}
