"""Where durations are recorded."""

from __future__ import annotations

from typing import Protocol


class Times(Protocol):
    """A histogram, whoever keeps it."""

    def record(self, seconds: float) -> None:
        """Takes one in."""
