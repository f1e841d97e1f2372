"""Events that the servers of a cluster emit to each other, and the handlers that take them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from windsock.arguments import Arguments, EventHandler
from windsock.errors import ConfigurationError, EventError
from windsock.protocol.socketio import RESERVED_EVENTS
from windsock.tasks import start

F = TypeVar("F", bound=EventHandler)
Respond = Callable[[Any], None]

logger: logging.Logger = logging.getLogger("windsock.server")


class ServerEvents:
    """The handlers of one namespace.

    Args:
        namespace: its name.
    """

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._handlers: dict[str, tuple[EventHandler, Arguments]] = {}
        self._running: set[asyncio.Task[Any]] = set()

    def on(self, event: str) -> Callable[[F], F]:
        """Registers the handler of an event; see :meth:`windsock.Namespace.on_server_event`."""
        if event in RESERVED_EVENTS:
            raise ConfigurationError(f"expected an event's name, got the reserved {event!r}")

        def register(function: F) -> F:
            if event in self._handlers:
                raise ConfigurationError(
                    f"expected one handler for the servers' {event!r} in {self._namespace!r}, got a second"
                )
            self._handlers[event] = function, Arguments.of(event, function)
            return function

        return register

    def take(self, event: Any, arguments: list[Any], respond: Respond) -> None:
        """Starts the handler of an event that came.

        Args:
            event: its name.
            arguments: as they came.
            respond: called once with what the handler returned, or with the error that a client would get.
        """
        found = self._handlers.get(event)
        if found is None:
            respond(EventError("unknown_event", f"no handler for {event!r}").payload())
            return
        function, signature = found
        try:
            outcome = function(*signature.bind(arguments))
        except Exception as error:  # noqa: BLE001  whatever it is, it is reported and answered
            respond(self._failure(event, error))
            return
        if not isinstance(outcome, Coroutine):
            respond(outcome)
            return
        task = start(outcome, asyncio.get_running_loop())
        self._running.add(task)
        task.add_done_callback(partial(self._finish, event, respond))

    def _finish(self, event: str, respond: Respond, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if task.cancelled():
            respond(EventError("internal_error", "the handler was cancelled").payload())
        else:
            error = task.exception()
            respond(task.result() if error is None else self._failure(event, error))

    def _failure(self, event: str, error: BaseException) -> dict[str, Any]:
        if isinstance(error, EventError):
            return error.payload()
        logger.error("the handler of the servers' %r in %s failed", event, self._namespace, exc_info=error)
        return EventError("internal_error", "the handler failed").payload()
