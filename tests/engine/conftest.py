from __future__ import annotations

from hypothesis import HealthCheck, settings

# What bounds a property is the timeout of its test: a busy machine does not make code slow.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
