"""What is measured of a cluster of two servers, A and B, and of one server's workers."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.scenarios import DELIVERIES, ECHOES, Scenario

LATENCY_RATE = 100
"""Messages a second: 50,000 deliveries, some third of what the slower kind can do. Above that it would be its queue
that is measured."""

ABSENT_RATE = 2000
"""Messages a second: enough of them for the node that drops them to be on its core for a time that can be measured."""

# Publishers are at A, with half of the clients; the others are at B. All are in one room.
SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "cluster-fan-out",
        "Fan-out to 500 on two servers, one at a time",
        "fan-out",
        DELIVERIES,
        500,
        shows_latency=True,
    ),
    Scenario(
        "cluster-fan-out-loaded",
        "Fan-out to 500 on two servers, 10 publishers, 10 in flight each",
        "fan-out",
        DELIVERIES,
        500,
        publishers=10,
        in_flight=10,
    ),
    Scenario(
        "cluster-latency",
        f"From server to server: 99th percentile, {LATENCY_RATE} messages a second to 500",
        "fan-out",
        "µs",
        500,
        publishers=10,
        in_flight=1000,
        rate=LATENCY_RATE,
        shows_latency=True,
        measures="latency",
    ),
    Scenario(
        "cluster-absent",
        f"A message for a room in which a server has nobody, {ABSENT_RATE:,} a second",
        "fan-out",
        "µs of a core",
        1,
        in_flight=1000,
        rate=ABSENT_RATE,
        measures="processor",
    ),
    Scenario(
        "cluster-absent-loaded",
        "The same, as many as come with 100 in flight",
        "fan-out",
        "µs of a core",
        1,
        in_flight=100,
        measures="processor",
    ),
    Scenario(
        "cluster-present",
        f"A message for a room in which a server has one client, {ABSENT_RATE:,} a second",
        "fan-out",
        "µs of a core",
        2,
        in_flight=1000,
        rate=ABSENT_RATE,
        measures="processor",
    ),
)

# All clients are at A, in whose room B has nobody.
ABSENT = "cluster-absent"
ABSENT_LOADED = "cluster-absent-loaded"
# One client at each.
PRESENT = "cluster-present"
# Whose messages are counted at Redis: both kinds publish the same number of them.
COUNTED = "cluster-latency"

NEEDED: Mapping[str, float] = {
    "cluster-fan-out": 2.0,
    "cluster-fan-out-loaded": 5.0,
    "cluster-latency": 1.0,
    "cluster-absent": 1.0,
}

WORKERS = Scenario("workers", "Echo, 200 clients, 16 in flight each", "echo", ECHOES, 200, in_flight=16)
WORKER_COUNTS = (1, 2)
