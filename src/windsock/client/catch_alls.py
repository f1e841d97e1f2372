"""Listeners to every event of a client, whatever its name (Socket.IO documentation, "Catch-all listeners")."""

from __future__ import annotations

from typing import TypeVar

from windsock.client.listeners import Listener

L = TypeVar("L", bound=Listener)


class CatchAlls:
    """Something whose events can be listened to: a namespace, or the client that stands for its own one.

    Listeners may be plain or ``async``; nothing waits for them, and what they raise is logged.
    """

    def on_any(self, listener: L) -> L:
        """Adds a listener to every event that comes: it gets the name and the arguments, as they came.

        Listeners are called in their order, before the event's handler, and hear of events without one, too.
        """
        self._listeners().append(listener)
        return listener

    def prepend_any(self, listener: L) -> L:
        """Adds such a listener before those that are there."""
        self._listeners().insert(0, listener)
        return listener

    def off_any(self, listener: Listener | None = None) -> None:
        """Takes such a listener away; without one, all of them.

        Raises:
            ValueError: it is none.
        """
        _remove(self._listeners(), listener)

    def listeners_any(self) -> list[Listener]:
        """The listeners to the events that come, in the order in which they are called."""
        return list(self._listeners())

    def on_any_outgoing(self, listener: L) -> L:
        """Adds a listener to every event that leaves: it gets the name and the arguments.

        What waits while offline is told of when it leaves. Acknowledgements are no events.
        """
        self._outgoing_listeners().append(listener)
        return listener

    def prepend_any_outgoing(self, listener: L) -> L:
        """Adds such a listener before those that are there."""
        self._outgoing_listeners().insert(0, listener)
        return listener

    def off_any_outgoing(self, listener: Listener | None = None) -> None:
        """Takes such a listener away; without one, all of them.

        Raises:
            ValueError: it is none.
        """
        _remove(self._outgoing_listeners(), listener)

    def listeners_any_outgoing(self) -> list[Listener]:
        """The listeners to the events that leave, in the order in which they are called."""
        return list(self._outgoing_listeners())

    def _listeners(self) -> list[Listener]:
        raise NotImplementedError

    def _outgoing_listeners(self) -> list[Listener]:
        raise NotImplementedError


def _remove(listeners: list[Listener], listener: Listener | None) -> None:
    if listener is None:
        listeners.clear()
    else:
        listeners.remove(listener)
