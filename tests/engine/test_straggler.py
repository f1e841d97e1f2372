"""When a slow client is given up: the stall time, and what counts as taking something."""

from __future__ import annotations

import asyncio

from windsock import SlowConsumer
from windsock.engine.options import EngineOptions
from windsock.engine.transports.straggler import Straggler
from windsock.engine.wiring import Wiring
from windsock.slow_consumer import Terms
from windsock.testing import Harness


class Client:
    """A slow one.

    Attributes:
        taken: bytes that its connection has taken beside what is taken from what waits.
        given_up: when it was closed, by the event loop's clock.
    """

    def __init__(self, policy: SlowConsumer) -> None:
        self.taken = 0
        self.given_up: list[float] = []
        self.straggler = Straggler(Wiring(EngineOptions(slow_consumer=policy)), self._close, lambda: self.taken)

    def _close(self) -> None:
        self.given_up.append(asyncio.get_running_loop().time())
        self.straggler.end()


async def test_a_client_that_takes_a_trickle_stays(windsock_harness: Harness) -> None:
    """Less than what waits is handed on by: then only its connection's buffer tells that it takes something."""
    client = Client(SlowConsumer(stall_timeout=10))
    client.straggler.add("x", 1)
    for _ in range(10):
        await windsock_harness.advance(5)
        client.taken += 1
    assert client.given_up == []
    began = windsock_harness.clock.time()
    await windsock_harness.advance(30)
    (at,) = client.given_up
    assert 5 <= at - began <= 12.5


async def test_of_several_policies_the_shortest_stall_time_counts(windsock_harness: Harness) -> None:
    for timeouts in ((40.0, 10.0), (10.0, 40.0), (None, 10.0)):
        client = Client(SlowConsumer())
        for timeout in timeouts:
            client.straggler.add("x", 1, Terms(SlowConsumer(stall_timeout=timeout), droppable=False))
        began = windsock_harness.clock.time()
        await windsock_harness.advance(60)
        (at,) = client.given_up
        assert 10 <= at - began <= 12.5, timeouts
