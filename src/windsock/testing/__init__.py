"""The test kit: servers are tested without a network and without waiting (docs/testing.md)."""

from windsock.testing.clock import Clock, Stalled
from windsock.testing.cluster import StubCluster
from windsock.testing.event import Event
from windsock.testing.harness import Harness
from windsock.testing.peer import Peer
from windsock.testing.wire import Wire

__all__ = ["Clock", "Event", "Harness", "Peer", "Stalled", "StubCluster", "Wire"]
