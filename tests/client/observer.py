"""What happens to a client, in order, to wait for."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.server.site import WITHIN
from windsock import Client


class Observer:
    """Notes every stage and every event of a client's own namespace that no test has a handler for.

    Attributes:
        stages: names and arguments of the stages, in order.
    """

    def __init__(self, client: Client) -> None:
        self.stages: list[tuple[Any, ...]] = []
        self._changed = asyncio.Event()
        self._events: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        for stage in ("connect", "connect_error", "disconnect", "reconnect_attempt", "reconnect", "reconnect_error",
                      "reconnect_failed"):  # fmt: skip
            self._watch(client, stage)
        client.on_any(lambda *event: self._events.put_nowait(event))

    def _watch(self, client: Client, stage: str) -> None:
        @client.on(stage)
        def note(*arguments: Any) -> None:
            self.stages.append((stage, *arguments))
            self._changed.set()

    @property
    def names(self) -> list[str]:
        """Of the stages, in order."""
        return [stage[0] for stage in self.stages]

    async def stage(self, name: str, count: int = 1) -> tuple[Any, ...]:
        """Waits until a stage has come for the ``count``th time; returns its arguments."""
        async with asyncio.timeout(WITHIN):
            while self.names.count(name) < count:
                self._changed.clear()
                await self._changed.wait()
        return [stage for stage in self.stages if stage[0] == name][count - 1][1:]

    async def event(self) -> tuple[Any, ...]:
        """The next event's name and arguments."""
        async with asyncio.timeout(WITHIN):
            return await self._events.get()

    async def events(self, name: str, count: int) -> list[tuple[Any, ...]]:
        """The arguments of the next ``count`` events of a name; others are passed over."""
        found: list[tuple[Any, ...]] = []
        while len(found) < count:
            event, *arguments = await self.event()
            if event == name:
                found.append(tuple(arguments))
        return found
