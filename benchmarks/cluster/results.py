"""A run's results: as JSON, and as the tables that the README and the documentation have."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.cluster.publishing import PIPELINE, PublishingCost
from benchmarks.cluster.scenarios import ABSENT, COUNTED, WORKERS
from benchmarks.figures import Figure, Row
from benchmarks.results import Results, format_rate, format_table, format_time, row_as_json


@dataclass(frozen=True, slots=True)
class ClusterResults:
    """Everything that a run found out.

    ``workers``: the same load on Windsock, by the number of its workers. ``publishing``: what Redis does for a message,
    by the number of servers that hear it.
    """

    results: Results
    workers: Mapping[int, Figure]
    publishing: Sequence[PublishingCost] = ()

    def write(self, path: Path) -> None:
        """Write all of it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.as_json(), indent=2) + "\n")

    def as_json(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        found = self.results.as_json()
        if self.workers:
            names = {f"workers-{count}": figure for count, figure in self.workers.items()}
            found["workers"] = row_as_json(Row(WORKERS, names))
        if self.publishing:
            found["publishing"] = [asdict(cost) for cost in self.publishing]
        return found

    def format_tables(self) -> str:
        """All tables, as Markdown."""
        tables = (
            self.results.format_throughput(),
            self.format_costs(),
            self.format_publishing(),
            self.format_workers(),
        )
        return "\n\n".join(table for table in tables if table)

    def format_costs(self) -> str:
        """What one message costs the servers and Redis."""
        servers = self.results.servers
        figures = {row.scenario.name: row.figures for row in self.results.rows}
        lines: list[list[str]] = []

        def add(title: str, scenario: str, cost: str, form: Callable[[float], str]) -> None:
            if scenario in figures:
                lines.append([title, *(form(figures[scenario][name].costs[cost]) for name in servers)])

        add("Redis: commands", COUNTED, "commands", lambda value: f"{value:.2f}")
        add("Redis: bytes in", COUNTED, "received", lambda value: f"{value:.0f}")
        add("Redis: bytes out, to two servers", COUNTED, "sent", lambda value: f"{value:.0f}")
        add("Redis: time on its core", ABSENT, "redis", format_time)
        add("The server that emits it, to one client", ABSENT, "sender", format_time)
        add("A server that has nobody in the room", ABSENT, "receiver", format_time)
        return format_table(["What a message costs", *servers.values()], lines) if lines else ""

    def format_publishing(self) -> str:
        """What a message costs Redis, by the number of servers that hear it."""
        lines = [
            [str(cost.subscribers), format_time(cost.alone), format_time(cost.together)] for cost in self.publishing
        ]
        header = ["Servers that hear a message: Redis's time for it", "by itself", f"{PIPELINE} at once, each of them"]
        return format_table(header, lines) if lines else ""

    def format_workers(self) -> str:
        """What another worker adds, on cores that the generator shares."""
        lines = [
            [
                f"{count} worker{'s' if count > 1 else ''}",
                format_rate(figure.value),
                f"{figure.server_busy:.2f}",
                f"{figure.generator_busy:.2f}",
                format_time(figure.costs["processor"]),
            ]
            for count, figure in self.workers.items()
        ]
        header = [WORKERS.title, "", "cores they had", "cores the generator had", "a core's time for an echo"]
        return format_table(header, lines) if lines else ""
