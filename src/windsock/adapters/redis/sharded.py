"""Servers that share their rooms over sharded channels of Redis 7, those with ``createShardedAdapter`` of
``@socket.io/redis-adapter`` among them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from windsock.adapters.cluster import REQUEST_TIMEOUT, Cluster
from windsock.adapters.driver import OtherNodes
from windsock.adapters.messages import SocketsJoin
from windsock.adapters.redis.joined import JoinedRooms
from windsock.adapters.redis.link import Gap, Link, Receive, Topic
from windsock.adapters.redis.rooms import RoomChannels
from windsock.adapters.redis.shards import (
    ShardedChannels,
    SubscriptionMode,
    beginnings,
    read_message,
    room_of,
    write_message,
)
from windsock.adapters.redis.vocabulary import PREFIX
from windsock.errors import MessageError

if TYPE_CHECKING:
    from windsock.adapters.driver import ClusterNode
    from windsock.adapters.messages import ClusterRequest, ClusterResponse


class ShardedDriver:
    """See :class:`windsock.adapters.driver.ClusterDriver`.

    Args:
        node: the adapter.
        link: to the server.
        rooms: the channels of rooms, of all namespaces.
        prefix: what the channels begin with.
        mode: which rooms have one.
    """

    def __init__(self, node: ClusterNode, link: Link, rooms: RoomChannels, prefix: str, mode: SubscriptionMode) -> None:
        self._node = node
        self._link = link
        self._channels = ShardedChannels(node.namespace, prefix, mode)
        self._own = beginnings(node.uid)
        self._others = 0
        self._room_channels = rooms
        self._joined = JoinedRooms()
        self._loop: asyncio.AbstractEventLoop | None = None
        # Those with a channel, and how often: here, and with those who are away.
        self._rooms: dict[str, int] = {}
        self._topics: dict[Topic, Receive] = {
            ("ssubscribe", self._channels.events): self._take,
            ("ssubscribe", self._channels.answers(node.uid)): self._take,
        }
        if mode != "static":
            node.observe(self, away=True)

    @property
    def problem(self) -> str | None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        return self._link.problem or self._room_channels.problem

    async def start(self) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        self._loop = asyncio.get_running_loop()
        for room in self._rooms:
            self._open(room)
        await self._link.attach(self._topics)

    def publish(self, message: ClusterRequest) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        channel = self._channels.of(message)
        if self._loop is not None:
            if isinstance(message, SocketsJoin):
                self._joined.add(message.rooms, self._loop.time())
            elif (room := room_of(message)) is not None and not self._joined.settled(room, self._loop.time()):
                channel = self._channels.events
        self._link.publish("SPUBLISH", channel, write_message(self._node.namespace, message))

    def respond(self, uid: str, message: ClusterResponse) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        self._link.publish("SPUBLISH", self._channels.answers(uid), write_message(self._node.namespace, message))

    async def nodes(self) -> OtherNodes:
        """See :class:`windsock.adapters.driver.ClusterDriver`. Out of reach of Redis, as many as there were."""
        try:
            _, count = await self._link.ask("PUBSUB", "SHARDNUMSUB", self._channels.events)
        except (RedisError, TimeoutError):
            pass
        else:
            self._others = max(0, int(count) - 1)
        return OtherNodes(self._others)

    async def close(self) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        for room in self._rooms:
            self._close(room)
        self._loop = None
        self._room_channels.flush()
        await self._link.detach(self._topics)

    # -- what becomes of rooms here (RoomObserver) --

    def room_created(self, room: str) -> None:
        """See :class:`windsock.RoomObserver`."""
        count = self._rooms.get(room, 0)
        if count or self._has_channel(room):
            self._rooms[room] = count + 1
        if count == 0 and room in self._rooms:
            self._open(room)

    def room_joined(self, room: str, member: Any) -> None:
        """See :class:`windsock.RoomObserver`."""

    def room_left(self, room: str, member: Any) -> None:
        """See :class:`windsock.RoomObserver`."""

    def room_deleted(self, room: str) -> None:
        """See :class:`windsock.RoomObserver`."""
        count = self._rooms.get(room, 0)
        if count > 1:
            self._rooms[room] = count - 1
        elif count == 1:
            del self._rooms[room]
            self._close(room)

    def _has_channel(self, room: str) -> bool:
        # Not one of the name that this node's own has, nor of one that cannot be written: nobody can emit to it either.
        return self._channels.has(room) and room != self._node.uid and _is_text(room)

    def _open(self, room: str) -> None:
        if self._loop is not None:
            self._room_channels.open(("ssubscribe", self._channels.room(room)), self._take)

    def _close(self, room: str) -> None:
        if self._loop is not None:
            self._room_channels.close(("ssubscribe", self._channels.room(room)), self._take)

    # -- what comes --

    def _take(self, _: bytes, data: bytes) -> None:
        if data.startswith(self._own):
            return
        try:
            message = read_message(self._node.namespace, data)
        except MessageError as error:
            self._node.reject(str(error))
            return
        if isinstance(message, SocketsJoin) and self._loop is not None:
            self._joined.add(message.rooms, self._loop.time())
        self._node.receive(message)


def _is_text(room: str) -> bool:
    try:
        room.encode()
    except UnicodeEncodeError:
        return False
    return True


class RedisShardedAdapter(Cluster):
    """Makes a server one of a cluster over Redis 7: ``Server(adapter=RedisShardedAdapter("redis://localhost"))``.

    As :class:`windsock.redis.RedisPubSubAdapter`, over sharded channels: each room has one, and Redis brings an event
    for a room only to servers with somebody in it. Servers of Socket.IO with ``createShardedAdapter`` of
    ``@socket.io/redis-adapter`` 8 may be in the cluster. One Redis server: not the nodes of a Redis Cluster.

    Args:
        url: see :class:`windsock.redis.RedisPubSubAdapter`.
        channel_prefix: what the channels begin with; servers with another one are another cluster.
        subscription_mode: which rooms have a channel of their own: ``dynamic``, all but those that are a socket's own;
            ``dynamic-private``, those too; ``static``, none, so that two channels do for each namespace. The same on
            all servers of a cluster.
        request_timeout: seconds that other servers have to answer.
        on_gap: see :class:`windsock.redis.RedisPubSubAdapter`.

    Raises:
        ConfigurationError: the URL is none, or the mode.
    """

    def __init__(
        self,
        url: str = "redis://localhost:6379",
        *,
        channel_prefix: str = PREFIX,
        subscription_mode: SubscriptionMode = "dynamic",
        request_timeout: float = REQUEST_TIMEOUT,
        on_gap: Gap | None = None,
    ) -> None:
        ShardedChannels("/", channel_prefix, subscription_mode)
        self._link = Link(url, on_gap)
        rooms = RoomChannels(self._link)
        super().__init__(
            lambda node: ShardedDriver(node, self._link, rooms, channel_prefix, subscription_mode),
            request_timeout=request_timeout,
        )

    @property
    def lost(self) -> int:
        """Messages of this server that could not be sent to others, because Redis was out of reach or too slow."""
        return self._link.lost
