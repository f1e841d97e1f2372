"""Namespaces that come to be when a client asks for one."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from tests.server.client import Refused
from tests.server.fixtures import Dial, Join, Serve, Way
from tests.server.site import soon, until
from windsock import ConnectionRefused, Server, SlowConsumer, Socket
from windsock.server.dynamic import DynamicNamespace

ORGANISATION = re.compile(r"^/org-\d+$")


def make_server(**options: Any) -> tuple[Server, DynamicNamespace]:
    io = Server(**options)
    organisations = io.of(ORGANISATION)
    organisations.on("where")(lambda socket: socket.namespace.name)
    return io, organisations


async def test_a_name_that_matches_is_a_namespace(host: Serve, way: Way, join: Join) -> None:
    io, _ = make_server()
    site = await host(io, way.lane)
    client = await join(site, namespaces=("/org-1", "/org-2"))
    for name in ("/org-1", "/org-2"):
        assert await client.call("where", namespace=name) == name
    for name in ("/org-", "/org-1x", "/x/org-1", "/organisation", "/org-1/.."):
        with pytest.raises(Refused) as caught:
            await join(site, namespaces=(name,))
        assert caught.value.error == {"message": "Invalid namespace"}


async def test_what_matches_shares_handlers_and_no_rooms(host: Serve, way: Way, join: Join) -> None:
    io, organisations = make_server()
    client = await join(await host(io, way.lane), namespaces=("/org-1", "/org-2"))
    for name in ("/org-1", "/org-2"):
        io.of(name).in_(client.id(name)).sockets_join("room")
    io.of("/org-1").to("room").emit("one")
    assert await client.event("one", "/org-1") == []
    organisations.emit("all", 1)
    assert await client.event("all", "/org-1") == [1]
    assert await client.event("all", "/org-2") == [1]
    io.emit("never")
    await client.fence("/org-1")
    await client.fence("/org-2")


async def test_whom_an_event_for_what_matches_reaches(host: Serve, way: Way, join: Join) -> None:
    io, organisations = make_server()
    site = await host(io, way.lane)
    names = ("/org-1", "/org-2")
    clients = {name: await join(site, namespaces=names) for name in "ab"}
    for client in clients.values():
        for name in names:
            io.of(name).in_(client.id(name)).sockets_join("all")
    for name in names:
        io.of(name).in_(clients["b"].id(name)).sockets_join("b")
    targets = {
        "to": (organisations.to("all"), "ab"),
        "in_": (organisations.in_("b", "nobody"), "b"),
        "except_": (organisations.except_("b"), "a"),
        "to and except_": (organisations.to("all").except_("b").compress(False), "a"),
        "local in_": (organisations.local.in_("b"), "b"),
        "compress": (organisations.compress(False), "ab"),
        "compress local": (organisations.compress(True).local, "ab"),
    }
    for event, (target, _) in targets.items():
        target.emit(event, event)
    organisations.send("to all")
    for key, client in clients.items():
        for event, (_, receivers) in targets.items():
            for name in names if key in receivers else ():
                assert await client.event(event, name) == [event]
        for name in names:
            assert await client.event("message", name) == ["to all"]
        for name in names:
            await client.fence(name)


async def test_a_volatile_event_for_what_matches_does_not_wait(host: Serve, dial: Dial) -> None:
    io, organisations = make_server()
    peer = await dial(await host(io), "polling")
    await peer.connect("/org-1")
    organisations.volatile.emit("now", 1)
    organisations.emit("later", 2)
    assert await peer.event("later", "/org-1") == [2]


async def test_middlewares_guard_every_one_of_them(host: Serve, way: Way, join: Join) -> None:
    io, organisations = make_server()

    @organisations.use
    async def guard(socket: Socket) -> None:
        if socket.handshake.auth.get("organisation") != socket.namespace.name:
            raise ConnectionRefused("not yours")

    # The application may speak to a namespace before the first client is there: that must not open it.
    io.of("/org-1").emit("nobody")
    io.of("org-1").to("room").emit("nobody")
    site = await host(io, way.lane)
    for name in ("/org-1", "/org-2"):
        with pytest.raises(Refused) as caught:
            await join(site, namespaces=(name,), auth={"organisation": "/org-9"})
        assert caught.value.error == {"message": "not yours"}
        client = await join(site, namespaces=(name,), auth={"organisation": name})
        assert await client.call("where", namespace=name) == name


async def test_a_predicate_may_ask_for_auth(host: Serve, way: Way, join: Join) -> None:
    io = Server()
    rooms = io.of(lambda name, auth: name == f"/user-{auth.get('user')}")
    rooms.on("where")(lambda socket: socket.namespace.name)
    site = await host(io, way.lane)
    client = await join(site, namespaces=("/user-ada",), auth={"user": "ada"})
    assert await client.call("where", namespace="/user-ada") == "/user-ada"
    with pytest.raises(Refused):
        await join(site, namespaces=("/user-bob",), auth={"user": "ada"})


async def test_a_name_that_is_registered_goes_before_a_rule(host: Serve, way: Way, join: Join) -> None:
    io, _ = make_server()
    io.of("/other").on("where")(lambda socket: "the other")
    io.of(lambda name, auth: True).on("where")(lambda socket: "anything")
    client = await join(await host(io, way.lane), namespaces=("/org-1", "/other", "/whatever"))
    assert await client.call("where", namespace="/org-1") == "/org-1"
    assert await client.call("where", namespace="/other") == "the other"
    assert await client.call("where", namespace="/whatever") == "anything"


async def test_a_namespace_that_is_kept_when_its_last_client_has_gone(host: Serve, dial: Dial) -> None:
    io = Server(cleanup_empty_child_namespaces=False)
    left: asyncio.Queue[str] = asyncio.Queue()
    rule = io.of(re.compile(r"^/org-\d$"))
    rule.on("disconnect")(lambda socket, reason: left.put_nowait(reason))
    peer = await dial(await host(io), "websocket")
    await peer.connect("/org-1")
    kept = io.namespaces["/org-1"]
    await peer.send("41/org-1,")
    await soon(left.get())
    await peer.connect("/org-2")
    assert io.of("/org-1") is kept
    assert set(rule.children) == {"/org-1", "/org-2"}


async def test_a_namespace_goes_with_its_last_client(host: Serve, way: Way, dial: Dial) -> None:
    io, organisations = make_server()
    left: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    organisations.on("disconnect")(lambda socket, reason: left.put_nowait((socket.namespace.name, reason)))

    @organisations.on("connect")
    async def connect(socket: Socket, auth: Any) -> None:
        await asyncio.sleep(0)
        if auth:
            raise ConnectionRefused("no")

    site = await host(io, way.lane)
    first, second = await dial(site), await dial(site)
    await first.connect("/org-1")
    await second.connect("/org-1")
    await first.connect("/org-2")
    await first.refused("/org-3", auth={"a": 1})
    assert set(io.namespaces) == {"/", "/org-1", "/org-2"}
    await first.send("41/org-1,")
    assert await soon(left.get()) == ("/org-1", "client namespace disconnect")
    await second.fence("/org-1")
    await second.close()
    assert (await soon(left.get()))[0] == "/org-1"
    await until(lambda: set(io.namespaces) == {"/", "/org-2"}, "nobody is there")
    await first.connect("/org-1")
    await first.fence("/org-1")


async def test_one_that_goes_while_all_are_told_stops_nothing(host: Serve, dial: Dial) -> None:
    io, organisations = make_server(slow_consumer=SlowConsumer(max_bytes=10_000))
    left: asyncio.Queue[str] = asyncio.Queue()
    organisations.on("disconnect")(lambda socket, reason: left.put_nowait(reason))
    site = await host(io)
    silent, reads = await dial(site, "polling"), await dial(site, "websocket")
    await silent.connect("/org-1")
    await reads.connect("/org-2")
    for number in range(100):
        organisations.emit("n", number, "x" * 1000)
        assert (await reads.event("n", "/org-2"))[0] == number
        if not left.empty():
            break
    assert left.get_nowait() == "transport error"
    await reads.fence("/org-2")
