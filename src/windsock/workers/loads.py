"""How many connections each worker has, where all of them see it."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Final

_ABSENT: Final = 2**32 - 1
_NUMBER: Final = struct.Struct("=I")
_NAME: Final = ".loads"


class Loads:
    """A number for each slot, in memory that the workers share.

    Args:
        folder: of the workers' sockets.
        count: of slots.
    """

    def __init__(self, folder: Path, count: int) -> None:
        path = folder / _NAME
        if not path.exists():
            path.write_bytes(_NUMBER.pack(_ABSENT) * count)
        with path.open("r+b") as file:
            self._numbers = memoryview(mmap.mmap(file.fileno(), 0)).cast("I")

    def set(self, slot: int, connections: int) -> None:
        """Says how many a worker has."""
        self._numbers[slot] = connections

    def clear(self, slot: int) -> None:
        """Says that there is no such worker."""
        self._numbers[slot] = _ABSENT

    @property
    def least(self) -> int:
        """Connections of the worker that has the fewest."""
        return min(self._numbers)
