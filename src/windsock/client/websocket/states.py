"""What becomes of a connection, told to whoever asks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Literal, Self

from windsock.client.signal import Signal
from windsock.client.websocket.closure import WebSocketClosure

MAX_STATES: Final = 1000
"""Kept for one who does not ask: an outage lasts as long as it likes. The oldest go."""

StateName = Literal["connecting", "open", "reconnecting", "closed"]


@dataclass(frozen=True, slots=True)
class WebSocketState:
    """What a client is at.

    Attributes:
        name: ``connecting``: an attempt is under way; ``open``; ``reconnecting``: it waits before the next attempt;
            ``closed``: it does not come back, or has not begun.
        attempt: its number; 0 for the first connection, and from 1 on since one that stood was lost.
        delay: seconds until the attempt, while ``reconnecting``.
        closure: how the last connection ended, while ``reconnecting`` or ``closed``; ``None`` before the first.
    """

    name: StateName
    attempt: int = 0
    delay: float = 0.0
    closure: WebSocketClosure | None = None


class States:
    """Iterates over a client's states: the one that is, then each that comes. It ends after one that is ``closed``."""

    def __init__(self, current: WebSocketState) -> None:
        self._waiting: deque[WebSocketState] = deque([current], MAX_STATES)
        self._begun = False
        self._changed = Signal()
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WebSocketState:
        while not self._waiting:
            if self._over:
                raise StopAsyncIteration
            await self._changed.wait()
        state = self._waiting.popleft()
        # What was closed before anybody asked is where a client begins, not where it ends.
        self._over = state.name == "closed" and self._begun
        self._begun = True
        return state

    def add(self, state: WebSocketState) -> None:
        """Another has come."""
        self._waiting.append(state)
        self._changed.notify()
