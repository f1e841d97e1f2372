"""The checker of the deliveries says what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.delivery import Message, faults

SENT = {"a": 3, "b": 2}
WHOLE: list[Message] = [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2)]


def of(log: list[Message]) -> list[str]:
    return list(faults(SENT, {"one": WHOLE, "two": log}))


def test_nothing_is_wrong() -> None:
    assert of(WHOLE) == []
    assert of(sorted(WHOLE)) == [], "publishers are independent of each other"


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ([each for each in WHOLE if each != ("a", 1)], ["two did not hear 1 of a: 1 to 1"]),
        (WHOLE[:-1], ["two did not hear 1 of a: 2 to 2"]),
        ([], ["two did not hear 3 of a: 0 to 2", "two did not hear 2 of b: 0 to 1"]),
        ([*WHOLE, ("a", 2)], ["two heard 2 of a twice"]),
        ([*WHOLE, ("a", 0)], ["two heard 0 of a twice"]),
        ([("a", 1), ("a", 0), *WHOLE[3:], ("b", 0)], ["two heard 0 of a after 1", "two heard 0 of b after 1"]),
        ([*WHOLE, ("a", 3)], ["two heard 3 of a, which nobody said"]),
        ([*WHOLE, ("c", 0)], ["two heard 0 of c, which nobody said"]),
    ],
    ids=["a loss", "the last lost", "nothing heard", "twice", "twice, later", "out of order", "too many", "a stranger"],
)
def test_what_is_wrong_is_said(log: list[Message], said: list[str]) -> None:
    assert of(log) == said


@given(st.data())
def test_whatever_is_done_to_a_log_is_seen(data: st.DataObject) -> None:
    log = list(WHOLE)
    place = data.draw(st.integers(0, len(log) - 1))
    match data.draw(st.sampled_from(["lose", "repeat", "move"])):
        case "lose":
            del log[place]
        case "repeat":
            log.insert(data.draw(st.integers(0, len(log))), log[place])
        case "move":
            publisher = log[place][0]
            same = [index for index, each in enumerate(log) if each[0] == publisher and index != place]
            other = data.draw(st.sampled_from(same))
            log[place], log[other] = log[other], log[place]
    assert of(log)
