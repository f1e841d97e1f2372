"""Workers are replaced while their clients speak and listen: nothing is lost, nothing comes twice."""

from __future__ import annotations

import pytest

from tests.cluster.redis_server import RedisServer
from tests.workers.roll import roll


# It takes some ten seconds, and a multiple on a busy machine: four processes start one after the other.
@pytest.mark.timeout(480)
@pytest.mark.parametrize("transports", [["websocket"], ["polling", "websocket"]], ids=["websocket", "upgrade"])
def test_nothing_is_lost_and_nothing_comes_twice(javascript: None, transports: list[str]) -> None:
    with RedisServer() as redis:
        rolled = roll(redis, *transports, workers=4, clients=40, rate=20, rolls=1)
    assert rolled.faults == []
    assert rolled.heard == rolled.said * 40
    assert rolled.disconnects, "workers were replaced"
    assert set(rolled.disconnects) <= {"transport close", "transport error"}
    assert (rolled.recovered, rolled.strangers) == (sum(rolled.disconnects.values()), 0)
    assert rolled.trouble == []
