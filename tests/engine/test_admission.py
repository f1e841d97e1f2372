from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from windsock.engine.admission import MAX_WAIT, Admission

gaps = st.lists(st.floats(0, 2), min_size=1, max_size=200)


@given(rate=st.floats(0.5, 100), gaps=gaps)
def test_never_more_than_the_rate(rate: float, gaps: list[float]) -> None:
    admission = Admission(rate)
    now, let_in = 0.0, []
    for gap in gaps:
        now += gap
        wait = admission.take(now)
        assert wait <= MAX_WAIT
        if wait >= 0:
            let_in.append(now + wait)
    assert let_in == sorted(let_in), "in the order in which they came"
    for first, moment in enumerate(let_in):
        within = [other for other in let_in[first:] if other < moment + 1]
        assert len(within) <= 2 * rate + 1


def test_who_is_refused_takes_nobody_s_place() -> None:
    admission = Admission(10)
    waits = [admission.take(0) for _ in range(1000)]
    assert [wait for wait in waits if wait >= 0] == waits[:60] or len([wait for wait in waits if wait >= 0]) == 61
    assert admission.take(10) == 0
