"""What another node asks the clients of this one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Final

from windsock.acks import ack_value
from windsock.adapters.messages import Broadcast, BroadcastAck
from windsock.errors import EncodeError

if TYPE_CHECKING:
    from windsock.adapters.base import NodeEmitter
    from windsock.protocol.socketio import Packet

logger: logging.Logger = logging.getLogger("windsock.adapters")

MAX_ACK_WAIT: Final = 60.0
"""Seconds that the acknowledgements of a broadcast to other nodes are waited for at the most: a node that went without
a word, and is known to nobody by its id, would be waited for without end."""


class Question:
    """A broadcast of another node whose acknowledgements are waited for here.

    Args:
        uid: of this node.
        id: of the request.
        message: the broadcast.
        respond: sends an answer to the node that asks.
        ended: called when nobody waits any more.
    """

    def __init__(
        self,
        uid: str,
        id: str,
        message: Broadcast,
        respond: Callable[[BroadcastAck], None],
        ended: Callable[[Question], None],
    ) -> None:
        self._uid = uid
        self._id = id
        self._named = message.named
        self._seconds = MAX_ACK_WAIT if message.timeout is None else message.timeout
        self._respond = respond
        self._ended = ended
        self._futures: Collection[asyncio.Future[list[Any]]] = ()
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None

    def put(self, emitter: NodeEmitter, members: Collection[Any], packet: Packet) -> tuple[str, ...]:
        """Sends it to sockets, of which there is one at the least; returns their ids."""
        futures = emitter.ask(members, packet, self._answered)
        self._futures = futures.values()
        self._waiting = len(futures)
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self.end)
        return tuple(futures)

    def end(self) -> None:
        """Nobody waits for its answers any more."""
        if self._timer is not None:
            self._timer.cancel()
        for future in self._futures:
            future.cancel()
        self._ended(self)

    def _answered(self, socket: str, arguments: list[Any] | None) -> None:
        name = socket if self._named else None
        if arguments is not None:
            try:
                self._respond(BroadcastAck(self._uid, self._id, ack_value(arguments), name))
            except EncodeError as error:
                logger.error("an acknowledgement cannot be passed on to another node: %s", error)
                self._respond(BroadcastAck(self._uid, self._id, None, name))
        elif self._named:
            self._respond(BroadcastAck(self._uid, self._id, None, name, left=True))
        self._waiting -= 1
        if self._waiting == 0:
            self.end()
