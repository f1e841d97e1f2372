from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.server.fixtures import dial, host, lane, stack, trouble, way

__all__ = ["dial", "host", "lane", "stack", "trouble", "way"]

# What bounds a property is the timeout of its test: a busy machine does not make code slow.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
