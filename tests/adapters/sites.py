"""Where the contract of adapters is tried: several servers that share their rooms, however they do that."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from tests.cluster.redis_server import RedisServer
from windsock import Cluster, Server
from windsock.adapters.local import LocalBus
from windsock.redis import RedisPubSubAdapter, RedisShardedAdapter, RedisStreamsAdapter
from windsock.testing import Harness, Peer, StubCluster


class Site:
    """Servers of one cluster, each with an adapter of its own, and a way to wait until all has come through.

    Attributes:
        servers: that can be told apart by nothing; the same one again and again where there is only one.
        late: whether what others emit reaches a room a moment after its first member is in it.
    """

    def __init__(self, harness: Harness, servers: list[Server], *, late: bool = False) -> None:
        self.harness = harness
        self.servers: list[Server] = servers
        self.late: bool = late

    @property
    def others(self) -> int:
        """How many servers there are besides one."""
        return len(set(map(id, self.servers))) - 1

    async def connect(self, place: int, namespace: str = "/", *rooms: str, **options: Any) -> Peer:
        """A client of one of the servers, in rooms."""
        io = self.servers[place]
        peer = await self.harness.connect(io, namespace, **options)
        io.of(namespace).sockets[peer.id].join(*rooms)
        if self.late:
            await self.settle()
        return peer

    async def settle(self) -> None:
        """Waits until everything has arrived that was sent."""
        for io in self.servers:
            await io.fetch_sockets()  # an answer of all others: messages are in order
        await self.harness.settle()


Make = Callable[..., Server]
Open = Callable[[int, Make], AbstractAsyncContextManager[Site]]


@asynccontextmanager
async def one(count: int, make: Make) -> AsyncIterator[Site]:
    """A single server with its rooms in memory, which is what all clusters have to be like."""
    async with Harness() as harness:
        yield Site(harness, [make()] * count)


@asynccontextmanager
async def stub(count: int, make: Make) -> AsyncIterator[Site]:
    """Servers in this process."""
    cluster = StubCluster()
    async with Harness() as harness:
        servers = [make(adapter=cluster.node()) for _ in range(count)]
        await harness.serve(*servers)
        yield Site(harness, servers)


@asynccontextmanager
async def local(count: int, make: Make) -> AsyncIterator[Site]:
    """Servers that speak over Unix sockets, as the workers of one host do."""
    with tempfile.TemporaryDirectory() as folder:
        async with Harness() as harness:
            servers = [make(adapter=Cluster(LocalBus(Path(folder)).driver)) for _ in range(count)]
            for io in servers:
                await io.start()
            try:
                yield Site(harness, servers)
            finally:
                for io in servers:
                    await io.close()


def redis(adapter: Callable[[str], Any], late: bool = False, **options: Any) -> Open:
    """Servers that share a Redis server."""

    @asynccontextmanager
    async def site(count: int, make: Make) -> AsyncIterator[Site]:
        with RedisServer() as redis:
            async with Harness() as harness:
                servers = [make(adapter=adapter(redis.url), **options) for _ in range(count)]
                for io in servers:
                    await io.start()
                try:
                    yield Site(harness, servers, late=late)
                finally:
                    for io in servers:
                        await io.close()

    return site


SITES: Final[Mapping[str, Open]] = {
    "memory": one,
    "stub": stub,
    "local": local,
    "redis": redis(RedisPubSubAdapter),
    "redis-sharded": redis(RedisShardedAdapter, late=True),
    "redis-sharded-static": redis(lambda url: RedisShardedAdapter(url, subscription_mode="static")),
    "redis-sharded-private": redis(
        lambda url: RedisShardedAdapter(url, subscription_mode="dynamic-private"), late=True
    ),
    "redis-streams": redis(RedisStreamsAdapter),
    "redis-streams-recovery": redis(RedisStreamsAdapter, connection_state_recovery=True),
}
"""How to open one, by the name of the adapter. A way of one's own is added here, and has all tests of the contract."""

CLUSTERS: Final = tuple(name for name in SITES if name != "memory")

ON_THE_CLOCK: Final = tuple(name for name in CLUSTERS if not name.startswith("redis"))
"""Those that can be tried while a test moves the clock. A Redis server has a time of its own: when the clock jumps, its
answers are late."""
