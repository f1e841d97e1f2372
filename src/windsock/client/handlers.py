"""What comes: events, and the handlers that take them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from types import CoroutineType
from typing import Any, Final

from windsock.arguments import Arguments, EventHandler, is_asynchronous
from windsock.client.listeners import Listener, call
from windsock.errors import ConfigurationError, EventError, NotConnected
from windsock.tasks import start

logger: logging.Logger = logging.getLogger("windsock.client")

MAX_HANDLERS_IN_FLIGHT: Final = 10_000
"""Handlers of one namespace that are suspended. A server that sends faster than they end is not read from until half
of them have; more than a burst after an outage brings, since handlers may themselves wait for what is to be read."""


class Handler:
    """A handler and the arguments it takes.

    Args:
        event: its name.
        function: the handler itself.
        once: whether it is taken away when it is called.

    Attributes:
        function: the handler itself.
        once: whether it is taken away when it is called.
        asynchronous: whether it returns a coroutine.
        arguments: those of the event.
    """

    __slots__ = ("arguments", "asynchronous", "function", "once")

    def __init__(self, event: str, function: EventHandler, *, once: bool) -> None:
        self.function: EventHandler = function
        self.once: bool = once
        self.asynchronous: bool = is_asynchronous(function)
        self.arguments: Arguments = Arguments.of(event, function)


class Handlers:
    """The handlers of one namespace.

    Args:
        namespace: its name.
        answer: sends the acknowledgement of an id.
        hold: stops reading from the server.
        release: reads again.
    """

    def __init__(
        self,
        namespace: str,
        *,
        answer: Callable[[int, list[Any]], None],
        hold: Callable[[], None],
        release: Callable[[], None],
    ) -> None:
        self.listeners: list[Listener] = []
        self._namespace = namespace
        self._answer = answer
        self._hold = hold
        self._release = release
        self._handlers: dict[str, Handler] = {}
        self._running: set[asyncio.Task[Any]] = set()

    def add(self, event: str, function: EventHandler, *, once: bool = False) -> None:
        """Registers the handler of an event; with ``once`` it is taken away when it is called.

        Raises:
            ConfigurationError: the event has one, or the annotations cannot be validated.
        """
        if event in self._handlers:
            raise ConfigurationError(f"expected one handler for {event!r} in {self._namespace!r}, got a second")
        self._handlers[event] = Handler(event, function, once=once)

    def remove(self, event: str) -> None:
        """Takes the handler of an event away, if there is one."""
        self._handlers.pop(event, None)

    def minimum(self, event: Any) -> int:
        """Arguments that the handler of an event insists on."""
        handler = self._handlers.get(event)
        return 0 if handler is None else handler.arguments.minimum

    def deliver(self, event: Any, arguments: list[Any], id: int | None) -> None:
        """An event came; ``id``: of the acknowledgement that the server asks for."""
        for listener in tuple(self.listeners):
            call(listener, (event, *arguments), "catch-all", self.start)
        handler = self._handlers.get(event)
        if handler is None:
            # As the original does: somebody else may be there to answer.
            logger.debug("no handler for %r in %s", event, self._namespace)
            return
        if handler.once:
            del self._handlers[event]
        try:
            outcome = handler.function(*handler.arguments.bind(arguments))
        except Exception as error:  # noqa: BLE001  whatever it is, it is reported and answered
            self._fail(event, id, error)
            return
        if type(outcome) is CoroutineType or handler.asynchronous:
            self._run(outcome, partial(self._finish, event, id))
        elif id is not None:
            self._reply(id, outcome)

    def start(self, coroutine: Coroutine[Any, Any, Any], event: str) -> None:
        """Runs what a listener returned."""
        self._run(coroutine, partial(_report, event))

    async def close(self) -> None:
        """Cancels the handlers that run, but the one that asks for it."""
        current = asyncio.current_task()
        running = [task for task in self._running if task is not current]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _run(self, coroutine: Coroutine[Any, Any, Any], done: Callable[[asyncio.Task[Any]], None]) -> None:
        task = start(coroutine, asyncio.get_running_loop())
        if task.done():
            done(task)
            return
        self._running.add(task)
        task.add_done_callback(done)
        task.add_done_callback(self._settle)
        if len(self._running) >= MAX_HANDLERS_IN_FLIGHT:
            self._hold()

    def _settle(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if len(self._running) == MAX_HANDLERS_IN_FLIGHT // 2:
            self._release()

    def _finish(self, event: str, id: int | None, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._fail(event, id, error)
        elif id is not None:
            self._reply(id, task.result())

    def _reply(self, id: int, value: Any) -> None:
        """A tuple is several arguments, ``None`` none, anything else one; as on the server."""
        self._answer(id, [] if value is None else list(value) if type(value) is tuple else [value])

    def _fail(self, event: str, id: int | None, error: BaseException) -> None:
        if not isinstance(error, EventError | NotConnected):
            logger.error("the handler of %r in %s failed", event, self._namespace, exc_info=error)
            error = EventError("internal_error", "the handler failed")
        elif isinstance(error, EventError):
            logger.warning("%r in %s: %s %s", event, self._namespace, error, error.data or "")
        if id is not None and isinstance(error, EventError):
            self._answer(id, [error.payload()])


def _report(event: str, task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.error("the %s handler failed", event, exc_info=task.exception())
