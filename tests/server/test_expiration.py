"""Authentication that expires: who is disconnected, when, and what it is told."""

from __future__ import annotations

import asyncio
import gc
import math
import time
import weakref

import pytest

from tests.server.fixtures import Dial, Serve, Way
from tests.server.site import pass_time, soon
from windsock import Server, Socket
from windsock.testing import Clock, Harness


class Watch:
    """A server whose clients say in ``auth`` and by ``refresh`` for how many seconds they are let in."""

    def __init__(self) -> None:
        self.io = Server()
        self.left: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

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
            self.left.put_nowait((socket.id, reason))


@pytest.mark.clock
async def test_a_client_whose_authentication_expires_is_told_and_disconnected(
    host: Serve, way: Way, dial: Dial
) -> None:
    watch = Watch()
    site = await host(watch.io, way.lane)
    stays, goes = await dial(site), await dial(site)
    await stays.connect()
    with Clock() as clock:
        sid = await goes.connect(auth={"for": 10})
        told = asyncio.ensure_future(goes.packet())
        await pass_time(clock, 8, 1)
        assert not told.done()
        assert watch.left.empty()
        await pass_time(clock, 3, 1)
        assert await soon(told) == '2["auth_expired"]'
        assert await goes.packet() == "1"
        assert watch.left.get_nowait() == (sid, "auth expired")
        await stays.fence()
        # The connection stands, and the client may come back with a new proof.
        await goes.connect(auth={"for": 60})
        await goes.fence()


async def test_it_expires_when_its_time_is_over_and_not_before(windsock_harness: Harness) -> None:
    watch = Watch()
    stays, goes = await windsock_harness.connect(watch.io), await windsock_harness.connect(watch.io, auth={"for": 3600})
    await windsock_harness.advance(3598)
    await goes.assert_nothing()
    await windsock_harness.advance(3)
    await goes.assert_emitted("auth_expired")
    await goes.assert_disconnected("io server disconnect")
    assert watch.left.get_nowait() == (goes.id, "auth expired")
    await stays.assert_nothing()
    # The connection stands, and the client may come back with a new proof.
    goes.auth = {"for": 60}
    await goes.reconnect()
    assert len(watch.io.engine.sessions) == 2


async def test_it_is_refreshed_over_the_live_socket(windsock_harness: Harness) -> None:
    watch = Watch()
    refreshed, freed, other = [await windsock_harness.connect(watch.io, auth={"for": 10}) for _ in range(3)]
    shortened = await windsock_harness.connect(watch.io, auth={"for": 600})
    assert await refreshed.emit_with_ack("refresh", 600) > time.time() + 500
    assert await freed.emit_with_ack("refresh", None) is None
    await windsock_harness.advance(12)
    assert watch.left.get_nowait() == (other.id, "auth expired")
    await shortened.emit_with_ack("refresh", 5)
    await windsock_harness.advance(7)
    assert watch.left.get_nowait() == (shortened.id, "auth expired")
    await windsock_harness.advance(500)
    await refreshed.assert_nothing()
    await windsock_harness.advance(100)
    await refreshed.assert_emitted("auth_expired")
    await windsock_harness.advance(100_000)
    await freed.assert_nothing()


async def test_a_time_that_is_over_already(windsock_harness: Harness) -> None:
    peer = await windsock_harness.connect(Watch().io, auth={"for": -3600})
    await windsock_harness.advance(1)
    await peer.assert_emitted("auth_expired")
    await peer.assert_disconnected()


async def test_who_left_before_leaves_nothing_behind(windsock_harness: Harness) -> None:
    watch = Watch()
    peer = await windsock_harness.connect(watch.io, auth={"for": 3600})
    socket = weakref.ref(watch.io.of("/").sockets[peer.id])
    await peer.disconnect()
    assert watch.left.get_nowait()[1] == "client namespace disconnect"
    await peer.reconnect()
    gc.collect()
    assert socket() is None


@pytest.mark.parametrize("at", [math.nan, math.inf])
async def test_what_is_no_time(at: float, windsock_harness: Harness) -> None:
    watch = Watch()
    peer = await windsock_harness.connect(watch.io, auth={"for": 60})
    socket = watch.io.of("/").sockets[peer.id]
    before = socket.expires_at
    with pytest.raises(ValueError, match="seconds since the epoch"):
        socket.expires_at = at
    assert socket.expires_at == before
