"""A Redis server of a run's own, and what it counts."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import redis

from benchmarks.servers import Server, ServerFailed, running

SUBSCRIBED_SECONDS = 20.0
REQUESTS = "socket.io-request#/#"
"""The channel on which each server of a cluster hears the others; it is the last that either kind subscribes to."""

REDIS = Server(
    "redis",
    "Redis",
    {
        "websocket": lambda port: [
            *("redis-server", "--port", str(port), "--bind", "127.0.0.1"),
            *("--save", "", "--appendonly", "no", "--loglevel", "warning"),
        ]
    },
    dict,
)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a Redis server has done since it started: commands, and bytes either way."""

    commands: int
    received: int
    sent: int


@dataclass(frozen=True, slots=True)
class RunningRedis:
    """A server that runs, and a connection to it."""

    port: int
    process: int
    connection: redis.Redis

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def wait_for_members(self, count: int) -> None:
        """Wait until so many servers hear each other: what is published before that is lost."""
        deadline = time.monotonic() + SUBSCRIBED_SECONDS
        while time.monotonic() < deadline:
            ((_, members),) = cast("Any", self.connection.pubsub_numsub(REQUESTS))
            if members >= count:
                return
            time.sleep(0.02)
        raise ServerFailed(f"the servers did not subscribe within {SUBSCRIBED_SECONDS:.0f} s")

    def read_usage(self) -> Usage:
        """Ask it. The question itself is among the next answer's commands."""
        found = cast("dict[str, int]", self.connection.info("stats"))
        return Usage(found["total_commands_processed"], found["total_net_input_bytes"], found["total_net_output_bytes"])


@contextlib.contextmanager
def running_redis(cores: Sequence[int]) -> Iterator[RunningRedis]:
    """Start a server on some cores, and end it."""
    with (
        running(REDIS, "websocket", cores) as server,
        redis.Redis(host="127.0.0.1", port=server.port, socket_timeout=10) as connection,
    ):
        yield RunningRedis(server.port, server.process.pid, connection)
