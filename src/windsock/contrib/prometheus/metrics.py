"""What a server does, in figures that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, make_asgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry

from windsock.asgi import Route
from windsock.contrib.figures import handlers, lag
from windsock.contrib.figures.figures import Figures
from windsock.contrib.figures.outcome import OUTCOMES
from windsock.contrib.prometheus.histogram import Histogram

if TYPE_CHECKING:
    from prometheus_client.core import Metric as Family

    from windsock.contrib.figures.metric import Labels, Metric
    from windsock.contrib.figures.outcome import Outcome
    from windsock.server.server import Server
    from windsock.types import ASGIApp


class Metrics(Collector):
    """Counts what a server does, and tells Prometheus when it asks.

    To be made before the first client connects. Gauges are read from the server when they are asked for.

    Args:
        io: the server.
        registry: of metrics; the process's own by default. Two servers of one process need one each.

    Raises:
        ConfigurationError: clients are connected.
        ValueError: the registry has the metrics of another server.

    Attributes:
        endpoint: the ASGI application that answers with the registry's metrics, to be mounted in another one.
    """

    def __init__(self, io: Server, registry: CollectorRegistry = REGISTRY) -> None:
        self._handlers: dict[Labels, Histogram] = {}
        self._lag = Histogram(lag.BOUNDS)
        self._figures = Figures(io, self._times, self._lag)
        registry.register(self)
        self.endpoint: ASGIApp = make_asgi_app(registry)

    def asgi(self, app: ASGIApp | None = None, *, path: str = "/metrics") -> ASGIApp:
        """The ASGI application that answers with the metrics at ``path`` and leaves everything else to ``app``.

        It goes behind the server's own: ``io.asgi(metrics.asgi(app))``.
        """
        return Route(path, self.endpoint, app)

    def collect(self) -> Iterator[Family]:
        """The figures of this moment."""
        for metric in self._figures.metrics:
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(_name(metric), metric.description, labels=metric.labels)
            for labels, figure in metric.read().items():
                family.add_metric(labels, figure)
            yield family
        yield _histogram(
            "windsock_handler_duration_seconds",
            "From the start of a handler to its end.",
            ("namespace", "event"),
            self._handlers,
        )
        yield _histogram("windsock_event_loop_lag_seconds", "How late the event loop is.", (), {(): self._lag})

    def describe(self) -> Iterable[Family]:
        """The same: a registry asks it for their names."""
        return self.collect()

    def _times(self, namespace: str, event: str) -> Mapping[Outcome, Histogram]:
        histogram = self._handlers[namespace, event] = Histogram(handlers.BOUNDS)
        return dict.fromkeys(OUTCOMES, histogram)


def _name(metric: Metric) -> str:
    words = metric.name.removesuffix(".size").replace(".", "_")
    return f"windsock_{words}_bytes" if metric.unit == "By" else f"windsock_{words}"


def _histogram(name: str, text: str, labels: Labels, figures: Mapping[Labels, Histogram]) -> Family:
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, histogram in list(figures.items()):
        family.add_metric(values, histogram.buckets(), histogram.total)
    return family
