from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

from tests.server.fixtures import dial, host, join, lane, stack, trouble, way

__all__ = ["dial", "host", "join", "lane", "stack", "trouble", "way"]


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop of ``windsock serve``, but where the clock is stopped: the standard library's alone can be."""
    if item.get_closest_marker("clock") is not None or "windsock_harness" in getattr(item, "fixturenames", ()):
        return {"asyncio": asyncio.new_event_loop}
    return {"uvloop": uvloop.new_event_loop}
