"""What an engine tells of its sessions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from windsock.engine.session import Session
    from windsock.types import Scope

T = TypeVar("T")

logger: logging.Logger = logging.getLogger("windsock.engine")


class SessionObserver(Protocol):
    """Hears of each session. Called once for each occasion, never for a message."""

    def session_opened(self, session: Session) -> None:
        """A client opened a session."""

    def session_upgraded(self, session: Session) -> None:
        """It moved from long-polling to a WebSocket."""

    def session_closed(self, session: Session, reason: str) -> None:
        """It is over, for one of :data:`windsock.types.DisconnectReason`."""

    def request_refused(self, scope: Scope, code: int, message: str) -> None:
        """A request was refused: it opens no session, and belongs to none.

        Args:
            scope: of ASGI: its headers, its query string and its client.
            code: Engine.IO's, 0 to 5.
            message: that the client is told.
        """


def tell(observers: Sequence[T], say: Callable[[T], None]) -> None:
    """Tells each observer; one that fails is reported, and costs nobody anything."""
    for observer in observers:
        try:
            say(observer)
        except Exception:
            logger.exception("an observer failed")
