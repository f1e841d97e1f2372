"""What happened to a socket, and what was sent to it, while its client was away."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from windsock.adapters.messages import Broadcast, DisconnectSockets, SocketsJoin, SocketsLeave
from windsock.errors import MessageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from windsock.adapters.base import SocketState, Target
    from windsock.adapters.redis.sessions import KeptSession
    from windsock.adapters.redis.tail import Entry
    from windsock.protocol.engineio import Message


class Replay:
    """Goes through the entries that a client may have missed, in order.

    A socket that was away is put into rooms, taken out of them and disconnected as if it were there, from the place on
    up to which its node had read when it left. A server on Node does not tell that place: what was asked of the sockets
    of its rooms then makes no difference.

    Args:
        session: the socket.
        limit: bytes of missed messages that can be sent to it.
        encode: gives an event as it is sent to clients.

    Attributes:
        missed: what the client missed.
        refused: whether it cannot come back: the socket was disconnected, or too much was missed.
    """

    def __init__(self, session: KeptSession, limit: int, encode: Callable[[Entry], Message]) -> None:
        self.missed: list[Message] = []
        self.refused: bool = False
        self._state = session.state
        self._rooms = set(session.state.rooms)
        self._left_at = session.left_at
        self._limit = limit
        self._encode = encode

    @property
    def state(self) -> SocketState | None:
        """The socket as it is by now; ``None`` if it is not."""
        return None if self.refused else replace(self._state, rooms=frozenset(self._rooms))

    def is_for(self, target: Target) -> bool:
        """Whether the socket, in the rooms where it is by now, is among those that an event is for."""
        return (not target.rooms or not self._rooms.isdisjoint(target.rooms)) and self._rooms.isdisjoint(target.except_)

    def take(self, entry: Entry) -> None:
        """The next entry."""
        message = entry.message
        if isinstance(message, Broadcast):
            # Only those that nobody acknowledges and that are worth keeping were logged.
            if message.request_id is None and not message.target.volatile and self.is_for(message.target):
                self._miss(entry)
        elif self._left_at is None or entry.place <= self._left_at:
            return
        elif isinstance(message, SocketsJoin | SocketsLeave | DisconnectSockets) and self.is_for(message.target):
            if isinstance(message, SocketsJoin):
                self._rooms.update(message.rooms)
            elif isinstance(message, SocketsLeave):
                self._rooms.difference_update(set(message.rooms) - {self._state.id})
            else:
                self.refused = True

    def _miss(self, entry: Entry) -> None:
        try:
            message = self._encode(entry)
        except MessageError:
            return  # nobody got it
        self.missed.append(message)
        self._limit -= message.size
        if self._limit < 0:
            self.refused = True
