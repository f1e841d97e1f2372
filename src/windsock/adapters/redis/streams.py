"""Servers that share their rooms over a stream of Redis, those with ``@socket.io/redis-streams-adapter`` among them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import RedisError

from windsock.adapters.cluster import REQUEST_TIMEOUT, Cluster
from windsock.adapters.driver import OtherNodes
from windsock.adapters.redis.entries import (
    BEGINNING,
    STREAM,
    id_of,
    is_ephemeral,
    place_of,
    read_entry,
    read_message,
    stream_of,
    streams,
    write_entry,
    write_message,
)
from windsock.adapters.redis.link import Gap, Link, Receive, Topic
from windsock.adapters.redis.reader import StreamReader
from windsock.errors import ConfigurationError, MessageError

if TYPE_CHECKING:
    from windsock.adapters.driver import ClusterNode
    from windsock.adapters.messages import ClusterMessage, ClusterRequest, ClusterResponse

PATIENCE: Final = 1.0
"""Seconds that a question waits for the entries that its node wrote before it: then it is answered as things stand."""


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """See :class:`RedisStreamsAdapter`."""

    stream_name: str
    stream_count: int
    channel_prefix: str
    use_sharded_pub_sub: bool
    max_len: int
    read_count: int
    block_time: float
    session_key_prefix: str

    def __post_init__(self) -> None:
        for name in ("stream_count", "max_len", "read_count", "block_time"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"expected {name} above zero, got {getattr(self, name)}")


class StreamsDriver:
    """See :class:`windsock.adapters.driver.ClusterDriver`.

    Args:
        node: the adapter.
        link: to the server.
        reader: of the namespace's stream.
        options: of the adapter.
    """

    def __init__(self, node: ClusterNode, link: Link, reader: StreamReader, options: StreamOptions) -> None:
        namespace = node.namespace
        self.node = node
        self.link: Link = link
        self.reader: StreamReader = reader
        self.written: int = BEGINNING
        self._others = 0
        self._uid = node.uid.encode()
        stream = stream_of(namespace, options.stream_name, options.stream_count)
        self._add = ("XADD", stream, "MAXLEN", "~", str(options.max_len), "*")
        self._channel = f"{options.channel_prefix}#{namespace}#"
        sharded = options.use_sharded_pub_sub
        self._publish = "SPUBLISH" if sharded else "PUBLISH"
        self._count = "SHARDNUMSUB" if sharded else "NUMSUB"
        channels = (self._channel, f"{self._channel}{node.uid}#")
        self._topics: dict[Topic, Receive] = {
            ("ssubscribe" if sharded else "subscribe", channel): self._take_message for channel in channels
        }

    @property
    def problem(self) -> str | None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        return self.link.problem

    async def start(self) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        self.reader.listeners[self.node.namespace] = self
        await self.link.attach(self._topics)

    def publish(self, message: ClusterRequest) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        namespace = self.node.namespace
        if is_ephemeral(message):
            self.link.publish(self._publish, self._channel, write_message(namespace, message, id_of(self.written)))
        else:
            self.add(*write_entry(namespace, message))

    def respond(self, uid: str, message: ClusterResponse) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        data = write_message(self.node.namespace, message, id_of(self.written))
        self.link.publish(self._publish, f"{self._channel}{uid}#", data)

    async def nodes(self) -> OtherNodes:
        """See :class:`windsock.adapters.driver.ClusterDriver`. Out of reach of Redis, as many as there were."""
        try:
            _, count = await self.link.ask("PUBSUB", self._count, self._channel)
        except (RedisError, TimeoutError):
            pass
        else:
            self._others = max(0, int(count) - 1)
        return OtherNodes(self._others)

    async def close(self) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        await self.link.detach(self._topics)
        self.reader.listeners.pop(self.node.namespace, None)

    def add(self, *fields: bytes | str) -> bool:
        """Writes an entry; returns whether it is on its way."""
        return self.link.send(*self._add, *fields, answered=self._added)

    # -- what comes --

    def take(self, place: int, fields: Mapping[bytes, bytes]) -> None:
        """See :class:`windsock.adapters.redis.reader.StreamListener`."""
        if fields.get(b"uid") == self._uid:
            return
        try:
            self.node.receive(read_entry(fields))
        except MessageError as error:
            self.node.reject(str(error))

    def _added(self, id: Any) -> None:
        self.written = place_of(id.decode()) or self.written

    def _take_message(self, _: bytes, data: bytes) -> None:
        try:
            message, after = read_message(self.node.namespace, data)
        except MessageError as error:
            self.node.reject(str(error))
            return
        if after <= self.reader.place:
            self.node.receive(message)
            return
        reached = self.reader.reach(after)
        asyncio.get_running_loop().call_later(PATIENCE, reached.cancel)
        reached.add_done_callback(partial(self._receive, message))

    def _receive(self, message: ClusterMessage, _: asyncio.Future[None]) -> None:
        self.node.receive(message)


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
        on_gap: called with a number of seconds when Redis is there again after it was not, and what others emitted in
            that time is not in the stream any more: an application can catch up.

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
            name: StreamReader(name, max_len, read_count, block_time) for name in streams(stream_name, stream_count)
        }
        self._link = Link(url, on_gap, list(self._readers.values()))
        super().__init__(self._driver, request_timeout=request_timeout)

    @property
    def lost(self) -> int:
        """Messages of this server that could not be sent to others, because Redis was out of reach or too slow."""
        return self._link.lost

    def _driver(self, node: ClusterNode) -> StreamsDriver:
        name = stream_of(node.namespace, self._options.stream_name, self._options.stream_count)
        return StreamsDriver(node, self._link, self._readers[name], self._options)
