"""Middlewares around events: what they refuse, change and see, and in which order handlers start."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from tests.server.fixtures import Dial, Join, Serve, Way
from tests.server.site import Trouble, soon
from windsock import Depends, EventError, Server, Socket


class Said(BaseModel):
    text: str


def shout(socket: Socket) -> str:
    return "!"


async def test_a_middleware_refuses_changes_and_sees_the_result(host: Serve, way: Way, join: Join) -> None:
    io = Server()
    seen: list[Any] = []

    @io.use_event
    async def guard(socket: Socket, event: str, arguments: tuple[Any, ...], handle: Callable[..., Any]) -> Any:
        if event == "secret":
            raise EventError("forbidden", "not for you", {"event": event})
        result = await handle(*arguments)
        seen.append((socket.id, event, arguments, result))
        return result

    @io.use_event
    def trim(socket: Socket, event: str, arguments: tuple[Any, ...], handle: Callable[..., Any]) -> Any:
        if event == "cached":
            return "from the cache"
        return handle(*({"text": each["text"].strip()} for each in arguments))

    @io.on("say")
    async def say(socket: Socket, said: Said, *, mark: Annotated[str, Depends(shout)]) -> str:
        return said.text + mark

    @io.on("pair")
    def pair(socket: Socket, said: Said) -> tuple[str, int]:
        return said.text, len(said.text)

    @io.on("secret")
    def secret(socket: Socket) -> None:
        raise AssertionError("it was refused")

    client = await join(await host(io, way.lane))
    id = client.id()
    assert await client.call("say", {"text": " ahoy "}) == "ahoy!"
    assert await client.call("pair", {"text": " ahoy "}) == ("ahoy", 4)
    assert await client.call("secret") == {"error": {"code": "forbidden", "message": "not for you", "event": "secret"}}
    assert await client.call("cached") == "from the cache"
    assert (await client.call("say"))["error"]["code"] == "invalid_payload"
    assert (await client.call("nothing"))["error"]["code"] == "unknown_event"
    assert seen == [
        (id, "say", ({"text": " ahoy "},), "ahoy!"),
        (id, "pair", ({"text": " ahoy "},), ("ahoy", 4)),
        (id, "cached", (), "from the cache"),
    ]


async def test_handlers_start_in_the_order_of_their_events(host: Serve, way: Way, join: Join) -> None:
    io = Server()
    gates = [asyncio.Event() for _ in range(4)]
    waiting: asyncio.Queue[int] = asyncio.Queue()
    started: list[int] = []

    @io.use_event
    async def look_up(socket: Socket, event: str, arguments: tuple[int], handle: Callable[..., Any]) -> Any:
        waiting.put_nowait(arguments[0])
        await gates[arguments[0]].wait()
        if arguments[0] == 2:
            raise EventError("refused", "two is refused")
        return await handle(*arguments)

    @io.on("work")
    async def work(socket: Socket, number: int) -> int:
        started.append(number)
        if number == 0:
            await gates[3].wait()  # a handler that takes its time holds nobody up
        return number

    client = await join(await host(io, way.lane))
    calls = [asyncio.ensure_future(client.call("work", number)) for number in range(4)]
    assert await soon(waiting.get()) == 0
    for gate in gates[1:3]:
        gate.set()
    await client_is_read(io, started, [])
    gates[0].set()
    assert [await soon(waiting.get()) for _ in range(3)] == [1, 2, 3]
    assert started == [0, 1]
    gates[3].set()
    answers = await soon(asyncio.gather(*calls))
    assert [answer if isinstance(answer, int) else answer["error"]["code"] for answer in answers] == [
        0,
        1,
        "refused",
        3,
    ]
    assert started == [0, 1, 3]


async def client_is_read(io: Server, started: list[int], expected: list[int]) -> None:
    """Other events wait for the first one's turn, although their own gates are open."""
    for _ in range(20):
        await asyncio.sleep(0)
    assert started == expected


