"""All clients are dropped at once: they come back at the rate that is allowed, and nothing but that happens."""

from __future__ import annotations

import pytest

from tests.workers.storm import kill_all, storm


# At the rate that is allowed it takes some seconds, and a multiple on a busy machine: workers start twice.
@pytest.mark.timeout(480)
@pytest.mark.parametrize("transports", [["websocket"], ["polling", "websocket"]], ids=["websocket", "upgrade"])
def test_all_are_back(javascript: None, transports: list[str]) -> None:
    came = storm(kill_all, *transports, workers=2, clients=250, rate=100, delay=100)
    assert set(came.lost) <= {"transport close", "transport error"}
    assert came.lost.total() == 250
    # Also where one worker is there so much later than the other that it finds nobody left.
    assert not came.errors, "whoever waits for a turn waits for no longer than five seconds"
    assert came.seconds > (250 - 100) / 100, "a hundred in each second, and as many at once"
    assert came.peak < came.before + 32 * 2**20
    assert came.trouble == []
