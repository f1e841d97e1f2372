"""Servers that share their rooms over Redis, with servers of Socket.IO on Node among them. ``windsock[redis]`` brings
what it needs."""

from windsock.adapters.redis.emitter import Emitter, EmitterOperator, SyncEmitter
from windsock.adapters.redis.pubsub import RedisPubSubAdapter
from windsock.adapters.redis.sharded import RedisShardedAdapter
from windsock.adapters.redis.streams import RedisStreamsAdapter

__all__ = [
    "Emitter",
    "EmitterOperator",
    "RedisPubSubAdapter",
    "RedisShardedAdapter",
    "RedisStreamsAdapter",
    "SyncEmitter",
]
