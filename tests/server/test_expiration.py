"""Authentication that expires: who is disconnected, when, and what it is told."""

from __future__ import annotations

import asyncio
import gc
import math
import time
import weakref

import pytest

from tests.server.fixtures import Dial, Serve, Way
from tests.server.site import soon
from windsock import Server, Socket

LATE = 1.5
"""Seconds after its time within which a client is disconnected: one, and what a busy machine takes."""


class Watch:
    """A server whose clients say in ``auth`` and by ``refresh`` for how many seconds they are let in."""

    def __init__(self) -> None:
        self.io = Server()
        self.left: asyncio.Queue[tuple[str, str, float]] = asyncio.Queue()

        @self.io.on("connect")
        def connect(socket: Socket, auth: dict[str, float]) -> None:
            if "for" in auth:
                socket.expires_at = time.time() + auth["for"]

        @self.io.on("refresh")
        def refresh(socket: Socket, seconds: float | None) -> float | None:
            socket.expires_at = None if seconds is None else time.time() + seconds
            return socket.expires_at

        @self.io.on("disconnect")
        def disconnect(socket: Socket, reason: str) -> None:
            assert socket.expires_at is None
            self.left.put_nowait((socket.id, reason, time.time()))


async def test_a_client_whose_authentication_expires_is_told_and_disconnected(
    host: Serve, way: Way, dial: Dial
) -> None:
    watch = Watch()
    site = await host(watch.io, way.lane)
    stays, goes = await dial(site), await dial(site)
    await stays.connect()
    begin = time.time()
    sid = await goes.connect(auth={"for": 0.3})
    assert await goes.packet() == '2["auth_expired"]'
    assert await goes.packet() == "1"
    id, reason, when = await soon(watch.left.get())
    assert (id, reason) == (sid, "auth expired")
    assert 0.3 <= when - begin < 0.3 + LATE
    await stays.fence()
    # The connection stands, and the client may come back with a new proof.
    await goes.connect(auth={"for": 60})
    await goes.fence()


async def test_it_is_refreshed_over_the_live_socket(host: Serve, way: Way, dial: Dial) -> None:
    watch = Watch()
    site = await host(watch.io, way.lane)
    refreshed, freed, shortened, other = [await dial(site) for _ in range(4)]
    await refreshed.connect(auth={"for": 0.5})
    await freed.connect(auth={"for": 0.5})
    shortened_id = await shortened.connect(auth={"for": 600})
    other_id = await other.connect(auth={"for": 0.5})
    (until,) = await refreshed.call("refresh", 600)
    assert until > time.time() + 500
    assert await freed.call("refresh", None) == []
    assert (await soon(watch.left.get()))[:2] == (other_id, "auth expired")
    await shortened.call("refresh", 0.1)
    assert (await soon(watch.left.get()))[0] == shortened_id
    await refreshed.fence()
    await freed.fence()
    assert watch.left.empty()


async def test_a_time_that_is_over_already(host: Serve, dial: Dial) -> None:
    watch = Watch()
    peer = await dial(await host(watch.io), "websocket")
    await peer.connect(auth={"for": -3600})
    assert await peer.packet() == '2["auth_expired"]'
    assert await peer.packet() == "1"


async def test_who_left_before_leaves_nothing_behind(host: Serve, dial: Dial) -> None:
    watch = Watch()
    peer = await dial(await host(watch.io), "websocket")
    sid = await peer.connect(auth={"for": 3600})
    socket = weakref.ref(watch.io.of("/").sockets[sid])
    await peer.send("41")
    assert (await soon(watch.left.get()))[1] == "client namespace disconnect"
    await peer.connect()
    await peer.fence()
    gc.collect()
    assert socket() is None


@pytest.mark.parametrize("at", [math.nan, math.inf])
async def test_what_is_no_time(at: float, host: Serve, dial: Dial) -> None:
    watch = Watch()
    peer = await dial(await host(watch.io), "websocket")
    sid = await peer.connect(auth={"for": 60})
    socket = watch.io.of("/").sockets[sid]
    before = socket.expires_at
    with pytest.raises(ValueError, match="seconds since the epoch"):
        socket.expires_at = at
    assert socket.expires_at == before
