"""Starting handlers where tasks cannot start eagerly: before Python 3.12."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from windsock.server.connection import Connection
    from windsock.server.socket import Socket

Started = tuple["Connection", "Socket", str, int | None, Coroutine[Any, Any, Any]]
"""Whose handler it is, the name and the acknowledgement id of its event, and what it returned."""


class Starter:
    """Runs the handlers that one iteration of the event loop called, in the order of their calls.

    A task for each would cost more than all else that an event takes. One task runs them one after the other for as
    long as none of them leaves a trace in it: who suspends keeps the task for itself, who changes its context or
    cancels it is the last to use it. Those that still wait then get a task each.

    What waits here counts among its connection's handlers in flight, and is bounded with them.

    Attributes:
        unstarted: handlers that wait for their turn. Who comes after them does, too.
    """

    __slots__ = ("_loop", "_suspended", "_task", "_waiting", "unstarted")

    def __init__(self) -> None:
        self.unstarted: int = 0
        self._waiting: deque[Started] = deque()
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._suspended: set[asyncio.Task[None]] = set()  # the event loop holds tasks weakly

    def add(self, started: Started) -> None:
        """Has a handler run in the next iteration."""
        if self._task is None:
            self._begin()
        elif self._loop is not asyncio.get_running_loop():
            # The server is used again, on another event loop: what waited there waits no more.
            self._waiting = deque()
            self.unstarted = 0
            self._begin()
        self._waiting.append(started)
        self.unstarted += 1

    def _begin(self) -> None:
        loop = self._loop = asyncio.get_running_loop()
        self._task = asyncio.Task(self._run(self._waiting), loop=loop)
        loop.call_soon(self._go_on, self._task)

    def _go_on(self, task: asyncio.Task[None]) -> None:
        """The task had its turn."""
        self._task = None
        self._keep(task)
        waiting = self._waiting
        while waiting:
            self._keep(asyncio.Task(self._run(deque((waiting.popleft(),))), loop=self._loop))

    def _keep(self, task: asyncio.Task[None]) -> None:
        if not task.done():
            self._suspended.add(task)
            task.add_done_callback(self._suspended.discard)

    async def _run(self, waiting: deque[Started]) -> None:
        task = asyncio.current_task()
        assert task is not None
        untouched = copy_context()
        while waiting:
            connection, socket, event, id, coroutine = waiting.popleft()
            self.unstarted -= 1
            try:
                value = await coroutine
            except Exception as error:  # noqa: BLE001  whatever it is, it is reported and answered
                connection.answer_error(socket, event, id, error)
            else:
                if id is not None:
                    connection.answer(socket, id, value)
            finally:
                connection.settle(coroutine)
            if self._task is not task or task.cancelling() or copy_context() != untouched:
                return
