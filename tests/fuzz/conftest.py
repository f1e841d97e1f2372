from __future__ import annotations

from tests.conformance.fixtures import javascript, servers

__all__ = ["javascript", "servers"]
