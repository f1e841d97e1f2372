"""Messages that have come: given to their handlers, or kept until somebody takes them."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from windsock.client.listeners import Listeners
from windsock.client.session import MESSAGE_OVERHEAD
from windsock.client.signal import Signal
from windsock.errors import DecodeError
from windsock.protocol import json

logger: logging.Logger = logging.getLogger("windsock.client")

MAX_WAITING: Final = 1024 * 1024
"""Bytes that wait before the server is read from no further: what is sent faster than it is taken would fill the
memory. It is reached, not kept: the message that reaches it may be as large as any."""


class Inbox:
    """Messages in the order in which they came.

    Args:
        listeners: handlers of ``json``, ``text``, ``bytes`` and ``message``.
        flow: called when what waits reaches its bound, and when it is below again.

    Attributes:
        changed: a message has come, or was taken.
    """

    def __init__(self, listeners: Listeners, flow: Callable[[], None]) -> None:
        self.changed: Signal = Signal()
        self._listeners = listeners
        self._flow = flow
        self._messages: deque[str | bytes] = deque()
        self._bytes = 0
        self._asked = False

    @property
    def full(self) -> bool:
        """Whether no more is to be read for now."""
        return self._bytes >= MAX_WAITING

    def add(self, message: str | bytes) -> None:
        """A message has come."""
        listeners = self._listeners
        kind = "text" if isinstance(message, str) else "bytes"
        if kind == "text" and "json" in listeners:
            try:
                value = json.decode(message)
            except DecodeError as error:
                logger.warning("%s", error)
            else:
                listeners.notify("json", value)
                return
        if kind in listeners:
            listeners.notify(kind, message)
        elif "message" in listeners:
            listeners.notify("message", message)
        else:
            self._keep(message)

    def take(self) -> str | bytes | None:
        """The oldest message that no handler took; ``None`` if there is none."""
        self._asked = True
        if not self._messages:
            return None
        full = self.full
        message = self._messages.popleft()
        self._bytes -= _size(message)
        self.changed.notify()
        if full and not self.full:
            self._flow()
        return message

    def _keep(self, message: str | bytes) -> None:
        full = self.full
        self._messages.append(message)
        self._bytes += _size(message)
        self.changed.notify()
        if self.full and not full:
            if not self._asked:
                logger.warning("messages come, and nobody takes them: the server is not read from until somebody does")
            self._flow()


def _size(message: str | bytes) -> int:
    # A character takes one to four bytes of memory, and counts for one: the bound is of an order.
    return len(message) + MESSAGE_OVERHEAD
