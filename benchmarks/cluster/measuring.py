"""One scenario on one kind of cluster, once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from benchmarks.cluster.redis_server import RunningRedis, Usage, running_redis
from benchmarks.cluster.scenarios import ABSENT, ABSENT_LOADED, COUNTED
from benchmarks.load import Answer, Measurement, generate
from benchmarks.machine import choose_cores
from benchmarks.scenarios import Effort, Scenario
from benchmarks.servers import RunningServer, Server, running
from benchmarks.toolchain import NODE

MICROSECONDS = 1e6

Command = Callable[[int, str], list[str]]


def serve_windsock(port: int, url: str) -> list[str]:
    """Windsock, as a member of the cluster at a Redis server."""
    app = "benchmarks.apps.cluster_windsock_app:io"
    serve = [sys.executable, "-m", "windsock.cli", "serve", app, "--host", "127.0.0.1", "--port", str(port)]
    return ["env", f"REDIS_URL={url}", *serve]


def serve_node(port: int, url: str) -> list[str]:
    """The same on Node."""
    return ["node", str(NODE / "cluster.js"), str(port), url]


KINDS: Mapping[str, tuple[str, Command]] = {
    "windsock": ("Windsock", serve_windsock),
    "node": ("Socket.IO on Node", serve_node),
}
"""Title and command, by name."""


def measure_cluster(scenario: Scenario, kind: str, effort: Effort) -> Measurement:
    """Run a scenario on two servers of a kind, which share the first core; the generator has the last, with Redis."""
    title, command = KINDS[kind]
    first, last = choose_cores()
    with running_redis([last]) as redis:
        server = Server(kind, title, {"websocket": lambda port: command(port, redis.url)}, dict)
        with running(server, "websocket", [first]) as a, running(server, "websocket", [first]) as b:
            redis.wait_for_members(2)
            return _measure(scenario, effort, redis, a, b)


def _measure(
    scenario: Scenario, effort: Effort, redis: RunningRedis, a: RunningServer, b: RunningServer
) -> Measurement:
    question, before = redis.read_usage(), redis.read_usage()
    peer = None if scenario.name in (ABSENT, ABSENT_LOADED) else b
    answer = generate(scenario, a, effort, peer=peer, watched=[b.process.pid, redis.process])
    after = redis.read_usage()
    costs = _find_costs(answer)
    if scenario.name == COUNTED:
        messages = scenario.rate * (effort.warm_up + effort.measured)
        costs |= _find_redis_costs(question, before, after, messages)
    values = {
        "throughput": answer.rate,
        "latency": answer.latency_us["p99"],
        "processor": costs["receiver"],
    }
    sender, receiver, _ = answer.busy
    value = values[scenario.measures]
    return Measurement(value, sender + receiver, answer.generator_busy, answer.latency_us, costs)


def _find_costs(answer: Answer) -> dict[str, float]:
    """Microseconds of a core that a message costs the server where it is emitted, the other one, and Redis."""
    names = ("sender", "receiver", "redis")
    return {
        name: busy * answer.seconds * MICROSECONDS / answer.published
        for name, busy in zip(names, answer.busy, strict=True)
    }


def _find_redis_costs(question: Usage, before: Usage, after: Usage, messages: float) -> dict[str, float]:
    """What a message is to Redis. A ping every few seconds is among it; what the question takes itself is not."""

    def find(count: Callable[[Usage], int]) -> float:
        return (count(after) - count(before) - (count(before) - count(question))) / messages

    return {
        "commands": find(lambda usage: usage.commands),
        "received": find(lambda usage: usage.received),
        "sent": find(lambda usage: usage.sent),
    }


def measure_workers(scenario: Scenario, count: int, effort: Effort) -> Measurement:
    """Run a scenario on Windsock with so many workers, on all cores, which the generator shares."""
    cores = choose_cores()

    def command(port: int) -> list[str]:
        app = "benchmarks.apps.windsock_app:io"
        serve = [sys.executable, "-m", "windsock.cli", "serve", app, "--host", "127.0.0.1", "--port", str(port)]
        return [*serve, "--workers", str(count)]

    server = Server(f"workers-{count}", f"{count} workers", {"websocket": command}, dict)
    with running(server, "websocket", cores) as running_server:
        # The port is there before they are: the first of them would get all clients.
        running_server.wait_until_printed("listening on")
        workers = [child.pid for child in running_server.process.children(recursive=True)]
        answer = generate(scenario, running_server, effort, watched=workers, pinned=False)
        busy = sum(answer.busy)
        costs = {"processor": busy / answer.rate * MICROSECONDS, "workers": len(workers)}
        return Measurement(answer.rate, busy, answer.generator_busy, answer.latency_us, costs)
