"""``python -m benchmarks``: measures every server in interleaved rounds, prints the tables, writes JSON and a plot."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import machine
from benchmarks.figures import Row, judge, summarise
from benchmarks.load import Measurement, measure
from benchmarks.plot import draw
from benchmarks.program import run_program
from benchmarks.results import Results
from benchmarks.scenarios import QUICK, SCENARIOS, Effort, Scenario
from benchmarks.servers import Server, choose_servers, running
from benchmarks.thresholds import find_needed
from benchmarks.toolchain import HERE, ROOT, build_generator, install_node_packages, require_programs

ROUNDS = 5
DEFAULT_SERVERS = ("windsock", "node", "python-socketio")
CONTENDER = "windsock"

Measured = dict[tuple[str, str], list[Measurement]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark. Returns 1 when ``--check`` is given and a threshold is not met, 2 when it could not run."""
    options = _parse(arguments)
    return run_program(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    require_programs()
    install_node_packages()
    build_generator()
    scenarios = [scenario for scenario in SCENARIOS if not options.only or scenario.name in options.only]
    available = choose_servers(options.python, sys.executable)
    servers = [available[name] for name in options.servers]
    effort = replace(QUICK if options.quick else Effort(), spin=options.spin)
    measured = _measure_rounds(scenarios, servers, options.rounds, effort)
    results = _summarise(scenarios, servers, measured, options.rounds)
    results.write(options.output)
    if options.plot:
        draw(results, options.plot)
    print(f"\n{results.format_throughput()}\n\n{results.format_latency()}\n\n{results.format_verdicts()}")
    # A check of nothing is no check.
    passed = bool(results.verdicts) and all(verdict.met for verdict in results.verdicts)
    return 1 if options.check and not passed else 0


def _measure_rounds(scenarios: Sequence[Scenario], servers: Sequence[Server], rounds: int, effort: Effort) -> Measured:
    """Every scenario on every server in every round, each on a server of its own. The servers take turns, and begin in
    another order each round: what disturbs the machine then disturbs all of them."""
    measured: Measured = defaultdict(list)
    for turn in range(rounds):
        first = turn % len(servers)
        for scenario in scenarios:
            for server in (*servers[first:], *servers[:first]):
                if scenario.transport not in server.commands:
                    continue
                with running(server, scenario.transport) as process:
                    measurement = measure(scenario, process, effort)
                measured[scenario.name, server.name].append(measurement)
                print(
                    f"round {turn + 1}/{rounds}  {scenario.name:16} {server.name:16} "
                    f"{measurement.value:>14,.0f} {scenario.unit:14} server {measurement.server_busy:4.0%} "
                    f"generator {measurement.generator_busy:4.0%}",
                    flush=True,
                )
    return measured


def _summarise(scenarios: Sequence[Scenario], servers: Sequence[Server], measured: Measured, rounds: int) -> Results:
    rows = [
        Row(
            scenario,
            {
                server.name: summarise(measured[scenario.name, server.name])
                for server in servers
                if (scenario.name, server.name) in measured
            },
        )
        for scenario in scenarios
    ]
    versions = {server.name: server.find_versions() for server in servers}
    major, minor = (versions.get(CONTENDER, {}).get("python") or "3.13").split(".")[:2]
    return Results(
        machine=machine.describe(),
        versions=versions,
        servers={server.name: server.title for server in servers},
        rounds=rounds,
        rows=rows,
        verdicts=judge(rows, CONTENDER, lambda name: find_needed(name, (int(major), int(minor)))),
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = [scenario.name for scenario in SCENARIOS]
    known = list(choose_servers(sys.executable, sys.executable))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, help=f"rounds, of which the median counts (default {ROUNDS}; quick: 1)")
    parser.add_argument("--only", action="append", choices=names, help="this scenario only; may be repeated")
    parser.add_argument("--servers", default=",".join(DEFAULT_SERVERS), help=f"comma-separated, of {', '.join(known)}")
    parser.add_argument("--python", default=sys.executable, metavar="PATH", help="the interpreter that serves Windsock")
    parser.add_argument("--quick", action="store_true", help="short runs and fewer connections: a look, no figures")
    parser.add_argument("--spin", action="store_true", help="the generator never sleeps, so no server has to wake it")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a threshold is not met")
    parser.add_argument("--output", type=Path, help="the JSON file (default benchmarks/results/latest.json)")
    parser.add_argument("--plot", type=Path, help="the SVG file (default docs/benchmark.svg for a full run)")
    options = parser.parse_args(arguments)
    options.servers = options.servers.split(",")
    unknown = [name for name in options.servers if name not in known]
    if unknown:
        parser.error(f"expected --servers of {', '.join(known)}, got {', '.join(unknown)}")
    if options.rounds is None:
        options.rounds = 1 if options.quick else ROUNDS
    if options.rounds < 1:
        parser.error("expected at least one round")
    # A partial run leaves the published results alone.
    whole = not options.quick and not options.spin and not options.only and set(DEFAULT_SERVERS) <= set(options.servers)
    folder = HERE / "results" if whole else HERE / "build"
    options.output = options.output or folder / "latest.json"
    options.plot = options.plot or (ROOT / "docs" / "benchmark.svg" if whole else HERE / "build" / "benchmark.svg")
    return options


if __name__ == "__main__":
    sys.exit(main())
