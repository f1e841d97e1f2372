"""All clients are dropped at once, and come back: how soon, at which rate, and at what cost.

``python -m tests.workers.storm`` does it with five thousand (``make storm``), and fails when they are not back within
thirty seconds, or not all of them well.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.conformance.process import wait_until
from tests.workers.fixtures import Crowd, Workers

WITHIN: Final = 120.0
CROWDS: Final = 2
"""Processes of Node's that have the clients."""

Blow = Callable[[Workers], object]


@dataclass(frozen=True, slots=True)
class Storm:
    """What came of it.

    Attributes:
        lost: clients, by the reason that they were given.
        errors: of attempts to come back, by what they were.
        seconds: from the first that was lost until the last was back.
        rate: clients that came back in the busiest second.
        before: bytes of memory that the workers had at the most which the clients came to first.
        peak: bytes of memory that the workers had at the most which they came back to.
        trouble: the server's log, if there is an error in it that is none of the workers' ends.
    """

    lost: Counter[str]
    errors: Counter[str]
    seconds: float
    rate: int
    before: int
    peak: int
    trouble: list[str]


def kill_all(server: Workers) -> None:
    """The workers end at once; new ones take their places."""
    for pid in server.pids:
        os.kill(pid, signal.SIGKILL)


def restart(server: Workers) -> None:
    """The whole server ends at once, and is started again."""
    server.kill()
    server.start()


def storm(blow: Blow, *transports: str, workers: int, clients: int, rate: int, delay: int) -> Storm:
    """Connects the clients and drops all of them.

    Args:
        blow: drops them.
        transports: of the clients.
        workers: processes.
        clients: in all.
        rate: handshakes that the server admits in a second.
        delay: milliseconds after which a client comes back, which it takes for half and half as many more.
    """
    environment = {"HANDSHAKE_RATE": str(rate / workers)}
    with Workers(workers, environment=environment) as server, ExitStack() as stack:
        crowds = [
            stack.enter_context(Crowd(server.url, clients // CROWDS, *transports, delay=delay)) for _ in range(CROWDS)
        ]
        came = Counter[str]()
        for crowd in crowds:
            came.update(crowd.do("connected", WITHIN)["errors"])
            crowd.do("times")
        before = sum(map(_peak, server.pids))
        takes = server.log().count("takes clients")
        blow(server)
        wait_until(lambda: _all_were_lost(crowds, clients), "all are lost, and back", within=WITHIN)
        server.wait_for("takes clients", takes + workers)
        peak = sum(map(_peak, server.pids))
        seen = [crowd.do("connected", WITHIN) for crowd in crowds]
        times: list[dict[str, Any]] = [crowd.do("times") for crowd in crowds]
        for crowd in crowds:
            crowd.do("ask", WITHIN)
        dropped = min(each["dropped"] for each in times)
        back = sorted(moment for each in times for moment in each["back"])
        trouble = [line for line in server.trouble() if not re.search(r"worker \d+ \[\d+\] ended with -9", line)]
        return Storm(
            sum((Counter(each["disconnects"]) for each in seen), Counter()),
            sum((Counter(each["errors"]) for each in seen), Counter()) - came,
            (back[-1] - dropped) / 1000,
            max(Counter((moment - dropped) // 1000 for moment in back).values()),
            before,
            peak,
            [line for line in trouble if re.search("ERROR|Traceback|never", line)],
        )


def _all_were_lost(crowds: list[Crowd], clients: int) -> bool:
    seen = [crowd.do("connected", WITHIN)["disconnects"] for crowd in crowds]
    return sum(sum(each.values()) for each in seen) >= clients


def _peak(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def main() -> int:
    """Prints what came of it; 1 if somebody was not back in time, or met another error than that nobody listened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--clients", type=int, default=5000)
    parser.add_argument("--rate", type=int, default=1000, help="handshakes a second")
    parser.add_argument("--delay", type=int, default=1000, help="milliseconds after which a client comes back")
    parser.add_argument("--within", type=float, default=30.0, help="seconds in which all are to be back: 30")
    parser.add_argument("--upgrade", action="store_true", help="clients that begin with long-polling, too")
    options = parser.parse_args()
    within, upgrade = vars(options).pop("within"), vars(options).pop("upgrade")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if limit < options.clients + 1000:
        print(f"expected a limit of open files above {options.clients + 1000}, got {limit}: ulimit -n")
        return 2
    failed = False
    print("| dropped by | transports | back within | busiest second | workers' memory before | peak after | errors |")
    print("|---|---|---|---|---|---|---|")
    for transports in (("websocket",), ("polling", "websocket")) if upgrade else (("websocket",),):
        for blow in (kill_all, restart):
            came = storm(blow, *transports, **vars(options))
            errors = ", ".join(f"{count} times {error}" for error, count in came.errors.items()) or "none"
            print(
                f"| {blow.__name__} | {', '.join(transports)} | {came.seconds:.1f} s | {came.rate} | "
                f"{came.before / 2**20:.0f} MiB | {came.peak / 2**20:.0f} MiB | {errors} |",
                flush=True,
            )
            print("\n".join(came.trouble[:20]), file=sys.stderr)
            unexpected = [error for error in came.errors if "ECONNREFUSED" not in error]
            failed |= came.seconds > within or bool(came.trouble or unexpected)
    return int(failed)


if __name__ == "__main__":
    began = time.monotonic()
    code = main()
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    sys.exit(code)
