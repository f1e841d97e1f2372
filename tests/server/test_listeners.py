"""Catch-alls: who hears which event, and when."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from tests.server.fixtures import Dial, Join, Serve, Way
from tests.server.site import Lane, Trouble, soon, until
from windsock import ConnectionRefused, Server, Socket

Heard = list[tuple[Any, ...]]


def make_server() -> Server:
    io = Server()

    @io.on("echo")
    async def echo(socket: Socket, *arguments: Any) -> Any:
        socket.emit("echo", *arguments)
        return arguments

    @io.on("join")
    def join(socket: Socket, room: str) -> None:
        socket.join(room)

    return io


async def test_every_event_that_comes_is_heard_before_it_is_handled(host: Serve, way: Way, join: Join) -> None:
    io = make_server()
    order: Heard = []
    io.on_any(lambda socket, *data: order.append(("first", socket.id, *data)))

    @io.on_any
    async def second(socket: Socket, event: str, *arguments: Any) -> None:
        order.append(("second", socket.id, event, *arguments))

    @io.on("say")
    def say(socket: Socket, number: int) -> int:
        order.append(("handled", socket.id, number))
        return number + 1

    client = await join(await host(io, way.lane))
    id = client.id()
    assert await client.call("say", 1) == 2
    heard = [("first", id, "say", 1), ("second", id, "say", 1), ("handled", id, 1)]
    assert sorted(order) == sorted(heard)
    assert order[0] == heard[0]
    order.clear()
    # What has no handler, and what a handler does not take, is heard as it came, and answered as ever.
    assert (await client.call("nothing", b"\xff"))["error"]["code"] == "unknown_event"
    assert (await client.call("say", "x", "y"))["error"]["code"] == "invalid_payload"
    assert [data for data in order if data[0] == "first"] == [
        ("first", id, "nothing", b"\xff"),
        ("first", id, "say", "x", "y"),
    ]


async def test_connecting_and_leaving_are_no_events(host: Serve, dial: Dial) -> None:
    io = make_server()
    heard: Heard = []
    left: asyncio.Queue[str] = asyncio.Queue()
    io.on_any(lambda socket, *data: heard.append(data))
    io.on_any_outgoing(lambda socket, *data: heard.append(data))
    io.on("connect")(lambda socket, auth: None)
    io.on("disconnecting")(lambda socket, reason: None)
    io.on("disconnect")(lambda socket, reason: left.put_nowait(reason))
    peer = await dial(await host(io), "websocket")
    await peer.connect()
    await peer.send("41")
    assert await soon(left.get()) == "client namespace disconnect"
    assert heard == []


async def test_one_socket_is_heard_and_no_other(host: Serve, way: Way, join: Join) -> None:
    io = make_server()
    incoming: Heard = []
    outgoing: Heard = []

    @io.on("listen")
    def listen(socket: Socket) -> None:
        socket.on_any(lambda *data: incoming.append(data))
        socket.on_any_outgoing(lambda *data: outgoing.append(data))

    site = await host(io, way.lane)
    heard, other = await join(site), await join(site)
    await heard.call("listen")
    for client in (heard, other):
        await client.call("join", "room")
        assert await client.call("echo", "é", b"\x00") == ("é", b"\x00")
        await client.event("echo")
    io.to("room").emit("news", {"n": 1})
    io.to(other.id()).emit("news", "other")
    io.except_(heard.id()).emit("news", "others")
    io.local.to(heard.id()).emit("news", b"mine")
    for _ in range(2):
        await heard.event("news")
    assert incoming == [("join", "room"), ("echo", "é", b"\x00")]
    assert outgoing == [("echo", "é", b"\x00"), ("news", {"n": 1}), ("news", b"mine")]


async def test_every_socket_is_heard_whenever_it_connected(host: Serve, way: Way, join: Join) -> None:
    io = make_server()
    outgoing: Heard = []
    io.on("connect")(lambda socket: socket.emit("welcome", socket.id))
    site = await host(io, way.lane)
    before = await join(site)
    assert await before.event("welcome") == [before.id()]
    io.on_any_outgoing(lambda socket, *data: outgoing.append((socket.id, *data)))
    after = await join(site)
    assert await after.event("welcome") == [after.id()]
    assert outgoing == [(after.id(), "welcome", after.id())]
    outgoing.clear()
    io.emit("news", 1)
    for client in (before, after):
        assert await client.event("news") == [1]
    assert sorted(outgoing) == sorted([(before.id(), "news", 1), (after.id(), "news", 1)])


async def test_a_socket_of_a_room_is_listened_to_after_the_first_broadcast(host: Serve, lane: Lane, join: Join) -> None:
    io = make_server()
    outgoing: Heard = []
    site = await host(io, lane)
    clients = [await join(site, transports=["websocket"]) for _ in range(3)]
    for client in clients:
        await client.call("join", "room")
    io.to("room").emit("news", 1)
    for client in clients:
        assert await client.event("news") == [1]
    io.of("/").sockets[clients[0].id()].on_any_outgoing(lambda *data: outgoing.append(data))
    for number in (2, 3):
        io.to("room").emit("news", number)
    for number in (2, 3):
        for client in clients:
            assert await client.event("news") == [number]
    assert outgoing == [("news", 2), ("news", 3)]


async def test_what_a_refused_client_never_got_is_not_heard(host: Serve, dial: Dial) -> None:
    io = make_server()
    outgoing: Heard = []
    io.on_any_outgoing(lambda socket, *data: outgoing.append(data))

    @io.on("connect")
    def connect(socket: Socket, auth: Any) -> None:
        socket.emit("welcome")
        if auth:
            raise ConnectionRefused("no")

    peer = await dial(await host(io), "websocket")
    await peer.refused("/", auth={"a": 1})
    assert outgoing == []
    await peer.connect()
    await peer.event("welcome")
    assert outgoing == [("welcome",)]


async def test_questions_are_events_and_answers_are_not(host: Serve, way: Way, join: Join) -> None:
    io = make_server()
    incoming: Heard = []
    outgoing: Heard = []
    io.on_any(lambda socket, *data: incoming.append(data))
    io.on_any_outgoing(lambda socket, *data: outgoing.append(data))
    client = await join(await host(io, way.lane), answers={"question": lambda number: number * 2})
    (socket,) = io.of("/").sockets.values()
    assert await soon(socket.emit_with_ack("question", 2)) == 4
    assert await soon(io.timeout(5).emit_with_ack("question", 3)) == [6]
    assert await client.call("echo") is None
    assert outgoing == [("question", 2), ("question", 3), ("echo",)]
    assert incoming == [("echo",)]


async def test_a_volatile_event_that_is_dropped_is_not_heard(host: Serve, dial: Dial) -> None:
    io = make_server()
    outgoing: Heard = []
    io.on_any_outgoing(lambda socket, *data: outgoing.append(data))
    peer = await dial(await host(io), "polling")
    await peer.connect()
    # No request of the client waits, so nothing can leave.
    io.volatile.emit("perhaps", 1)
    (socket,) = io.of("/").sockets.values()
    socket.volatile.emit("perhaps", 2)
    io.emit("surely")
    assert await peer.event("surely") == []
    assert outgoing == [("surely",)]


async def test_listeners_are_taken_away(host: Serve, join: Join) -> None:
    io = make_server()
    heard: list[str] = []
    steps: dict[str, Any] = {name: (lambda *data, name=name: heard.append(name)) for name in "abcd"}
    client = await join(await host(io), transports=["websocket"])
    (socket,) = io.of("/").sockets.values()
    socket.on_any(steps["b"])
    socket.prepend_any(steps["a"])
    socket.on_any_outgoing(steps["d"])
    socket.prepend_any_outgoing(steps["c"])
    assert socket.listeners_any() == [steps["a"], steps["b"]]
    assert socket.listeners_any_outgoing() == [steps["c"], steps["d"]]
    await client.call("echo")
    assert "".join(heard) == "abcd"
    heard.clear()
    socket.off_any(steps["a"])
    socket.off_any_outgoing(steps["d"])
    await client.call("echo")
    assert "".join(heard) == "bc"
    heard.clear()
    socket.off_any()
    socket.off_any_outgoing()
    for speaker in (io, io.of("/")):
        speaker.on_any(steps["a"])
        speaker.on_any_outgoing(steps["b"])
        speaker.off_any(steps["a"])
        speaker.off_any_outgoing()
        speaker.off_any()
        speaker.on_any(steps["b"])
        speaker.prepend_any(steps["a"])
        assert speaker.listeners_any() == [steps["a"], steps["b"]]
        speaker.on_any_outgoing(steps["d"])
        speaker.prepend_any_outgoing(steps["c"])
        assert speaker.listeners_any_outgoing() == [steps["c"], steps["d"]]
        speaker.off_any()
        speaker.off_any_outgoing()
        with pytest.raises(ValueError, match="not in list"):
            speaker.off_any(steps["a"])
        with pytest.raises(ValueError, match="not in list"):
            speaker.off_any_outgoing(steps["a"])
    await client.call("echo")
    assert heard == []
    for off in (socket.off_any, socket.off_any_outgoing, io.of("/new").off_any):
        with pytest.raises(ValueError, match="not in list"):
            off(steps["a"])


async def test_listeners_that_fail_are_logged_and_stop_nothing(
    host: Serve, way: Way, join: Join, trouble: Trouble
) -> None:
    io = make_server()
    heard: Heard = []

    async def fail_later(*_: Any) -> None:
        await asyncio.sleep(0)
        raise RuntimeError("later")

    def fail(*_: Any) -> None:
        raise RuntimeError("at once")

    for listen in (io.on_any, io.on_any_outgoing):
        listen(fail)
        listen(fail_later)
        listen(lambda socket, *data: heard.append(data))
    client = await join(await host(io, way.lane))
    assert await client.call("echo", 1) == 1
    await client.event("echo")
    assert heard == [("echo", 1), ("echo", 1)]
    await client.fence()
    trouble.expect(*["a catch-all of / failed"] * 3)  # two of the echo, one of the fence
    trouble.expect(*["the catch-all handler of / failed"] * 3)


async def test_the_namespaces_of_a_rule_are_heard_together(host: Serve, way: Way, join: Join) -> None:
    io = Server()
    rule = io.of(re.compile(r"^/org-\d$"))
    rule.on("echo")(lambda socket, value: socket.emit("echo", value))
    heard: Heard = []
    site = await host(io, way.lane)
    client = await join(site, namespaces=("/org-1",))
    rule.on_any(lambda socket, *data: heard.append((socket.namespace.name, "in", *data)))
    rule.on_any_outgoing(lambda socket, *data: heard.append((socket.namespace.name, "out", *data)))
    # One that the application spoke to first is one of them, too.
    io.of("/org-3").emit("nobody")
    late = await join(site, namespaces=("/org-2", "/org-3"))
    for each, name in ((client, "/org-1"), (late, "/org-2"), (late, "/org-3")):
        await each.emit("echo", name, namespace=name)
        assert await each.event("echo", name) == [name]
    assert heard == [(name, way, "echo", name) for name in ("/org-1", "/org-2", "/org-3") for way in ("in", "out")]
    rule.off_any()
    rule.off_any_outgoing()
    await client.emit("echo", 1, namespace="/org-1")
    await client.event("echo", "/org-1")
    assert len(heard) == 6


async def test_a_namespace_with_nothing_but_a_listener_lets_clients_in(host: Serve, join: Join) -> None:
    io = Server()
    heard: Heard = []
    io.of("/watched").on_any(lambda socket, *data: heard.append(data))
    io.of("/quiet").on_any_outgoing(lambda socket, *data: heard.append(data))
    client = await join(await host(io), transports=["websocket"], namespaces=("/watched", "/quiet"))
    await client.emit("hello", 1, namespace="/watched")
    await until(lambda: heard == [("hello", 1)], "the event is heard")


async def test_a_listener_hears_what_it_emits_after_what_it_heard(host: Serve, way: Way, join: Join) -> None:
    io = make_server()
    outgoing: Heard = []

    @io.on_any_outgoing
    def echo(socket: Socket, event: str, *arguments: Any) -> None:
        outgoing.append((event, *arguments))
        if event == "news":
            socket.emit("more", *arguments)

    client = await join(await host(io, way.lane))
    io.emit("news", 1)
    assert await client.event("news") == [1]
    assert await client.event("more") == [1]
    assert outgoing == [("news", 1), ("more", 1)]
