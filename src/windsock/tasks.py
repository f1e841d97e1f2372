"""Starting coroutines without waiting for the event loop to come round."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

EAGER: Final = sys.version_info >= (3, 12)
"""Whether tasks can run up to their first suspension when they are made."""


def start(coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> asyncio.Task[T]:
    """A task for a coroutine; it may be done already. The event loop keeps only a weak reference to it."""
    if EAGER:
        return asyncio.Task(coroutine, loop=loop, eager_start=True)  # type: ignore[call-arg,unused-ignore]  # not on 3.11
    return loop.create_task(coroutine)
