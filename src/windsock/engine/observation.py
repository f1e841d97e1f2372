"""What an engine tells of its sessions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from windsock.engine.session import Session

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


def tell(observers: Sequence[T], say: Callable[[T], None]) -> None:
    """Tells each observer; one that fails is reported, and costs nobody anything."""
    for observer in observers:
        try:
            say(observer)
        except Exception:
            logger.exception("an observer failed")
