"""Connection state recovery: what a client gets back, byte by byte, and what it does not."""

from __future__ import annotations

import asyncio
import json
import re
import time
from functools import partial
from typing import Any

import pytest

from tests.server.fixtures import Dial, Serve, Way
from tests.server.peer import Peer
from tests.server.site import Lane, soon, until
from windsock import (
    ConfigurationError,
    Conflate,
    ConnectionRefused,
    ConnectionStateRecovery,
    MemoryAdapter,
    Server,
    SlowConsumer,
    Socket,
)


def make_server(**options: Any) -> Server:
    """A server whose clients ask to be put into rooms."""
    io = Server(connection_state_recovery=ConnectionStateRecovery(**options))

    @io.on("join")
    def join(socket: Socket, *rooms: str) -> bool:
        socket.join(*rooms)
        return True

    @io.on("leave")
    def leave(socket: Socket, *rooms: str) -> bool:
        socket.leave(*rooms)
        return True

    return io


class Client:
    """A peer that remembers what it needs to come back."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.sid = ""
        self.pid = ""
        self.offset: str | None = None

    async def connect(self, namespace: str = "/", **auth: Any) -> Client:
        prefix = "" if namespace == "/" else f"{namespace},"
        await self.peer.send(f"40{prefix}{json.dumps(auth)}")
        packet = await self.peer.packet()
        assert packet.startswith(f"0{prefix}{{"), packet
        answer = json.loads(packet[1 + len(prefix) :])
        self.sid, self.pid = answer["sid"], answer["pid"]
        return self

    async def event(self, name: str) -> list[Any]:
        """The arguments of the next event, which must be this one; its offset is kept."""
        *arguments, offset = await self.peer.event(name)
        assert isinstance(offset, str)
        self.offset = offset
        return arguments

    async def lose(self, io: Server) -> None:
        """Tears the connection, and waits until the server knows."""
        await self.peer.close()
        await until(lambda: self.sid not in io.of("/").sockets, "the server knows that it is gone")

    async def back(self, peer: Peer, **auth: Any) -> Client:
        """The same client over another connection."""
        there = Client(peer)
        claim = {"pid": self.pid, **({} if self.offset is None else {"offset": self.offset})}
        await there.connect(**{**claim, **auth})
        if there.recovered_from(self):
            there.offset = self.offset
        return there

    def recovered_from(self, other: Client) -> bool:
        """As the stock client tells it."""
        assert (self.sid == other.sid) == (self.pid == other.pid)
        return self.pid == other.pid


async def test_what_was_missed_comes_in_order(host: Serve, way: Way, dial: Dial) -> None:
    io = make_server()
    site = await host(io, way.lane)
    client = await Client(await dial(site)).connect()
    await client.peer.call("join", "room")
    io.to("room").emit("news", 0)
    assert await client.event("news") == [0]
    await client.lose(io)
    io.to("room").emit("news", 1)
    io.to("elsewhere").emit("news", "not for it")
    io.emit("news", 2, b"\x00\xff")
    io.to("room").except_("room").emit("news", "not for it either")
    io.in_(client.sid).emit("news", 3)
    back = await client.back(await dial(site))
    assert back.recovered_from(client)
    assert await back.event("news") == [1]
    packet = await back.peer.packet()
    assert packet.startswith('51-["news",2,{"_placeholder":true,"num":0},"')
    assert await back.peer.receive() == b"\x00\xff"
    assert await back.event("news") == [3]
    io.to("room").emit("news", 4)
    assert await back.event("news") == [4], "it is in its room"
    await back.peer.fence()


async def test_nothing_came_before_the_cut(host: Serve, way: Way, dial: Dial) -> None:
    """The original gives such a client nothing (socketio/socket.io#4888)."""
    io = make_server()
    site = await host(io, way.lane)
    io.emit("news", "before anybody was there")
    early = await Client(await dial(site)).connect()
    io.emit("news", "before it connected")
    client = await Client(await dial(site)).connect()
    assert await early.event("news") == ["before it connected"]
    await client.lose(io)
    io.emit("news", 1)
    io.in_(client.sid).emit("news", 2)
    back = await client.back(await dial(site))
    assert back.recovered_from(client)
    assert [await back.event("news") for _ in range(2)] == [[1], [2]]
    await back.peer.fence()


async def test_the_socket_is_what_it_was(host: Serve, way: Way, dial: Dial) -> None:
    io = make_server()
    seen: list[tuple[bool, frozenset[str], Any, dict[str, Any]]] = []

    @io.on("connect")
    async def connect(socket: Socket) -> None:
        seen.append((socket.recovered, socket.rooms, getattr(socket.data, "name", None), socket.handshake.auth))
        socket.data.name = "Ada"
        socket.join("room")

    site = await host(io, way.lane)
    client = await Client(await dial(site)).connect(token="t")
    await client.lose(io)
    back = await client.back(await dial(site), token="t")
    assert back.recovered_from(client)
    assert seen == [
        (False, frozenset({client.sid}), None, {"token": "t"}),
        (True, frozenset({client.sid, "room"}), "Ada", {"token": "t"}),
    ], "and the secret is not for the application"
    assert [socket.id for socket in await io.fetch_sockets()] == [client.sid]


async def test_off_there_is_no_secret_and_no_offset(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()
    peer = await dial(await host(io, way.lane))
    await peer.send('40{"pid":"p","offset":"o"}')
    answer = json.loads((await peer.packet())[1:])
    assert set(answer) == {"sid"}
    io.emit("news", 1)
    assert await peer.event("news") == [1]


async def test_every_event_has_an_offset_that_may(host: Serve, way: Way, dial: Dial) -> None:
    io = make_server()
    client = await Client(await dial(await host(io, way.lane))).connect()
    (socket,) = io.of("/").sockets.values()
    offsets = []
    for emit in (io.emit, socket.emit, io.to(client.sid).emit, socket.compress(False).emit):
        emit("one", 1)
        assert await client.event("one") == [1]
        offsets.append(client.offset)
    assert len(set(offsets)) == len(offsets)
    waiting = asyncio.ensure_future(socket.emit_with_ack("question", 1))
    assert await client.peer.packet() == '21["question",1]', "it is acknowledged, so it cannot be repeated"
    await client.peer.send('431["answer"]')
    assert await soon(waiting) == "answer"


# -- claims that are none --


@pytest.mark.parametrize(
    "claim",
    [
        {"pid": "guess", "offset": "../../x"},
        {"pid": "", "offset": ""},
        {"pid": "x" * 10_000, "offset": "y" * 10_000},
        {"pid": 5, "offset": {"a": 1}},
        {"pid": None, "offset": None},
        {"pid": ["pid"], "offset": "1-0"},
        {"offset": "1-0"},
    ],
    ids=lambda claim: (
        ",".join(f"{name}:{type(value).__name__}" for name, value in claim.items()) + str(len(str(claim)))
    ),
)
async def test_a_guess_makes_a_stranger(host: Serve, dial: Dial, claim: dict[str, Any]) -> None:
    io = make_server()
    site = await host(io)
    victim = await Client(await dial(site, "websocket")).connect()
    io.emit("secret", 1)
    await victim.event("secret")
    await victim.lose(io)
    io.emit("secret", 2)
    guesser = await Client(await dial(site, "websocket")).connect(**claim)
    assert (guesser.sid, guesser.pid) != (victim.sid, victim.pid)
    await guesser.peer.fence()  # and nothing of what the victim missed
    back = await victim.back(await dial(site, "websocket"))
    assert back.recovered_from(victim)
    assert await back.event("secret") == [2]


@pytest.mark.parametrize("offset", ["../../x", "1-0", "", 7, "AAAAAA.1", "²", "\u0000"])
async def test_an_offset_that_the_server_never_gave(host: Serve, dial: Dial, offset: Any) -> None:
    """Whoever knows the secret may know what it missed: all since it connected, or nothing and a new socket."""
    io = make_server()
    site = await host(io)
    client = await Client(await dial(site, "websocket")).connect()
    io.emit("news", 1)
    await client.event("news")
    await client.lose(io)
    back = await client.back(await dial(site, "websocket"), offset=offset)
    if back.recovered_from(client):
        assert await back.event("news") == [1]
    await back.peer.fence()


async def test_a_secret_is_good_for_its_own_namespace(host: Serve, dial: Dial) -> None:
    io = make_server()
    io.of("/other").on("connect")(lambda socket: None)
    site = await host(io)
    client = await Client(await dial(site, "websocket")).connect()
    await client.lose(io)
    elsewhere = await Client(await dial(site, "websocket")).connect("/other", pid=client.pid)
    assert elsewhere.sid != client.sid


async def test_a_state_is_given_back_once(host: Serve, dial: Dial) -> None:
    io = make_server()
    site = await host(io)
    client = await Client(await dial(site, "websocket")).connect()
    await client.lose(io)
    first = await client.back(await dial(site, "websocket"))
    assert first.recovered_from(client)
    second = await client.back(await dial(site, "websocket"))
    # Who comes with the secret takes over from a connection that seems to be there still; never are there two.
    assert len(io.of("/").sockets) == 1
    assert second.recovered_from(client)
    await first.peer.gone()


async def test_an_application_may_refuse_who_comes_back(host: Serve, dial: Dial) -> None:
    """Somebody was banned meanwhile: the connect handler runs for whoever comes back, too."""
    io = make_server()
    banned: set[str] = set()

    @io.on("connect")
    def connect(socket: Socket, auth: dict[str, Any]) -> None:
        if auth.get("name") in banned:
            raise ConnectionRefused("banned")
        socket.data.name = auth.get("name")

    site = await host(io)
    client = await Client(await dial(site, "websocket")).connect(name="mallory")
    await client.lose(io)
    io.emit("news", 1)
    banned.add("mallory")
    peer = await dial(site, "websocket")
    await peer.send(f"40{json.dumps({'pid': client.pid, 'name': 'mallory'})}")
    assert await peer.packet() == '4{"message":"banned"}'


async def test_what_is_kept_has_a_bound(host: Serve, dial: Dial) -> None:
    """Who missed what gave way comes back as a stranger, and who was away first gives way to the others."""
    io = make_server(max_bytes=50_000, max_sockets=2)
    site = await host(io)
    clients = [await Client(await dial(site, "websocket")).connect() for _ in range(3)]
    for client in clients:
        await client.lose(io)
    assert not (await clients[0].back(await dial(site, "websocket"))).recovered_from(clients[0])
    for number in range(100):
        io.emit("news", number, "x" * 1000)
    back = await clients[1].back(await dial(site, "websocket"))
    assert not back.recovered_from(clients[1])


@pytest.mark.parametrize("lasts", [True, False])
async def test_no_state_outlives_the_authentication(lasts: bool, host: Serve, dial: Dial) -> None:
    io = make_server()
    site = await host(io)
    client = await Client(await dial(site, "websocket")).connect()
    at = time.time() + (600 if lasts else 0.05)
    io.of("/").sockets[client.sid].expires_at = at
    await client.lose(io)
    await until(lambda: lasts or time.time() > at, "it is over")
    back = await client.back(await dial(site, "websocket"))
    assert back.recovered_from(client) == lasts
    assert io.of("/").sockets[back.sid].expires_at == (at if lasts else None)


async def test_back_before_the_server_knows_that_it_was_gone(host: Serve, way: Way, dial: Dial) -> None:
    io = make_server()
    left: list[str] = []

    @io.on("disconnect")
    def disconnect(socket: Socket, reason: str) -> None:
        left.append(reason)

    site = await host(io, way.lane)
    client = await Client(await dial(site)).connect()
    await client.peer.call("join", "room")
    io.to("room").emit("news", 1)
    back = await client.back(await dial(site))
    assert back.recovered_from(client)
    assert await back.event("news") == [1]
    assert left == ["transport close"]
    io.to("room").emit("news", 2)
    assert await back.event("news") == [2]
    await back.peer.fence()


async def test_what_is_done_to_those_who_are_away(host: Serve, lane: Lane, dial: Dial) -> None:
    io = make_server()
    site = await host(io, lane)
    banned, moved = [await Client(await dial(site, "websocket")).connect() for _ in range(2)]
    for client in (banned, moved):
        await client.peer.call("join", "secret")
        await client.lose(io)
    io.in_(banned.sid).disconnect_sockets()
    io.to("secret").emit("news", "while it was in")
    io.to("open").emit("news", "before it was in")
    io.in_(moved.sid).sockets_leave("secret")
    io.in_(moved.sid).sockets_join("open")
    io.to("secret").emit("news", "no more for it")
    io.to("open").emit("news", "while it is in")
    io.to("open").except_("secret").emit("news", "it is not in secret by now")
    stranger = await banned.back(await dial(site, "websocket"))
    assert not stranger.recovered_from(banned)
    await stranger.peer.fence()
    back = await moved.back(await dial(site, "websocket"))
    assert back.recovered_from(moved)
    expected = ["while it was in", "while it is in", "it is not in secret by now"]
    assert [(await back.event("news"))[0] for _ in expected] == expected
    await back.peer.fence()


@pytest.mark.parametrize("skip", [True, False])
async def test_who_is_refused_gets_nothing_of_what_it_missed(host: Serve, lane: Lane, dial: Dial, skip: bool) -> None:
    io = make_server(skip_middlewares=skip)
    refused_by = {"middleware": False, "handler": False}

    @io.use
    async def guard(socket: Socket) -> None:
        await asyncio.sleep(0)
        if refused_by["middleware"]:
            raise ConnectionRefused("by the middleware")

    @io.on("connect")
    async def connect(socket: Socket) -> None:
        await asyncio.sleep(0)
        if refused_by["handler"]:
            raise ConnectionRefused("by the handler")

    site = await host(io, lane)
    client = await Client(await dial(site, "websocket")).connect()
    await client.lose(io)
    io.emit("news", 1)
    refused_by["middleware" if not skip else "handler"] = True
    peer = await dial(site, "websocket")
    error = await peer.refused(auth={"pid": client.pid})
    assert error["message"] == ("by the handler" if skip else "by the middleware")
    refused_by.update(middleware=False, handler=False)
    again = await client.back(peer)
    assert not again.recovered_from(client), "a state that was refused is gone"
    await peer.fence()


async def test_middlewares_are_skipped(host: Serve, lane: Lane, dial: Dial) -> None:
    io = make_server()
    asked: list[bool] = []
    io.use(lambda socket: asked.append(socket.recovered))
    site = await host(io, lane)
    client = await Client(await dial(site, "websocket")).connect()
    await client.lose(io)
    assert (await client.back(await dial(site, "websocket"))).recovered_from(client)
    assert asked == [False]


async def test_lost_again_while_the_connect_handler_runs(host: Serve, lane: Lane, dial: Dial) -> None:
    io = make_server()
    gates: list[asyncio.Event] = []
    left: list[str] = []

    @io.on("connect")
    async def connect(socket: Socket) -> None:
        if socket.recovered and not gates:
            gates.append(asyncio.Event())
            await gates[0].wait()

    @io.on("disconnect")
    def disconnect(socket: Socket, reason: str) -> None:
        left.append(socket.id)

    site = await host(io, lane)
    client = await Client(await dial(site, "websocket")).connect()
    await client.lose(io)
    io.emit("news", 1)
    between = await dial(site, "websocket")
    await between.send("40" + json.dumps({"pid": client.pid}))
    await until(lambda: bool(gates), "its handler runs")
    io.emit("news", 2)
    await between.close()
    await until(lambda: not io.of("/").sockets, "it is lost again")
    io.emit("news", 3)
    back = await client.back(await dial(site, "websocket"))
    assert back.recovered_from(client)
    assert [await back.event("news") for _ in range(3)] == [[1], [2], [3]]
    gates[0].set()
    await until(lambda: left == [client.sid] * 2, "the handler of the lost one has ended")
    io.emit("news", 4)
    assert await back.event("news") == [4], "and took nothing of the one that came after"
    assert set(io.of("/").sockets) == {client.sid}
    await back.peer.fence()


async def test_a_volatile_event_spoils_no_offset(host: Serve, lane: Lane, dial: Dial) -> None:
    """The stock client takes whatever text comes last, be it the event's name, for its offset."""
    io = make_server()
    site = await host(io, lane)
    client = await Client(await dial(site, "websocket")).connect()
    (socket,) = io.of("/").sockets.values()
    socket.emit("news", 1)
    assert await client.event("news") == [1]
    socket.volatile.emit("typing", "Ada")
    assert await client.event("typing") == ["Ada"]
    io.volatile.emit("tick")
    assert await client.event("tick") == []
    io.volatile.emit("count", 1)
    assert await client.peer.event("count") == [1]
    await client.lose(io)
    io.emit("news", 2)
    back = await client.back(await dial(site, "websocket"))
    assert back.recovered_from(client)
    assert await back.event("news") == [2]


async def test_more_than_can_be_sent_or_kept(host: Serve, lane: Lane, dial: Dial) -> None:
    for options in ({"max_bytes": 100_000}, {}):
        io = make_server(**options)
        site = await host(io, lane)
        client = await Client(await dial(site, "websocket")).connect()
        await client.lose(io)
        for _ in range(6):
            io.emit("news", "x" * 1_000_000)
        back = await client.back(await dial(site, "websocket"))
        assert not back.recovered_from(client)
        await back.peer.fence()


async def test_a_dynamic_namespace_stays_for_those_who_are_away(host: Serve, lane: Lane, dial: Dial) -> None:
    io = make_server(max_disconnection_duration=0.5)
    io.of(re.compile(r"^/org-\d+$"))
    site = await host(io, lane)
    peer = await dial(site, "websocket")
    client = await Client(peer).connect("/org-1")
    await peer.close()
    await until(lambda: not io.engine.sessions, "it is gone")
    assert "/org-1" in io.namespaces
    await until(lambda: "/org-1" not in io.namespaces, "nobody may come back any more")
    assert client.pid


async def test_secrets_are_long_and_different(host: Serve, lane: Lane, dial: Dial) -> None:
    site = await host(make_server(), lane)
    clients = [await Client(await dial(site, "websocket")).connect() for _ in range(5)]
    assert len({client.pid for client in clients} | {client.sid for client in clients}) == 10
    assert all(len(client.pid) * 6 >= 128 for client in clients)


def test_options_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="max_bytes above zero"):
        ConnectionStateRecovery(max_bytes=0)
    with pytest.raises(ConfigurationError, match="an adapter with connection state recovery, got MemoryAdapter"):
        Server(connection_state_recovery=True, adapter=partial(MemoryAdapter))
    assert Server(connection_state_recovery=True).of("/").recovery is not None
    assert Server(connection_state_recovery=False).of("/").recovery is None


async def test_the_offset_is_no_argument_of_a_policy_s_key(host: Serve, lane: Lane, dial: Dial) -> None:
    keys: list[tuple[Any, ...]] = []

    def key(*event: Any) -> None:
        keys.append(event)

    io = Server(connection_state_recovery=True, slow_consumer=SlowConsumer(policy=Conflate(key)))

    @io.on("connect")
    async def connect(socket: Socket) -> None:
        """Until it has ended, the client is as good as slow."""
        io.emit("price", "A", 1)
        socket.emit("price", "B", 2)

    client = await Client(await dial(await host(io, lane), "websocket")).connect()
    assert [await client.event("price") for _ in range(2)] == [["A", 1], ["B", 2]]
    assert keys == [("price", "A", 1), ("price", "B", 2)]
