"""One figure of a server, or one for each value of some labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Labels = tuple[str, ...]
"""The labels' values, in the order of their names."""

Read = Callable[[], Mapping[Labels, float]]
"""The figures of this moment, by their labels' values. It may be called by another thread than the event loop's, as
exporters do."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure that is asked for.

    Attributes:
        name: its parts with dots between.
        kind: a ``counter`` only rises.
        unit: as UCUM writes it: ``By``, or what is counted, in braces.
        description: for operators.
        labels: their names.
        read: gives the figures.
    """

    name: str
    kind: Literal["counter", "gauge"]
    unit: str
    description: str
    labels: Labels
    read: Read
