"""Who may try a password, and when. Sans-IO and clockless."""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from typing import Final

FREE_ATTEMPTS: Final = 5
"""Wrong passwords of one address before it has to wait: somebody who looks for the right one finds it by then."""

MAX_DELAY: Final = 60.0
"""Seconds that an address waits at most between two attempts: a guesser gets some 1,400 a day, and the administrator
who shares its address is not locked out for long."""

FORGET_AFTER: Final = 3600.0
"""Seconds after which an address is as good as new."""

MAX_ADDRESSES: Final = 10_000
"""Addresses that are remembered, the oldest forgotten first: whoever has more does not take the server's memory."""


class Throttle:
    """Makes each address wait longer with every wrong password."""

    __slots__ = ("_attempts",)

    def __init__(self) -> None:
        # How many were wrong, and until when no other is looked at.
        self._attempts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def begin(self, address: str, now: float) -> float:
        """An attempt is to be made. It counts as wrong until :meth:`succeeded`: many at once are as slow as one by one.

        Returns:
            Seconds to wait before it may be made; 0: at once.
        """
        network = _network(address)
        wrong, until = self._attempts.get(network, (0, now))
        if now < until:
            return until - now
        wrong = 1 if now > until + FORGET_AFTER else wrong + 1
        delay = 0.0 if wrong < FREE_ATTEMPTS else min(MAX_DELAY, 2.0 ** (wrong - FREE_ATTEMPTS))
        self._attempts[network] = (wrong, now + delay)
        self._attempts.move_to_end(network)
        if len(self._attempts) > MAX_ADDRESSES:
            self._attempts.popitem(last=False)
        return 0.0

    def succeeded(self, address: str) -> None:
        """The password was right."""
        self._attempts.pop(_network(address), None)


def _network(address: str) -> str:
    """What one guesser has: an IPv4 address, or the 2⁶⁴ IPv6 addresses of a customer."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return parsed.exploded[:19]
