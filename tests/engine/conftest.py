from __future__ import annotations

from tests.server.fixtures import dial, host, lane, stack, trouble, way

__all__ = ["dial", "host", "lane", "stack", "trouble", "way"]
