"""A cluster without a network: its servers run in one event loop, and faults come on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from windsock.adapters.cluster import Cluster
from windsock.adapters.peers import Peers
from windsock.adapters.wire import decode, encode
from windsock.errors import MessageError

if TYPE_CHECKING:
    from windsock.adapters.driver import ClusterNode, OtherNodes
    from windsock.adapters.messages import ClusterMessage, ClusterRequest, ClusterResponse


class StubCluster:
    """Connects servers of one event loop: ``Server(adapter=cluster.node("a"))``.

    What one says arrives at the others in a later iteration of the event loop, in order, written down and read again as
    between processes. They know of each other by heartbeats, as nodes of a real cluster do.
    """

    def __init__(self) -> None:
        self._drivers: list[StubDriver] = []
        self._names: set[str] = set()
        self._cut: set[str] = set()
        self._groups: list[frozenset[str]] = []
        self._delay = 0.0
        self._arrivals: dict[tuple[StubDriver, StubDriver], float] = {}

    def node(self, name: str | None = None) -> Cluster:
        """A place in the cluster, for one server.

        Args:
            name: for the faults; ``node-1`` and so on by default.

        Raises:
            ValueError: the name is taken.
        """
        if name is None:
            name = f"node-{len(self._names) + 1}"
        if name in self._names:
            raise ValueError(f"expected a name that no other node has, got {name!r}")
        self._names.add(name)
        return Cluster(lambda node: StubDriver(self, name, node))

    # -- faults, for tests --

    def drop(self, name: str) -> None:
        """From now on nothing reaches this node or comes from it, and nobody is told; until :meth:`heal`."""
        self._check(name)
        self._cut.add(name)

    def partition(self, *groups: Iterable[str]) -> None:
        """From now on only nodes of the same group reach each other, and nobody is told; until :meth:`heal`.

        Args:
            groups: names; those who are in none are a group of their own.
        """
        self._groups = [frozenset(group) for group in groups]
        for group in self._groups:
            self._check(*group)

    def heal(self) -> None:
        """Ends :meth:`drop` and :meth:`partition`. What was said meanwhile is lost."""
        self._cut.clear()
        self._groups = []

    def delay(self, seconds: float) -> None:
        """From now on messages take so long, on the event loop's clock; 0 ends it."""
        self._delay = seconds

    # -- the drivers' side --

    def join(self, driver: StubDriver) -> None:
        """A driver is there."""
        self._drivers.append(driver)

    def leave(self, driver: StubDriver) -> None:
        """A driver is not there any more."""
        self._drivers.remove(driver)
        self._arrivals = {pair: at for pair, at in self._arrivals.items() if driver not in pair}

    def carry(self, sender: StubDriver, pieces: tuple[bytes, ...], uid: str | None = None) -> None:
        """Brings a message to everybody else, or to one node."""
        loop = asyncio.get_running_loop()
        for driver in self._drivers:
            if driver is sender or driver.node.namespace != sender.node.namespace:
                continue
            if (uid is None or driver.node.uid == uid) and self.reaches(sender.name, driver.name):
                # Nothing overtakes what was sent before a delay ended.
                now = loop.time()
                at = self._arrivals[sender, driver] = max(self._arrivals.get((sender, driver), 0), now + self._delay)
                if at > now:
                    loop.call_at(at, driver.arrive, sender.name, pieces)
                else:
                    loop.call_soon(driver.arrive, sender.name, pieces)

    def reaches(self, sender: str, receiver: str) -> bool:
        """Whether there is a way from one node to another now."""
        if sender in self._cut or receiver in self._cut:
            return False
        return self._group(sender) == self._group(receiver)

    def _group(self, name: str) -> int:
        return next((place for place, group in enumerate(self._groups) if name in group), -1)

    def _check(self, *names: str) -> None:
        for name in names:
            if name not in self._names:
                raise ValueError(f"expected one of {sorted(self._names)}, got {name!r}")


class StubDriver:
    """See :class:`windsock.adapters.driver.ClusterDriver`.

    Attributes:
        name: of the node, for the faults.
        node: the adapter.
    """

    def __init__(self, cluster: StubCluster, name: str, node: ClusterNode) -> None:
        self.name = name
        self.node = node
        self._cluster = cluster
        self._peers = Peers(node, self.publish)
        self._started = False

    @property
    def problem(self) -> str | None:
        """See :class:`windsock.adapters.driver.ClusterDriver`. Nobody is told of faults."""
        return None

    async def start(self) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        self._started = True
        self._cluster.join(self)
        self._peers.start()

    def publish(self, message: ClusterRequest) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        pieces = encode(self.node.namespace, message)
        if self._started:
            self._cluster.carry(self, pieces)

    def respond(self, uid: str, message: ClusterResponse) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        pieces = encode(self.node.namespace, message)
        if self._started:
            self._cluster.carry(self, pieces, uid)

    async def nodes(self) -> OtherNodes:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        return self._peers.nodes

    async def close(self) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        self._peers.close()
        self._started = False
        self._cluster.leave(self)

    def arrive(self, sender: str, pieces: tuple[bytes, ...]) -> None:
        """A message came, unless a fault has lost it on the way."""
        if not self._started or not self._cluster.reaches(sender, self.name):
            return
        try:
            message: ClusterMessage = decode(pieces)
        except MessageError as error:
            self.node.reject(str(error))
            return
        if self._peers.hear(message):
            self.node.receive(message)
