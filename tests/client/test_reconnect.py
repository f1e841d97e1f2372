"""The back-off."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windsock import ConfigurationError
from windsock.client.reconnect import Backoff

times = st.floats(min_value=0, max_value=1e6)
shares = st.floats(min_value=0, max_value=1)


def test_the_delay_doubles_up_to_its_maximum() -> None:
    backoff = Backoff(1, 5, 0)
    assert [backoff.next() for _ in range(5)] == [1, 2, 4, 5, 5]
    assert backoff.attempts == 5
    backoff.reset()
    assert (backoff.attempts, backoff.next()) == (0, 1)


@pytest.mark.parametrize(("uniform", "expected"), [(0.0, 1.0), (0.5, 2.0), (1.0, 3.0)])
def test_jitter_goes_both_ways(uniform: float, expected: float) -> None:
    assert Backoff(2, 100, 0.5, lambda: uniform).next() == expected


@given(times, times, shares, st.lists(shares, min_size=1, max_size=100))
def test_every_delay_is_within_its_bounds(delay: float, maximum: float, jitter: float, uniforms: list[float]) -> None:
    backoff = Backoff(delay, maximum, jitter, iter(uniforms).__next__)
    for attempt in range(len(uniforms)):
        exact = delay * 2 ** min(attempt, 64)
        slack = 1e-9 * exact
        lowest, highest = min((1 - jitter) * exact, maximum), min((1 + jitter) * exact, maximum)
        assert lowest - slack <= backoff.next() <= highest + slack


def test_attempts_without_end() -> None:
    backoff = Backoff(1, 5, 0.5)
    backoff.attempts = 10**9
    assert 0 < backoff.next() <= 5


@pytest.mark.parametrize("arguments", [(-1, 5, 0.5), (1, -5, 0.5), (1, 5, 1.5), (1, 5, -0.1), (float("nan"), 5, 0)])
def test_what_is_no_back_off(arguments: tuple[float, float, float]) -> None:
    with pytest.raises(ConfigurationError):
        Backoff(*arguments)
