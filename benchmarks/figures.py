"""The rounds of a run and what they come to: medians, ratios to the yardstick, verdicts."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.load import Measurement
from benchmarks.scenarios import Scenario
from benchmarks.thresholds import YARDSTICK, Verdict


@dataclass(frozen=True, slots=True)
class Figure:
    """One scenario on one server, over all rounds: medians of every part, and the rounds' values themselves.

    ``per_busy_core`` is throughput for each second that the server was on its core: what is left of the figure when
    the machine had other work, though not what a quiet machine would have shown. 0 where it means nothing.
    """

    value: float
    rounds: tuple[float, ...]
    per_busy_core: float
    server_busy: float
    generator_busy: float
    latency_us: Mapping[str, float]
    costs: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario on every server, by the server's name."""

    scenario: Scenario
    figures: Mapping[str, Figure]

    def find_ratio(self, server: str) -> float | None:
        """A server's figure as a multiple of the yardstick's; None when one of them was not measured."""
        mine, yardstick = self.figures.get(server), self.figures.get(YARDSTICK)
        if mine is None or yardstick is None or not yardstick.value:
            return None
        return mine.value / yardstick.value

    def find_ratio_per_busy_core(self, server: str) -> float | None:
        """The same of throughput for each second on the core."""
        mine, yardstick = self.figures.get(server), self.figures.get(YARDSTICK)
        if self.scenario.measures != "throughput" or mine is None or yardstick is None or not yardstick.per_busy_core:
            return None
        return mine.per_busy_core / yardstick.per_busy_core


def summarise(measurements: Sequence[Measurement]) -> Figure:
    """The medians of one scenario's rounds on one server."""
    latencies = {
        percentile: statistics.median(measurement.latency_us[percentile] for measurement in measurements)
        for percentile in measurements[0].latency_us
    }
    costs = {
        name: statistics.median(measurement.costs[name] for measurement in measurements)
        for name in measurements[0].costs
    }
    return Figure(
        value=statistics.median(measurement.value for measurement in measurements),
        rounds=tuple(measurement.value for measurement in measurements),
        per_busy_core=statistics.median(
            measurement.value / measurement.server_busy if measurement.server_busy else 0.0
            for measurement in measurements
        ),
        server_busy=statistics.median(measurement.server_busy for measurement in measurements),
        generator_busy=statistics.median(measurement.generator_busy for measurement in measurements),
        latency_us=latencies,
        costs=costs,
    )


def judge(rows: Sequence[Row], server: str, needs: Callable[[str], float | None]) -> list[Verdict]:
    """Hold a server's ratios against the thresholds; scenarios that were not measured are left out.

    ``needs`` tells a scenario's threshold by its name, if it has one.
    """
    verdicts = []
    for row in rows:
        ratio, needed = row.find_ratio(server), needs(row.scenario.name)
        if ratio is not None and needed is not None:
            verdicts.append(
                Verdict(
                    row.scenario.name,
                    ratio,
                    row.find_ratio_per_busy_core(server),
                    needed,
                    row.scenario.lower_is_better,
                )
            )
    return verdicts
