"""Events: in what order they are handled, and what their senders are answered."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, Field

from tests.server.fixtures import Dial, Join, Serve, Way
from tests.server.site import Trouble, soon, until
from windsock import EventError, Server, Socket


class Say(BaseModel):
    room: str
    text: str = Field(max_length=10)


class Said(BaseModel):
    seq: int
    data: bytes = b""


VALUES: dict[str, tuple[Any, list[Any]]] = {
    "nothing": (None, []),
    "zero": (0, [0]),
    "false": (False, [False]),
    "text": ("", [""]),
    "tuple": ((1, "two", None), [1, "two", None]),
    "no tuple": ((), []),
    "list": ([1, 2], [[1, 2]]),
    "dict": ({"ok": True}, [{"ok": True}]),
    "model": (Said(seq=7), [{"seq": 7, "data": b""}]),
    "models": ((Said(seq=7), [Said(seq=8)]), [{"seq": 7, "data": b""}, [{"seq": 8, "data": b""}]]),
    "binary": (b"\x00\xff", [b"\x00\xff"]),
    "no binary": (b"", [b""]),
    "binary inside": ({"a": [b"\x01", {"b": b"\x02"}]}, [{"a": [b"\x01", {"b": b"\x02"}]}]),
    "moment": (datetime(2024, 5, 1, tzinfo=UTC), ["2024-05-01T00:00:00+00:00"]),
}


@pytest.fixture
def io() -> Server:
    """A server whose events answer with the values above."""
    io = Server()

    @io.on("plain")
    def plain(socket: Socket, name: str) -> Any:
        return VALUES[name][0]

    @io.on("later")
    async def later(socket: Socket, name: str) -> Any:
        await asyncio.sleep(0)
        return VALUES[name][0]

    @io.on("at once")
    async def at_once(socket: Socket, name: str) -> Any:
        return VALUES[name][0]

    return io


async def test_what_a_handler_returns_is_the_acknowledgement(host: Serve, way: Way, join: Join, io: Server) -> None:
    client = await join(await host(io, way.lane))
    for name, (_, arguments) in VALUES.items():
        expected = None if not arguments else arguments[0] if len(arguments) == 1 else tuple(arguments)
        for event in ("plain", "later", "at once"):
            assert await client.call(event, name) == expected, (event, name)


async def test_without_an_id_nothing_is_acknowledged(host: Serve, way: Way, dial: Dial, io: Server) -> None:
    peer = await dial(await host(io, way.lane))
    await peer.connect()
    await peer.emit("plain", "dict")
    await peer.emit("later", "dict")
    await peer.emit("unknown")
    await peer.emit("plain")
    await peer.fence()


async def test_acknowledgements_on_the_wire(host: Serve, way: Way, dial: Dial, io: Server) -> None:
    peer = await dial(await host(io, way.lane))
    await peer.connect()
    await peer.emit("plain", "nothing", id=0)
    assert await peer.packet() == "30[]"
    await peer.emit("plain", "tuple", id=999_999_999_999_999)
    assert await peer.packet() == '3999999999999999[1,"two",null]'
    await peer.emit("plain", "binary", id=7)
    assert await peer.packet() == '61-7[{"_placeholder":true,"num":0}]'
    assert await peer.receive() == b"\x00\xff"


async def test_binary_arguments_come_as_bytes(host: Serve, way: Way, join: Join) -> None:
    io = Server()

    @io.on("echo")
    def echo(socket: Socket, *arguments: Any) -> Any:
        return arguments

    client = await join(await host(io, way.lane))
    sent = (b"\x00\xff", {"a": [b"", "text"]}, 1, "é\u2028\U0001f600")
    assert await client.call("echo", *sent) == sent


# -- order --


async def test_handlers_start_in_the_order_of_their_events(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()
    started: list[int] = []

    @io.on("plain")
    def plain(socket: Socket, number: int) -> None:
        started.append(number)

    @io.on("waits")
    async def waits(socket: Socket, number: int) -> None:
        started.append(number)
        await asyncio.sleep(0.001 * (number % 3))

    @io.on("binary")
    async def binary(socket: Socket, data: bytes, number: int) -> None:
        started.append(number)

    peer = await dial(await host(io, way.lane))
    await peer.connect()
    packets: list[str | bytes] = []
    for number in range(90):
        match number % 3:
            case 0:
                packets.append(f'42["plain",{number}]')
            case 1:
                packets.append(f'42["waits",{number}]')
            case 2:
                packets += [f'451-["binary",{{"_placeholder":true,"num":0}},{number}]', b"data"]
    await peer.send(*packets)
    await until(lambda: len(started) == 90, "every event is handled")
    assert started == list(range(90))


async def test_a_slow_answer_holds_up_no_other(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()
    go_on = asyncio.Event()

    @io.on("slow")
    async def slow(socket: Socket) -> str:
        await go_on.wait()
        return "at last"

    @io.on("quick")
    async def quick(socket: Socket) -> str:
        return "at once"

    peer = await dial(await host(io, way.lane))
    await peer.connect()
    await peer.emit("slow", id=1)
    await peer.emit("quick", id=2)
    assert await peer.acknowledgement(2) == ["at once"]
    go_on.set()
    assert await peer.acknowledgement(1) == ["at last"]


async def test_what_a_handler_emits_goes_before_its_answer(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()

    @io.on("tell")
    async def tell(socket: Socket) -> str:
        socket.emit("one")
        io.emit("two")
        await asyncio.sleep(0)
        socket.emit("three")
        return "done"

    peer = await dial(await host(io, way.lane))
    await peer.connect()
    await peer.emit("tell", id=1)
    for name in ("one", "two", "three"):
        assert await peer.event(name) == []
    assert await peer.acknowledgement(1) == ["done"]


# -- errors --


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_an_event_error_is_a_structured_answer(host: Serve, way: Way, join: Join, asynchronous: bool) -> None:
    io = Server()

    def limit(socket: Socket, data: Any) -> None:
        raise EventError("rate_limited", "slow down", data=data)

    async def limit_later(socket: Socket, data: Any) -> None:
        await asyncio.sleep(0)
        limit(socket, data)

    io.on("limit")(limit_later if asynchronous else limit)
    client = await join(await host(io, way.lane))
    error = {"code": "rate_limited", "message": "slow down"}
    assert await client.call("limit", {"retry_after": 3}) == {"error": {**error, "retry_after": 3}}
    assert await client.call("limit", None) == {"error": error}
    assert await client.call("limit", {"code": "forged", "message": "forged"}) == {"error": error}


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_a_handler_that_fails_costs_nobody_the_connection(
    host: Serve, way: Way, join: Join, trouble: Trouble, asynchronous: bool
) -> None:
    io = Server()

    def fail(socket: Socket) -> None:
        raise RuntimeError("the password of the database is wrong")

    async def fail_later(socket: Socket) -> None:
        await asyncio.sleep(0)
        fail(socket)

    io.on("fail")(fail_later if asynchronous else fail)
    client = await join(await host(io, way.lane))
    answer = await client.call("fail")
    assert answer["error"]["code"] == "internal_error"
    assert "password" not in str(answer)
    await client.emit("fail")
    await client.fence()
    trouble.expect("the handler of 'fail' in / failed", "the handler of 'fail' in / failed")


async def test_an_unknown_event_is_answered(host: Serve, way: Way, join: Join) -> None:
    client = await join(await host(Server(), way.lane))
    for name in ("nothing", "__class__", "on", ""):
        answer = await client.call(name)
        assert answer["error"]["code"] == "unknown_event"
        assert repr(name) in answer["error"]["message"]


async def test_an_event_whose_name_is_a_number(host: Serve, way: Way, dial: Dial) -> None:
    """Its name is the text that the number is in JavaScript, for a handler and for whoever sees every event."""
    io = Server()
    seen: list[str] = []

    @io.on("5.5")
    def handle(socket: Socket, value: int) -> int:
        return value

    io.on_any(lambda socket, event, *arguments: seen.append(event))
    peer = await dial(await host(io, way.lane))
    await peer.connect()
    await peer.send("421[5.5,7]")
    assert await peer.acknowledgement(1) == [7]
    await peer.send("422[5]")
    (answer,) = await peer.acknowledgement(2)
    assert answer["error"]["code"] == "unknown_event"
    assert seen == ["5.5", "5"]


async def test_payloads_are_validated(host: Serve, way: Way, join: Join) -> None:
    io = Server()
    said: list[Say] = []

    @io.on("say")
    async def say(socket: Socket, message: Say, loudness: int = 1) -> dict[str, Any]:
        said.append(message)
        return {"loudness": loudness}

    client = await join(await host(io, way.lane))
    good = {"room": "a", "text": "hello"}
    assert await client.call("say", good) == {"loudness": 1}
    assert await client.call("say", good, 3) == {"loudness": 3}
    assert said == [Say(room="a", text="hello")] * 2

    async def refusal(*arguments: Any) -> Any:
        error = (await client.call("say", *arguments))["error"]
        assert error["code"] == "invalid_payload"
        return error

    assert (await refusal())["message"] == "expected 1 to 2 arguments, got 0"
    assert (await refusal(good, 1, 2))["message"] == "expected 1 to 2 arguments, got 3"
    error = await refusal({"room": 5, "text": "x" * 11})
    assert {tuple(detail["loc"]) for detail in error["details"]} == {(0, "room"), (0, "text")}
    assert (await refusal(good, "loud"))["details"][0]["loc"] == [1]
    assert (await refusal(b"\x00"))["details"]
    await client.emit("say", {"room": 5})
    await client.fence()
    assert len(said) == 2


async def test_an_answer_that_cannot_be_sent(host: Serve, way: Way, join: Join, trouble: Trouble) -> None:
    io = Server()

    @io.on("plain")
    def plain(socket: Socket) -> Any:
        return [b"lifted", object()]

    @io.on("later")
    async def later(socket: Socket) -> Any:
        await asyncio.sleep(0)
        return "\ud800"

    @io.on("error")
    def error(socket: Socket) -> Any:
        raise EventError("odd", data={"odd": {1, 2}})

    client = await join(await host(io, way.lane))
    for event in ("plain", "later", "error"):
        assert (await client.call(event))["error"]["code"] == "internal_error"
    trouble.expect(*["an acknowledgement in / cannot be sent"] * 3)


async def test_text_that_is_not_unicode_refuses_the_event_only(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()
    io.on("say")(lambda socket, text: text)
    peer = await dial(await host(io, way.lane))
    await peer.connect()
    await peer.send('421["say","\\ud800"]', '42["say","\\udc00"]', '422["say","\\ud83d\\ude00"]')
    (answer,) = await peer.acknowledgement(1)
    assert answer["error"]["code"] == "invalid_payload"
    assert await peer.acknowledgement(2) == ["\U0001f600"]


async def test_a_handler_goes_on_when_its_client_has_left(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()
    entered, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @io.on("work")
    async def work(socket: Socket) -> str:
        entered.set()
        await go_on.wait()
        socket.emit("nobody")
        done.set()
        return "nobody"

    peer = await dial(await host(io, way.lane))
    await peer.connect()
    await peer.emit("work", id=1)
    await soon(entered.wait())
    await peer.close()
    await until(lambda: not io.engine.sessions, "the client is gone")
    go_on.set()
    await soon(done.wait())


async def test_a_handler_that_returns_an_awaitable_is_awaited(host: Serve, way: Way, join: Join) -> None:
    """As decorators make them that wrap an ``async`` function in a plain one."""
    io = Server()

    async def answer(number: int) -> int:
        await asyncio.sleep(0)
        return number

    io.on("wrapped")(lambda socket, number: answer(number))
    client = await join(await host(io, way.lane))
    assert await client.call("wrapped", 5) == 5
