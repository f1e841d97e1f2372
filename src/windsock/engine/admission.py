"""How many handshakes a second, for when all clients come back at once."""

from __future__ import annotations

import math
from typing import Final

MAX_WAIT: Final = 5.0
"""Seconds that a handshake waits for its turn. Stock clients give up after 20; those that wait hold a connection."""


class Admission:
    """Gives each handshake its moment (a leaky bucket, as a meter of time).

    Args:
        rate: handshakes a second; as many may come at once.
    """

    __slots__ = ("_free_at", "_interval")

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate
        # When the one after all that were let in would be on time, a second ahead of them.
        self._free_at = -math.inf

    def take(self, now: float) -> float:
        """Seconds that a handshake has to wait; negative, and as many until it may try again, if that is too long."""
        wait = max(0.0, self._free_at - 1.0 - now)
        if wait > MAX_WAIT:
            return MAX_WAIT - wait
        self._free_at = max(now, self._free_at) + self._interval
        return wait
