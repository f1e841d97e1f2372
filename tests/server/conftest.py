from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import uvloop

from tests.server.fixtures import dial, host, join, lane, stack, trouble, way

__all__ = ["dial", "host", "join", "lane", "stack", "trouble", "way"]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop of ``windsock serve``; the tests of the engine run on the standard library's."""
    return {"uvloop": uvloop.new_event_loop}
