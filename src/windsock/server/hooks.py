"""What sees every event, whatever its name (Socket.IO documentation, "Catch-all listeners", "Middlewares")."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from windsock.server.socket import Socket

logger: logging.Logger = logging.getLogger("windsock.server")

Listener = Callable[..., Any]
"""Of an event's name and its arguments, after the socket if it is registered for many; plain or ``async``."""
Handle = Callable[..., Awaitable[Any]]
"""Of an event's arguments: goes on with the event, and gives what its handler returns."""
EventMiddleware = Callable[["Socket", str, tuple[Any, ...], Handle], Any]
"""Of a socket, an event's name, its arguments and what goes on with it; returns what is answered."""

L = TypeVar("L", bound=Listener)
E = TypeVar("E", bound=EventMiddleware)


class Hooks:
    """What one socket, or all sockets of a namespace, have around their events.

    Attributes:
        incoming: listeners of the events that come.
        outgoing: listeners of the events that leave.
        middlewares: around each event that comes.
        turn: done when the handler of the last event has started; of a socket only.
    """

    __slots__ = ("incoming", "middlewares", "outgoing", "turn")

    def __init__(self) -> None:
        self.incoming: list[Listener] = []
        self.outgoing: list[Listener] = []
        self.middlewares: list[EventMiddleware] = []
        self.turn: asyncio.Future[None] | None = None


class Hookable:
    """Something whose events can be listened to: a socket, or all of a namespace's."""

    __slots__ = ()

    def on_any(self, listener: L) -> L:
        """Adds a listener to every event that comes: it gets the name and the arguments.

        What is registered on a server or a namespace gets the socket first, and is called before the socket's own.
        Listeners are called in their order before the event's handler and its middlewares, with the arguments as they
        came; they hear of events without a handler, too. They may be plain or ``async``; nothing waits for them, and
        what they raise is logged.
        """
        self._intercept().incoming.append(listener)
        return listener

    def prepend_any(self, listener: L) -> L:
        """Adds such a listener before those that are there."""
        self._intercept().incoming.insert(0, listener)
        return listener

    def off_any(self, listener: Listener | None = None) -> None:
        """Takes such a listener away; without one, all of them.

        Raises:
            ValueError: it is none.
        """
        _remove(self._hooks().incoming, listener)

    def listeners_any(self) -> list[Listener]:
        """The listeners to the events that come, in the order in which they are called."""
        return list(self._hooks().incoming)

    def on_any_outgoing(self, listener: L) -> L:
        """Adds a listener to every event that leaves: it gets the name and the arguments.

        What is registered on a server or a namespace gets the socket first, and is called before the socket's own. A
        broadcast is told of once for each socket of this node that it goes to. Acknowledgements are no events.
        """
        self._tap().outgoing.append(listener)
        return listener

    def prepend_any_outgoing(self, listener: L) -> L:
        """Adds such a listener before those that are there."""
        self._tap().outgoing.insert(0, listener)
        return listener

    def off_any_outgoing(self, listener: Listener | None = None) -> None:
        """Takes such a listener away; without one, all of them.

        Raises:
            ValueError: it is none.
        """
        _remove(self._hooks().outgoing, listener)
        self._untap()

    def listeners_any_outgoing(self) -> list[Listener]:
        """The listeners to the events that leave, in the order in which they are called."""
        return list(self._hooks().outgoing)

    def use_event(self, middleware: E) -> E:
        """Adds a middleware around each event that comes: ``middleware(socket, event, arguments, handle)``.

        It may be plain or ``async``. ``await handle(*arguments)`` goes on with the event, with these arguments or with
        others, and gives what the handler returned or raises what it raised; what the middleware returns is the
        acknowledgement. Raising :class:`EventError` refuses the event. Arguments are as they came: they are validated
        for the handler. An event without a handler goes through the middlewares, too.

        Middlewares run in the order in which they were added, a socket's own after those of its namespace. The next
        event of the socket waits until the handler of this one has started, so handlers start in the order in which
        their events came, however long a middleware takes.
        """
        self._intercept().middlewares.append(middleware)
        return middleware

    def _hooks(self) -> Hooks:
        raise NotImplementedError

    def _intercept(self) -> Hooks:
        """The hooks; from now on, what comes goes by them."""
        raise NotImplementedError

    def _tap(self) -> Hooks:
        """The hooks; from now on, what leaves is told to them."""
        raise NotImplementedError

    def _untap(self) -> None:
        """What leaves goes the short way again where nobody listens any more."""
        raise NotImplementedError


def tell(socket: Socket, listeners: Sequence[Listener], *arguments: Any) -> None:
    """Calls listeners. What they raise is logged: the event is not concerned."""
    for listener in tuple(listeners):
        try:
            outcome = listener(*arguments)
        except Exception:
            logger.exception("a catch-all of %s failed", socket.namespace.name)
            continue
        if isinstance(outcome, Coroutine):
            socket.run(outcome, "catch-all")


def _remove(listeners: list[Listener], listener: Listener | None) -> None:
    if listener is None:
        listeners.clear()
    else:
        listeners.remove(listener)
