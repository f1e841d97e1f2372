"""Watching files, with uvicorn's own means."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn
from uvicorn.supervisors import ChangeReload
from uvicorn.supervisors.basereload import BaseReload


class Changes:
    """Tells when a Python file below the working directory changes; by ``watchfiles`` where that is installed.

    Args:
        changed: called in the event loop.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._detector = ChangeReload(uvicorn.Config("", reload=True, log_config=None), lambda _: None, [])
        self._thread = threading.Thread(target=self._watch, name="windsock-reload", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watches no more."""
        self._detector.should_exit.set()

    def _watch(self) -> None:
        for changes in self._detector:
            if changes and not self._detector.should_exit.is_set():
                remember(self._detector, changes)
                self._loop.call_soon_threadsafe(self._changed)


def remember(detector: BaseReload, changes: Sequence[Path]) -> None:
    """Has a change told once: what changes from now on is another one.

    Without ``watchfiles``, uvicorn compares times, and forgets them when it starts its own process anew. Of a detector
    that has no process, the same file would have changed again and again.
    """
    times: dict[Path, float] | None = getattr(detector, "mtimes", None)
    if times is not None:
        for file in changes:
            with contextlib.suppress(OSError):  # it is gone already
                times[file] = file.stat().st_mtime
