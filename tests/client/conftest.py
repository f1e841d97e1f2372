from __future__ import annotations

from tests.client.fixtures import begin, kind, make, proxy, running, server, transports
from tests.conformance.fixtures import javascript
from tests.server.fixtures import host, trouble

__all__ = ["begin", "host", "javascript", "kind", "make", "proxy", "running", "server", "transports", "trouble"]
