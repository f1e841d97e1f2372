"""Taking connections from a socket that other workers listen on, too."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from typing import Final

PAUSE: Final = 1.0
"""Seconds without accepting, when the system gives no descriptor for another connection."""

AHEAD: Final = 4
"""Connections that a worker may have beyond the one with the fewest before it lets the others go first."""

COURTESY: Final = 0.005
"""Seconds in which they may, at the least."""

PATIENCE: Final = 1.0
"""Seconds at the most, if one of them does not look for connections: it is busy, or stands still. On a machine with
more to do than it can, a process was seen to wait for its turn for a good part of that."""

TURN: Final = 4
"""Connections that it takes then, before it lets them go first again."""

logger: logging.Logger = logging.getLogger("uvicorn.error")


class Acceptor:
    """Accepts connections one by one, in turn with the others.

    All workers wake up for a connection, and the first one takes it, which is the same one again and again on a quiet
    machine; uvloop's own servers take all that wait, too. So who has more than others waits until each of them has
    looked for connections.

    Args:
        listener: that others listen on.
        accepted: gets each connection.
        behind: when all workers that have fewer connections, by more than :data:`AHEAD`, have looked
            (:func:`time.monotonic`); ``None`` where there is none.
    """

    def __init__(
        self, listener: socket.socket, accepted: Callable[[socket.socket], None], behind: Callable[[], float | None]
    ) -> None:
        self._listener = listener
        self._listener.setblocking(False)
        self._accepted = accepted
        self._behind = behind
        self._waits_since: float | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._loop.add_reader(listener, self._wake)

    def close(self) -> None:
        """Accepts no more; the others may go on."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()

    def _wake(self) -> None:
        if self._others_first():
            self._wait(COURTESY)
        else:
            self._accept()

    def _others_first(self) -> bool:
        behind, now = self._behind(), time.monotonic()
        if behind is None:
            self._waits_since = None
            return False
        if self._waits_since is None:
            self._waits_since = now
            return True
        if behind <= self._waits_since:
            # From then on they are not waited for until they look, or nobody is left to be accepted.
            return now - self._waits_since < PATIENCE
        self._waits_since = None
        return False

    def _wait(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._timer = self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._timer = None
        if self._others_first():
            self._wait(COURTESY)
            return
        self._loop.add_reader(self._listener, self._wake)
        for _ in range(TURN):
            if not self._accept():
                return

    def _accept(self) -> bool:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            self._waits_since = None  # those who are behind may not even have been woken
            return False  # another worker was quicker, or the client has gone
        except OSError as error:
            logger.error("no connections for %s s: %s", PAUSE, error)
            self._wait(PAUSE)
            return False
        connection.setblocking(False)
        self._accepted(connection)
        return True
