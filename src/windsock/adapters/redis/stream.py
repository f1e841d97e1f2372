"""What the servers of one namespace say to each other over a stream of Redis, and the channels beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import RedisError

from windsock.adapters.driver import OtherNodes
from windsock.adapters.redis.entries import (
    BEGINNING,
    id_of,
    is_ephemeral,
    place_of,
    read_entry,
    read_message,
    stream_of,
    write_entry,
    write_message,
)
from windsock.errors import ConfigurationError, MessageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from windsock.adapters.driver import ClusterNode
    from windsock.adapters.messages import ClusterMessage, ClusterRequest, ClusterResponse
    from windsock.adapters.redis.link import Link, Receive, Topic
    from windsock.adapters.redis.reader import StreamReader

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

    Attributes:
        link: to the server.
        reader: of the namespace's stream.
        stream: its name.
        written: place of the newest entry of this node that Redis has.
        covered: all entries of the namespace after this place come here.
        log: gets all entries, those of this node, too, instead of the node.
    """

    def __init__(self, node: ClusterNode, link: Link, reader: StreamReader, options: StreamOptions) -> None:
        namespace = node.namespace
        self.link: Link = link
        self.reader: StreamReader = reader
        self.stream: str = stream_of(namespace, options.stream_name, options.stream_count)
        self.written: int = BEGINNING
        self.covered: int = BEGINNING
        self.log: Callable[[int, Mapping[bytes, bytes]], None] | None = None
        self._node = node
        self._others = 0
        self._uid = node.uid.encode()
        self._add = ("XADD", self.stream, "MAXLEN", "~", str(options.max_len), "*")
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
        self.covered = self.reader.place
        self.reader.listeners[self._node.namespace] = self
        await self.link.attach(self._topics)

    def publish(self, message: ClusterRequest) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        namespace = self._node.namespace
        if is_ephemeral(message):
            self.link.publish(self._publish, self._channel, write_message(namespace, message, id_of(self.written)))
        else:
            self.add(*write_entry(namespace, message))

    def respond(self, uid: str, message: ClusterResponse) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        data = write_message(self._node.namespace, message, id_of(self.written))
        self.link.publish(self._publish, f"{self._channel}{uid}#", data)

    async def nodes(self) -> OtherNodes:
        """See :class:`windsock.adapters.driver.ClusterDriver`. Out of reach of Redis, as many as there were."""
        try:
            _, count = await self.link.ask("PUBSUB", self._count, self._channel)
        except (RedisError, TimeoutError):
            pass
        else:
            self._others = max(0, int(count) - 1)
            if self.log is not None:
                # What was emitted before a question is delivered before it is put to the clients that are here.
                await asyncio.wait([self.reader.reach(self.written)], timeout=PATIENCE)
        return OtherNodes(self._others)

    async def close(self) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        await self.link.detach(self._topics)
        self.reader.listeners.pop(self._node.namespace, None)
        if not self.reader.listeners:
            self.reader.reset()

    def add(self, *fields: bytes | str) -> bool:
        """Writes an entry; returns whether it is on its way."""
        return self.link.send(*self._add, *fields, answered=self._added)

    # -- what comes --

    def take(self, place: int, fields: Mapping[bytes, bytes]) -> None:
        """See :class:`windsock.adapters.redis.reader.StreamListener`."""
        if self.log is not None:
            self.log(place, fields)
            return
        if fields.get(b"uid") == self._uid:
            return
        try:
            self._node.receive(read_entry(fields))
        except MessageError as error:
            self._node.reject(str(error))

    def _added(self, id: Any) -> None:
        self.written = place_of(id.decode()) or self.written

    def _take_message(self, _: bytes, data: bytes) -> None:
        try:
            message, after = read_message(self._node.namespace, data)
        except MessageError as error:
            self._node.reject(str(error))
            return
        if after <= self.reader.place:
            self._node.receive(message)
            return
        reached = self.reader.reach(after)
        asyncio.get_running_loop().call_later(PATIENCE, reached.cancel)
        reached.add_done_callback(partial(self._receive, message))

    def _receive(self, message: ClusterMessage, _: asyncio.Future[None]) -> None:
        self._node.receive(message)
