"""Handlers of one burst, whether tasks can start eagerly or share a first step: nobody notices which."""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar
from typing import Any

import pytest

from windsock import Server, Socket
from windsock.tasks import EAGER
from windsock.testing import Harness, Peer

TURNS = ("eager", "lazy") if EAGER else ("lazy",)


@pytest.fixture(params=TURNS, autouse=True)
def turn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test as on this Python, and as before 3.12."""
    if request.param == "lazy":
        monkeypatch.setattr("windsock.server.connection.EAGER", False)
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
    async def who(socket: Socket, name: str) -> str:
        before = user.get()
        user.set(name)
        return before

    ada = await windsock_harness.connect(io)
    assert await burst(ada, *(("who", f"user {number}") for number in range(5))) == ["nobody"] * 5


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

    @io.on("go on")
    async def go_on(socket: Socket) -> str:
        await asyncio.sleep(0)
        return "went on"

    ada = await windsock_harness.connect(io)
    for event in ("give up", "give up late"):
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


def test_a_server_is_used_again_after_its_event_loop_stopped_in_between() -> None:
    io = Server()
    answers: list[str] = []

    async def answer(value: str) -> None:
        answers.append(value)

    class Client:
        def settle(self, handler: object) -> None:
            pass

    async def start(value: str) -> None:
        io.starter.add((Client(), None, "echo", None, answer(value)))  # type: ignore[arg-type]  # all that is asked for
        if value == "cut short":
            asyncio.get_running_loop().stop()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    with asyncio.Runner() as first, asyncio.Runner() as second:
        with pytest.raises(RuntimeError, match="stopped before"):
            first.run(start("cut short"))
        second.run(start("whole"))
        assert answers == ["whole"]
        first.run(asyncio.sleep(0))
