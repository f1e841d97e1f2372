"""An event loop whose clock jumps to the next timer instead of waiting for it."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any


class _Selector(selectors.BaseSelector):
    """Asks the real one without waiting, and moves the clock by the time it was to wait."""

    def __init__(self) -> None:
        self._inner = selectors.DefaultSelector()
        self.now = 0.0
        self.jumps = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "the event loop would wait for ever"
        if timeout > 0:
            self.now += timeout
            self.jumps += 1
        return self._inner.select(0)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()

    def close(self) -> None:
        self._inner.close()


class VirtualClockLoop(asyncio.SelectorEventLoop):
    """Runs hours of timers in no time, each exactly when it is due."""

    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    @property
    def jumps(self) -> int:
        """How often the loop woke for a timer."""
        return self._clock.jumps

    def time(self) -> float:
        return self._clock.now
