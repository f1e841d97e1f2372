"""What is measured: one entry a scenario, with the generator's arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["fan-out", "echo", "connect", "idle"]
Measure = Literal["throughput", "memory", "latency", "processor"]
"""What a scenario's figure is: a count a second, bytes, or microseconds: of the 99th percentile of latency, or of a
processor for each message."""
Transport = Literal["websocket", "deflated", "polling", "plain"]
"""``deflated``: a WebSocket with permessage-deflate, on an application that compresses; its messages are documents.
``plain``: a WebSocket without Socket.IO, on the plain application of each server."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One load, the same for every server.

    Messages are texts, or JSON documents, of ``size`` bytes; ``clients`` are connected at once, except in the
    ``connect`` kind, where they connect and close one after another. Publishers keep ``in_flight`` messages each under
    way; with a ``rate``, they send as many a second, whatever has come back. Throughput is better when higher, all else
    when lower.
    """

    name: str
    title: str
    kind: Kind
    unit: str
    clients: int
    publishers: int = 1
    in_flight: int = 1
    size: int = 64
    transport: Transport = "websocket"
    shows_latency: bool = False
    measures: Measure = "throughput"
    rate: int = 0

    @property
    def lower_is_better(self) -> bool:
        return self.measures != "throughput"


DELIVERIES = "deliveries/s"
ECHOES = "echoes/s"

SCENARIOS: tuple[Scenario, ...] = (
    Scenario("fan-out", "Fan-out to 500, one at a time", "fan-out", DELIVERIES, 500, shows_latency=True),
    Scenario(
        "fan-out-loaded",
        "Fan-out to 500, 10 publishers, 10 in flight each",
        "fan-out",
        DELIVERIES,
        500,
        publishers=10,
        in_flight=10,
    ),
    Scenario(
        "deflated-fan-out",
        "Compressed: fan-out of 1 KB JSON to 500, one at a time",
        "fan-out",
        DELIVERIES,
        500,
        size=1024,
        transport="deflated",
    ),
    Scenario(
        "deflated-fan-out-loaded",
        "Compressed: fan-out of 1 KB JSON to 500, 10 publishers, 10 in flight each",
        "fan-out",
        DELIVERIES,
        500,
        publishers=10,
        in_flight=10,
        size=1024,
        transport="deflated",
    ),
    Scenario("echo", "Echo, 100 clients", "echo", ECHOES, 100, shows_latency=True),
    Scenario("echo-loaded", "Echo, 100 clients, 16 in flight each", "echo", ECHOES, 100, in_flight=16),
    Scenario("echo-16k", "Echo of 16 KB, 100 clients", "echo", ECHOES, 100, size=16 * 1024),
    Scenario("connect", "Connecting, 50 at a time", "connect", "connections/s", 5000),
    Scenario("idle", "Memory of an idle connection, of 10,000", "idle", "bytes", 10_000, measures="memory"),
    Scenario(
        "polling-fan-out",
        "Long-polling: fan-out to 100, one at a time",
        "fan-out",
        DELIVERIES,
        100,
        transport="polling",
    ),
    Scenario("polling-echo", "Long-polling: echo, 100 clients", "echo", ECHOES, 100, transport="polling"),
    Scenario(
        "plain-fan-out-loaded",
        "Plain WebSocket: fan-out to 500, 10 publishers, 10 in flight each",
        "fan-out",
        DELIVERIES,
        500,
        publishers=10,
        in_flight=10,
        transport="plain",
    ),
    Scenario("plain-echo", "Plain WebSocket: echo, 100 clients", "echo", ECHOES, 100, transport="plain"),
)


@dataclass(frozen=True, slots=True)
class Effort:
    """How long each scenario is run: a warm-up that is discarded, then the measured time, in seconds."""

    warm_up: float = 1.5
    measured: float = 2.5
    settle: float = 3.0
    spin: bool = False  # the generator never sleeps: see stream_loop_spin in generator/stream.h
    connections: float = 1.0  # share of the scenario's clients, where they are a count and not a load


QUICK = Effort(warm_up=0.7, measured=1.0, settle=1.5, connections=0.2)
