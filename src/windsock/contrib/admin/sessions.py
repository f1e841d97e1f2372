"""The sessions of administrators, by which a page that comes back needs no password."""

from __future__ import annotations

import time
from hashlib import sha256
from typing import Final, Protocol

LIFETIME: Final = 86_400.0
"""Seconds that a session lasts: a day, as in the original's Redis store."""

MAX_SESSIONS: Final = 1000
"""Kept at once, the oldest given up first. Each took the right password; but a program may give it over and over."""


class SessionStore(Protocol):
    """Where sessions are kept. One that several nodes share lets a page come back to any of them."""

    async def save(self, id: str) -> None:
        """Keeps a session, for as long as the store thinks right."""

    async def exists(self, id: str) -> bool:
        """Whether there is such a session. The id is what a stranger sent: any text of up to 200 characters."""


class MemorySessions:
    """See :class:`SessionStore`: the sessions of one process.

    Args:
        lifetime: seconds that a session lasts.
    """

    def __init__(self, lifetime: float = LIFETIME) -> None:
        self._lifetime = lifetime
        # By digest, so that the time it takes to look says nothing about the ids that are there.
        self._ends: dict[bytes, float] = {}

    async def save(self, id: str) -> None:
        """See :class:`SessionStore`."""
        if len(self._ends) >= MAX_SESSIONS:
            del self._ends[next(iter(self._ends))]
        self._ends[_digest(id)] = time.monotonic() + self._lifetime

    async def exists(self, id: str) -> bool:
        """See :class:`SessionStore`."""
        digest = _digest(id)
        end = self._ends.get(digest)
        if end is not None and end <= time.monotonic():
            del self._ends[digest]
            return False
        return end is not None


def _digest(id: str) -> bytes:
    return sha256(id.encode("utf-8", "surrogatepass")).digest()
