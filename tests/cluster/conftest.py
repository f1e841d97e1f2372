from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.cluster.members import JS
from tests.cluster.redis_server import RedisServer
from tests.conformance.process import ServerProcess


class Surroundings:
    """A Redis server, and servers on Node in clusters over it, by the kind of their adapter."""

    def __init__(self, stack: ExitStack) -> None:
        self.redis: RedisServer = stack.enter_context(RedisServer())
        self._stack = stack
        self._nodes: dict[str, list[ServerProcess]] = {}

    def nodes(self, kind: str) -> list[ServerProcess]:
        """Two servers with an adapter."""
        if kind not in self._nodes:
            command = ["node", "server.js", kind, self.redis.url]
            self._nodes[kind] = [self._stack.enter_context(ServerProcess(command, cwd=JS)) for _ in range(2)]
        return self._nodes[kind]


@pytest.fixture(scope="module")
def surroundings() -> Iterator[Surroundings]:
    with ExitStack() as stack:
        yield Surroundings(stack)
