"""What Windsock must show, as ratios to Node in the same run: to Socket.IO, or to ``ws`` on a plain WebSocket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

YARDSTICK = "node"

# At least, for throughput; at most, for memory.
NEEDED: Mapping[str, float] = {
    "fan-out": 1.8,
    "fan-out-loaded": 25.0,
    "deflated-fan-out": 10.0,
    "deflated-fan-out-loaded": 10.0,
    "echo": 1.7,
    "echo-loaded": 2.5,
    "echo-16k": 1.8,
    "connect": 1.2,
    "idle": 0.5,
    "polling-fan-out": 1.0,
    "polling-echo": 1.0,
    "plain-fan-out-loaded": 10.0,
    "plain-echo": 1.5,
}
# A coroutine cannot start eagerly before Python 3.12: every echo then costs a scheduled task.
NEEDED_BEFORE_3_12: Mapping[str, float] = {"echo": 1.4, "echo-loaded": 1.5}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One threshold: the ratio measured, the one needed, and whether it is met."""

    scenario: str
    ratio: float
    ratio_per_busy_core: float | None  # a hint at what a disturbed machine hides; never what counts
    needed: float
    lower_is_better: bool

    @property
    def met(self) -> bool:
        return self.ratio <= self.needed if self.lower_is_better else self.ratio >= self.needed


def find_needed(scenario: str, python: tuple[int, int]) -> float | None:
    """The ratio that a scenario needs on that version of Python, if one is set."""
    if python < (3, 12) and scenario in NEEDED_BEFORE_3_12:
        return NEEDED_BEFORE_3_12[scenario]
    return NEEDED.get(scenario)
