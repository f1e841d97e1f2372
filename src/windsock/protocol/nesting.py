"""How deep what is received may be nested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, AnyStr, Final

import orjson

MAX_DEPTH: Final = 200
"""Containers within containers in an argument. The libraries that read a thousand levels write 254: what nobody could
send on, in some containers of the application's own, would make its handlers fail as if the fault were theirs."""

SHALLOW: Final = 2 * MAX_DEPTH
"""Characters of JSON that cannot be nested deeper: each level is opened and closed."""

_JSON_LEVELS: Final = 254
"""Of containers that orjson writes."""


def is_too_deep(arguments: Any, dumps: Callable[[Any], bytes], levels: int) -> bool:
    """Whether a list of arguments, or one value, is nested deeper than that.

    Args:
        arguments: read by the library that writes them.
        dumps: of that library, which raises ``TypeError`` for them only when they are nested too deep.
        levels: of containers that it writes.
    """
    for _ in range(levels - 1 - MAX_DEPTH):
        arguments = [arguments]
    try:
        dumps(arguments)
    except TypeError:
        return True
    return False


def is_json_too_deep(text: str | bytes, value: Any) -> bool:
    """Whether a value is, which was read from JSON."""
    return len(text) > SHALLOW and _opens_many(text) and is_too_deep(value, orjson.dumps, _JSON_LEVELS)


def _opens_many(text: str | bytes) -> bool:
    if isinstance(text, str):
        return _count(text, "[") + _count(text, "{") > MAX_DEPTH
    return _count(text, b"[") + _count(text, b"{") > MAX_DEPTH


def _count(text: AnyStr, bracket: AnyStr) -> int:
    """How many there are, or that there are too many.

    ``find`` leaps over what is none; ``count`` looks at each character in turn, and takes ten microseconds for 16 KB.
    """
    found = 0
    place = text.find(bracket)
    while place >= 0 and found <= MAX_DEPTH:
        found += 1
        place = text.find(bracket, place + 1)
    return found
