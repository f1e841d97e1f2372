"""Workers that are replaced under load, over a stream of Redis: nothing is lost, and nothing comes twice.

``python -m tests.workers.roll`` does it at length (``make roll``), and fails when it is not so.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from tests.cluster.redis_server import RedisServer
from tests.conformance.process import runs, wait_until
from tests.workers.delivery import faults
from tests.workers.fixtures import Clients, Workers

WITHIN: Final = 120.0


@dataclass(frozen=True, slots=True)
class Rolled:
    """What came of it."""

    faults: list[str]
    said: int
    heard: int
    recovered: int
    strangers: int
    disconnects: Counter[str]
    errors: dict[str, int]
    trouble: list[str]
    seconds: float


def roll(redis: RedisServer, *transports: str, workers: int, clients: int, rate: int, rolls: int) -> Rolled:
    """Replaces all workers so many times while ten clients say ``rate`` things a second, which all are to hear."""
    environment = {"STREAM_URL": redis.url}
    with (
        Workers(workers, target="tests.workers.rolling:app", environment=environment) as server,
        Clients("speakers.mjs", server.url, str(clients), "10", ",".join(transports)) as speakers,
    ):
        speakers.do(f"begin {rate}", WITHIN)
        began = time.monotonic()
        _hear_more(speakers, rate)
        for _ in range(rolls):
            _replace(server)
            _hear_more(speakers, rate)
        seconds = time.monotonic() - began
        end: dict[str, Any] = speakers.do("end", WITHIN)
        logs = {client: [(who, number) for who, number in log] for client, log in end["logs"].items()}
        return Rolled(
            list(faults(end["sent"], logs)),
            sum(end["sent"].values()),
            sum(map(len, logs.values())),
            end["recovered"],
            end["strangers"],
            Counter(end["disconnects"]),
            end["errors"],
            server.trouble(),
            seconds,
        )


def _replace(server: Workers) -> None:
    before = server.pids
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: not any(map(runs, before)), "the old workers end", within=WITHIN)


def _hear_more(speakers: Clients, count: int) -> None:
    """Waits until so many more things were said."""
    enough = speakers.do("so-far")["said"] + count
    wait_until(lambda: speakers.do("so-far")["said"] >= enough, "the speakers go on", within=WITHIN)


def main() -> int:
    """Prints what came of it; 1 if a message was lost, came twice or out of order, or a client is not recovered."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--rolls", type=int, default=3)
    options = parser.parse_args()
    failed = False
    for transports in (("websocket",), ("polling", "websocket")):
        with RedisServer() as redis:
            rolled = roll(redis, *transports, **vars(options))
        print(
            f"{', '.join(transports)}: {options.rolls} rolls of {options.workers} workers in {rolled.seconds:.0f} s; "
            f"{rolled.said} messages to {options.clients} clients, {rolled.heard} heard, {len(rolled.faults)} faults; "
            f"{sum(rolled.disconnects.values())} connections closed, {rolled.recovered} recovered, "
            f"{rolled.strangers} not; errors {rolled.errors}"
        )
        print("\n".join([*rolled.faults[:20], *rolled.trouble[:50]]))
        failed |= bool(rolled.faults or rolled.strangers or rolled.trouble)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
