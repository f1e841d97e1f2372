"""Which rooms' channels a server listens to."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from windsock.adapters.redis.link import Link, Receive, Topic

logger: logging.Logger = logging.getLogger("windsock.adapters.redis")

MAX_CHANNELS: Final = 50_000
"""Rooms of a server, over all its namespaces, that have a channel: clients may be able to make up any number of rooms,
and each costs a kilobyte here, some of Redis, and time when a lost connection is made again: so many take a second of
the five that there are. Rooms beyond do not hear of other servers until others have gone, and health says so;
``subscription_mode="static"`` needs none."""

Subscription = tuple[Topic, Receive]


class RoomChannels:
    """The channels of the rooms of a server's namespaces.

    A channel is left when this iteration of the event loop has ended: a client that comes back, or a room that loses
    its last member and gets another at once, misses nothing.

    Args:
        link: to Redis.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._open: set[Subscription] = set()
        self._leaving: dict[Subscription, None] = {}
        self._waiting: dict[Subscription, None] = {}
        self._flush: asyncio.Handle | None = None

    @property
    def problem(self) -> str | None:
        """Why some rooms hear of nobody elsewhere; ``None`` when they all do."""
        if not self._waiting:
            return None
        return f"{len(self._waiting)} rooms are beyond the {MAX_CHANNELS} that have a channel on Redis"

    def open(self, topic: Topic, receive: Receive) -> None:
        """Somebody came into a room."""
        subscription = topic, receive
        if subscription in self._open:
            self._leaving.pop(subscription, None)
        elif len(self._open) < MAX_CHANNELS:
            self._subscribe(subscription)
        else:
            if not self._waiting:
                logger.error("more than %d rooms: some do not hear of other servers", MAX_CHANNELS)
            self._waiting[subscription] = None

    def close(self, topic: Topic, receive: Receive) -> None:
        """Nobody is in a room any more."""
        subscription = topic, receive
        if self._waiting.pop(subscription, subscription) is None:
            return
        self._leaving[subscription] = None
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Leaves the channels that are to be left."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        leaving, self._leaving = self._leaving, {}
        self._open.difference_update(leaving)
        for topic, receive in leaving:
            self._link.unsubscribe({topic: receive})
        while self._waiting and len(self._open) < MAX_CHANNELS:
            waiting = next(iter(self._waiting))
            del self._waiting[waiting]
            self._subscribe(waiting)

    def _subscribe(self, subscription: Subscription) -> None:
        topic, receive = subscription
        self._open.add(subscription)
        self._link.subscribe({topic: receive})
