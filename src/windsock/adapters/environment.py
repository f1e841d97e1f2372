"""The cluster that a server without an adapter of its own is in, as the environment says: ``windsock serve`` writes it
there, for this process and for its workers."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from windsock.adapters.local import cluster_of_workers
from windsock.errors import ConfigurationError

if TYPE_CHECKING:
    from windsock.adapters.cluster import Cluster

REDIS_VARIABLE: Final = "WINDSOCK_REDIS"
"""The URL of the Redis server over which servers share their rooms."""

ADAPTER_VARIABLE: Final = "WINDSOCK_REDIS_ADAPTER"
"""Which of the adapters; by default the one that suits the server."""

ADAPTERS: Final = ("pubsub", "sharded", "streams")

SCHEMES: Final = ("redis://", "rediss://", "unix://")

_PATH: Final = "socket.io"
_PREFIX: Final = "socket.io"


def redis_url() -> str | None:
    """Where Redis is, if servers are to share their rooms over it. Nothing is none: it may have been meant to be one.

    Raises:
        ConfigurationError: it is no such URL, or what speaks to Redis is not installed.
    """
    url = os.environ.get(REDIS_VARIABLE)
    if url is None:
        return None
    if not url.startswith(SCHEMES):
        # What was given is not shown: it may hold a password.
        raise ConfigurationError(f"expected a URL that begins with {', '.join(SCHEMES)} for Redis, got another one")
    if importlib.util.find_spec("redis") is None or importlib.util.find_spec("ormsgpack") is None:
        raise ConfigurationError("expected windsock[redis], for rooms that are shared over Redis: it is not installed")
    return url


@contextlib.contextmanager
def sharing_over(url: str | None, adapter: str | None = None) -> Iterator[None]:
    """Servers that are made meanwhile share their rooms over Redis; what is not given stays as it is.

    Raises:
        ConfigurationError: see :func:`redis_url`; or an adapter is chosen, and no URL.
    """
    before = dict(os.environ)
    given = {REDIS_VARIABLE: url, ADAPTER_VARIABLE: adapter}
    os.environ |= {name: value for name, value in given.items() if value is not None}
    try:
        if redis_url() is None and adapter is not None:
            raise ConfigurationError(f"expected --redis or {REDIS_VARIABLE} beside an adapter for it")
        yield
    finally:
        for name in given:
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]


def cluster_of_environment(path: str, *, chosen: bool, recovers: bool) -> Cluster | None:
    """The cluster of a server: over Redis, or of the workers of one host; ``None`` when there is neither.

    Args:
        path: of the server; those of another path are another cluster.
        chosen: whether the application has given the server an adapter.
        recovers: whether clients that come back are to be told what they missed, as far as streams can.

    Raises:
        ConfigurationError: it has, beside Redis; the adapter is none; or see :func:`redis_url`.
    """
    url = redis_url()
    if chosen:
        if url is not None:
            raise ConfigurationError(
                f"expected no adapter beside --redis or {REDIS_VARIABLE}, which choose it: leave one of them out"
            )
        return None
    if url is None:
        return cluster_of_workers(path)
    return _cluster_over_redis(url, os.environ.get(ADAPTER_VARIABLE) or ("streams" if recovers else "pubsub"), path)


def _cluster_over_redis(url: str, adapter: str, path: str) -> Cluster:
    # Only where it is wanted is it installed.
    from windsock.adapters.redis.pubsub import RedisPubSubAdapter  # noqa: PLC0415  see above
    from windsock.adapters.redis.sharded import RedisShardedAdapter  # noqa: PLC0415  see above
    from windsock.adapters.redis.streams import RedisStreamsAdapter  # noqa: PLC0415  see above

    name = path.strip("/")
    if name == _PATH:
        # As servers of Socket.IO have it by default, so that they are in it.
        makers: dict[str, Callable[[], Cluster]] = {
            "pubsub": lambda: RedisPubSubAdapter(url),
            "sharded": lambda: RedisShardedAdapter(url),
            "streams": lambda: RedisStreamsAdapter(url),
        }
    else:
        # Two servers of one process are two clusters.
        key = f"{_PREFIX}/{name}"
        makers = {
            "pubsub": lambda: RedisPubSubAdapter(url, key=key),
            "sharded": lambda: RedisShardedAdapter(url, channel_prefix=key),
            "streams": lambda: RedisStreamsAdapter(
                url, stream_name=key, channel_prefix=key, session_key_prefix=f"{key}:session:"
            ),
        }
    if adapter not in makers:
        raise ConfigurationError(f"expected one of {', '.join(ADAPTERS)} as {ADAPTER_VARIABLE}, got {adapter!r}")
    return makers[adapter]()