async def test_one_socket_s_wait_is_not_another_s(host: Serve, way: Way, join: Join) -> None:
    io = Server()
    gate = asyncio.Event()

    @io.use_event
    async def look_up(socket: Socket, event: str, arguments: tuple[Any, ...], handle: Callable[..., Any]) -> Any:
        if event == "slow":
            await gate.wait()
        return await handle()

    io.on("slow")(lambda socket: "slow")
    io.on("fast")(lambda socket: "fast")
    site = await host(io, way.lane)
    one, other = await join(site), await join(site)
    call = asyncio.ensure_future(one.call("slow"))
    assert await other.call("fast") == "fast"
    gate.set()
    assert await soon(call) == "slow"


async def test_a_client_that_left_meanwhile_starts_no_handler(host: Serve, dial: Dial) -> None:
    io = Server()
    gate = asyncio.Event()
    entered: asyncio.Queue[str] = asyncio.Queue()
    ended: asyncio.Queue[str] = asyncio.Queue()
    handled: list[str] = []

    @io.use_event
    async def look_up(socket: Socket, event: str, arguments: tuple[Any, ...], handle: Callable[..., Any]) -> Any:
        entered.put_nowait(event)
        await gate.wait()
        try:
            return await handle()
        finally:
            ended.put_nowait(event)

    io.on("work")(lambda socket: handled.append("work"))
    io.on("disconnect")(lambda socket, reason: gate.set())
    peer = await dial(await host(io), "websocket")
    await peer.connect()
    await peer.send('42["work"]')
    assert await soon(entered.get()) == "work"
    await peer.send("41")
    assert await soon(ended.get()) == "work"
    assert handled == []


async def test_a_socket_s_own_come_after_its_namespace_s(host: Serve, join: Join) -> None:
    io = Server()
    order: list[str] = []

    def noting(name: str) -> Callable[..., Any]:
        async def middleware(socket: Socket, event: str, arguments: tuple[Any, ...], handle: Callable[..., Any]) -> Any:
            order.append(name)
            result = await handle(*arguments)
            order.append(f"{name} after")
            return result

        return middleware

    @io.on("connect")
    def connect(socket: Socket) -> None:
        socket.use_event(noting("own"))

    io.on("work")(lambda socket: order.append("handler"))
    io.use_event(noting("first"))
    io.of("/").use_event(noting("second"))
    io.on_any(lambda socket, event: order.append("any"))
    client = await join(await host(io), transports=["websocket"])
    await client.call("work")
    assert order == ["any", "first", "second", "own", "handler", "own after", "second after", "first after"]


async def test_the_namespaces_of_a_rule_share_them(host: Serve, join: Join) -> None:
    io = Server()
    rule = io.of(re.compile(r"^/org-\d$"))

    @rule.use_event
    async def prefix(socket: Socket, event: str, arguments: tuple[Any, ...], handle: Callable[..., Any]) -> Any:
        return f"{socket.namespace.name} {await handle(*arguments)}"

    rule.on("echo")(lambda socket, value: value)
    client = await join(await host(io), transports=["websocket"], namespaces=("/org-1", "/org-2"))
    for name in ("/org-1", "/org-2"):
        assert await client.call("echo", 1, namespace=name) == f"{name} 1"


@pytest.mark.parametrize("late", [False, True])
async def test_a_middleware_that_fails_is_logged_and_answered(
    host: Serve, way: Way, join: Join, trouble: Trouble, late: bool
) -> None:
    io = Server()

    @io.use_event
    def fail(socket: Socket, event: str, arguments: tuple[Any, ...], handle: Callable[..., Any]) -> Any:
        async def later() -> None:
            await asyncio.sleep(0)
            raise RuntimeError("later")

        if late:
            return later()
        raise RuntimeError("at once")

    io.on("work")(lambda socket: None)
    client = await join(await host(io, way.lane))
    for _ in range(2):  # and the next event has its turn
        assert (await client.call("work"))["error"]["code"] == "internal_error"
    trouble.expect(*["the handler of 'work' in / failed"] * 2)
