"""How often a figure fell into which range."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate


class Histogram:
    """Counts figures into ranges. Belongs to one event loop, and so needs no lock.

    Args:
        bounds: the upper bound of each range but the last, which has none; ascending.

    Attributes:
        total: of the figures.
    """

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total: float = 0.0

    def record(self, figure: float) -> None:
        """Counts one."""
        self._counts[bisect_left(self._bounds, figure)] += 1
        self.total += figure

    def buckets(self) -> list[tuple[str, float]]:
        """For each bound how many figures were not above it, as Prometheus writes it."""
        names = [*map(repr, self._bounds), "+Inf"]
        return list(zip(names, accumulate(self._counts), strict=True))
