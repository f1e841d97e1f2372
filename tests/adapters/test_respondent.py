"""What a node does for others, and what it says to them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.adapters.nodes import RED, Alone, adapter_of, members, nodes
from windsock import Server, Socket, Target
from windsock.adapters import respondent as respondent_module
from windsock.adapters.messages import (
    Broadcast,
    BroadcastAck,
    BroadcastClientCount,
    DisconnectSockets,
    Done,
    FetchRooms,
    FetchRoomsResponse,
    FetchSockets,
    FetchSocketsResponse,
    Payload,
    ServerSideEmit,
    ServerSideEmitResponse,
    SocketsJoin,
    SocketsLeave,
)
from windsock.testing import Harness, StubCluster


async def test_whoever_asks_is_answered(windsock_harness: Harness) -> None:
    alone = Alone()
    alone.io.on_server_event("echo")(lambda *arguments: list(arguments))
    peer = await windsock_harness.connect(alone.io, auth={"x": 1})
    peer.answer("ask", lambda: (1, 2))
    uid = adapter_of(alone.io).uid
    assert alone.hear(SocketsJoin("other", RED, ("blue",), "1")) == [Done(uid, "1")]
    assert alone.hear(SocketsLeave("other", RED, ("white",), "2")) == [Done(uid, "2")]
    assert alone.hear(FetchRooms("other", "3")) == [FetchRoomsResponse(uid, "3", frozenset({peer.id, "red", "blue"}))]
    (response,) = alone.hear(FetchSockets("other", "4", Target()))
    assert isinstance(response, FetchSocketsResponse)
    assert response.sockets[0].rooms == {peer.id, "red", "blue"}
    assert response.sockets[0].handshake.auth == {"x": 1}
    echoed = alone.hear(ServerSideEmit("other", Payload(["echo", 1]), "5"))
    assert echoed == [ServerSideEmitResponse(uid, "5", [1])]
    assert alone.hear(Broadcast("other", RED, Payload(["ask"]), "6")) == [BroadcastClientCount(uid, "6", 1)]
    await windsock_harness.settle()
    assert alone.wire.said[1:] == [BroadcastAck(uid, "6", [1, 2])]
    nobody = Target(frozenset({"nobody"}))
    assert alone.hear(Broadcast("other", nobody, Payload(["ask"]), "7")) == [BroadcastClientCount(uid, "7", 0)]
    assert alone.hear(DisconnectSockets("other", RED, False, "8")) == [Done(uid, "8")]
    await peer.assert_disconnected()


async def test_one_of_our_own_hears_who_answers_and_who_left(windsock_harness: Harness) -> None:
    alone = Alone()
    a, b = [await windsock_harness.connect(alone.io) for _ in range(2)]
    a.answer("ask", lambda: "a")
    uid = adapter_of(alone.io).uid
    (count,) = alone.hear(Broadcast("other", RED, Payload(["ask"]), "1", 5, named=True))
    assert isinstance(count, BroadcastClientCount)
    assert set(count.ids or ()) == {a.id, b.id}
    await windsock_harness.settle()
    await b.disconnect()
    assert alone.wire.said[1:] == [BroadcastAck(uid, "1", "a", a.id), BroadcastAck(uid, "1", None, b.id, left=True)]


async def test_an_answer_that_comes_too_late_is_not_passed_on(windsock_harness: Harness) -> None:
    alone = Alone()
    peer = await windsock_harness.connect(alone.io)
    alone.hear(Broadcast("other", RED, Payload(["ask"]), "1", 5))
    event = await peer.assert_emitted("ask")
    await windsock_harness.advance(5)
    event.acknowledge("late")
    await windsock_harness.settle()
    assert len(alone.wire.said) == 1


async def test_nothing_is_decoded_for_nobody(windsock_harness: Harness) -> None:
    alone = Alone()
    peer = await windsock_harness.connect(alone.io)
    read: list[str] = []

    def payload(name: str) -> Payload:
        def decode() -> list[Any]:
            read.append(name)
            return [name]

        return Payload(read=decode)

    alone.hear(Broadcast("other", Target(frozenset({"blue"})), payload("blue")))
    alone.hear(Broadcast("other", Target(frozenset({"blue"})), payload("blue"), "1"))
    assert read == []
    alone.hear(Broadcast("other", RED, payload("red")))
    assert read == ["red"]
    await peer.assert_emitted("red")


class Unreadable:
    """What an application keeps with a socket that no other node can have."""


async def test_data_that_cannot_be_sent_hides_nobody(
    windsock_harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = StubCluster()
    a, b, _ = await nodes(windsock_harness, cluster)

    @a.on("connect")
    def connect(socket: Socket) -> None:
        socket.data.name = "ada"
        socket.data.file = Unreadable()
        socket.data.tags = {"x", "y"}
        socket.data.half = {"\ud83d": "\ud83d\ude00 \ud83d"}
        socket.join("\ud83d")

    await members(windsock_harness, [a])
    (socket,) = await b.fetch_sockets()
    assert socket.data.name == "ada"
    assert sorted(socket.data.tags) == ["x", "y"]
    assert socket.data.file is None
    assert socket.data.half == {"\ufffd": "😀 \ufffd"}
    assert socket.rooms == {socket.id, "\ufffd"}
    assert "cannot be sent to other nodes" in caplog.text


# -- nonsense --


async def test_questions_of_others_are_bounded(windsock_harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(respondent_module, "MAX_QUESTIONS", 3)
    alone = Alone()
    alone.io.on_server_event("wait")(lambda: asyncio.sleep(5))
    await windsock_harness.connect(alone.io)
    uid = adapter_of(alone.io).uid
    for number, count in enumerate([1, 1, 1, 0]):
        response = alone.hear(Broadcast("other", RED, Payload(["ask"]), str(number), 5))
        assert response == [BroadcastClientCount(uid, str(number), count)]
    for number in range(3):
        assert alone.hear(ServerSideEmit("other", Payload(["wait"]), None if number else "0")) == []
    (busy,) = alone.hear(ServerSideEmit("other", Payload(["wait"]), "1"))
    assert isinstance(busy, ServerSideEmitResponse)
    assert busy.answer["error"]["code"] == "busy"
    assert alone.hear(ServerSideEmit("other", Payload(["wait"]))) == []
    assert alone.cluster.counters.refused == 3
    await windsock_harness.advance(5)
    assert len(alone.hear(Broadcast("other", RED, Payload(["ask"]), "9", 5))) == 1
    assert alone.hear(ServerSideEmit("other", Payload(["wait"]))) == []
    assert alone.cluster.counters.refused == 3
    await windsock_harness.advance(5)


async def test_an_answer_goes_to_who_asked(windsock_harness: Harness) -> None:
    stub = StubCluster()
    clusters = [stub.node() for _ in range(3)]
    servers = [Server(adapter=cluster) for cluster in clusters]
    await windsock_harness.serve(*servers)
    await members(windsock_harness, servers)
    assert len(await servers[0].fetch_sockets()) == 3
    await windsock_harness.settle()
    assert [cluster.counters.unexpected for cluster in clusters] == [0, 0, 0]
    assert [cluster.counters.responded for cluster in clusters] == [0, 1, 1]
