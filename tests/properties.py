"""How hypothesis tries properties."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def be_patient() -> None:
    """What bounds a property is the timeout of its test: a busy machine does not make code slow.

    Where ``CI`` is set, hypothesis chooses the same examples in each run by itself.
    """
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")
