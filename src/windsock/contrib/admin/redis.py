"""The sessions of administrators in Redis, where all servers look for them (``windsock[redis]``)."""

from __future__ import annotations

import logging
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from windsock.adapters.redis.link import Link
from windsock.contrib.admin.sessions import LIFETIME

PREFIX: Final = "socket.io-admin"
"""The original's."""

TIMEOUT: Final = 2.0
"""Seconds that Redis has to answer while an administrator waits."""

logger: logging.Logger = logging.getLogger("windsock.contrib.admin")


class RedisSessions:
    """See :class:`windsock.contrib.admin.SessionStore`: a page comes back to any server that has the same Redis server.

    The keys are those of the original's ``RedisStore``, so that servers on Node may be among them. When Redis is out of
    reach, pages ask for the password again.

    Args:
        url: of the Redis server, ``redis://``, ``rediss://`` (TLS) or ``unix://``.
        prefix: what the keys begin with. Servers with another password are to have another one.
        lifetime: seconds that a session lasts.

    Raises:
        ConfigurationError: the URL is none.
    """

    def __init__(
        self, url: str = "redis://localhost:6379", *, prefix: str = PREFIX, lifetime: float = LIFETIME
    ) -> None:
        Link(url)  # which says what is no URL
        self._url = url
        self._prefix = prefix
        self._lifetime = lifetime

    async def save(self, id: str) -> None:
        """See :class:`windsock.contrib.admin.SessionStore`."""
        await self._ask("SET", self._key(id), b"true", "PX", max(1, int(self._lifetime * 1000)))

    async def exists(self, id: str) -> bool:
        """See :class:`windsock.contrib.admin.SessionStore`."""
        return bool(await self._ask("EXISTS", self._key(id)))

    def _key(self, id: str) -> bytes:
        return f"{self._prefix}#{id}".encode("utf-8", "surrogatepass")

    async def _ask(self, *command: Any) -> Any:
        # A connection for each question: there are few, and none has to be kept well.
        try:
            async with Redis.from_url(
                self._url,
                single_connection_client=True,
                socket_timeout=TIMEOUT,
                socket_connect_timeout=TIMEOUT,
                retry=Retry(NoBackoff(), 0),
            ) as redis:
                return await redis.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py
        except (RedisError, OSError) as error:
            logger.warning("the sessions of administrators are out of reach: %s", error)
            return None
