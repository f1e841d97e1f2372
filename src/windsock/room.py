"""The members of a room, or of a group, and what was worked out about them."""

from __future__ import annotations

from typing import Any


class Room(set[Any]):
    """The local members of a room.

    Attributes:
        receivers: what the emitter worked out about them; whoever changes the members forgets it.
    """

    __slots__ = ("receivers",)

    def __init__(self) -> None:
        super().__init__()
        self.receivers: Any = None
