"""What a handler does with one socket."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.server.fixtures import Dial, Join, Serve, Way
from tests.server.peer import PollingPeer
from tests.server.site import WITHIN, soon, until
from windsock import AckTimeout, EncodeError, NotConnected, Server, Socket


class Capture:
    """A server that hands its sockets to the test."""

    def __init__(self, **options: Any) -> None:
        self.io = Server(**options)
        self.sockets: dict[str, Socket] = {}
        self.io.on("connect")(self._capture)

    @property
    def last(self) -> Socket:
        return list(self.sockets.values())[-1]

    def _capture(self, socket: Socket) -> None:
        self.sockets[socket.id] = socket


# -- rooms --


async def test_rooms(host: Serve, way: Way, join: Join) -> None:
    capture = Capture()
    client = await join(await host(capture.io, way.lane))
    socket = capture.last
    assert socket.id == client.id()
    assert socket.connected
    assert socket.rooms == {socket.id}
    socket.join("a")
    socket.join("b", ["c", "d"], "a")
    socket.join()
    assert socket.rooms == {socket.id, "a", "b", "c", "d"}
    socket.leave("a", ["b"], "never joined")
    socket.leave(socket.id)
    assert socket.rooms == {socket.id, "c", "d"}
    assert [one.id for one in await capture.io.in_("c").fetch_sockets()] == [socket.id]


async def test_a_socket_that_has_left_is_in_no_room(host: Serve, way: Way, dial: Dial) -> None:
    capture = Capture()
    peer = await dial(await host(capture.io, way.lane))
    await peer.connect()
    socket = capture.last
    socket.join("a")
    await peer.close()
    await until(lambda: not socket.connected, "the socket has left")
    assert socket.rooms == frozenset()
    socket.join("b")  # as a slow handler does that has not noticed
    assert socket.rooms == frozenset()
    assert await capture.io.in_("a").fetch_sockets() == []
    assert await capture.io.in_("b").fetch_sockets() == [], "a ghost is left in the room"
    socket.leave("a")
    socket.emit("nobody")
    socket.disconnect()
    socket.disconnect(close=True)


# -- what it knows --


async def test_the_handshake(host: Serve, way: Way, join: Join) -> None:
    capture = Capture(cors_allowed_origins="*")
    site = await host(capture.io, way.lane)
    before = time.time()
    client = await join(site)
    await client.close()
    handshake = capture.last.handshake
    assert handshake.auth == {}
    assert handshake.headers["host"] == f"127.0.0.1:{site.port}"
    assert handshake.query["EIO"] == "4"
    assert handshake.query["transport"] == way.transports[0]
    assert handshake.url.startswith("/socket.io/?")
    assert handshake.address == "127.0.0.1"
    assert not handshake.secure
    assert not handshake.xdomain
    assert before <= handshake.time <= time.time()
    await join(site, headers={"X-Colour": "Red", "Origin": "https://elsewhere.example"})
    assert capture.last.handshake.headers["x-colour"] == "Red"
    assert capture.last.handshake.xdomain


async def test_data_belongs_to_the_socket(host: Serve, way: Way, join: Join) -> None:
    capture = Capture()
    site = await host(capture.io, way.lane)
    first, second = await join(site), await join(site)
    capture.sockets[first.id()].data.name = "ada"
    assert capture.sockets[first.id()].data.name == "ada"
    with pytest.raises(AttributeError):
        _ = capture.sockets[second.id()].data.name
    by_id = {socket.id: socket for socket in await capture.io.fetch_sockets()}
    assert by_id[first.id()].data.name == "ada"


# -- emitting --


async def test_emit(host: Serve, way: Way, join: Join) -> None:
    capture = Capture()
    site = await host(capture.io, way.lane)
    client, other = await join(site), await join(site)
    socket = capture.sockets[client.id()]
    socket.emit("none")
    socket.emit("several", 1, "two", None, [b"three"], {"four": b""})
    assert await client.event("none") == []
    assert await client.event("several") == [1, "two", None, [b"three"], {"four": b""}]
    await other.fence()


@pytest.mark.parametrize("name", ["connect", "disconnect", "disconnecting", "connect_error", "newListener"])
async def test_reserved_names_are_not_emitted(host: Serve, way: Way, join: Join, name: str) -> None:
    capture = Capture()
    client = await join(await host(capture.io, way.lane))
    for emit in (capture.last.emit, capture.last.volatile.emit, capture.io.emit, capture.io.to("a").emit):
        with pytest.raises(ValueError, match="reserved"):
            emit(name)
    for emit_with_ack in (capture.last.emit_with_ack, capture.io.emit_with_ack):
        with pytest.raises(ValueError, match="reserved"):
            await emit_with_ack(name)
    await client.fence()


async def test_what_cannot_be_encoded_is_not_emitted(host: Serve, way: Way, join: Join) -> None:
    capture = Capture()
    client = await join(await host(capture.io, way.lane))
    for emit in (capture.last.emit, capture.last.volatile.emit, capture.io.emit):
        with pytest.raises(EncodeError):
            emit("e", [b"data", object()])
    with pytest.raises(EncodeError):
        await capture.last.emit_with_ack("e", object())
    with pytest.raises(EncodeError):
        await capture.io.emit_with_ack("e", object())
    await client.fence()


async def test_volatile_events_reach_a_client_that_is_ready(host: Serve, way: Way, dial: Dial) -> None:
    capture = Capture()
    peer = await dial(await host(capture.io, way.lane))
    await peer.connect()
    waiting = asyncio.ensure_future(peer.packet())
    async with asyncio.timeout(WITHIN):
        while not waiting.done():  # a polling client is ready while its GET waits
            capture.last.volatile.emit("now", 1)
            await asyncio.sleep(0.001)
    assert waiting.result() == '2["now",1]'


async def test_volatile_events_do_not_wait_for_a_polling_client(host: Serve, dial: Dial) -> None:
    capture = Capture()
    peer = await dial(await host(capture.io), "polling")
    await peer.connect()
    capture.last.volatile.emit("lost")
    capture.last.broadcast.volatile.emit("lost")
    capture.io.volatile.emit("lost")
    capture.last.emit("kept")
    assert await peer.event("kept") == []
    await peer.fence()


# -- acknowledgements --


async def test_emit_with_ack(host: Serve, way: Way, join: Join) -> None:
    capture = Capture()
    answers: dict[str, Callable[..., Any]] = {
        "none": lambda: None,
        "one": lambda: [1],
        "several": lambda: (1, b"\x02"),
        "echo": lambda value: value,
    }
    await join(await host(capture.io, way.lane), answers=answers)
    socket = capture.last
    assert await soon(socket.emit_with_ack("none")) is None
    assert await soon(socket.emit_with_ack("one")) == [1]
    assert await soon(socket.timeout(5).emit_with_ack("several")) == [1, b"\x02"]
    assert await soon(socket.emit_with_ack("echo", {"a": b"\x00"})) == {"a": b"\x00"}
    many = [socket.timeout(5).compress(False).emit_with_ack("echo", number) for number in range(10)]
    assert await soon(asyncio.gather(*many)) == list(range(10))


async def test_an_acknowledgement_that_does_not_come(host: Serve, way: Way, dial: Dial) -> None:
    capture = Capture()
    peer = await dial(await host(capture.io, way.lane))
    await peer.connect()
    with pytest.raises(AckTimeout) as caught:
        await soon(capture.last.timeout(0.05).emit_with_ack("question"))
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.answers == []
    packet = await peer.packet()
    late = packet[1 : packet.index("[")]
    await peer.send(f'43{late}["late"]', '43999["never asked"]', f"43{late}[]", "43[1]")
    await peer.fence()
    asking = asyncio.ensure_future(capture.last.emit_with_ack("again"))
    packet = await peer.packet()
    id = packet[1 : packet.index("[")]
    assert id != late, "a late answer must not be taken for another"
    await peer.send(f'43{id}["first"]', f'43{id}["second"]')
    assert await soon(asking) == "first"
    await peer.fence()


async def test_acknowledgements_come_in_any_order(host: Serve, way: Way, dial: Dial) -> None:
    capture = Capture()
    peer = await dial(await host(capture.io, way.lane))
    await peer.connect()
    asking = [asyncio.ensure_future(capture.last.emit_with_ack("question", number)) for number in range(3)]
    questions = {}
    for number in range(3):
        packet = await peer.packet()
        bracket = packet.index("[")
        assert json.loads(packet[bracket:]) == ["question", number]
        questions[number] = packet[1:bracket]
    for number in (2, 0, 1):
        await peer.send(f"43{questions[number]}[{number}]")
    assert await soon(asyncio.gather(*asking)) == [0, 1, 2]


async def test_the_client_leaves_without_an_answer(host: Serve, way: Way, dial: Dial) -> None:
    capture = Capture()
    peer = await dial(await host(capture.io, way.lane))
    await peer.connect()
    asking = [
        asyncio.ensure_future(capture.last.emit_with_ack("question")),
        asyncio.ensure_future(capture.last.timeout(30).emit_with_ack("question")),
    ]
    await peer.packet()
    await peer.packet()
    await peer.close()
    for one in asking:
        with pytest.raises(NotConnected):
            await soon(one)


async def test_who_has_left_is_not_waited_for(host: Serve, way: Way, dial: Dial) -> None:
    capture = Capture()
    peer = await dial(await host(capture.io, way.lane))
    await peer.connect()
    socket = capture.last
    await peer.close()
    await until(lambda: not socket.connected, "the socket has left")
    with pytest.raises(NotConnected):
        await soon(socket.emit_with_ack("question"))
    with pytest.raises(NotConnected):
        await soon(socket.timeout(30).emit_with_ack("question"))


async def test_waiting_can_be_cancelled(host: Serve, way: Way, dial: Dial) -> None:
    capture = Capture()
    peer = await dial(await host(capture.io, way.lane))
    await peer.connect()
    asking = asyncio.ensure_future(capture.last.emit_with_ack("question"))
    packet = await peer.packet()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await peer.send(f"43{packet[1 : packet.index('[')]}[1]")
    await peer.fence()


# -- operators --


async def test_a_socket_s_operators_leave_itself_out(host: Serve, way: Way, join: Join) -> None:
    capture = Capture()
    site = await host(capture.io, way.lane)
    names = ("a", "b", "c")
    clients = {name: await join(site) for name in names}
    sockets = {name: capture.sockets[client.id()] for name, client in clients.items()}
    for name in names:
        sockets[name].join("all", f"room {name}")
    socket = sockets["a"]
    targets = {
        "broadcast": (socket.broadcast, "bc"),
        "to": (socket.to("all"), "bc"),
        "in_": (socket.in_("room a", "room b"), "b"),
        "to several": (socket.to(["room b", "room c"], "all"), "bc"),
        "to its own": (socket.to(socket.id), ""),
        "except_": (socket.except_("room b"), "c"),
        "to and except_": (socket.to("all").except_(["room c"]), "b"),
        "local": (socket.local, "bc"),
        "volatile broadcast": (socket.compress(False).broadcast, "bc"),
        "compress to": (socket.compress(False).to("room b"), "b"),
        "to an id": (socket.to(sockets["c"].id), "c"),
        "volatile in_": (socket.compress(False).in_("room b"), "b"),
        "compress except_": (socket.compress(False).except_("room b"), "c"),
        "timeout local": (socket.timeout(1).local, "bc"),
        "volatile local": (socket.compress(True).local.to("room c"), "c"),
    }
    for event, (target, _) in targets.items():
        target.emit(event)
    for name, client in clients.items():
        for event, (_, receivers) in targets.items():
            if name in receivers:
                assert await client.event(event) == []
        await client.fence()


async def test_send_is_the_event_message(host: Serve, way: Way, join: Join) -> None:
    capture = Capture()
    site = await host(capture.io, way.lane)
    client = await join(site)
    capture.last.send("to one", 1)
    capture.last.compress(False).send()
    capture.io.send("to all")
    capture.io.of("/").send([2])
    for arguments in (["to one", 1], [], ["to all"], [[2]]):
        assert await client.event("message") == arguments


def test_a_socket_shows_who_it_is() -> None:
    io = Server()
    assert io.of("/chat").name == "/chat"


async def test_repr(host: Serve, dial: Dial) -> None:
    capture = Capture()
    peer = await dial(await host(capture.io), "websocket")
    sid = await peer.connect()
    assert repr(capture.last) == f"<Socket {sid} in />"


async def test_a_polling_client_reads_what_waited_for_it(host: Serve, dial: Dial) -> None:
    capture = Capture()
    peer = await dial(await host(capture.io), "polling")
    assert isinstance(peer, PollingPeer)
    await peer.connect()
    capture.last.emit("one")
    capture.last.emit("two", b"\x00")
    capture.io.emit("three")
    response = await peer.get()
    assert response.text.split("\x1e") == [
        '42["one"]',
        '451-["two",{"_placeholder":true,"num":0}]',
        "bAA==",
        '42["three"]',
    ]
