"""Listeners to every event, against each kind of server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.client.fixtures import Make
from tests.conformance.process import ServerProcess
from tests.server.site import soon, until


async def test_what_waits_is_told_of_when_it_leaves(server: ServerProcess, make: Make) -> None:
    io, seen = make(server.url)
    outgoing: list[tuple[Any, ...]] = []
    io.on_any_outgoing(lambda *event: outgoing.append(event))
    io.emit("echo", "early")
    assert outgoing == []
    await soon(io.connect())
    assert outgoing == [("echo", "early")]
    await seen.events("welcome", 1)
    assert await seen.event() == ("echo", "early")
    await soon(io.emit_with_ack("echo-ack", 1))
    assert outgoing[1:] == [("echo-ack", 1)]


async def test_they_are_called_in_their_order_until_they_are_taken_away(
    server: ServerProcess, make: Make, transports: tuple[str, ...]
) -> None:
    io, _ = make(server.url, transports=transports)
    heard: list[str] = []
    tell: dict[str, Callable[..., None]] = {name: lambda *_, name=name: heard.append(name) for name in "abcdef"}
    io.off_any()
    await soon(io.connect())
    await soon(io.emit_with_ack("echo-ack"))  # what is said on connecting has come
    io.on_any(tell["b"])
    io.on_any(tell["c"])
    io.prepend_any(tell["a"])
    io.on("echo")(lambda *_: heard.append("handler"))
    io.on_any_outgoing(tell["e"])
    io.on_any_outgoing(tell["f"])
    io.prepend_any_outgoing(tell["d"])
    assert io.listeners_any() == [tell[name] for name in "abc"]
    assert io.listeners_any_outgoing() == [tell[name] for name in "def"]

    async def echo() -> str:
        heard.clear()
        io.emit("echo", 1)
        await until(lambda: "handler" in heard, "the echo has come")
        return " ".join(heard)

    assert await echo() == "d e f a b c handler"
    io.off_any(tell["b"])
    io.off_any_outgoing(tell["e"])
    assert await echo() == "d f a c handler"
    for take_away in (io.off_any, io.off_any_outgoing):
        with pytest.raises(ValueError, match=r"not in list"):
            take_away(tell["b"])
        take_away()
    assert await echo() == "handler"
    assert io.listeners_any() == io.listeners_any_outgoing() == []


async def test_one_that_takes_itself_away_keeps_nobody_from_hearing(server: ServerProcess, make: Make) -> None:
    io, _ = make(server.url)
    heard: list[str] = []

    def once(event: str, *_: Any) -> None:
        heard.append(f"once {event}")
        io.off_any(once)

    io.on_any(once)
    io.on_any(lambda event, *_: heard.append(event))
    await soon(io.connect())
    await soon(io.emit_with_ack("echo-ack"))
    io.emit("echo", 1)
    await until(lambda: "echo" in heard, "the echo has come")
    assert heard == ["once welcome", "welcome", "echo"]


async def test_of_a_namespace(server: ServerProcess, make: Make) -> None:
    io, _ = make(server.url)
    admin = io.of("/admin", auth={"token": "secret"})
    heard: list[tuple[Any, ...]] = []
    admin.on_any(lambda *event: heard.append(event))
    io.off_any()
    await soon(io.connect())
    await soon(admin.connect())
    io.emit("echo", "not here")
    await soon(io.emit_with_ack("echo-ack"))
    assert "echo" not in [event[0] for event in heard]
    assert len(admin.listeners_any()) == 1
