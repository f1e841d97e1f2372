"""The Redis commands of a program that only emits, for the servers of each adapter."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from windsock.adapters.messages import ClusterRequest, SocketsJoin
from windsock.adapters.redis.entries import (
    BEGINNING,
    STREAM,
    id_of,
    is_ephemeral,
    stream_of,
    write_entry,
)
from windsock.adapters.redis.entries import write_message as write_stream_message
from windsock.adapters.redis.joined import JoinedRooms
from windsock.adapters.redis.shards import ShardedChannels, SubscriptionMode, room_of, write_message
from windsock.adapters.redis.vocabulary import PREFIX, Channels, write_publication

AdapterName = Literal["pubsub", "sharded", "streams"]
"""Of the adapter that servers have."""

Command = tuple[bytes | str, ...]
Speech = Callable[[str, ClusterRequest], Command]
"""Makes a command of a namespace's name and what is said there; raises ``EncodeError``."""


def pubsub(key: str = PREFIX) -> Speech:
    """For servers with ``RedisPubSubAdapter`` or ``@socket.io/redis-adapter``."""

    def speak(namespace: str, message: ClusterRequest) -> Command:
        return "PUBLISH", *write_publication(Channels(namespace, key), namespace, message)

    return speak


def sharded(key: str = PREFIX, mode: SubscriptionMode = "dynamic") -> Speech:
    """For servers with ``RedisShardedAdapter`` or ``createShardedAdapter``.

    Raises:
        ConfigurationError: there is no such mode.
    """
    ShardedChannels("/", key, mode)
    joined: JoinedRooms = JoinedRooms()

    def speak(namespace: str, message: ClusterRequest) -> Command:
        channels = ShardedChannels(namespace, key, mode)
        channel = channels.of(message)
        now = time.monotonic()
        if isinstance(message, SocketsJoin):
            joined.add((channels.room(room) for room in message.rooms), now)
        elif (room := room_of(message)) is not None and not joined.settled(channels.room(room), now):
            channel = channels.events
        return "SPUBLISH", channel, write_message(namespace, message)

    return speak


def streams(
    name: str = STREAM, count: int = 1, max_len: int = 10_000, key: str = STREAM, use_sharded_pub_sub: bool = False
) -> Speech:
    """For servers with ``RedisStreamsAdapter`` or ``@socket.io/redis-streams-adapter`` 0.3."""
    publish = "SPUBLISH" if use_sharded_pub_sub else "PUBLISH"

    def speak(namespace: str, message: ClusterRequest) -> Command:
        if is_ephemeral(message):
            data = write_stream_message(namespace, message, id_of(BEGINNING))
            return publish, f"{key}#{namespace}#", data
        stream = stream_of(namespace, name, count)
        return "XADD", stream, "MAXLEN", "~", str(max_len), "*", *write_entry(namespace, message)

    return speak
