"""What the server emitted to a client, and how a failure tells of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_MAX_LENGTH: Final = 500
"""Characters of an event in a failure's text."""

_MAX_EVENTS: Final = 20
"""Events in a failure's text, the newest ones."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event that the server emitted.

    Attributes:
        name: of the event.
        arguments: as they came.
        acknowledge: answers it; a call with nothing answers with nothing. Does nothing when no answer is asked for.
    """

    name: str
    arguments: list[Any]
    acknowledge: Callable[..., None] = field(repr=False, compare=False)

    def __str__(self) -> str:
        return shorten(f"{self.name!r} with {self.arguments!r}")


def shorten(text: str) -> str:
    """A text that is not too long for a failure's."""
    return text if len(text) <= _MAX_LENGTH else f"{text[:_MAX_LENGTH]}…"


def describe(events: Sequence[Event], name: str | None = None, arguments: Sequence[Any] = ()) -> str:
    """Events for a failure's text: several a line each, and in what those that were nearly expected differ.

    Args:
        events: that came.
        name: of the one that was expected.
        arguments: that were expected of it; none for any.
    """
    if not events:
        return "nothing"
    lines = [str(event) + (_near(event, list(arguments)) if event.name == name else "") for event in events]
    if len(lines) == 1:
        return lines[0]
    shown = lines[-_MAX_EVENTS:]
    before = [f"… {len(lines) - len(shown)} more"] if len(lines) > len(shown) else []
    return "".join(["these:", *(f"\n    {line}" for line in [*before, *shown])])


def _near(event: Event, arguments: list[Any]) -> str:
    found = find_difference(arguments, event.arguments) if arguments else None
    return "" if found is None else f"  ({found})"


def find_difference(expected: Any, got: Any, path: str = "arguments") -> str | None:
    """Where two values first differ; ``None`` when they are equal."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in [*expected, *(key for key in got if key not in expected)]:
            place = f"{path}[{key!r}]"
            if key not in got:
                return f"{place} is missing"
            if key not in expected:
                return f"{place} is too much"
            found = find_difference(expected[key], got[key], place)
            if found is not None:
                return found
        return None
    if isinstance(expected, list) and isinstance(got, list):
        for index, (one, other) in enumerate(zip(expected, got, strict=False)):
            found = find_difference(one, other, f"{path}[{index}]")
            if found is not None:
                return found
        return None if len(expected) == len(got) else f"{path} has {len(got)} values, not {len(expected)}"
    return None if expected == got else shorten(f"{path} is {got!r}, not {expected!r}")
