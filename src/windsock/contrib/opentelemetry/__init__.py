"""A server's spans and metrics for OpenTelemetry (``pip install windsock[opentelemetry]``)."""

from windsock.contrib.opentelemetry.metrics import Metrics
from windsock.contrib.opentelemetry.tracing import Tracing

__all__ = ["Metrics", "Tracing"]
