"""What waits for a slow client, and what is dropped of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windsock import Conflate, SlowConsumer, SlowConsumerCounters
from windsock.engine.backlog import Backlog
from windsock.slow_consumer import Terms

BUDGET = 20
CONFLATE = SlowConsumer(BUDGET, policy=Conflate(lambda event, key: key))
DROP_OLDEST = SlowConsumer(BUDGET, policy="drop_oldest")
CLOSE = SlowConsumer(BUDGET)


def terms(policy: SlowConsumer, *, droppable: bool = False, key: Any = None) -> Terms:
    return Terms(policy, droppable=droppable, subject=("event", key))


Sent = tuple[int, Terms | None]  # a size, and the terms

sent = st.tuples(
    st.integers(0, 12),
    st.one_of(
        st.none(),
        st.booleans().map(lambda droppable: terms(DROP_OLDEST, droppable=droppable)),
        st.integers(0, 3).map(lambda key: terms(CONFLATE, key=key or None)),
    ),
)
# What is sent, and, in between, how many bytes the client takes.
course = st.lists(st.one_of(sent, st.integers(1, 30)), max_size=60)


@given(course)
def test_whatever_is_sent_the_rules_hold(course: list[Sent | int]) -> None:
    counters = SlowConsumerCounters()
    backlog: Backlog[int] = Backlog(CLOSE, counters)
    sizes: dict[int, int] = {}
    all_terms: dict[int, Terms | None] = {}
    taken: list[int] = []
    latest: dict[Any, int] = {}
    for step in course:
        if isinstance(step, int):
            taken += backlog.take(step)
            continue
        number = len(sizes)
        size, conditions = step
        sizes[number], all_terms[number] = size, conditions
        policy = CLOSE if conditions is None else conditions.policy
        if conditions is not None and conditions.key is not None:
            latest[conditions.key] = number
        if not backlog.add(number, size, conditions):
            # Only what may not be dropped is ever too much.
            kept = [n for n in backlog.take() if _policy(all_terms[n]) == policy]
            assert sum(sizes[n] for n in kept) > BUDGET
            assert not any((found := all_terms[n]) is not None and found.droppable for n in kept)
            return
        waiting = sum(account.waiting for account in backlog._accounts.values())
        assert waiting <= len(backlog._accounts) * (BUDGET + 12), "bounded by the budgets and one item each"
    taken += backlog.take()
    assert taken == sorted(taken), "in the order in which it was sent"
    lost = set(sizes) - set(taken)
    for number in lost:
        conditions = all_terms[number]
        assert conditions is not None, "what has no terms is not dropped"
        if not conditions.droppable:
            assert latest[conditions.key] > number, "replaced by a later one"
    assert set(latest.values()) <= set(taken), "the latest of each key is there"
    assert counters.dropped_messages == len(lost)
    assert counters.dropped_bytes == sum(sizes[number] for number in lost)
    assert not len(backlog)
    assert all(not (a.waiting or a.droppable or a.keyed) for a in backlog._accounts.values()), "nothing is left over"


def _policy(conditions: Terms | None) -> SlowConsumer:
    return CLOSE if conditions is None else conditions.policy


def test_the_oldest_go_first_and_what_may_not_go_stays() -> None:
    backlog: Backlog[str] = Backlog(DROP_OLDEST, SlowConsumerCounters())
    for name in "abcdefgh":
        kept = None if name in "be" else terms(DROP_OLDEST, droppable=True)
        assert backlog.add(name, 5, kept)
    assert backlog.take() == ["b", "e", "g", "h"]


def test_one_item_may_be_larger_than_the_budget() -> None:
    backlog: Backlog[str] = Backlog(CLOSE, SlowConsumerCounters())
    assert backlog.add("large", BUDGET + 1)
    assert not backlog.add("more", 1)


def test_with_no_room_because_of_what_may_not_go_the_new_one_is_dropped() -> None:
    counters = SlowConsumerCounters()
    backlog: Backlog[str] = Backlog(DROP_OLDEST, counters)
    assert backlog.add("acknowledgement", BUDGET + 1)
    assert backlog.add("event", 1, terms(DROP_OLDEST, droppable=True))
    assert backlog.take() == ["acknowledgement"]
    assert (counters.dropped_messages, counters.dropped_bytes) == (1, 1)


def test_budgets_are_kept_apart() -> None:
    own = SlowConsumer(BUDGET, policy="drop_oldest", stall_timeout=1)
    backlog: Backlog[str] = Backlog(CLOSE, SlowConsumerCounters())
    assert backlog.add("of the server", BUDGET)
    assert backlog.add("of one namespace", BUDGET, terms(own, droppable=True))
    assert backlog.add("of another", BUDGET, terms(DROP_OLDEST, droppable=True))
    assert backlog.add("once more", BUDGET, terms(own, droppable=True))
    assert backlog.take() == ["of the server", "of another", "once more"]


def test_a_later_one_takes_its_own_place_and_keys_are_a_namespace_s_own() -> None:
    backlog: Backlog[str] = Backlog(CLOSE, SlowConsumerCounters())
    for scope, key, item in [("/", 1, "a"), ("/", 2, "b"), ("/x", 1, "c"), ("/", 1, "d"), ("/", None, "e")]:
        assert backlog.add(item, 1, Terms(CONFLATE, droppable=False, subject=("event", key), scope=scope))
    assert backlog.take(1) == ["b"]
    assert backlog.take() == ["c", "d", "e"]


def test_a_key_is_asked_once_however_many_are_slow() -> None:
    asked: list[tuple[Any, ...]] = []
    policy = SlowConsumer(policy=Conflate(lambda *subject: asked.append(subject)))
    one = Terms(policy, droppable=False, subject=("price", 3))
    for _ in range(3):
        assert Backlog[str](CLOSE, SlowConsumerCounters()).add("x", 1, one)
    assert asked == [("price", 3)]


@pytest.mark.parametrize("key", [lambda event: 1 / 0, lambda event: [event]], ids=["raises", "not hashable"])
def test_a_key_that_fails_costs_nothing_but_a_line_in_the_log(key: Any, caplog: pytest.LogCaptureFixture) -> None:
    policy = SlowConsumer(policy=Conflate(key))
    backlog: Backlog[str] = Backlog(CLOSE, SlowConsumerCounters())
    for item in ("a", "b"):
        assert backlog.add(item, 1, Terms(policy, droppable=False, subject=("event",)))
    assert backlog.take() == ["a", "b"]
    assert len(caplog.records) == 2
