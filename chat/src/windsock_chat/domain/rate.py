"""How often somebody may do something."""

from dataclasses import dataclass
from typing import Final, Protocol


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `per_user` times in `seconds` for one account, and `per_address` for one network address.

    An address is allowed more than a user, since an office shares one.
    """

    name: str
    seconds: int
    per_user: int
    per_address: int


# Rates of what a program does many times for one click of a person leave room for that.
READ: Final = Rate("read", 60, 600, 3000)
WRITE: Final = Rate("write", 60, 60, 600)
SIGN_UP: Final = Rate("sign_up", 3600, 30, 30)
# For an account, the attempts of everybody; a success forgets them.
LOG_IN: Final = Rate("log_in", 300, 10, 60)
REFRESH: Final = Rate("refresh", 60, 60, 600)
PAGE: Final = Rate("page", 60, 3000, 3000)
CONNECT: Final = Rate("connect", 60, 60, 600)
MESSAGE: Final = Rate("message", 10, 30, 300)
MARKER: Final = Rate("marker", 10, 60, 600)
TYPING: Final = Rate("typing", 10, 30, 300)
# Events that there are not: each costs an answer.
UNKNOWN: Final = Rate("unknown", 10, 30, 300)


class RateLimiter(Protocol):
    """Counts what was done; `RateLimited` says when to come back."""

    async def check_user(self, rate: Rate, user: str) -> None:
        """Count one more for an account, by any name that is its alone; raises `RateLimited`."""

    async def check_address(self, rate: Rate, address: str) -> None:
        """Count one more for a network address; raises `RateLimited`."""

    async def forgive_user(self, rate: Rate, user: str) -> None:
        """Forget what was counted for an account."""
