from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.cluster.adapters import NODES
from tests.cluster.members import JS
from tests.cluster.redis_server import RedisServer
from tests.conformance.process import ServerProcess


class Surroundings:
    """Redis servers, and servers on Node in clusters over them, by the kind of their adapter: some have channels of the
    same names for different messages."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._redis: dict[str, RedisServer] = {}
        self._nodes: dict[str, list[ServerProcess]] = {}

    def redis(self, kind: str) -> RedisServer:
        """Where such adapters meet."""
        if kind not in self._redis:
            self._redis[kind] = self._stack.enter_context(RedisServer())
        return self._redis[kind]

    def nodes(self, kind: str) -> list[ServerProcess]:
        """Two servers with an adapter."""
        if kind not in self._nodes:
            which, *options = NODES.get(kind, (kind,))
            command = ["node", "server.js", which, self.redis(kind).url, *options]
            self._nodes[kind] = [self._stack.enter_context(ServerProcess(command, cwd=JS)) for _ in range(2)]
        return self._nodes[kind]


@pytest.fixture(scope="module")
def surroundings() -> Iterator[Surroundings]:
    with ExitStack() as stack:
        yield Surroundings(stack)
