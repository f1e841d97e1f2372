"""How the calls of handlers end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from windsock.errors import ConnectionRefused, EventError, NotConnected

if TYPE_CHECKING:
    from windsock.server.socket import Socket

Outcome = Literal["done", "refused", "failed", "left"]
"""``refused``: with an error that the client is told (:class:`windsock.EventError`); ``left``: the client was no longer
there, or the call was cancelled."""

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


def outcome_of(error: BaseException, socket: Socket) -> Outcome:
    """What an exception of a handler says."""
    if isinstance(error, EventError | ConnectionRefused):
        return "refused"
    if not isinstance(error, Exception) or (isinstance(error, NotConnected) and not socket.connected):
        return "left"
    return "failed"
