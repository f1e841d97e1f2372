"""What a node of a cluster had to do with others, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class ClusterCounters:
    """What a node had to do with others.

    Attributes:
        published: messages that it sent to all.
        responded: answers that it sent to one.
        received: messages that came.
        garbage: what came and is no message, or none that makes sense: dropped.
        unexpected: answers that nobody waits for, or not any more: dropped.
        refused: questions that were too many at once.
    """

    published: int = 0
    responded: int = 0
    received: int = 0
    garbage: int = 0
    unexpected: int = 0
    refused: int = 0
