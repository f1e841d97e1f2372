"""The connection beneath a client's namespaces, for those who want to hear of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from windsock.client.listeners import Listener, Listeners
from windsock.errors import ConfigurationError

L = TypeVar("L", bound=Listener)

RECONNECTION: Final = frozenset({"reconnect_attempt", "reconnect", "reconnect_error", "reconnect_failed"})
"""Those of its events that the client's own ``on`` takes, too."""

EVENTS: Final = RECONNECTION | {"open", "close", "error", "ping", "packet", "upgrade"}


class Manager:
    """What happens to a client's connection, which its namespaces share. Got with ``client.manager``.

    Its events are those of the original's ``Manager``; they come from the library, never from the server.
    """

    __slots__ = ("_listeners",)

    def __init__(self, listeners: Listeners) -> None:
        self._listeners = listeners

    def on(self, event: str) -> Callable[[L], L]:
        """Registers the handler of an event; one for each, plain or ``async``. Nothing waits for it.

        ``open``: a connection stands, before any namespace does; gets nothing. ``close``: it is over; gets the reason.
        ``error``: an attempt to connect failed; gets a :class:`ConnectionFailed`. ``ping``: the server's heartbeat
        came; gets nothing. ``packet`` gets each ``windsock.parsers.Packet`` that came, before anybody else.
        ``upgrade`` gets the name of the transport that the connection has moved to. ``reconnect_attempt``,
        ``reconnect``, ``reconnect_error`` and ``reconnect_failed``: see :meth:`windsock.Client.on`.

        Raises:
            ConfigurationError: there is no such event, or it has a handler.
        """
        return self._register(event, once=False)

    def once(self, event: str) -> Callable[[L], L]:
        """Registers a handler as :meth:`on` does; it is taken away when its event comes."""
        return self._register(event, once=True)

    def off(self, event: str) -> None:
        """Takes the handler of an event away, if there is one."""
        self._listeners.remove(event)

    def _register(self, event: str, *, once: bool) -> Callable[[L], L]:
        if event not in EVENTS:
            raise ConfigurationError(f"expected one of {', '.join(sorted(EVENTS))}, got {event!r}")

        def register(function: L) -> L:
            self._listeners.add(event, function, once=once)
            return function

        return register
