"""Nodes for tests, and a node whose cluster is the test."""

from __future__ import annotations

from typing import Any

from windsock import Cluster, Server, Target
from windsock.adapters.cluster import ClusterAdapter
from windsock.adapters.driver import ClusterNode, OtherNodes
from windsock.adapters.messages import (
    ClusterMessage,
    ClusterRequest,
    ClusterResponse,
)
from windsock.testing import Harness, Peer, StubCluster

RED = Target(frozenset({"red"}))


class Wire:
    """A driver whose other nodes are the test: it knows how many there are and not which, as over Redis."""

    def __init__(self, node: ClusterNode, count: int) -> None:
        self.node = node
        self.count = count
        self.said: list[ClusterMessage] = []

    @property
    def problem(self) -> None:
        """It works."""

    async def start(self) -> None:
        """There is nothing to connect to."""

    def publish(self, message: ClusterRequest) -> None:
        self.said.append(message)

    def respond(self, uid: str, message: ClusterResponse) -> None:
        assert uid == "other"
        self.said.append(message)

    async def nodes(self) -> OtherNodes:
        return OtherNodes(self.count)

    async def close(self) -> None:
        """Nor anything to let go of."""


class Alone:
    """A server whose cluster is the test."""

    def __init__(self, count: int = 1) -> None:
        self.wires: dict[str, Wire] = {}
        self.cluster = Cluster(lambda node: self.wires.setdefault(node.namespace, Wire(node, count)))
        self.io = Server(adapter=self.cluster)
        self.io.on("connect")(lambda socket: socket.join("red"))

    @property
    def wire(self) -> Wire:
        return self.wires["/"]

    def hear(self, message: ClusterMessage) -> list[ClusterMessage]:
        """What it says to that."""
        self.wire.said.clear()
        self.wire.node.receive(message)
        return list(self.wire.said)

    async def request(self, harness: Harness) -> Any:
        """What it asks for next."""
        await harness.settle()
        return self.wire.said[-1]


async def nodes(harness: Harness, cluster: StubCluster, **options: Any) -> list[Server]:
    servers = [Server(adapter=cluster.node(name), **options) for name in "abc"]
    for io in servers:
        io.on_server_event("ping")(lambda: "pong")
    await harness.serve(*servers)
    return servers


def adapter_of(io: Server) -> ClusterAdapter:
    adapter = io.of("/").adapter
    assert isinstance(adapter, ClusterAdapter)
    return adapter


async def members(harness: Harness, servers: list[Server]) -> list[Peer]:
    return [await harness.connect(io) for io in servers]


# -- nodes that come and go --
