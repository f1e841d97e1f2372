"""Watching files, with uvicorn's own means."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import uvicorn
from uvicorn.supervisors import ChangeReload


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
                self._loop.call_soon_threadsafe(self._changed)
