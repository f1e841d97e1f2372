"""Names for other languages, made from names that may hold anything."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_WORD: Final = re.compile(r"[A-Za-z0-9]+")


def pascal(name: str) -> str:
    """``/admin-area`` as ``AdminArea``; empty when no letter or digit is in it."""
    text = "".join(word[0].upper() + word[1:] for word in _WORD.findall(name))
    return f"N{text}" if text[:1].isdigit() else text


def distinct(names: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """A name of letters and digits for each, no two alike; the later ones get a number."""
    used = set(taken)
    chosen: dict[str, str] = {}
    for name in names:
        base = candidate = pascal(name)
        number = 2
        while candidate in used:
            candidate = f"{base}{number}"
            number += 1
        used.add(candidate)
        chosen[name] = candidate
    return chosen
