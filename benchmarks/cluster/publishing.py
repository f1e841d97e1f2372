"""What publishing costs a Redis server, by the number of servers that hear it."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from benchmarks.cluster.redis_server import RunningRedis, running_redis
from benchmarks.machine import choose_cores

CHANNEL = "socket.io#/#benchmark#"
PATTERN = "socket.io#/#*"
MESSAGE = b"x" * 110
"""As long as what a server publishes for an event of 64 bytes."""

MESSAGES = 2000
PIPELINE = 20
SUBSCRIBERS = (1, 10, 100)
MICROSECONDS = 1e6


@dataclass(frozen=True, slots=True)
class PublishingCost:
    """Microseconds of Redis's core for a message that so many servers hear: when it comes by itself, and when it comes
    with others, so that each server is written to once for all of them."""

    subscribers: int
    alone: float
    together: float


def measure_publishing() -> list[PublishingCost]:
    """For each number of subscribers. Redis has the last core; publisher and subscribers are this process."""
    _, last = choose_cores()
    costs = []
    for count in SUBSCRIBERS:
        with running_redis([last]) as redis, _subscribers(redis, count):
            costs.append(PublishingCost(count, _measure(redis, 1), _measure(redis, PIPELINE)))
    return costs


def _measure(redis: RunningRedis, pipeline: int) -> float:
    def publish(messages: int) -> None:
        for _ in range(messages // pipeline):
            commands = redis.connection.pipeline(transaction=False)
            for _ in range(pipeline):
                commands.publish(CHANNEL, MESSAGE)
            commands.execute()

    publish(MESSAGES // 10)  # warms up
    before = _read_seconds(redis)
    publish(MESSAGES)
    return (_read_seconds(redis) - before) / MESSAGES * MICROSECONDS


def _read_seconds(redis: RunningRedis) -> float:
    found = redis.connection.info("cpu")
    return float(found["used_cpu_user"] + found["used_cpu_sys"])


@contextlib.contextmanager
def _subscribers(redis: RunningRedis, count: int) -> Iterator[None]:
    """Connections that hear all rooms, and read what comes."""
    with contextlib.ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", redis.port), timeout=10))
            connection.sendall(f"PSUBSCRIBE {PATTERN}\r\n".encode())
            connection.recv(1024)
            selector.register(connection, selectors.EVENT_READ)
        ended = threading.Event()

        def read() -> None:
            while not ended.is_set():
                for key, _ in selector.select(0.1):
                    cast("socket.socket", key.fileobj).recv(1 << 16)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield
        finally:
            ended.set()
            reader.join()
