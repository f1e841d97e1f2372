from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.client.fixtures import begin, kind, make, proxy, running, server, transports
from tests.conformance.fixtures import javascript
from tests.server.fixtures import host, trouble

__all__ = ["begin", "host", "javascript", "kind", "make", "proxy", "running", "server", "transports", "trouble"]

# What bounds a property is the timeout of its test: a busy machine does not make code slow.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
