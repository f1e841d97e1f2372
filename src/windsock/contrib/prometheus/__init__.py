"""A server's metrics for Prometheus (``pip install windsock[prometheus]``)."""

from windsock.contrib.prometheus.metrics import Metrics

__all__ = ["Metrics"]
