"""``python -m benchmarks.cluster``: measures two servers over Redis, Windsock's and Node's in interleaved rounds, and
the workers of one; prints the tables, writes JSON and the README's."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine
from benchmarks.__main__ import Measured
from benchmarks.cluster.measuring import KINDS, measure_cluster, measure_workers
from benchmarks.cluster.publishing import measure_publishing
from benchmarks.cluster.results import ClusterResults
from benchmarks.cluster.scenarios import NEEDED, SCENARIOS, WORKER_COUNTS, WORKERS
from benchmarks.figures import Row, judge, summarise
from benchmarks.load import Measurement
from benchmarks.program import run_program
from benchmarks.results import Results, insert
from benchmarks.scenarios import QUICK, Effort, Scenario
from benchmarks.servers import PYTHON_PACKAGES
from benchmarks.thresholds import YARDSTICK
from benchmarks.toolchain import HERE, ROOT, ToolMissing, build_generator, install_node_packages, require_programs

ROUNDS = 5
CONTENDER = "windsock"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark. Returns 1 when ``--check`` is given and a threshold is not met, 2 when it could not run."""
    options = _parse(arguments)
    return run_program(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    _require_programs()
    install_node_packages()
    build_generator()
    scenarios = [scenario for scenario in SCENARIOS if not options.only or scenario.name in options.only]
    workers = WORKER_COUNTS if not options.only or WORKERS.name in options.only else ()
    effort = QUICK if options.quick else Effort(warm_up=1.0, measured=2.5)
    measured = _measure_rounds(scenarios, workers, options.kinds, options.rounds, effort)
    found = _summarise(scenarios, workers, options.kinds, measured, options.rounds)
    found.write(options.output)
    if options.whole:
        insert(ROOT / "README.md", "cluster", found.format_tables())
    results = found.results
    print(f"\n{found.format_tables()}\n\n{results.format_latency()}\n\n{results.format_verdicts()}")
    # A check of nothing is no check.
    passed = bool(results.verdicts) and all(verdict.met for verdict in results.verdicts)
    return 1 if options.check and not passed else 0


def _measure_rounds(
    scenarios: Sequence[Scenario], workers: Sequence[int], kinds: Sequence[str], rounds: int, effort: Effort
) -> Measured:
    """Every scenario on every kind in every round, each on a cluster of its own; the kinds take turns."""
    measured: Measured = defaultdict(list)

    def keep(turn: int, scenario: Scenario, name: str, measurement: Measurement) -> None:
        measured[scenario.name, name].append(measurement)
        print(
            f"round {turn + 1}/{rounds}  {scenario.name:24} {name:10} {measurement.value:>14,.1f} {scenario.unit:14} "
            f"servers {measurement.server_busy:4.0%} generator {measurement.generator_busy:4.0%}",
            flush=True,
        )

    for turn in range(rounds):
        first = turn % len(kinds)
        for scenario in scenarios:
            for kind in (*kinds[first:], *kinds[:first]):
                keep(turn, scenario, kind, measure_cluster(scenario, kind, effort))
        for count in workers:
            keep(turn, WORKERS, str(count), measure_workers(WORKERS, count, effort))
    return measured


def _summarise(
    scenarios: Sequence[Scenario], workers: Sequence[int], kinds: Sequence[str], measured: Measured, rounds: int
) -> ClusterResults:
    rows = [Row(scenario, {kind: summarise(measured[scenario.name, kind]) for kind in kinds}) for scenario in scenarios]
    packages = ("windsock", "orjson", "ormsgpack", "redis", "hiredis", *PYTHON_PACKAGES)
    versions = {
        CONTENDER: machine.find_versions(sys.executable, *packages),
        YARDSTICK: machine.find_node_versions("@socket.io/redis-adapter", "redis"),
        "redis": {"redis-server": _find_redis_version()},
    }
    results = Results(
        machine=machine.describe(),
        versions=versions,
        servers={kind: KINDS[kind][0] for kind in kinds},
        rounds=rounds,
        rows=rows,
        verdicts=judge(rows, CONTENDER, NEEDED.get),
    )
    by_count = {count: summarise(measured[WORKERS.name, str(count)]) for count in workers}
    return ClusterResults(results, by_count, measure_publishing() if workers else ())


def _require_programs() -> None:
    require_programs()
    if shutil.which("redis-server") is None:
        raise ToolMissing("the benchmark needs redis-server (Debian: redis-server)")


def _find_redis_version() -> str:
    done = subprocess.run(["redis-server", "--version"], capture_output=True, check=True, timeout=60, text=True)
    words = dict(word.partition("=")[::2] for word in done.stdout.split() if "=" in word)
    return words["v"]


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = [scenario.name for scenario in (*SCENARIOS, WORKERS)]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--rounds", type=int, help=f"rounds, of which the median counts (default {ROUNDS}; quick: 1)")
    parser.add_argument("--only", action="append", choices=names, help="this scenario only; may be repeated")
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"comma-separated, of {', '.join(KINDS)}")
    parser.add_argument("--quick", action="store_true", help="short runs: a look, no figures")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a threshold is not met")
    parser.add_argument("--output", type=Path, help="the JSON file (default benchmarks/results/cluster.json)")
    options = parser.parse_args(arguments)
    options.kinds = options.kinds.split(",")
    unknown = [kind for kind in options.kinds if kind not in KINDS]
    if unknown:
        parser.error(f"expected --kinds of {', '.join(KINDS)}, got {', '.join(unknown)}")
    if options.rounds is None:
        options.rounds = 1 if options.quick else ROUNDS
    if options.rounds < 1:
        parser.error("expected at least one round")
    # A partial run leaves the published results alone.
    options.whole = not options.quick and not options.only and set(KINDS) <= set(options.kinds)
    folder = HERE / "results" if options.whole else HERE / "build"
    options.output = options.output or folder / "cluster.json"
    return options


if __name__ == "__main__":
    sys.exit(main())
