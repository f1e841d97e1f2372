"""Which entries of a log a reader gets: pure arithmetic over gapless sequence numbers."""

from dataclasses import dataclass
from typing import Final

# The largest integer that JavaScript holds exactly; a database's 64 bits hold it too.
SEQ_MAX: Final = 2**53 - 1
# Further behind than this, reading everything missed costs more than beginning with the newest page.
CATCH_UP_MAX: Final = 500
# How many of a room's newest entries are looked through to count the unread ones.
UNREAD_WINDOW: Final = 100


@dataclass(frozen=True, slots=True)
class Window:
    """The entries `first` to `last`, both included; empty when `last` is below `first`."""

    first: int
    last: int
    has_more: bool
    reset: bool


def window(last_seq: int, *, before: int | None, after: int | None, limit: int) -> Window:
    """The page of a log whose newest entry is `last_seq`: the newest, that before `before`, or that after `after`.

    A reader more than `CATCH_UP_MAX` behind begins anew with the newest page; so does one ahead of the log, which has
    seen what a restored backup no longer has.
    """
    if after is not None:
        if after <= last_seq <= after + CATCH_UP_MAX:
            last = min(after + limit, last_seq)
            return Window(after + 1, last, has_more=last < last_seq, reset=False)
        page = window(last_seq, before=None, after=None, limit=limit)
        return Window(page.first, page.last, page.has_more, reset=True)
    last = last_seq if before is None else min(before - 1, last_seq)
    first = max(last - limit + 1, 1)
    return Window(first, last, has_more=first > 1 and last >= first, reset=False)
