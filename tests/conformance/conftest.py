from __future__ import annotations

from tests.conformance.fixtures import javascript, runner, servers

__all__ = ["javascript", "runner", "servers"]
