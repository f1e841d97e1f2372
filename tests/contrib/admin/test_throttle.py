from __future__ import annotations

from windsock.contrib.admin.throttle import FORGET_AFTER, FREE_ATTEMPTS, MAX_ADDRESSES, MAX_DELAY, Throttle


def test_a_guesser_waits_longer_each_time() -> None:
    throttle = Throttle()
    waits, now = [], 0.0
    for number in range(FREE_ATTEMPTS + 10):
        assert throttle.begin("a", now) == 0
        wait = throttle.begin("a", now) if number >= FREE_ATTEMPTS - 1 else 0.0
        waits.append(wait)
        now += wait
    assert waits[: FREE_ATTEMPTS - 1] == [0] * (FREE_ATTEMPTS - 1)
    assert waits[FREE_ATTEMPTS - 1 :] == [1, 2, 4, 8, 16, 32, *[MAX_DELAY] * 5]


def test_attempts_at_once_are_as_slow_as_one_by_one() -> None:
    throttle = Throttle()
    assert [throttle.begin("a", 0.0) for _ in range(100)].count(0) == FREE_ATTEMPTS


def test_the_right_password_makes_up_for_wrong_ones() -> None:
    throttle = Throttle()
    for _ in range(FREE_ATTEMPTS + 1):
        throttle.begin("a", 0.0)
    throttle.succeeded("a")
    assert throttle.begin("a", 0.0) == 0


def test_time_makes_up_for_them_too() -> None:
    throttle = Throttle()
    for _ in range(FREE_ATTEMPTS + 1):
        throttle.begin("a", 0.0)
    assert [throttle.begin("a", FORGET_AFTER + 10) for _ in range(FREE_ATTEMPTS)] == [0.0] * FREE_ATTEMPTS


def test_a_network_of_ipv6_is_one_guesser_and_other_addresses_are_not() -> None:
    throttle = Throttle()
    for number in range(100):
        throttle.begin(f"2001:db8::{number:x}", 0.0)
    assert throttle.begin("2001:db8::ffff", 0.0) > 0
    assert throttle.begin("2001:db8:0:1::1", 0.0) == 0
    for _ in range(FREE_ATTEMPTS):
        throttle.begin("192.0.2.1", 0.0)
    assert throttle.begin("::ffff:192.0.2.1", 0.0) > 0
    assert throttle.begin("192.0.2.2", 0.0) == throttle.begin("", 0.0) == 0


def test_what_is_remembered_has_a_bound() -> None:
    throttle = Throttle()
    for number in range(MAX_ADDRESSES + 500):
        throttle.begin(str(number), 0.0)
    assert len(throttle._attempts) == MAX_ADDRESSES


def test_who_is_forgotten_first_tried_longest_ago() -> None:
    throttle = Throttle()
    for _ in range(FREE_ATTEMPTS - 1):
        throttle.begin("first", 0.0)
    for number in range(MAX_ADDRESSES - 1):
        throttle.begin(str(number), 0.0)
    throttle.begin("first", 0.0)
    throttle.begin("one more", 0.0)
    assert throttle.begin("first", 0.0) > 0
