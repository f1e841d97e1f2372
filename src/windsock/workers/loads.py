"""How many connections each worker has, where all of them see it."""

from __future__ import annotations

import math
import mmap
import struct
import time
from pathlib import Path
from typing import Final

SILENT: Final = 2.5
"""Seconds after which nobody waits for a worker that has not reported: it does each second, if its event loop comes
round at all."""

_REPORT: Final = struct.Struct("=dd")
_ABSENT: Final = _REPORT.pack(0, -math.inf)
_NAME: Final = ".loads"


class Loads:
    """What each slot's worker has reported, in memory that the workers share: its connections, and when.

    Args:
        folder: of the workers' sockets.
        count: of slots.
    """

    def __init__(self, folder: Path, count: int) -> None:
        path = folder / _NAME
        if not path.exists():
            path.write_bytes(_ABSENT * count)
        with path.open("r+b") as file:
            numbers = memoryview(mmap.mmap(file.fileno(), 0)).cast("d")
        self._connections, self._times = numbers[::2], numbers[1::2]

    def report(self, slot: int, connections: int) -> None:
        """Says how many a worker has; it looks for new ones at this moment."""
        self._connections[slot] = connections
        self._times[slot] = time.monotonic()

    def clear(self, slot: int) -> None:
        """Says that there is no such worker."""
        self._times[slot] = -math.inf

    def behind(self, connections: int) -> float | None:
        """When all workers that have fewer than so many ``connections`` have reported (:func:`time.monotonic`).

        ``None`` where nobody has fewer who is heard of.
        """
        heard = time.monotonic() - SILENT
        pairs = zip(self._connections, self._times, strict=True)
        return min((at for others, at in pairs if others < connections and at > heard), default=None)
