"""One message for many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.server.client import Client
from tests.server.fixtures import Dial, Join, Serve, Way
from tests.server.site import Site, pass_time, soon, until
from windsock import AckTimeout, PerMessageDeflate, Server, Socket
from windsock.testing import Clock


class Crowd:
    """Clients by name, each in the rooms its name's letters say."""

    def __init__(self, io: Server, site: Site, join: Join) -> None:
        self.io = io
        self.clients: dict[str, Client] = {}
        self._site = site
        self._join = join

    async def add(self, *names: str, **options: Any) -> None:
        for name in names:
            client = await self._join(self._site, **options)
            self.clients[name] = client
            self.io.in_(client.id()).sockets_join(list(name))

    def id(self, name: str) -> str:
        return self.clients[name].id()

    async def expect(self, event: str, *names: str) -> None:
        """These clients got the event; nobody else got anything."""
        for name, client in self.clients.items():
            if name in names:
                await client.event(event)
            await client.fence()


@pytest.fixture
async def crowd(host: Serve, way: Way, join: Join) -> Crowd:
    io = Server()
    crowd = Crowd(io, await host(io, way.lane), join)
    await crowd.add("a", "b", "ab", "-")
    return crowd


Choose = Callable[[Crowd], Any]


@pytest.mark.parametrize(
    ("choose", "names"),
    [
        pytest.param(lambda crowd: crowd.io, "a b ab -", id="everybody"),
        pytest.param(lambda crowd: crowd.io.of("/"), "a b ab -", id="namespace"),
        pytest.param(lambda crowd: crowd.io.to("a"), "a ab", id="to"),
        pytest.param(lambda crowd: crowd.io.in_("a"), "a ab", id="in_"),
        pytest.param(lambda crowd: crowd.io.to("a").to("b"), "a b ab", id="to to"),
        pytest.param(lambda crowd: crowd.io.to("a", "b"), "a b ab", id="to two"),
        pytest.param(lambda crowd: crowd.io.to(["a", "b"]), "a b ab", id="to a list"),
        pytest.param(lambda crowd: crowd.io.to("a").except_("b"), "a", id="except_"),
        pytest.param(lambda crowd: crowd.io.except_("a"), "b -", id="everybody except_"),
        pytest.param(lambda crowd: crowd.io.except_("a").except_(["b"]), "-", id="except_ except_"),
        pytest.param(lambda crowd: crowd.io.to("nobody"), "", id="to nobody"),
        pytest.param(lambda crowd: crowd.io.to("a").except_("a"), "", id="to and except_"),
        pytest.param(lambda crowd: crowd.io.to(crowd.id("b")), "b", id="to an id"),
        pytest.param(lambda crowd: crowd.io.to("a").except_(crowd.id("a")), "ab", id="except_ an id"),
        pytest.param(lambda crowd: crowd.io.local.to("a"), "a ab", id="local"),
        pytest.param(lambda crowd: crowd.io.compress(False).to("b"), "b ab", id="compress"),
        pytest.param(lambda crowd: crowd.io.timeout(5).to("b"), "b ab", id="timeout"),
        pytest.param(lambda crowd: crowd.io.to("-").to("a").except_("b").local, "a -", id="all in one"),
    ],
)
async def test_whom_an_event_reaches(crowd: Crowd, choose: Choose, names: str) -> None:
    choose(crowd).emit("news", {"data": b"\x00"})
    await crowd.expect("news", *names.split())


async def test_operators_change_nothing_but_their_result(crowd: Crowd) -> None:
    target = crowd.io.to("a")
    target.to("b")
    target.except_("a")
    target.emit("news")
    await crowd.expect("news", "a", "ab")


async def test_namespaces_do_not_hear_each_other(host: Serve, way: Way, join: Join) -> None:
    io = Server()
    other = io.of("/other")
    site = await host(io, way.lane)
    client = await join(site, namespaces=("/", "/other"))
    other.in_(client.id("/other")).sockets_join("room")
    io.emit("one")
    other.to("room").emit("two")
    io.to("room").emit("never")
    assert await client.event("one") == []
    assert await client.event("two", "/other") == []
    await client.fence()


