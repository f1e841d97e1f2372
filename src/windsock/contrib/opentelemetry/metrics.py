"""What a server does, in OpenTelemetry's instruments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from opentelemetry import metrics
from opentelemetry.metrics import Observation

from windsock.contrib.figures import handlers, lag
from windsock.contrib.figures.figures import Figures
from windsock.contrib.figures.outcome import OUTCOMES
from windsock.contrib.opentelemetry import attributes

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Histogram, MeterProvider

    from windsock.contrib.figures.metric import Metric
    from windsock.contrib.figures.outcome import Outcome
    from windsock.server.server import Server

ATTRIBUTES: Final = {
    "code": attributes.REQUEST_CODE,
    "event": attributes.EVENT,
    "kind": attributes.ERROR_TYPE,
    "namespace": attributes.DESTINATION_TEMPLATE,
    "reason": attributes.REASON,
    "transport": attributes.TRANSPORT,
}
"""Of the labels."""


class Metrics:
    """Gives what a server does to OpenTelemetry.

    To be made before the first client connects. All but durations is asked for when it is exported.

    Args:
        io: the server.
        meter_provider: that of the process by default, which may be set later.

    Raises:
        ConfigurationError: clients are connected.
    """

    def __init__(self, io: Server, meter_provider: MeterProvider | None = None) -> None:
        meter = metrics.get_meter("windsock", meter_provider=meter_provider)
        self._durations = meter.create_histogram(
            "messaging.process.duration",
            unit="s",
            description="From the start of a handler to its end.",
            explicit_bucket_boundaries_advisory=handlers.BOUNDS,
        )
        lateness = meter.create_histogram(
            "windsock.event_loop.lag",
            unit="s",
            description="How late the event loop is.",
            explicit_bucket_boundaries_advisory=lag.BOUNDS,
        )
        for metric in Figures(io, self._times, Recorder(lateness, {})).metrics:
            # What the gauges tell adds up: over labels, and over processes.
            create = (
                meter.create_observable_counter if metric.kind == "counter" else meter.create_observable_up_down_counter
            )
            create(f"windsock.{metric.name}", [partial(_observe, metric)], metric.unit, metric.description)

    def _times(self, namespace: str, event: str) -> Mapping[Outcome, Recorder]:
        return {outcome: Recorder(self._durations, _describe(namespace, event, outcome)) for outcome in OUTCOMES}


class Recorder:
    """An instrument and what is always the same.

    Args:
        histogram: the instrument.
        attributes: of all its figures.
    """

    __slots__ = ("_attributes", "_histogram")

    def __init__(self, histogram: Histogram, attributes: Mapping[str, str]) -> None:
        self._histogram = histogram
        self._attributes = attributes

    def record(self, seconds: float) -> None:
        """See :class:`windsock.contrib.figures.times.Times`."""
        self._histogram.record(seconds, self._attributes)


def _describe(namespace: str, event: str, outcome: Outcome) -> dict[str, str]:
    described = {
        attributes.SYSTEM: attributes.SOCKET_IO,
        attributes.OPERATION: "process",
        attributes.DESTINATION_TEMPLATE: namespace,
        attributes.EVENT: event,
        attributes.OUTCOME: outcome,
    }
    return {**described, attributes.ERROR_TYPE: outcome} if outcome in ("refused", "failed") else described


def _observe(metric: Metric, options: CallbackOptions) -> Iterable[Observation]:
    names = [ATTRIBUTES[label] for label in metric.labels]
    return [Observation(figure, dict(zip(names, values, strict=True))) for values, figure in metric.read().items()]
