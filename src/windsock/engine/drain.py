"""The end of an engine whose clients others take."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from windsock.engine.registry import Engine

RATE: Final = 50
"""Sessions closed in a second at the least: a few need not take the whole time."""

FAREWELL: Final = 1.0
"""Seconds for the request with which a long-polling client gets the rest, and the news of the end."""

CHECK_INTERVAL: Final = 0.02
"""Seconds between two looks at what is still there."""


async def drain(engine: Engine, within: float) -> None:
    """Takes no more clients, closes each session at a moment of its own, and waits for what their messages started.

    A client takes that for a lost transport, and comes back where a server is; all of them do not come back at once.

    Args:
        engine: whose.
        within: seconds in which the sessions are closed. How long it waits afterwards is the caller's business.
    """
    engine.draining = True
    loop = asyncio.get_running_loop()
    sessions = list(engine.sessions.values())
    listeners = [session.listener for session in sessions]
    random.shuffle(sessions)
    spread = min(within, len(sessions) / RATE)
    began = loop.time()
    # Moments that have nothing to do with each other, as those of clients who leave by themselves.
    moments = sorted(random.uniform(0, spread) for _ in sessions)  # noqa: S311  not for secrecy
    for moment, session in zip(moments, sessions, strict=True):
        delay = began + moment - loop.time()
        if delay > 0:
            await asyncio.sleep(delay)
        session.close(reason="server shutting down")
    engine.close()  # what was on its way in meanwhile
    # An event for the end of each handler and session would cost them all, for once in the life of a process.
    while any(listener.busy for listener in listeners):  # noqa: ASYNC110
        await asyncio.sleep(CHECK_INTERVAL)
    latest = loop.time() + FAREWELL
    while engine.sessions and loop.time() < latest:  # noqa: ASYNC110  as above
        await asyncio.sleep(CHECK_INTERVAL)
