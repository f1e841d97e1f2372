from __future__ import annotations

from tests.client.fixtures import proxy
from tests.conformance.fixtures import javascript, runner, servers

__all__ = ["javascript", "proxy", "runner", "servers"]
