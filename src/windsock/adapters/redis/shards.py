"""Channels and messages as ``createShardedAdapter`` of ``@socket.io/redis-adapter`` 8.3 has them.

All that a namespace says goes over one channel; but an event for one room goes over the channel of that room, to which
only servers with somebody in it listen, and an answer over the channel of the server that asked.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from windsock.adapters.fields import mapping
from windsock.adapters.messages import Broadcast, ClusterMessage, ClusterRequest
from windsock.adapters.redis.packing import pack_mapping, unpack
from windsock.adapters.redis.vocabulary import PREFIX
from windsock.adapters.wire import from_mapping, to_mapping
from windsock.errors import ConfigurationError, MessageError

SubscriptionMode = Literal["static", "dynamic", "dynamic-private"]
"""Which rooms have a channel of their own: none; those that are not a socket's own; all."""

_ID_LENGTH: Final = 20
"""Of a socket's id, as JavaScript counts."""


class ShardedChannels:
    """The channels of one namespace.

    Args:
        namespace: its name.
        prefix: what they begin with.
        mode: which rooms have one.

    Attributes:
        events: what is for all servers.

    Raises:
        ConfigurationError: there is no such mode.
    """

    def __init__(self, namespace: str, prefix: str = PREFIX, mode: SubscriptionMode = "dynamic") -> None:
        if mode not in get_args(SubscriptionMode):
            raise ConfigurationError(f"expected a subscription mode of {get_args(SubscriptionMode)}, got {mode!r}")
        self.events: str = f"{prefix}#{namespace}#"
        self._mode = mode

    def room(self, room: str) -> str:
        """Events for one room, which :meth:`has` one."""
        return f"{self.events}{room}#"

    def answers(self, uid: str) -> str:
        """What is answered to one server."""
        return f"{self.events}{uid}#"

    def has(self, room: str) -> bool:
        """Whether a room has a channel of its own. Whoever emits must know it by the name alone: one that is as long as
        a socket's id counts as one."""
        if self._mode == "dynamic":
            return len(room.encode("utf-16-le", "surrogatepass")) != 2 * _ID_LENGTH
        return self._mode == "dynamic-private"

    def of(self, message: ClusterRequest) -> str:
        """The channel for what is said to all."""
        room = room_of(message)
        return self.events if room is None or not self.has(room) else self.room(room)


def room_of(message: ClusterRequest) -> str | None:
    """The room whose channel a message may take: of one to be acknowledged, each server has to say how many got it."""
    if isinstance(message, Broadcast) and message.request_id is None and len(message.target.rooms) == 1:
        return next(iter(message.target.rooms))
    return None


def write_message(namespace: str, message: ClusterMessage) -> bytes:
    """What is published for a message: JSON, or MessagePack if there are binary values in it.

    Raises:
        EncodeError: it holds what cannot be sent.
    """
    return pack_mapping(to_mapping(namespace, message))


def read_message(namespace: str, data: bytes) -> ClusterMessage:
    """The opposite.

    Raises:
        MessageError: it is none, or of another namespace, whose channel may have the name of a room's.
    """
    fields = mapping(unpack(data))
    if fields.get("nsp") != namespace:
        raise MessageError(f"expected a message in {namespace!r}, got one in {fields.get('nsp')!r:.100}")
    return from_mapping(fields)


def beginnings(uid: str) -> tuple[bytes, ...]:
    """How all begins that a server of ours publishes: so it knows its own, which Redis brings back, unread."""
    return b'{"uid":"%b"' % uid.encode(), b"\x84\xa3uid%c%b" % (0xA0 | len(uid), uid.encode())
