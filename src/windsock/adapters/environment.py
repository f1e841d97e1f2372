"""The cluster that a server without an adapter of its own is in, as the environment says: ``windsock serve`` writes it
there, for this process and for its workers."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from windsock.adapters.local import cluster_of_workers
from windsock.errors import ConfigurationError

if TYPE_CHECKING:
    from windsock.adapters.cluster import Cluster

REDIS_VARIABLE: Final = "WINDSOCK_REDIS"
"""The URL of the Redis server over which servers share their rooms."""

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
def sharing_over(url: str | None) -> Iterator[None]:
    """Servers that are made meanwhile share their rooms over Redis; without a URL it stays as it is.

    Raises:
        ConfigurationError: see :func:`redis_url`.
    """
    before = os.environ.get(REDIS_VARIABLE)
    if url is not None:
        os.environ[REDIS_VARIABLE] = url
    try:
        redis_url()
        yield
    finally:
        if url is not None:
            if before is None:
                del os.environ[REDIS_VARIABLE]
            else:
                os.environ[REDIS_VARIABLE] = before


def cluster_of_environment(path: str, *, chosen: bool) -> Cluster | None:
    """The cluster of a server: over Redis, or of the workers of one host; ``None`` when there is neither.

    Args:
        path: of the server; those of another path are another cluster.
        chosen: whether the application has given the server an adapter.

    Raises:
        ConfigurationError: it has, beside Redis; or see :func:`redis_url`.
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
    # Only where it is wanted is it installed.
    from windsock.adapters.redis.pubsub import RedisPubSubAdapter  # noqa: PLC0415

    name = path.strip("/")
    # What servers of Socket.IO are called, whatever their path; but two servers of one process are two clusters.
    return RedisPubSubAdapter(url, key=_PREFIX if name == _PATH else f"{_PREFIX}/{name}")
