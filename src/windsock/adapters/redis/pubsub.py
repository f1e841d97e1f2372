"""Servers that share their rooms over channels of Redis, those with ``@socket.io/redis-adapter`` among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from redis.exceptions import RedisError

from windsock.adapters.cluster import REQUEST_TIMEOUT, Cluster
from windsock.adapters.driver import OtherNodes
from windsock.adapters.messages import DisconnectSockets, SocketsJoin, SocketsLeave
from windsock.adapters.redis.link import Gap, Link, Receive, Topic
from windsock.adapters.redis.vocabulary import (
    PREFIX,
    Channels,
    read_event,
    read_request,
    read_response,
    write_publication,
    write_response,
)
from windsock.errors import MessageError

if TYPE_CHECKING:
    from windsock.adapters.driver import ClusterNode
    from windsock.adapters.messages import ClusterRequest, ClusterResponse

_ARRAY_OF_THREE: Final = b"\x93"


class PubSubDriver:
    """See :class:`windsock.adapters.driver.ClusterDriver`.

    Args:
        node: the adapter.
        link: to the server.
        prefix: what the channels begin with.
    """

    def __init__(self, node: ClusterNode, link: Link, prefix: str) -> None:
        self._node = node
        self._link = link
        self._channels = Channels(node.namespace, prefix)
        self._events = self._channels.events.encode()
        # How its own broadcasts begin, which Redis brings back to it.
        uid = node.uid.encode()
        self._own = _ARRAY_OF_THREE + bytes((0xA0 | len(uid),)) + uid
        self._ids_only = False
        self._others = 0
        channels = self._channels
        self._topics: dict[Topic, Receive] = {
            ("psubscribe", channels.pattern): self._take_event,
            ("subscribe", channels.requests): self._take_request,
            ("subscribe", channels.responses): self._take_response,
            ("subscribe", channels.answers(node.uid)): self._take_response,
        }

    @property
    def problem(self) -> str | None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        return self._link.problem

    async def start(self) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        await self._link.attach(self._topics)

    def publish(self, message: ClusterRequest) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        self._link.publish("PUBLISH", *write_publication(self._channels, self._node.namespace, message))

    def respond(self, uid: str, message: ClusterResponse) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        # Each node listens there, and no other need read it.
        channel = self._channels.answers(uid) if uid else self._channels.responses
        self._link.publish("PUBLISH", channel, write_response(message, ids_only=self._ids_only))

    async def nodes(self) -> OtherNodes:
        """See :class:`windsock.adapters.driver.ClusterDriver`. Out of reach of Redis, as many as there were."""
        try:
            _, count = await self._link.ask("PUBSUB", "NUMSUB", self._channels.requests)
        except (RedisError, TimeoutError):
            pass
        else:
            self._others = max(0, int(count) - 1)
        return OtherNodes(self._others)

    async def close(self) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        await self._link.detach(self._topics)

    # -- what comes --

    def _take_event(self, channel: bytes, data: bytes) -> None:
        if data.startswith(self._own):
            return
        try:
            room = channel[len(self._events) : -1].decode()
            # Nobody here: what it is about is not looked at.
            if not room or self._node.occupied(room):
                self._node.receive(read_event(self._node.namespace, data))
        except (MessageError, UnicodeDecodeError) as error:
            self._node.reject(str(error))

    def _take_request(self, _: bytes, data: bytes) -> None:
        try:
            message, self._ids_only = read_request(self._node.namespace, data)
            # Of those that are for one socket, and want an answer, only the node of that socket gives it.
            if (
                isinstance(message, SocketsJoin | SocketsLeave | DisconnectSockets)
                and message.request_id is not None
                and not any(map(self._node.occupied, message.target.rooms))
            ):
                return
            self._node.receive(message)
        except MessageError as error:
            self._node.reject(str(error))
        finally:
            self._ids_only = False

    def _take_response(self, _: bytes, data: bytes) -> None:
        try:
            self._node.receive(read_response(data))
        except MessageError as error:
            self._node.reject(str(error))


class RedisPubSubAdapter(Cluster):
    """Makes a server one of a cluster over Redis: ``Server(adapter=RedisPubSubAdapter("redis://localhost"))``.

    Servers of Socket.IO with ``@socket.io/redis-adapter`` 8 may be in it, and whatever emits as
    ``@socket.io/redis-emitter`` does. Messages are delivered at most once: what is published while a server is not
    connected to Redis is lost for it.

    Args:
        url: of the Redis server, ``redis://``, ``rediss://`` (TLS) or ``unix://``; user, password, number of the
            database and further options of redis-py may be in it. All databases of a server share their channels.
        key: what the channels begin with; servers with another one are another cluster.
        request_timeout: seconds that other servers have to answer.
        on_gap: called with a number of seconds when Redis is there again after it was not: what others emitted in that
            time may have been missed, and an application can catch up.

    Raises:
        ConfigurationError: the URL is none.
    """

    def __init__(
        self,
        url: str = "redis://localhost:6379",
        *,
        key: str = PREFIX,
        request_timeout: float = REQUEST_TIMEOUT,
        on_gap: Gap | None = None,
    ) -> None:
        self._link = Link(url, on_gap)
        super().__init__(lambda node: PubSubDriver(node, self._link, key), request_timeout=request_timeout)

    @property
    def lost(self) -> int:
        """Messages of this server that could not be sent to others, because Redis was out of reach or too slow."""
        return self._link.lost
