"""What the test with a stopped process serves: everybody hears what one client asks for."""

from __future__ import annotations

import os
from typing import Any, Final

from windsock import Conflate, Server, SlowConsumer, Socket

BUDGET: Final = 1_000_000
POLICIES: Final[dict[str, Any]] = {
    "close": "close",
    "drop_oldest": "drop_oldest",
    "conflate": Conflate(lambda event, number, padding: number % 7 if number >= 0 else "the end"),
}

io = Server(
    slow_consumer=SlowConsumer(BUDGET, policy=POLICIES[os.environ.get("WINDSOCK_TEST_POLICY", "close")]),
    ping_interval=3600,
)


@io.on("publish")
def publish(socket: Socket, number: int, size: int) -> None:
    io.emit("n", number, "x" * size)


@io.on("cost")
def cost(socket: Socket) -> dict[str, int]:
    counters = io.slow_consumers
    return {
        "slow": counters.slow_clients,
        "dropped": counters.dropped_messages,
        "bytes": counters.dropped_bytes,
        "closed": counters.closed_clients,
    }
