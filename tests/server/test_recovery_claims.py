"""Connection state recovery: who claims a state that is not his, or not any more, is a stranger."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.server.fixtures import Dial, Serve
from tests.server.returning import Client, make_server
from tests.server.site import Lane, until
from windsock import (
    ConnectionRefused,
    Socket,
)


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
    stranger = await clients[0].back(await dial(site, "websocket"))
    assert not stranger.recovered_from(clients[0])
    await stranger.lose(io)
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


async def test_secrets_are_long_and_different(host: Serve, lane: Lane, dial: Dial) -> None:
    site = await host(make_server(), lane)
    clients = [await Client(await dial(site, "websocket")).connect() for _ in range(5)]
    assert len({client.pid for client in clients} | {client.sid for client in clients}) == 10
    assert all(len(client.pid) * 6 >= 128 for client in clients)
