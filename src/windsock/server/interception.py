"""What stands between an event that comes and its handler: catch-alls and middlewares."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from windsock.engine.observation import tell as report
from windsock.errors import EventError, NotConnected
from windsock.server.handlers import Handler
from windsock.server.hooks import tell

if TYPE_CHECKING:
    from windsock.server.hooks import EventMiddleware, Handle, Hooks
    from windsock.server.socket import Socket


class Interception:
    """Takes the events of a registry to its hooks, then to those of the socket, then to the handler.

    A registry has none until one is asked for, and then each of its handlers is replaced by one that comes here first.
    So the way of an event is the same as ever where nobody listens.

    Args:
        hooks: for all sockets.
    """

    __slots__ = ("_hooks", "_nobody")

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._nobody = Handler("", lambda socket, *arguments: None)  # its shape is what is needed

    def around(self, event: str, handler: Handler) -> Handler:
        """A handler with this in front of it."""
        return handler.within(partial(self._run, event, handler))

    def unknown(self, event: str) -> Handler:
        """What stands for the handler of an event that has none."""
        return self._nobody.within(partial(self._run, event, None))

    def _run(self, event: str, handler: Handler | None, socket: Socket, *arguments: Any) -> Any:
        hooks = self._hooks
        tell(socket, hooks.incoming, socket, event, *arguments)
        middlewares: Sequence[EventMiddleware] = hooks.middlewares
        if socket.hooks is not None:
            tell(socket, socket.hooks.incoming, event, *arguments)
            middlewares = [*middlewares, *socket.hooks.middlewares]
        if middlewares:
            return _run_in_turn(socket, tuple(middlewares), event, handler, arguments)
        return _call(event, handler, socket, arguments)


def _call(event: str, handler: Handler | None, socket: Socket, arguments: tuple[Any, ...]) -> Any:
    if handler is None:
        report(socket.namespace.registry.observers, lambda observer: observer.unhandled(socket, event))
        raise EventError("unknown_event", f"no handler for {event!r}")
    return handler.function(socket, *handler.bind(list(arguments)))


async def _run_in_turn(
    socket: Socket,
    middlewares: tuple[EventMiddleware, ...],
    event: str,
    handler: Handler | None,
    arguments: tuple[Any, ...],
) -> Any:
    """Runs the middlewares when the handler of the event before has started."""
    hooks = socket.own_hooks()
    before = hooks.turn
    turn = hooks.turn = asyncio.get_running_loop().create_future()

    async def handle(*arguments: Any) -> Any:
        if not turn.done():
            turn.set_result(None)  # whoever waits for it wakes up after the handler has begun
        if not socket.connected:
            raise NotConnected("the client has disconnected")
        outcome = _call(event, handler, socket, arguments)
        return await outcome if inspect.isawaitable(outcome) else outcome

    try:
        if before is not None and not before.done():
            await asyncio.wait((before,))  # it is another's: to be cancelled here is not to cancel it
        step: Handle = handle
        for middleware in reversed(middlewares):
            step = partial(_step, middleware, socket, event, step)
        return await step(*arguments)
    finally:
        if not turn.done():
            turn.set_result(None)


async def _step(middleware: EventMiddleware, socket: Socket, event: str, handle: Handle, *arguments: Any) -> Any:
    outcome = middleware(socket, event, arguments, handle)
    return await outcome if inspect.isawaitable(outcome) else outcome
