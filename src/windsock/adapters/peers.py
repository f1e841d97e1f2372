"""Who is in a cluster, for drivers whose medium does not know: told by heartbeats."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from windsock.adapters.driver import OtherNodes
from windsock.adapters.messages import EMITTER, AdapterClose, ClusterMessage, Heartbeat, InitialHeartbeat

if TYPE_CHECKING:
    from windsock.adapters.driver import ClusterNode

HEARTBEAT_INTERVAL: Final = 5.0
"""Seconds between the heartbeats of a node."""

HEARTBEAT_TIMEOUT: Final = 10.0
"""Seconds of silence after which a node is taken for dead."""

MAX_NODES: Final = 1_000
"""Nodes that are remembered: whoever can write to the medium could make up any number."""


class Peers:
    """The other nodes of one namespace, as far as they have been heard of.

    Args:
        node: this one; is told who has gone.
        publish: sends a message to all others.
        interval: seconds between heartbeats.
        timeout: seconds of silence after which a node has gone.
    """

    def __init__(
        self,
        node: ClusterNode,
        publish: Callable[[InitialHeartbeat | Heartbeat | AdapterClose], None],
        *,
        interval: float = HEARTBEAT_INTERVAL,
        timeout: float = HEARTBEAT_TIMEOUT,
    ) -> None:
        self._node = node
        self._publish = publish
        self._interval = interval
        self._timeout = timeout
        self._seen: dict[str, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def nodes(self) -> OtherNodes:
        """Those that are there."""
        return OtherNodes(len(self._seen), frozenset(self._seen))

    def start(self) -> None:
        """Tells the others, who answer."""
        self._loop = asyncio.get_running_loop()
        self._publish(InitialHeartbeat(self._node.uid))
        self._timer = self._loop.call_later(self._interval, self._beat)

    def hear(self, message: ClusterMessage) -> bool:
        """A message came; returns whether it is for the node."""
        uid = message.uid
        if uid == self._node.uid or self._loop is None:
            return False
        if isinstance(message, AdapterClose):
            self._forget(uid)
            return False
        if uid and uid != EMITTER and (uid in self._seen or len(self._seen) < MAX_NODES):
            self._seen[uid] = self._loop.time()
        if isinstance(message, InitialHeartbeat):
            self._publish(Heartbeat(self._node.uid))
        return not isinstance(message, InitialHeartbeat | Heartbeat)

    def close(self) -> None:
        """Takes leave of the others."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._publish(AdapterClose(self._node.uid))
        self._seen.clear()
        self._loop = None

    def _beat(self) -> None:
        loop = self._loop
        assert loop is not None
        self._publish(Heartbeat(self._node.uid))
        self._timer = loop.call_later(self._interval, self._beat)
        silent_since = loop.time() - self._timeout
        for uid in [uid for uid, seen in self._seen.items() if seen < silent_since]:
            self._forget(uid)

    def _forget(self, uid: str) -> None:
        if self._seen.pop(uid, None) is not None:
            self._node.lose(uid)
