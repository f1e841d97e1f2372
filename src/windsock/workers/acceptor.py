"""Taking connections from a socket that other workers listen on, too."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final

PAUSE: Final = 1.0
"""Seconds without accepting, when the system gives no descriptor for another connection."""

AHEAD: Final = 4
"""Connections that a worker may have beyond the one with the fewest before it lets the others go first."""

COURTESY: Final = 0.005
"""Seconds in which they may."""

BATCH: Final = 16
"""Connections that it takes then: the others are busy, or stand still."""

logger: logging.Logger = logging.getLogger("uvicorn.error")


class Acceptor:
    """Accepts connections one by one, in turn with the others.

    All workers wake up for a connection, and the first one takes it, which is the same one again and again on a quiet
    machine; uvloop's own servers take all that wait, too. So who has more than another one lets that one go first.

    Args:
        listener: that others listen on.
        accepted: gets each connection.
        surplus: how many more connections this worker has than the one that has the fewest.
    """

    def __init__(
        self, listener: socket.socket, accepted: Callable[[socket.socket], None], surplus: Callable[[], int]
    ) -> None:
        self._listener = listener
        self._listener.setblocking(False)
        self._accepted = accepted
        self._surplus = surplus
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
        if self._surplus() > AHEAD:
            self._wait(COURTESY)
        else:
            self._accept()

    def _wait(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._timer = self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._timer = None
        self._loop.add_reader(self._listener, self._wake)
        for _ in range(BATCH):
            if not self._accept():
                return

    def _accept(self) -> bool:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return False  # another worker was quicker, or the client has gone
        except OSError as error:
            logger.error("no connections for %s s: %s", PAUSE, error)
            self._wait(PAUSE)
            return False
        connection.setblocking(False)
        self._accepted(connection)
        return True
