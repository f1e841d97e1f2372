from __future__ import annotations

from tests.server.fixtures import host, lane, stack, trouble

__all__ = ["host", "lane", "stack", "trouble"]
