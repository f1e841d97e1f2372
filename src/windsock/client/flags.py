"""How one event is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Flags:
    """What an event's sender says beside the event.

    Attributes:
        volatile: whether it is dropped if it cannot leave now.
        compress: whether the transport may compress it.
        timeout: seconds that its acknowledgement has; ``None`` for the client's own.
    """

    volatile: bool = False
    compress: bool = True
    timeout: float | None = None


PLAIN: Final = Flags()
"""What most events are sent with."""
