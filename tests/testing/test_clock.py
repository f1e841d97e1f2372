"""The event loop's clock, under a test's control."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from windsock import ConfigurationError
from windsock.testing import Clock, Stalled


async def test_everything_that_asks_the_loop_for_the_time_obeys() -> None:
    done: list[str] = []

    async def sleep() -> None:
        await asyncio.sleep(10)
        done.append("sleep")

    async def time_out() -> None:
        try:
            async with asyncio.timeout(20):
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            done.append("timeout")

    with Clock() as clock:
        asyncio.get_running_loop().call_later(5, done.append, "call_later")
        tasks = [asyncio.create_task(sleep()), asyncio.create_task(time_out())]
        await clock.advance(4.9)
        assert done == []
        await clock.advance(0.1)
        assert done == ["call_later"]
        await clock.advance(5)
        assert done == ["call_later", "sleep"]
        await clock.advance(100)
        assert done == ["call_later", "sleep", "timeout"]
        assert all(task.done() for task in tasks)


async def test_each_timer_runs_at_its_time_and_in_order() -> None:
    loop = asyncio.get_running_loop()
    with Clock() as clock:
        began = clock.time()
        ran: list[float] = []

        def again() -> None:
            ran.append(round(loop.time() - began, 6))
            if len(ran) < 5:
                loop.call_later(3, again)

        loop.call_later(3, again)
        await clock.advance(100)
        assert ran == [3, 6, 9, 12, 15]
        assert clock.time() == loop.time() == began + 100


async def test_time_stands_still() -> None:
    ran: list[bool] = []
    with Clock() as clock:
        before = clock.time()
        asyncio.get_running_loop().call_later(0.001, ran.append, True)
        await asyncio.to_thread(time.sleep, 0.05)
        await clock.settle()
        assert clock.time() == before
        assert ran == []


async def test_settling_runs_whatever_follows() -> None:
    ran: list[int] = []

    def chain(left: int) -> None:
        ran.append(left)
        if left:
            asyncio.get_running_loop().call_soon(chain, left - 1)

    with Clock() as clock:
        chain(1000)
        await clock.settle()
        assert ran[-1] == 0


async def test_a_loop_that_never_rests_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("windsock.testing.clock.MAX_ITERATIONS", 1000)

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def spin() -> None:
            loop.call_soon(spin)

        with Clock() as clock:
            spin()
            await clock.settle()

    with pytest.raises(Stalled, match="come to rest"):
        await asyncio.to_thread(asyncio.run, main())


async def test_as_much_time_as_a_result_needs() -> None:
    async def slow() -> str:
        for _ in range(10):
            await asyncio.sleep(60)
        return "done"

    with Clock() as clock:
        began = clock.time()
        assert await clock.advance_until(slow()) == "done"
        assert clock.time() == pytest.approx(began + 600)
        with pytest.raises(Stalled, match=r"within 30 s"):
            await clock.advance_until(slow(), within=30)
        assert clock.time() < began + 640


async def test_what_a_thread_does_is_waited_for() -> None:
    with Clock() as clock:
        assert await clock.advance_until(asyncio.to_thread(threading.Event().wait, 0.05)) is False
        event = asyncio.Event()
        loop = asyncio.get_running_loop()
        thread = threading.Timer(0.05, lambda: loop.call_soon_threadsafe(event.set))
        thread.start()
        assert await clock.wait_for(event.is_set)


async def test_real_connections_work_while_it_stands_still() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5))
        writer.close()

    with Clock() as clock:
        async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello")
            assert await reader.read() == b"hello"
            heard: list[bytes] = []
            reader, other = await asyncio.open_connection(*server.sockets[0].getsockname())
            other.write(b"again")
            reading = asyncio.ensure_future(reader.read())
            reading.add_done_callback(lambda done: heard.append(done.result()))
            assert await clock.wait_for(lambda: heard == [b"again"])
            writer.close()
            other.close()


def test_a_condition_that_cannot_come_to_hold_is_known_at_once() -> None:
    async def main() -> None:
        with Clock() as clock:
            assert not await clock.wait_for(lambda: False)

    # Without the threads that this process may have, and with more patience than there is time.
    code = (
        "import asyncio\nfrom windsock.testing import Clock, clock\n"
        f"clock.PATIENCE = 3600\n{_source(main)}\nasyncio.run(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


async def test_who_waits_in_the_background_does_not_give_up_while_the_test_moves_the_clock() -> None:
    with Clock() as clock:
        event = asyncio.Event()
        waiting = asyncio.ensure_future(clock.wait_for(event.is_set))
        await clock.advance(10)
        await clock.settle()
        assert not waiting.done()
        event.set()
        assert await waiting


def test_a_test_that_waits_for_ever_is_told() -> None:
    async def main() -> None:
        with Clock():
            await asyncio.sleep(7)

    code = f"import asyncio\nfrom windsock.testing import Clock\n{_source(main)}\nasyncio.run(main())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert "Stalled" in done.stderr
    assert "the next timer is due in 7.000 s" in done.stderr


async def test_time_never_runs_backwards() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(3):
        with Clock() as clock:
            await clock.advance(1000)
            within = clock.time()
        assert loop.time() >= within
    before = loop.time()
    await asyncio.sleep(0.01)  # a fixed wait: the loop's own clock is to measure it
    assert 0.005 < loop.time() - before < 30, "and goes on as it did"


def test_loops_that_cannot_be_controlled() -> None:
    async def main() -> None:
        with pytest.raises(ConfigurationError, match="standard library"), Clock():
            pass

    uvloop.run(main())


async def test_one_clock_for_a_loop() -> None:
    with Clock(), pytest.raises(ConfigurationError, match="a second"), Clock():
        pass


async def test_time_does_not_go_back_on_request() -> None:
    with Clock() as clock, pytest.raises(ValueError, match="at least zero"):
        await clock.advance(-1)


def _source(function: Callable[..., Any]) -> str:
    return textwrap.dedent(inspect.getsource(function))
