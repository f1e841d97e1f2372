"""What happens to a client that does not take what is sent to it: the policies, and what they cost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final, Literal

from windsock.errors import ConfigurationError

DEFAULT_MAX_BYTES: Final = 4 * 1024 * 1024
"""Bytes that may wait for one client: a minute or so of a busy room, and little enough that a hundred stalled readers
leave the server its memory."""

logger: logging.Logger = logging.getLogger("windsock.slow_consumer")

NamedPolicy = Literal["close", "drop_oldest", "drop_volatile"]
_NAMES: Final = ("close", "drop_oldest", "drop_volatile")


@dataclass(frozen=True, slots=True)
class Conflate:
    """Of the messages that wait under one key, only the latest is kept.

    Args:
        key: of an event's name and arguments (Socket.IO), or of the message that was sent (plain WebSocket). Asked once
            for each message, and only while a receiver is slow. ``None``: this message is kept beside all others.
    """

    key: Callable[..., Hashable | None]


@dataclass(frozen=True, slots=True)
class SlowConsumer:
    """What happens to a client that does not take what is sent to it.

    A client is slow from the moment its connection's buffers are full until all that waited for it is written; on
    long-polling, while no request of it waits. A client that keeps up is never touched by this.

    Args:
        max_bytes: that may wait for one client. One message alone may be larger.
        stall_timeout: seconds in which a slow client must take something, however little, or it is closed; found out
            late by a quarter at most. ``None`` leaves that to the heartbeat.
        policy: when ``max_bytes`` is passed. ``"close"``: the client is closed with ``transport error``.
            ``"drop_oldest"``: the oldest events that wait are dropped. ``"drop_volatile"``: volatile events wait, too,
            and are dropped, the oldest first, when there is no more room; what else is too much closes.
            :class:`Conflate`: a later event replaces an earlier one with the same key; what is too much still closes.

    Acknowledgements, events that ask for one, and all that the protocol itself sends are never dropped; if they alone
    are too much, the client is closed. What is not dropped arrives in the order in which it was sent. An event emitted
    with ``volatile`` is dropped for a client that is slow, as in Socket.IO, unless the policy is ``"drop_volatile"``.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    max_bytes: int = DEFAULT_MAX_BYTES
    stall_timeout: float | None = None
    policy: NamedPolicy | Conflate = "close"

    def __post_init__(self) -> None:
        if self.max_bytes < 0:
            raise ConfigurationError(f"expected max_bytes of at least 0, got {self.max_bytes}")
        if self.stall_timeout is not None and self.stall_timeout <= 0:
            raise ConfigurationError(f"expected stall_timeout above zero or None, got {self.stall_timeout}")
        policy: object = self.policy
        if isinstance(policy, Conflate):
            if not callable(policy.key):
                raise ConfigurationError(f"expected Conflate's key to be callable, got {policy.key!r}")
        elif policy not in _NAMES:
            raise ConfigurationError(f"expected a policy among {', '.join(_NAMES)} and Conflate(key), got {policy!r}")


@dataclass(slots=True)
class SlowConsumerCounters:
    """What slow clients have cost since the server was made.

    Attributes:
        slow_clients: how often a client fell behind; on long-polling, how often something had to wait for a request.
        dropped_messages: of all policies, the ones that a later message replaced included.
        dropped_bytes: of their content.
        closed_clients: over the budget, or stalled for too long.
    """

    slow_clients: int = 0
    dropped_messages: int = 0
    dropped_bytes: int = 0
    closed_clients: int = 0


class Terms:
    """What may be done with one message while a receiver is slow.

    Args:
        policy: against whose budget it counts.
        droppable: whether it may be dropped to make room.
        subject: what :class:`Conflate` asks the key of.
        scope: within which the keys are compared: the name of the namespace.
    """

    __slots__ = ("_key", "_scope", "_subject", "droppable", "policy")

    def __init__(
        self, policy: SlowConsumer, *, droppable: bool, subject: tuple[Any, ...] | None = None, scope: str = ""
    ) -> None:
        self.policy: SlowConsumer = policy
        self.droppable: bool = droppable
        self._subject = subject
        self._scope = scope
        self._key: Hashable | None = None

    @property
    def key(self) -> Hashable | None:
        """Under which a later message replaces this one; ``None`` if none does."""
        subject = self._subject
        conflate = self.policy.policy
        if subject is not None and isinstance(conflate, Conflate):
            self._subject = None  # asked once, however many receivers are slow
            try:
                key = conflate.key(*subject)
                hash(key)
            except Exception:
                # It is the sender's turn of the loop, and all other receivers are still to be served.
                logger.exception("the key of a message cannot be had: it is kept beside all others")
            else:
                self._key = None if key is None else (self._scope, key)
        return self._key
