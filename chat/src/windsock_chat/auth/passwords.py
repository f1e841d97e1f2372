"""Passwords, by argon2id (RFC 9106), off the event loop."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from windsock_chat.domain.errors import Busy

# Hashes that wait for a thread. Each takes some 50 ms, so who comes after these would wait for seconds and is told to
# come back instead; a flood of log-ins takes no more memory than the threads do.
_WAITING_MAX = 64


@dataclass(frozen=True, slots=True)
class HashCost:
    """The parameters of argon2id: passes, KiB of memory, lanes. The defaults are RFC 9106's second recommendation."""

    passes: int = 3
    memory: int = 65_536
    lanes: int = 4


T = TypeVar("T")


class Passwords:
    """Hashes and verifies; at most one hash a core at a time, whose memory is the cost's."""

    def __init__(self, cost: HashCost) -> None:
        self._hasher = PasswordHasher(time_cost=cost.passes, memory_cost=cost.memory, parallelism=cost.lanes)
        self._threads = ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="argon2")
        self._waiting = 0
        # What the password of an account that does not exist is compared with, so that both take the same time.
        self._nobody = self._hasher.hash(os.urandom(16).hex())

    async def hash(self, password: str) -> str:
        """The encoded hash, salted; raises `Busy`."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password: str, encoded: str | None) -> bool:
        """Whether the password is that of the hash; False after as long a time for None. Raises `Busy`."""
        stored = self._nobody if encoded is None else encoded
        matches = await self._run(lambda: self._matches(password, stored))
        return matches and encoded is not None

    def is_outdated(self, encoded: str) -> bool:
        """Whether the hash was made at another cost than this one."""
        return self._hasher.check_needs_rehash(encoded)

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False)

    def _matches(self, password: str, encoded: str) -> bool:
        try:
            return self._hasher.verify(encoded, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _WAITING_MAX:
            raise Busy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
