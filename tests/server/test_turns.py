"""Handlers that begin in one iteration of the event loop share a task as long as nobody can tell."""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar
from typing import Any

import pytest

from windsock import EventError, Server, Socket
from windsock.tasks import EAGER
from windsock.testing import Harness, Peer

TURNS = ("eager", "lazy") if EAGER else ("lazy",)


@pytest.fixture(params=TURNS, autouse=True)
def turn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test as on this Python, and as before 3.12, whose tasks cannot start eagerly."""
    if request.param == "lazy":
        monkeypatch.setattr("windsock.tasks.EAGER", False)
    return str(request.param)


async def burst(client: Peer, *events: tuple[Any, ...]) -> list[Any]:
    """Answers to events that come in one iteration of the event loop."""
    return await asyncio.gather(*(client.emit_with_ack(*event) for event in events), return_exceptions=True)


async def test_they_start_in_the_order_of_their_events(windsock_harness: Harness) -> None:
    io = Server()
    started: list[int] = []

    @io.on("step")
    async def step(socket: Socket, number: int, suspends: bool) -> int:
        started.append(number)
        if suspends:
            await asyncio.sleep(0)
        return number

    ada = await windsock_harness.connect(io)
    for rhythm in (1, 2, 3, 7):
        events = [("step", number, number % rhythm == 0) for number in range(20)]
        assert await burst(ada, *events) == list(range(20))
        assert started == list(range(20))
        started.clear()


async def test_those_that_wait_equally_long_go_on_in_the_order_of_their_events(windsock_harness: Harness) -> None:
    io = Server()
    ended: list[tuple[str, int]] = []

    @io.on("step")
    async def step(socket: Socket, name: str, number: int, suspends: bool) -> None:
        if suspends:
            await asyncio.sleep(0)
        ended.append((name, number))

    for rhythm in (1, 2, 3, 7):
        ada = await windsock_harness.connect(io)
        bob = await windsock_harness.connect(io)
        steps = [(name, number, number % rhythm == 0) for number in range(10) for name in ("ada", "bob")]
        for name, number, suspends in steps:
            (ada if name == "ada" else bob).emit("step", name, number, suspends)
        await asyncio.gather(burst(ada, ("step", "ada", 10, False)), burst(bob, ("step", "bob", 10, False)))
        await asyncio.sleep(0)
        for peer in ("ada", "bob"):
            waited = [number for name, number in ended if name == peer and number % rhythm == 0 and number < 10]
            assert waited == sorted(waited) == [number for number in range(10) if number % rhythm == 0]
        ended.clear()


async def test_one_that_waits_holds_up_nobody(windsock_harness: Harness) -> None:
    io = Server()
    release = asyncio.Event()
    tasks: set[asyncio.Task[Any] | None] = set()

    @io.on("wait")
    async def wait(socket: Socket) -> str:
        tasks.add(asyncio.current_task())
        await release.wait()
        return "waited"

    @io.on("release")
    async def set_free(socket: Socket) -> str:
        release.set()
        return "set free"

    ada = await windsock_harness.connect(io)
    bob = await windsock_harness.connect(io)
    to_ada, to_bob = await asyncio.gather(
        burst(ada, ("wait",), ("wait",), ("wait",)), burst(bob, ("wait",), ("release",), ("wait",))
    )
    assert to_ada == ["waited"] * 3
    assert to_bob == ["waited", "set free", "waited"]
    assert len(tasks) == 5, "whoever waits has a task of its own"


async def test_a_task_in_which_somebody_waited_is_for_nobody_after_it(windsock_harness: Harness) -> None:
    io = Server()
    waited: set[asyncio.Task[Any] | None] = set()
    fresh: list[bool] = []

    @io.on("step")
    async def step(socket: Socket, suspensions: int) -> None:
        task = asyncio.current_task()
        fresh.append(task not in waited)
        for _ in range(suspensions):
            waited.add(task)
            await asyncio.sleep(0)

    ada = await windsock_harness.connect(io)
    for suspensions in range(100):
        ada.emit("step", suspensions % 7)
        await asyncio.sleep(0)
    await burst(ada, *[("step", 0)] * 2)
    assert fresh == [True] * 102


async def test_none_sees_the_context_of_another(windsock_harness: Harness) -> None:
    io = Server()
    user: ContextVar[str] = ContextVar("user", default="nobody")

    @io.on("who")
    async def who(socket: Socket, name: str, waits: bool) -> list[str]:
        before = user.get()
        user.set(name)
        if waits:
            await asyncio.sleep(0)
        return [before, user.get()]

    ada = await windsock_harness.connect(io)
    for waits in ((False, False, False), (True, True, True), (False, True, False)):
        events = [("who", f"user {number}", wait) for number, wait in enumerate(waits)]
        assert await burst(ada, *events) == [["nobody", name] for _, name, _ in events]


async def test_one_that_is_cancelled_takes_nobody_with_it(windsock_harness: Harness) -> None:
    io = Server()

    @io.on("give up")
    async def give_up(socket: Socket) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    @io.on("give up late")
    async def give_up_late(socket: Socket) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    @io.on("give up and fail")
    async def give_up_and_fail(socket: Socket) -> None:
        await give_up_late(socket)
        raise EventError("given_up", "no more")

    @io.on("go on")
    async def go_on(socket: Socket) -> str:
        await asyncio.sleep(0)
        return "went on"

    ada = await windsock_harness.connect(io)
    for event in ("give up", "give up late", "give up and fail"):
        asyncio.get_running_loop().call_soon(ada.emit, event)  # in the same iteration as what follows
        assert await burst(ada, *[("go on",)] * 3) == ["went on"] * 3


async def test_one_that_fails_is_answered_and_the_next_is_served(
    windsock_harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    io = Server()

    @io.on("divide")
    async def divide(socket: Socket, by: int) -> float:
        return 6 / by

    ada = await windsock_harness.connect(io)
    with caplog.at_level(logging.CRITICAL, "windsock.server"):
        first, failed, last = await burst(ada, ("divide", 2), ("divide", 0), ("divide", 3))
    assert (first, last) == (3.0, 2.0)
    assert failed == {"error": {"code": "internal_error", "message": "the handler failed"}}


async def test_one_that_fails_after_it_waited_is_answered(
    windsock_harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    io = Server()

    @io.on("divide")
    async def divide(socket: Socket, by: int) -> float:
        await asyncio.sleep(0)
        return 6 / by

    ada = await windsock_harness.connect(io)
    with caplog.at_level(logging.CRITICAL, "windsock.server"):
        answers = await burst(ada, ("divide", 0), ("divide", 0), ("divide", 3))
    failed = {"error": {"code": "internal_error", "message": "the handler failed"}}
    assert answers == [failed, failed, 2.0]


async def test_a_time_out_ends_the_one_that_set_it(windsock_harness: Harness) -> None:
    """It cancels the task that was the current one when it began, and no other."""
    io = Server()

    @io.on("wait")
    async def wait(socket: Socket, seconds: float | None) -> str:
        try:
            async with asyncio.timeout(seconds):
                await asyncio.sleep(0)
                await asyncio.sleep(0 if seconds is None else 3600)
        except TimeoutError:
            return "timed out"
        return "in time"

    ada = await windsock_harness.connect(io)
    for first in (0, None):
        events = [("wait", first), ("wait", 0), ("wait", None), ("wait", 0)]
        expected = ["in time" if seconds is None else "timed out" for _, seconds in events]
        assert await burst(ada, *events) == expected


async def test_one_that_is_cancelled_before_its_task_has_run_can_clean_up(windsock_harness: Harness) -> None:
    """By a handler of the same iteration: the task has not yet seen the first step of what it is there for."""
    io = Server()
    waiting: list[asyncio.Task[Any]] = []
    cleaned: list[int] = []

    @io.on("wait")
    async def wait(socket: Socket, number: int) -> None:
        task = asyncio.current_task()
        assert task is not None
        waiting.append(task)
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(number)

    @io.on("cancel")
    async def cancel(socket: Socket) -> int:
        for task in waiting:
            task.cancel()
        return len(waiting)

    ada = await windsock_harness.connect(io)
    for number in range(3):
        ada.emit("wait", number)
    assert await ada.emit_with_ack("cancel") == 3
    await asyncio.wait(waiting)
    assert sorted(cleaned) == [0, 1, 2]
    assert all(task.cancelled() for task in waiting)


async def test_several_wait_for_the_same(windsock_harness: Harness) -> None:
    io = Server()
    common: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    begun: list[Socket] = []
    all_have = asyncio.Event()

    @io.on("wait")
    async def wait(socket: Socket) -> str:
        begun.append(socket)
        if len(begun) == 5:
            all_have.set()
        return await common

    ada = await windsock_harness.connect(io)
    bob = await windsock_harness.connect(io)
    waiting = asyncio.gather(burst(ada, *[("wait",)] * 3), burst(bob, *[("wait",)] * 2))
    await all_have.wait()
    common.set_result("done")
    to_ada, to_bob = await waiting
    assert to_ada + to_bob == ["done"] * 5


async def test_what_a_handler_leaves_running_does_not_end_with_the_turn(windsock_harness: Harness) -> None:
    """The task of a turn ends with the first iteration; children of a handler that waits for them outlive it."""
    io = Server()

    async def square(number: int) -> int:
        for _ in range(number):
            await asyncio.sleep(0)
        return number**2

    @io.on("squares")
    async def squares(socket: Socket, *numbers: int) -> list[int]:
        async with asyncio.TaskGroup() as group:
            children = [group.create_task(square(number)) for number in numbers]
        return [child.result() for child in children]

    ada = await windsock_harness.connect(io)
    answers = await burst(ada, ("squares", 3, 1, 2), ("squares",), ("squares", 5))
    assert answers == [[9, 1, 4], [], [25]]
