"""One run's results: as JSON, and as tables in Markdown for the README."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Row
from benchmarks.scenarios import Measure
from benchmarks.thresholds import YARDSTICK, Verdict

PERCENTILES = ("p50", "p95", "p99", "p99.9")
TIMES = "\N{MULTIPLICATION SIGN}"
NOT_MEASURED = "\N{EN DASH}"


def times(ratio: float) -> str:
    """A ratio with two digits that count."""
    return f"{float(f'{ratio:.2g}'):g}{TIMES}"


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that a run found out. ``servers`` maps the names of those measured to their titles."""

    machine: Mapping[str, str | int]
    versions: Mapping[str, Mapping[str, str]]
    servers: Mapping[str, str]
    rounds: int
    rows: Sequence[Row]
    verdicts: Sequence[Verdict]

    def write(self, path: Path) -> None:
        """Write all of it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.as_json(), indent=2) + "\n")

    def format_throughput(self) -> str:
        """The Markdown table of figures, each with its ratio to the yardstick."""
        names = list(self.servers)
        return format_table(
            ["", *(self.servers[name] for name in names)],
            [[row.scenario.title, *(_format_cell(row, name) for name in names)] for row in self.rows],
        )

    def format_latency(self) -> str:
        """The Markdown table of latencies, in the scenarios that ask for it; empty when none was run."""
        rows = [
            [row.scenario.title, self.servers[name], *(format_time(figure.latency_us[p]) for p in PERCENTILES)]
            for row in self.rows
            if row.scenario.shows_latency
            for name, figure in row.figures.items()
        ]
        return format_table(["Latency", "", *PERCENTILES], rows) if rows else ""

    def format_verdicts(self) -> str:
        """The thresholds, one a line."""
        return "\n".join(map(_format_verdict, self.verdicts))

    def as_json(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return {
            "machine": self.machine,
            "versions": self.versions,
            "rounds": self.rounds,
            "scenarios": [row_as_json(row) for row in self.rows],
            "thresholds": [
                {"scenario": v.scenario, "ratio": round(v.ratio, 3), "needed": v.needed, "met": v.met}
                for v in self.verdicts
            ],
        }


def row_as_json(row: Row) -> dict[str, Any]:
    """A row as JSON has it."""
    return {
        "name": row.scenario.name,
        "title": row.scenario.title,
        "unit": row.scenario.unit,
        "lower_is_better": row.scenario.lower_is_better,
        "servers": {
            name: {
                "median": round(figure.value, 1),
                "ratio": _round(row.find_ratio(name)),
                "ratio_per_busy_core": _round(row.find_ratio_per_busy_core(name)),
                "rounds": [round(value, 1) for value in figure.rounds],
                "server_busy": figure.server_busy,
                "generator_busy": figure.generator_busy,
                "latency_us": figure.latency_us,
                **({"costs": {cost: round(value, 3) for cost, value in figure.costs.items()}} if figure.costs else {}),
            }
            for name, figure in row.figures.items()
        },
    }


def _format_verdict(verdict: Verdict) -> str:
    met = "met    " if verdict.met else "NOT MET"
    bound = "at most" if verdict.lower_is_better else "at least"
    hint = verdict.ratio_per_busy_core
    return f"{met} {verdict.scenario}: {verdict.ratio:.2f}{TIMES} Node, needed {bound} {verdict.needed:g}{TIMES}" + (
        f" ({hint:.2f}{TIMES} for each second on the core)" if hint else ""
    )


def _round(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 3)


def _format_cell(row: Row, server: str) -> str:
    figure = row.figures.get(server)
    if figure is None:
        return NOT_MEASURED
    value = _FORMATS[row.scenario.measures](figure.value)
    ratio = row.find_ratio(server)
    return value if server == YARDSTICK or ratio is None else f"{value} ({times(ratio)})"


def format_rate(value: float) -> str:
    for divisor, suffix in ((1e6, " M"), (1e3, " k")):
        if value >= divisor:
            return f"{_three_digits(value / divisor)}{suffix}/s"
    return f"{_three_digits(value)}/s"


def format_bytes(value: float) -> str:
    return f"{value / 1024:.1f} KB"


def format_time(microseconds: float) -> str:
    if microseconds >= 1000:
        return f"{_three_digits(microseconds / 1000)} ms"
    return f"{_three_digits(microseconds)} µs"


_FORMATS: Mapping[Measure, Callable[[float], str]] = {
    "throughput": format_rate,
    "memory": format_bytes,
    "latency": format_time,
    "processor": format_time,
}


def _three_digits(value: float) -> str:
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{decimals}f}"


def insert(path: Path, mark: str, text: str) -> None:
    """Put text between the marks of a page, which are comments."""
    begin, end = f"<!-- {mark}: begin -->\n", f"<!-- {mark}: end -->"
    page = path.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    path.write_text(pattern.sub(lambda _: f"{begin}{text}\n{end}", page), encoding="utf-8")


def format_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
