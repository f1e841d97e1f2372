"""Many time-outs of one length: never early, never lost, at most a slice late."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

from hypothesis import example, given
from hypothesis import strategies as st

from windsock.engine.deadlines import Deadlines
from windsock.testing import Clock

T = TypeVar("T")

DELAY = 10.0
SLICE = DELAY / 64
TICK = 1e-6  # of arithmetic on floats


@dataclass
class Entry:
    """An item: when it starts, and, if it is stopped, how long after that."""

    at: float
    stop_after: float | None
    expired: list[float] = field(default_factory=list)
    __hash__ = object.__hash__


def on_a_clock(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result, in an event loop that does not wait for its timers."""

    async def play() -> T:
        with Clock() as clock:
            return await clock.advance_until(coroutine, within=1000 * DELAY)

    return asyncio.run(play())


def run(entries: list[Entry]) -> None:
    async def play() -> None:
        loop = asyncio.get_running_loop()
        deadlines: Deadlines[Entry] = Deadlines(DELAY, lambda entry: entry.expired.append(loop.time()))

        def start(entry: Entry) -> None:
            entry.at = loop.time()
            timer = deadlines.start(entry)
            if entry.stop_after is not None:
                loop.call_later(entry.stop_after, timer.discard, entry)

        for entry in entries:
            loop.call_later(entry.at, start, entry)
        await asyncio.sleep(max((entry.at for entry in entries), default=0) + 3 * DELAY)

    on_a_clock(play())


entries_st = st.lists(
    st.builds(Entry, st.floats(0, 40, allow_nan=False), st.none() | st.floats(0, 2 * DELAY, allow_nan=False)),
    max_size=20,
)


@given(entries_st)
@example([Entry(0, None), Entry(0, 5), Entry(SLICE, None), Entry(SLICE / 2, None)])
@example([Entry(0, 1), Entry(30, None)])
def test_any_schedule(entries: list[Entry]) -> None:
    run(entries)
    for entry in entries:
        if entry.stop_after is not None and entry.stop_after < DELAY - TICK:
            assert entry.expired == [], "it was stopped before its time"
        elif entry.stop_after is None or entry.stop_after > DELAY + SLICE + TICK:
            assert len(entry.expired) == 1, "once, and not lost"
        for at in entry.expired:
            assert entry.at + DELAY - TICK <= at <= entry.at + DELAY + SLICE + TICK


async def test_on_a_real_clock() -> None:
    loop = asyncio.get_running_loop()
    expired: asyncio.Queue[tuple[str, float]] = asyncio.Queue()
    deadlines: Deadlines[str] = Deadlines(0.05, lambda item: expired.put_nowait((item, loop.time())))
    started = loop.time()
    deadlines.start("first")
    deadlines.start("stopped").discard("stopped")
    item, at = await asyncio.wait_for(expired.get(), 5)
    assert item == "first"
    assert at - started >= 0.05
    again = loop.time()
    deadlines.start("second")
    item, at = await asyncio.wait_for(expired.get(), 5)
    assert item == "second"
    assert at - again >= 0.05
    assert expired.empty()


def test_an_item_can_start_again_as_it_expires() -> None:
    async def play() -> list[float]:
        loop = asyncio.get_running_loop()
        beats: list[float] = []

        def expire(item: str) -> None:
            beats.append(loop.time())
            deadlines.start(item)

        deadlines: Deadlines[str] = Deadlines(DELAY, expire)
        deadlines.start("heart")
        await asyncio.sleep(100 * DELAY)
        return beats

    beats = on_a_clock(play())
    assert 98 <= len(beats) <= 100
    assert all(DELAY - TICK <= later - sooner <= DELAY + SLICE + TICK for sooner, later in pairwise(beats))


def test_an_item_that_expires_can_stop_another() -> None:
    async def play() -> list[str]:
        expired: list[str] = []

        def expire(item: str) -> None:
            expired.append(item)
            for timer in timers:
                timer.discard("b" if item == "a" else "a")

        deadlines: Deadlines[str] = Deadlines(DELAY, expire)
        timers = [deadlines.start("a"), deadlines.start("b")]
        await asyncio.sleep(3 * DELAY)
        return expired

    assert len(on_a_clock(play())) == 1


def test_an_expiry_that_fails_does_not_stop_the_others() -> None:
    reported: list[str] = []

    async def play() -> list[int]:
        expired: list[int] = []

        def expire(item: int) -> None:
            if item % 2:
                raise RuntimeError(f"item {item}")
            expired.append(item)

        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reported.append(str(context["exception"])))
        deadlines: Deadlines[int] = Deadlines(DELAY, expire)
        for item in range(6):
            deadlines.start(item)
            await asyncio.sleep(0 if item % 3 else 2 * SLICE)
        await asyncio.sleep(3 * DELAY)
        return sorted(expired)

    assert on_a_clock(play()) == [0, 2, 4]
    assert reported, "a failure is not swallowed"


def test_close_forgets_everything() -> None:
    async def play() -> list[str]:
        expired: list[str] = []
        deadlines: Deadlines[str] = Deadlines(DELAY, expired.append)
        deadlines.start("forgotten")
        deadlines.close()
        deadlines.close()
        await asyncio.sleep(2 * DELAY)
        deadlines.start("after")
        await asyncio.sleep(2 * DELAY)
        return expired

    assert on_a_clock(play()) == ["after"]


async def test_an_idle_loop_has_no_timer_of_ours() -> None:
    with Clock() as clock:
        deadlines: Deadlines[str] = Deadlines(DELAY, lambda _: None)
        for number in range(1000):
            deadlines.start("a").discard("a")
            await clock.advance(SLICE * (number % 3))
        await clock.advance(2 * DELAY)
        assert clock.next_timer is None


def test_they_begin_anew_on_another_event_loop() -> None:
    expired: list[int] = []
    deadlines: Deadlines[int] = Deadlines(DELAY, expired.append)

    async def play(number: int) -> None:
        deadlines.start(number)
        await asyncio.sleep(DELAY / 2)
        deadlines.start(number + 10)
        await asyncio.sleep(DELAY)

    on_a_clock(play(1))
    on_a_clock(play(2))
    assert expired == [1, 2], "what waited when its loop was closed is forgotten"
