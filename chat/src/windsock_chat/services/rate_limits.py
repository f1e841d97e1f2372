"""Rate limits by the `limits` library."""

import time
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Final

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter

from windsock_chat.domain.errors import RateLimited
from windsock_chat.domain.rate import Rate

# Counters kept at once, of some 200 bytes each. Whoever has more addresses than this can have the oldest counters
# forgotten, and gains less by it than the addresses themselves give.
_COUNTERS_MAX: Final = 100_000
# A person with IPv6 has at least a /64 of addresses, and is one person.
_IPV6_PREFIX: Final = 64


class MemoryCounters(Storage):
    """Counters in memory, for one process: a bounded number of them, each in constant time.

    (The library's own storage walks over all counters after each hit, and keeps any number of them.)
    """

    def __init__(self, limit: int = _COUNTERS_MAX) -> None:
        super().__init__()
        self._limit = limit
        # Key to count and end of its window, in seconds of the system's clock; the oldest window first.
        self._counters: OrderedDict[str, tuple[int, float]] = OrderedDict()

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        return ()

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        count = await self.get(key)
        if count == 0:
            self._counters.pop(key, None)
            self._forget()
            self._counters[key] = (amount, time.time() + expiry)
            return amount
        self._counters[key] = (count + amount, self._counters[key][1])
        return count + amount

    async def get(self, key: str) -> int:
        count, end = self._counters.get(key, (0, 0.0))
        return count if end > time.time() else 0

    async def get_expiry(self, key: str) -> float:
        return self._counters.get(key, (0, time.time()))[1]

    async def check(self) -> bool:
        return True

    async def reset(self) -> int | None:
        count = len(self._counters)
        self._counters.clear()
        return count

    async def clear(self, key: str) -> None:
        self._counters.pop(key, None)

    def _forget(self) -> None:
        """Make room for one more: the oldest goes when it is over, or when there are too many."""
        if not self._counters:
            return
        _, end = next(iter(self._counters.values()))
        if end <= time.time() or len(self._counters) >= self._limit:
            self._counters.popitem(last=False)


class Limiter:
    """Implements `windsock_chat.domain.rate.RateLimiter`; `factor` multiplies all rates."""

    def __init__(self, storage: Storage, factor: float = 1.0) -> None:
        self._windows = FixedWindowRateLimiter(storage)
        self._factor = factor

    async def check_user(self, rate: Rate, user: str) -> None:
        await self._check(self._item(rate, rate.per_user), rate.name, "user", user)

    async def check_address(self, rate: Rate, address: str) -> None:
        await self._check(self._item(rate, rate.per_address), rate.name, "address", network(address))

    async def forgive_user(self, rate: Rate, user: str) -> None:
        await self._windows.clear(self._item(rate, rate.per_user), rate.name, "user", user)

    def _item(self, rate: Rate, amount: int) -> RateLimitItem:
        return RateLimitItemPerSecond(max(1, int(amount * self._factor)), rate.seconds)

    async def _check(self, item: RateLimitItem, *key: str) -> None:
        if await self._windows.hit(item, *key):
            return
        stats = await self._windows.get_window_stats(item, *key)
        raise RateLimited(max(1, ceil(stats.reset_time - time.time())))


def network(address: str) -> str:
    """The network that one person is taken to have: an IPv4 address, a /64 of IPv6."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(IPv6Address(int(ip) >> (128 - _IPV6_PREFIX) << (128 - _IPV6_PREFIX)))
    return str(ip)
