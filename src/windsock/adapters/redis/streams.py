"""Servers that share their rooms over a stream of Redis, those with ``@socket.io/redis-streams-adapter`` among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windsock.adapters.cluster import REQUEST_TIMEOUT, Cluster
from windsock.adapters.memory import MemoryAdapter
from windsock.adapters.recovery import RecoveryAdapter
from windsock.adapters.redis.entries import STREAM, stream_of, streams
from windsock.adapters.redis.link import Gap, Link
from windsock.adapters.redis.reader import StreamReader
from windsock.adapters.redis.recovery import StreamsRecoveryAdapter
from windsock.adapters.redis.stream import StreamOptions, StreamsDriver

if TYPE_CHECKING:
    from windsock.adapters.base import Adapter, NodeEmitter
    from windsock.adapters.driver import ClusterNode


class RedisStreamsAdapter(Cluster):
    """Makes a server one of a cluster over Redis: ``Server(adapter=RedisStreamsAdapter("redis://localhost"))``.

    What is emitted is written to a stream, from which each server reads. A server that loses its connection to Redis
    goes on reading where it was. Servers of Socket.IO with ``@socket.io/redis-streams-adapter`` 0.3 may be among them.
    Questions to the other servers and their answers (``fetch_sockets``, acknowledgements, ``server_side_emit``) go over
    channels, and are lost with a connection. Names and defaults of the options are the original's.

    Args:
        url: of the Redis server, ``redis://``, ``rediss://`` (TLS) or ``unix://``; user, password, number of the
            database and further options of redis-py may be in it.
        stream_name: of the stream; servers with another one are another cluster.
        stream_count: of the streams among which the namespaces are divided, each with a connection of its own.
        channel_prefix: what the channels begin with.
        use_sharded_pub_sub: whether the channels are sharded ones, of Redis 7.
        max_len: entries that a stream keeps at least; the oldest give way.
        read_count: entries that are read at once.
        block_time: seconds that Redis waits for entries before it says that there are none.
        session_key_prefix: what the keys of sockets that are away begin with (connection state recovery).
        request_timeout: seconds that other servers have to answer.
        on_gap: called with a number of seconds when what others emitted in that time is not in the stream any more:
            Redis was away, or this server stood still, for too long, or reads too slowly. An application can catch up.

    Raises:
        ConfigurationError: the URL is none, or a value is out of its range.
    """

    def __init__(
        self,
        url: str = "redis://localhost:6379",
        *,
        stream_name: str = STREAM,
        stream_count: int = 1,
        channel_prefix: str = STREAM,
        use_sharded_pub_sub: bool = False,
        max_len: int = 10_000,
        read_count: int = 100,
        block_time: float = 5.0,
        session_key_prefix: str = "sio:session:",
        request_timeout: float = REQUEST_TIMEOUT,
        on_gap: Gap | None = None,
    ) -> None:
        self._options = StreamOptions(
            stream_name,
            stream_count,
            channel_prefix,
            use_sharded_pub_sub,
            max_len,
            read_count,
            block_time,
            session_key_prefix,
        )
        self._readers = {
            name: StreamReader(name, max_len, read_count, block_time, self._report)
            for name in streams(stream_name, stream_count)
        }
        self._link = Link(url, on_gap, list(self._readers.values()))
        super().__init__(self._driver, request_timeout=request_timeout)

    @property
    def lost(self) -> int:
        """Messages of this server that could not be sent to others, because Redis was out of reach or too slow."""
        return self._link.lost

    def _report(self, seconds: float) -> None:
        self._link.report(seconds)

    def _node(self, namespace: str, emitter: NodeEmitter, local: Adapter) -> Adapter:
        if not isinstance(local, RecoveryAdapter):
            return super()._node(namespace, emitter, local)
        # Who is away is in Redis, and so is what it misses.
        return StreamsRecoveryAdapter(
            namespace,
            emitter,
            MemoryAdapter(namespace, emitter),
            self._driver,
            grace=local.grace,
            session_key_prefix=self._options.session_key_prefix,
            request_timeout=self._request_timeout,
            counters=self.counters,
        )

    def _driver(self, node: ClusterNode) -> StreamsDriver:
        name = stream_of(node.namespace, self._options.stream_name, self._options.stream_count)
        return StreamsDriver(node, self._link, self._readers[name], self._options)
