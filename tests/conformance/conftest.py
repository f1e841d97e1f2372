from __future__ import annotations

from tests.client.fixtures import proxy
from tests.conformance.fixtures import javascript, runner, servers
from tests.server.fixtures import host, lane, trouble

__all__ = ["host", "javascript", "lane", "proxy", "runner", "servers", "trouble"]
