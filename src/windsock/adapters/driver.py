"""What carries the messages of a cluster, seen from an adapter, and an adapter, seen from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from windsock.adapters.messages import ClusterMessage, ClusterRequest, ClusterResponse
    from windsock.adapters.observation import RoomObserver


@dataclass(frozen=True, slots=True)
class OtherNodes:
    """The nodes of a cluster besides this one.

    Args:
        count: how many.
        uids: which, where that is known; then responses must tell whose they are.
    """

    count: int
    uids: frozenset[str] | None = None


class ClusterNode(Protocol):
    """What a driver has of its adapter."""

    @property
    def uid(self) -> str:
        """Its id in the cluster: 16 hexadecimal characters."""

    @property
    def namespace(self) -> str:
        """Whose rooms it knows."""

    def occupied(self, room: str) -> bool:
        """Whether somebody here is in a room; a socket's id is one."""

    def observe(self, observer: RoomObserver, *, away: bool = False) -> None:
        """Has a driver told of the rooms here, from its beginning; see :class:`windsock.ObservableAdapter`."""

    def receive(self, message: ClusterMessage) -> None:
        """A message came, in the order in which its node sent it. Never raises; its own are ignored."""

    def reject(self, reason: str) -> None:
        """Something came that is no message: counts it."""

    def lose(self, uid: str) -> None:
        """A node has gone: nothing is expected of it any more."""


class ClusterDriver(Protocol):
    """Carries messages between the nodes of one namespace.

    It belongs to one event loop from :meth:`start` to :meth:`close`, and may be started again on another one then.
    """

    @property
    def problem(self) -> str | None:
        """Why the others are out of reach, in words that may be shown to anybody; ``None`` when they are not."""

    async def start(self) -> None:
        """Connects, so that what other nodes say from now on is received.

        It does not raise when nobody can be reached, and takes a bounded time: it goes on trying in the background.
        """

    def publish(self, message: ClusterRequest) -> None:
        """Sends a message to all nodes. At once, and never blocks: what it keeps to send later has a bound.

        The message is written down before it returns, so that what the application changes afterwards is not in it. Out
        of reach of the others, or before :meth:`start`, it is lost.

        Raises:
            EncodeError: it holds what cannot be sent.
        """

    def respond(self, uid: str, message: ClusterResponse) -> None:
        """Sends a message to one node; see :meth:`publish`."""

    async def nodes(self) -> OtherNodes:
        """Who else there is; in a bounded time, and as well as it is known."""

    async def close(self) -> None:
        """Says good-bye and disconnects. Nothing is received afterwards."""


DriverFactory = Callable[[ClusterNode], ClusterDriver]
"""Makes the driver of a namespace."""
