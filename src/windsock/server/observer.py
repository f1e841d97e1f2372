"""Whoever wants to know what a server does: metrics, traces, an administrator's page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from windsock.adapters.observation import RoomObserver
    from windsock.engine.session import Session
    from windsock.errors import ConnectionRefused
    from windsock.protocol.socketio import Parser
    from windsock.server.handlers import Handler
    from windsock.server.namespace import Namespace
    from windsock.server.socket import Socket
    from windsock.types import Scope

T = TypeVar("T")

logger: logging.Logger = logging.getLogger("windsock.server")


class Observer:
    """Hears of what a server does; given to :meth:`windsock.Server.observe`. Each method does nothing by itself.

    No method is called for a message, unless nobody handles it. Whoever wants to see messages puts a wrapper around
    what they go through anyway, before the first client connects: around handlers (:meth:`watch`), around the parser
    (:meth:`parser`).
    A server without observers has neither wrappers nor conditions on a message's way.

    What :meth:`watch`, :meth:`parser` and :meth:`rooms` raise goes to whoever registers. What the others raise is
    logged, and costs the server nothing else.
    """

    # -- before clients connect --

    def watch(self, namespace: str, handler: Handler) -> None:
        """A handler is registered, or was before: its ``function`` and ``bind`` may be wrapped.

        Args:
            namespace: its name, or the name of the rule that all its namespaces match.
            handler: of an event, of ``connect``, ``disconnecting`` or ``disconnect``.
        """

    def parser(self, parser: Parser) -> Parser:
        """The server's parser, to be wrapped or returned as it is: what is emitted is encoded by it once."""
        return parser

    def rooms(self, namespace: Namespace) -> RoomObserver | None:
        """A namespace is made, or was before: who wants to hear of its rooms, if somebody does."""
        return None

    # -- sessions (windsock.engine.observation.SessionObserver) --

    def session_opened(self, session: Session) -> None:
        """A client opened a session."""

    def session_upgraded(self, session: Session) -> None:
        """It moved from long-polling to a WebSocket."""

    def session_closed(self, session: Session, reason: str) -> None:
        """It is over, for one of :data:`windsock.types.DisconnectReason`."""

    def request_refused(self, scope: Scope, code: int, message: str) -> None:
        """A request was refused: it opens no session, and belongs to none (Socket.IO's ``connection_error``).

        Args:
            scope: of ASGI: its headers, its query string and its client.
            code: Engine.IO's, 0 to 5: docs/reference/protocol.md has them.
            message: that the client is told.
        """

    # -- sockets --

    def admit(self, socket: Socket, admission: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None]:
        """A client is on its way into a namespace: runs its middlewares and its ``connect`` handler.

        Returns:
            ``admission``, or a coroutine that awaits it.
        """
        return admission

    def connected(self, socket: Socket) -> None:
        """A client is in a namespace."""

    def refused(self, namespace: str, refusal: ConnectionRefused, cause: Exception | None) -> None:
        """A client was not let in; called within its admission, if there was one.

        Args:
            namespace: that it asked for; it may not exist.
            refusal: what it is told.
            cause: the exception of a middleware or ``connect`` handler that failed.
        """

    def disconnected(self, socket: Socket, reason: str) -> None:
        """A client left a namespace."""

    # -- the rest --

    def started(self) -> None:
        """The server starts; where no lifespan runs, nobody says so. May be said more than once."""

    def ask(
        self, namespace: Namespace, socket: Socket | None, event: str, answer: Coroutine[Any, Any, T]
    ) -> Coroutine[Any, Any, T]:
        """The application emits an event and waits for its acknowledgement.

        Args:
            namespace: of the event.
            socket: that it is for; ``None`` for a broadcast.
            event: its name.
            answer: emits it and waits.

        Returns:
            ``answer``, or a coroutine that awaits it.
        """
        return answer

    def unhandled(self, socket: Socket, event: str) -> None:
        """An event came that has no handler; its name is the client's to make up.

        One that a middleware answers or refuses itself, and does not pass on, is handled. A catch-all only listens.
        """

    def closed(self) -> None:
        """The server closes."""


def wrap(
    observers: Sequence[Observer],
    coroutine: Coroutine[Any, Any, T],
    around: Callable[[Observer, Coroutine[Any, Any, T]], Coroutine[Any, Any, T]],
) -> Coroutine[Any, Any, T]:
    """What each observer puts around a coroutine; one that fails is reported, and puts nothing around it."""
    for observer in observers:
        try:
            coroutine = around(observer, coroutine)
        except Exception:
            logger.exception("an observer failed")
    return coroutine
