"""Listeners of a client's own events: they come from the library, never from the server."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from windsock.errors import ConfigurationError

logger: logging.Logger = logging.getLogger("windsock.client")

Listener = Callable[..., Any]
"""Takes as many of the arguments as it likes; plain or ``async``."""

_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Listeners:
    """One listener for each event.

    Args:
        start: runs a coroutine.
    """

    __slots__ = ("_listeners", "_start")

    def __init__(self, start: Callable[[Coroutine[Any, Any, Any], str], None]) -> None:
        self._listeners: dict[str, tuple[Listener, int | None, bool]] = {}
        self._start = start

    def __contains__(self, event: str) -> bool:
        return event in self._listeners

    def add(self, event: str, listener: Listener, *, once: bool = False) -> None:
        """Registers a listener; with ``once`` it is taken away when it is called.

        Raises:
            ConfigurationError: the event has one.
        """
        if event in self._listeners:
            raise ConfigurationError(f"expected one handler for {event!r}, got a second")
        parameters = inspect.signature(listener).parameters.values()
        open_ended = any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in parameters)
        arity = None if open_ended else sum(each.kind in _POSITIONAL for each in parameters)
        self._listeners[event] = (listener, arity, once)

    def remove(self, event: str) -> None:
        """Takes the listener of an event away, if there is one."""
        self._listeners.pop(event, None)

    def notify(self, event: str, *arguments: Any) -> None:
        """Calls the listener. What it raises is logged: the connection is not its concern."""
        found = self._listeners.get(event)
        if found is None:
            return
        listener, arity, once = found
        if once:
            del self._listeners[event]
        call(listener, arguments[:arity], event, self._start)


def call(
    listener: Listener, arguments: tuple[Any, ...], event: str, start: Callable[[Coroutine[Any, Any, Any], str], None]
) -> None:
    """Calls a listener and starts what it returns, if that is a coroutine."""
    try:
        outcome = listener(*arguments)
    except Exception:
        logger.exception("the %s handler failed", event)
        return
    if isinstance(outcome, Coroutine):
        start(outcome, event)
