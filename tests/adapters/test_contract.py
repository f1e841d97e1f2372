"""What several servers do together, whichever adapter they have: what one server does alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.adapters.sites import CLUSTERS, SITES, Site
from windsock import AckTimeout, EncodeError, NotConnected, Server, Socket


def make(**options: Any) -> Server:
    io = Server(**options)

    @io.on("connect")
    def connect(socket: Socket, auth: dict[str, Any]) -> None:
        socket.data.name = auth.get("name")

    @io.on_server_event("echo")
    async def echo(*arguments: Any) -> list[Any]:
        return list(arguments)

    io.of("/other").on("connect")(lambda socket: None)
    return io


@pytest.fixture(params=SITES)
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    """Three servers that share their rooms."""
    async with SITES[request.param](3, make) as site:
        yield site


@pytest.fixture(params=CLUSTERS)
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    """The same, where there is more than one."""
    async with SITES[request.param](3, make) as site:
        yield site


async def test_whom_an_event_reaches(site: Site) -> None:
    a = await site.connect(0, "/", "red", "green")
    b = await site.connect(1, "/", "green")
    c = await site.connect(2, "/", "blue")
    io = site.servers[2]
    io.to("red", "green").emit("both", {"deep": [1, b"\x00\xff"]}, None)
    io.to("green").except_("red").emit("one")
    io.except_(a.id).emit("others")
    io.to(b.id).emit("id")
    io.emit("all", "é")
    await a.assert_emitted("both", {"deep": [1, b"\x00\xff"]}, None)
    await a.assert_emitted("all", "é")
    for name in ("both", "one", "others", "id", "all"):
        await b.assert_emitted(name)
    for name in ("others", "all"):
        await c.assert_emitted(name)
    for peer in (a, b, c):
        await peer.assert_nothing()


async def test_namespaces_are_apart(site: Site) -> None:
    a = await site.connect(0, "/other", "red")
    b = await site.connect(1, "/", "red")
    site.servers[2].of("/other").to("red").emit("e")
    await a.assert_emitted("e")
    await b.assert_nothing()
    assert [socket.id for socket in await site.servers[1].of("/other").fetch_sockets()] == [a.id]


async def test_order(site: Site) -> None:
    a = await site.connect(0, "/", "red")
    for number in range(100):
        (site.servers[1].to("red") if number % 2 else site.servers[1]).emit("n", number)
    await a.assert_emitted("n", 99)
    assert [event.arguments for event in a.unread] == [[number] for number in range(99)]


async def test_what_changes_after_an_emit_is_not_in_it(site: Site) -> None:
    a = await site.connect(0)
    content = {"n": 1}
    site.servers[1].emit("e", content)
    content["n"] = 2
    await a.assert_emitted("e", {"n": 1})


async def test_what_cannot_be_sent_reaches_nobody(site: Site) -> None:
    a, b = await site.connect(0), await site.connect(1)
    with pytest.raises(EncodeError):
        site.servers[0].emit("e", object())
    with pytest.raises(EncodeError):
        await site.servers[0].emit_with_ack("e", object())
    await a.assert_nothing()
    await b.assert_nothing()


async def test_sockets_join_and_leave(site: Site) -> None:
    a, b = await site.connect(0, "/", "red"), await site.connect(1, "/", "green")
    io = site.servers[2]
    io.in_("red").sockets_join("blue", "white")
    io.to("blue").emit("e")
    await a.assert_emitted("e")
    io.sockets_leave("blue")
    io.to("blue", "green").emit("f")
    await b.assert_emitted("f")
    await a.assert_nothing()
    assert {socket.id: socket.rooms for socket in await io.fetch_sockets()} == {
        a.id: {a.id, "red", "white"},
        b.id: {b.id, "green"},
    }


async def test_disconnect_sockets(site: Site) -> None:
    a = await site.connect(0, "/", "red")
    b = await site.connect(1, "/", "red")
    other = await b.join("/other")
    c = await site.connect(1)
    site.servers[0].in_("red").disconnect_sockets(close=True)
    await a.assert_disconnected("io server disconnect")
    await b.assert_disconnected("io server disconnect")
    await other.assert_disconnected("io server disconnect")
    assert [socket.id for socket in await site.servers[2].fetch_sockets()] == [c.id]


async def test_fetch_sockets(site: Site) -> None:
    options = {"auth": {"name": "ada"}, "headers": {"X-Colour": "red"}, "query": {"q": "1 2"}, "address": "10.0.0.1"}
    a = await site.connect(0, "/", "red", **options)
    await site.connect(1, "/", "green", auth={"name": "bob"})
    (socket,) = await site.servers[2].in_("red").fetch_sockets()
    assert (socket.id, socket.data.name) == (a.id, "ada")
    assert socket.rooms == {a.id, "red"}
    handshake = socket.handshake
    assert (handshake.headers["x-colour"], handshake.query["q"], handshake.auth) == ("red", "1 2", {"name": "ada"})
    assert (handshake.address, handshake.secure, handshake.xdomain) == ("10.0.0.1", False, False)
    assert handshake.url.startswith("/socket.io/?EIO=4")
    here = site.servers[0].of("/").sockets[a.id].handshake
    assert handshake.time == pytest.approx(here.time, abs=0.001)
    assert await site.servers[1].in_("nobody").fetch_sockets() == []


async def test_a_socket_that_was_fetched(site: Site) -> None:
    a = await site.connect(0, "/", "red")
    b = await site.connect(1, "/", "green")
    found = {socket.id: socket for socket in await site.servers[2].fetch_sockets()}
    found[a.id].emit("hello", 1)
    await a.assert_emitted("hello", 1)
    found[a.id].join("blue", {"white"})
    found[a.id].leave("red")
    found[b.id].disconnect()
    await b.assert_disconnected("io server disconnect")
    (again,) = await site.servers[2].fetch_sockets()
    assert again.rooms == {a.id, "blue", "white"}
    with pytest.raises(ValueError, match="reserved"):
        again.emit("connect")


async def test_a_socket_that_was_fetched_is_asked(site: Site) -> None:
    a, b = [await site.connect(place, "/", "red") for place in range(2)]
    a.answer("ask", lambda plus: 1 + plus)
    b.answer("ask", lambda plus: (plus, b"\x01"))
    found = {socket.id: socket for socket in await site.servers[2].fetch_sockets()}
    assert await found[a.id].emit_with_ack("ask", 10) == 11
    assert await found[b.id].timeout(60).emit_with_ack("ask", 10) == [10, b"\x01"]
    found[a.id].timeout(60).emit("told", 1)
    await a.assert_emitted("told", 1)
    with pytest.raises(ValueError, match="reserved"):
        await found[a.id].emit_with_ack("connect")
    asking = asyncio.ensure_future(found[a.id].emit_with_ack("something else"))
    await a.assert_emitted("something else")
    await a.disconnect()
    with pytest.raises((AckTimeout, NotConnected)):
        await asking
    await site.settle()
    with pytest.raises(NotConnected):
        await found[a.id].emit_with_ack("ask", 10)
    asking = asyncio.ensure_future(found[b.id].timeout(5).emit_with_ack("something else"))
    with pytest.raises(AckTimeout):
        await site.harness.advance_until(asking)


async def test_acknowledgements_of_a_broadcast(site: Site) -> None:
    peers = [await site.connect(place % 3, "/", "red") for place in range(5)]
    for number, peer in enumerate(peers):
        peer.answer("ask", lambda plus, number=number: number + plus)
    peers[3].answer("ask", lambda plus: (b"\x01", plus))
    answers = await site.servers[0].to("red").emit_with_ack("ask", 10)
    assert sorted(map(repr, answers)) == sorted(["10", "11", "12", "14", r"[b'\x01', 10]"])
    assert await site.servers[0].to("nobody").emit_with_ack("ask", 10) == []


async def test_who_does_not_acknowledge_is_named(site: Site) -> None:
    a, b, c = [await site.connect(place, "/", "red") for place in range(3)]
    a.answer("ask", lambda: "a")
    asking = asyncio.ensure_future(site.servers[0].timeout(5).emit_with_ack("ask"))
    await b.assert_emitted("ask")
    await c.disconnect()
    await site.settle()  # the clock does not wait for what is on a real network
    with pytest.raises(AckTimeout) as caught:
        await site.harness.advance_until(asking)
    assert caught.value.answers == ["a"]
    assert sorted(caught.value.missing) == sorted([b.id, c.id])


async def test_who_leaves_is_not_waited_for(site: Site) -> None:
    a, b = await site.connect(0), await site.connect(1)
    a.answer("ask", lambda: "a")
    asking = asyncio.ensure_future(site.servers[0].emit_with_ack("ask"))
    await b.assert_emitted("ask")
    await b.disconnect()
    with pytest.raises(AckTimeout, match="1 of 2 clients"):
        await site.harness.clock.wait_for(asking.done) and await asking


async def test_what_is_local_stays(cluster: Site) -> None:
    a, b = await cluster.connect(0, "/", "red"), await cluster.connect(1, "/", "red")
    a.answer("ask", lambda: "a")
    local = cluster.servers[0].local
    local.emit("e")
    local.to("red").sockets_join("blue")
    local.in_("red").sockets_leave("red")
    assert [socket.id for socket in await local.fetch_sockets()] == [a.id]
    assert await local.emit_with_ack("ask") == ["a"]
    local.in_(b.id).disconnect_sockets()
    await a.assert_emitted("e")
    await b.assert_nothing()
    rooms = {socket.id: socket.rooms for socket in await cluster.servers[0].fetch_sockets()}
    assert rooms == {a.id: {a.id, "blue"}, b.id: {b.id, "red"}}


async def test_events_for_the_other_servers(site: Site) -> None:
    heard: list[tuple[int, str]] = []
    for place, io in enumerate(site.servers[: site.others + 1]):
        io.on_server_event("news")(lambda text, place=place: heard.append((place, text)))
    site.servers[0].server_side_emit("news", "hello")
    answers = await site.servers[0].server_side_emit_with_ack("echo", 1, b"\x00", {"x": None})
    assert answers == [[1, b"\x00", {"x": None}]] * site.others
    assert sorted(heard) == [(place, "hello") for place in range(1, site.others + 1)]
    assert await site.servers[0].timeout(1).server_side_emit_with_ack("echo") == [[]] * site.others


async def test_a_server_that_has_no_handler_answers(cluster: Site) -> None:
    @cluster.servers[1].on_server_event("only here")
    def only_here(number: int) -> int:
        return number + 1

    answers = await cluster.servers[0].server_side_emit_with_ack("only here", 1)
    assert 2 in answers
    assert {"code": "unknown_event", "message": "no handler for 'only here'"} in [
        answer["error"] for answer in answers if answer != 2
    ]


async def test_counts(cluster: Site) -> None:
    a = await cluster.connect(0, "/", "red")
    b = await cluster.connect(1, "/", "green")
    adapter = cluster.servers[2].of("/").cluster
    assert adapter is not None
    assert await adapter.server_count() == 3
    assert await adapter.all_rooms() == {a.id, b.id, "red", "green"}