async def test_order_is_the_order_of_sending(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()

    @io.on("go")
    async def go(socket: Socket) -> str:
        socket.join("room")
        for number in range(0, 60, 4):
            socket.emit("n", number)
            io.emit("n", number + 1)
            io.to("room").emit("n", number + 2, b"data")
            if number % 8:
                await asyncio.sleep(0)
            socket.emit("n", number + 3)
        return "done"

    peer = await dial(await host(io, way.lane))
    await peer.connect()
    await peer.emit("go", id=1)
    for number in range(60):
        packet = await peer.packet()
        if number % 4 == 2:
            assert packet == f'51-["n",{number},{{"_placeholder":true,"num":0}}]'
            assert await peer.receive() == b"data"
        else:
            assert packet == f'2["n",{number}]'
    assert await peer.acknowledgement(1) == ["done"]


async def test_clients_of_every_kind_get_the_same(host: Serve, dial: Dial) -> None:
    io = Server(per_message_deflate=PerMessageDeflate(threshold=10))
    site = await host(io)
    plain = await dial(site, "websocket")
    deflated = await dial(site, "websocket", compression="deflate")
    polling = await dial(site, "polling")
    gzipped = await dial(site, "polling", headers={"accept-encoding": "gzip"})
    for peer in (plain, deflated, polling, gzipped):
        await peer.connect()
    text = "müsli " * 1000
    io.emit("news", text, b"\x00" * 5000)
    io.compress(False).emit("more", text)
    for peer in (plain, deflated, polling, gzipped):
        assert text in await peer.packet()
        assert await peer.receive() == b"\x00" * 5000
        assert await peer.event("more") == [text]


async def test_what_is_not_to_be_compressed_is_sent_as_it_is(host: Serve) -> None:
    """Seen by a peer that negotiated compression: the first reserved bit of a frame says that it is (RFC 7692)."""
    io = Server(per_message_deflate=PerMessageDeflate(threshold=200))
    site = await host(io)
    text = "x" * 200

    @io.on("go")
    def go(socket: Socket) -> None:
        for target in (io, io.local, io.volatile, socket, socket.volatile):
            target.compress(True).emit("a", text)
            target.compress(False).emit("b", text)
        io.compress(False).volatile.local.emit("b", text)
        io.emit("a", text)
        socket.emit("a", text)
        socket.emit("short")

    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    )
    assert b"permessage-deflate" in await soon(reader.readuntil(b"\r\n\r\n"))

    def send(packet: bytes) -> None:
        writer.write(bytes((0x81, 0x80 | len(packet), 0, 0, 0, 0)) + packet)  # masked with zeros

    send(b"40")
    seen = ""
    for place in range(2 + 14):  # the handshake, the answer to CONNECT, the events
        if place == 2:
            send(b'42["go"]')
        head, length = await soon(reader.readexactly(2))
        if length == 126:
            length = int.from_bytes(await soon(reader.readexactly(2)), "big")
        content = await soon(reader.readexactly(length))
        compressed = bool(head & 0x40)
        seen += "a" if compressed else "b" if b'["b"' in content else "-"
    writer.close()
    assert seen == "--" + "ab" * 5 + "baa" + "-"


async def test_one_who_left_stops_nobody(crowd: Crowd) -> None:
    await crowd.clients.pop("ab").close()
    crowd.io.to("a", "b").emit("news")
    await crowd.expect("news", "a", "b")


# -- with acknowledgements --


def answering(name: str) -> dict[str, Callable[..., Any]]:
    return {"ask": lambda *arguments: (name, *arguments) if arguments else name}


async def test_everybody_answers(host: Serve, way: Way, join: Join) -> None:
    io = Server()
    site = await host(io, way.lane)
    crowd = Crowd(io, site, join)
    for name in ("a", "b", "ab"):
        await crowd.add(name, answers=answering(name))
    assert sorted(await soon(io.emit_with_ack("ask"))) == ["a", "ab", "b"]
    assert sorted(await soon(io.timeout(5).to("a").emit_with_ack("ask", b"\x01"))) == [["a", b"\x01"], ["ab", b"\x01"]]
    assert await soon(io.to("nobody").emit_with_ack("ask")) == []
    assert await soon(io.of("/empty").emit_with_ack("ask")) == []


