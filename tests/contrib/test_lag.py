"""How late an event loop is, as metrics have it."""

from __future__ import annotations

import pytest

from windsock.contrib.figures.lag import INTERVAL, LoopLag
from windsock.testing import Clock


class Lags(list[float]):
    def record(self, seconds: float) -> None:
        self.append(seconds)


@pytest.mark.clock
async def test_a_loop_that_is_in_time_is_looked_at_again_and_again() -> None:
    lags = Lags()
    lag = LoopLag(lags)
    with Clock() as clock:
        lag.start()
        await clock.advance(INTERVAL / 2)
        lag.start()  # it has begun
        assert lags == []
        await clock.advance(4 * INTERVAL)
        assert lags == pytest.approx([0, 0, 0, 0], abs=1e-6)
        lag.stop()
        lag.stop()
        await clock.advance(4 * INTERVAL)
        assert len(lags) == 4
        lag.start()
        await clock.advance(INTERVAL)
        assert len(lags) == 5
        lag.stop()
