"""When to try again."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from windsock.errors import ConfigurationError

FACTOR: Final = 2.0


class Backoff:
    """Exponential back-off with jitter, as socket.io-client has it. Times in seconds.

    The delay of attempt *n*, counted from 0, is ``delay * 2**n``, more or less by up to ``jitter`` of itself, and
    never above ``maximum``: thousands of clients that lost one server do not come back to it at once.

    Args:
        delay: before the first attempt.
        maximum: that no delay exceeds.
        jitter: 0 to 1.
        uniform: gives a number from 0 to 1.

    Attributes:
        attempts: since the last reset.

    Raises:
        ConfigurationError: a time is negative, or the jitter outside its bounds.
    """

    __slots__ = ("_delay", "_jitter", "_maximum", "_uniform", "attempts")

    def __init__(
        self, delay: float, maximum: float, jitter: float, uniform: Callable[[], float] = random.random
    ) -> None:
        if not (delay >= 0 and maximum >= 0):
            raise ConfigurationError(f"expected reconnection delays from 0 s on, got {delay} and {maximum}")
        if not 0 <= jitter <= 1:
            raise ConfigurationError(f"expected a randomization factor from 0 to 1, got {jitter}")
        self._delay = delay
        self._maximum = maximum
        self._jitter = jitter
        self._uniform = uniform
        self.attempts: int = 0

    def next(self) -> float:
        """Seconds to wait before the next attempt, which is counted."""
        # Past 64 doublings every delay is above every maximum; an exponent without end would overflow.
        delay = self._delay * FACTOR ** min(self.attempts, 64)
        self.attempts += 1
        deviation = (2 * self._uniform() - 1) * self._jitter * delay
        return min(delay + deviation, self._maximum)

    def reset(self) -> None:
        """A connection stood: the next delay is the first again."""
        self.attempts = 0