@pytest.mark.clock
async def test_some_do_not_answer(host: Serve, way: Way, join: Join, dial: Dial) -> None:
    io = Server()
    site = await host(io, way.lane)
    await join(site, answers=answering("prompt"))
    silent = await dial(site)
    sid = await silent.connect()
    with Clock() as clock:
        asking = asyncio.ensure_future(io.timeout(5).emit_with_ack("ask"))
        await pass_time(clock, 4, 1)
        assert not asking.done()
        await pass_time(clock, 2, 1)
        with pytest.raises(AckTimeout) as caught:
            await asking
    assert caught.value.answers == ["prompt"]
    assert caught.value.missing == [sid]
    assert "1 of 2 clients" in str(caught.value)


async def test_some_leave_instead_of_answering(host: Serve, way: Way, join: Join, dial: Dial) -> None:
    io = Server()
    site = await host(io, way.lane)
    await join(site, answers=answering("stays"))
    leaves = await dial(site)
    sid = await leaves.connect()
    asking = asyncio.ensure_future(io.timeout(30).emit_with_ack("ask"))
    await leaves.packet()
    await leaves.close()
    with pytest.raises(AckTimeout) as caught:
        await soon(asking)
    assert caught.value.answers == ["stays"]
    assert caught.value.missing == [sid]


async def test_nobody_answers_for_another(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()
    site = await host(io, way.lane)
    honest, forger = await dial(site), await dial(site)
    sid = await honest.connect()
    await forger.connect()
    asking = asyncio.ensure_future(io.to(sid).emit_with_ack("ask"))
    packet = await honest.packet()
    id = packet[1 : packet.index("[")]
    await forger.send(f'43{id}["forged"]')
    await forger.fence()
    await honest.send(f'43{id}["honest"]')
    assert await soon(asking) == ["honest"]


# -- many sockets at once --


async def test_fetch_sockets(crowd: Crowd) -> None:
    found = {socket.id: socket for socket in await crowd.io.in_("a").fetch_sockets()}
    assert set(found) == {crowd.id("a"), crowd.id("ab")}
    assert found[crowd.id("ab")].rooms == {crowd.id("ab"), "a", "b"}
    found[crowd.id("a")].data.name = "ada"
    again = {socket.id: socket for socket in await crowd.io.to("a").except_("b").fetch_sockets()}
    assert [socket.data.name for socket in again.values()] == ["ada"]
    assert len(await crowd.io.fetch_sockets()) == len(await crowd.io.local.fetch_sockets()) == 4
    assert await crowd.io.of("/other").fetch_sockets() == []


async def test_sockets_join_and_leave(crowd: Crowd) -> None:
    crowd.io.in_("a").sockets_join("new", ["newer"])
    crowd.io.to("new", "newer").emit("one")
    await crowd.expect("one", "a", "ab")
    crowd.io.in_("b").sockets_leave(["new", "newer"])
    crowd.io.to("new").emit("two")
    await crowd.expect("two", "a")
    crowd.io.sockets_join("everybody")
    crowd.io.of("/").sockets_leave("a")
    crowd.io.to("everybody").emit("three")
    await crowd.expect("three", "a", "b", "ab", "-")
    assert await crowd.io.in_("a").fetch_sockets() == []


async def test_disconnect_sockets(crowd: Crowd) -> None:
    crowd.io.in_("a").except_("b").disconnect_sockets()
    assert await crowd.clients.pop("a").disconnected() == "server disconnect"
    crowd.io.in_("b").disconnect_sockets(close=True)
    for name in ("b", "ab"):
        assert await crowd.clients.pop(name).disconnected() == "server disconnect"
    crowd.io.emit("news")
    await crowd.expect("news", "-")
    crowd.io.disconnect_sockets()
    assert await crowd.clients.pop("-").disconnected() == "server disconnect"
    assert await crowd.io.fetch_sockets() == []


async def test_closing_takes_the_other_namespaces_along(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()
    other = io.of("/other")
    left: list[tuple[str, str]] = []
    for name in ("/", "/other"):
        io.of(name).on("disconnect")(lambda socket, reason: left.append((socket.namespace.name, reason)))
    peer = await dial(await host(io, way.lane))
    await peer.connect()
    await peer.connect("/other")
    other.disconnect_sockets(close=True)
    await peer.gone()
    await until(lambda: len(left) == 2, "both hear of it")
    reason = "server namespace disconnect"
    assert sorted(left) == [("/", reason), ("/other", reason)]
