"""What becomes of a client, in order, to wait for."""

from __future__ import annotations

import asyncio

from tests.server.site import WITHIN
from windsock import WebSocketClient, WebSocketState


class Watcher:
    """Notes every state.

    Attributes:
        states: in order.
    """

    def __init__(self, client: WebSocketClient) -> None:
        self.states: list[WebSocketState] = []
        self._changed = asyncio.Event()
        client.on("state")(self._note)

    def _note(self, state: WebSocketState) -> None:
        self.states.append(state)
        self._changed.set()

    @property
    def names(self) -> list[str]:
        """Of the states, in order."""
        return [state.name for state in self.states]

    async def state(self, name: str, count: int = 1) -> WebSocketState:
        """Waits until a state has come for the ``count``th time."""
        async with asyncio.timeout(WITHIN):
            while self.names.count(name) < count:
                self._changed.clear()
                await self._changed.wait()
        return [state for state in self.states if state.name == name][count - 1]
