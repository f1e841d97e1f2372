"""What a node does when others are slow, silent, gone, or talk nonsense."""

from __future__ import annotations

import asyncio
from copy import copy
from functools import partial
from typing import Any

import pytest

from tests.adapters.nodes import RED, Alone, adapter_of, members, nodes
from windsock import AckTimeout, ClusterTimeout, ConfigurationError, EventError, Server
from windsock.adapters.messages import (
    Broadcast,
    BroadcastAck,
    BroadcastClientCount,
    FetchSocketsResponse,
    Payload,
    ServerSideEmit,
    ServerSideEmitResponse,
)
from windsock.errors import MessageError
from windsock.testing import Harness, StubCluster


async def test_a_node_that_is_silent_is_waited_for_until_it_is_known_to_be_gone(windsock_harness: Harness) -> None:
    cluster = StubCluster()
    a, b, c = await nodes(windsock_harness, cluster)
    peers = await members(windsock_harness, [a, b, c])
    cluster.drop("c")
    with pytest.raises(ClusterTimeout, match="1 of 2 nodes") as caught:
        await windsock_harness.advance_until(a.fetch_sockets())
    assert {socket.id for socket in caught.value.answers} == {peers[0].id, peers[1].id}
    assert caught.value.missing == [adapter_of(c).uid]
    with pytest.raises(ClusterTimeout):
        await windsock_harness.advance_until(a.timeout(0.5).fetch_sockets(), within=0.5)
    with pytest.raises(AckTimeout) as unanswered:
        await windsock_harness.advance_until(a.timeout(0.5).server_side_emit_with_ack("ping"))
    assert (unanswered.value.answers, unanswered.value.missing) == (["pong"], [adapter_of(c).uid])
    await windsock_harness.advance(15)
    assert {socket.id for socket in await a.fetch_sockets()} == {peers[0].id, peers[1].id}
    assert await a.server_side_emit_with_ack("ping") == ["pong"]
    assert await adapter_of(a).server_count() == 2
    cluster.heal()
    await windsock_harness.advance(5)
    assert len(await a.fetch_sockets()) == 3


async def test_a_node_that_dies_while_its_clients_are_waited_for(windsock_harness: Harness) -> None:
    cluster = StubCluster()
    a, b, c = await nodes(windsock_harness, cluster)
    peers = await members(windsock_harness, [a, b, c])
    for peer in peers[:2]:
        peer.answer("ask", lambda: "yes")
    asking = asyncio.ensure_future(a.timeout(50).emit_with_ack("ask"))
    await peers[2].assert_emitted("ask")
    cluster.drop("c")
    await windsock_harness.advance(16)
    assert asking.done(), "its clients are not waited for any longer than itself"
    with pytest.raises(AckTimeout, match="1 of 3 clients did not") as caught:
        await asking
    assert caught.value.answers == ["yes", "yes"]
    assert caught.value.missing == [peers[2].id]


async def test_a_node_that_is_asked_and_does_not_say_how_many_clients_it_has(windsock_harness: Harness) -> None:
    cluster = StubCluster()
    a, b, c = await nodes(windsock_harness, cluster)
    peer, *_ = await members(windsock_harness, [a, b, c])
    peer.answer("ask", lambda: "yes")
    cluster.partition(["a", "c"])
    with pytest.raises(
        AckTimeout, match="1 of 2 clients did not acknowledge; nodes that did not say how many they have: 1"
    ) as caught:
        await windsock_harness.advance_until(a.timeout(2).emit_with_ack("ask"))
    assert caught.value.answers == ["yes"]


async def test_a_node_that_closes_is_missed_by_nobody(windsock_harness: Harness) -> None:
    cluster = StubCluster()
    a, _, c = await nodes(windsock_harness, cluster)
    asking = asyncio.ensure_future(a.server_side_emit_with_ack("ping"))
    await c.close()
    await windsock_harness.settle()
    assert await asking == ["pong"]
    assert await adapter_of(a).server_count() == 2
    await c.start()
    await windsock_harness.settle()
    assert await a.server_side_emit_with_ack("ping") == ["pong", "pong"]


async def test_what_a_node_asked_ends_with_it(windsock_harness: Harness) -> None:
    cluster = StubCluster()
    a, b, _ = await nodes(windsock_harness, cluster)
    (peer,) = await members(windsock_harness, [b])
    fetching = asyncio.ensure_future(a.fetch_sockets())
    asking = asyncio.ensure_future(a.emit_with_ack("ask"))
    cluster.drop("c")
    await peer.assert_emitted("ask")
    await a.close()
    await windsock_harness.settle()
    with pytest.raises(ClusterTimeout):
        await fetching
    with pytest.raises(AckTimeout):
        await asking


async def test_what_is_on_its_way_keeps_its_order(windsock_harness: Harness) -> None:
    cluster = StubCluster()
    a, b, _ = await nodes(windsock_harness, cluster)
    (peer,) = await members(windsock_harness, [b])
    cluster.delay(2)
    a.emit("n", 0)
    cluster.delay(0)
    a.emit("n", 1)
    await windsock_harness.advance(1.9)
    await peer.assert_nothing()
    await windsock_harness.advance(0.1)
    assert [event.arguments for event in peer.unread] == [[0], [1]]


async def test_a_partition(windsock_harness: Harness) -> None:
    cluster = StubCluster()
    servers = await nodes(windsock_harness, cluster)
    a, b, c = await members(windsock_harness, servers)
    cluster.partition(["a", "b"], ["c"])
    servers[0].emit("e")
    servers[2].emit("f")
    await a.assert_emitted("e")
    await b.assert_emitted("e")
    await c.assert_emitted("f")
    for peer in (a, b, c):
        await peer.assert_nothing()
    with pytest.raises(ValueError, match="expected one of"):
        cluster.drop("d")
    with pytest.raises(ValueError, match="no other node"):
        cluster.node("a")


# -- servers and their namespaces --


async def test_the_lifespan_connects_a_server(windsock_harness: Harness) -> None:
    cluster = StubCluster()
    a, b = [Server(adapter=cluster.node()) for _ in range(2)]
    b.on_server_event("ping")(lambda: "pong")
    await windsock_harness.start(a.asgi())
    await windsock_harness.start(b.asgi())
    await windsock_harness.settle()
    assert await a.server_side_emit_with_ack("ping") == ["pong"]


async def test_a_namespace_of_a_rule_is_a_node_as_long_as_it_is(windsock_harness: Harness) -> None:
    cluster = StubCluster()
    a, b = [Server(adapter=cluster.node()) for _ in range(2)]
    for io in (a, b):
        io.of(lambda name, auth: name.startswith("/org-")).on_server_event("ping")(lambda: "pong")
    await windsock_harness.serve(a, b)
    here = await windsock_harness.connect(a, "/org-1")
    there = await windsock_harness.connect(b, "/org-1")
    assert await a.of("/org-1").server_side_emit_with_ack("ping") == ["pong"]
    a.of("/org-1").emit("e")
    await here.assert_emitted("e")
    await there.assert_emitted("e")
    await there.disconnect()
    assert await a.of("/org-1").server_side_emit_with_ack("ping") == []
    again = await windsock_harness.connect(b, "/org-1")
    a.of("/org-1").emit("f")
    await again.assert_emitted("f")


async def test_one_server_is_a_cluster_of_its_own(windsock_harness: Harness) -> None:
    io = Server()
    io.on_server_event("ping")(lambda: "pong")
    await windsock_harness.connect(io)
    io.server_side_emit("ping")
    assert await io.server_side_emit_with_ack("ping") == []
    assert await io.timeout(1).server_side_emit_with_ack("ping") == []
    with pytest.raises(ValueError, match="reserved"):
        io.server_side_emit("connect")
    with pytest.raises(ValueError, match="servers"):
        await io.to("red").server_side_emit_with_ack("ping")


async def test_connection_state_recovery_on_the_same_node(windsock_harness: Harness) -> None:
    cluster = StubCluster()
    a, b, c = await nodes(windsock_harness, cluster, connection_state_recovery=True)
    for io in (a, b, c):
        io.on("connect")(lambda socket: None if socket.recovered else socket.join("red"))
    peer, other = await members(windsock_harness, [a, b])
    c.to("red").emit("n", 0)
    await peer.assert_emitted("n", 0)
    peer.wire.cut()
    await windsock_harness.settle()
    c.to("red").emit("n", 1)
    await windsock_harness.settle()
    a.emit("n", 2)
    c.to("blue").emit("n", 3)
    c.in_("red").sockets_join("green")
    await windsock_harness.settle()
    assert await peer.reconnect()
    a.to("green").emit("n", 4)
    await peer.assert_emitted("n", 4)
    assert [event.arguments for event in peer.unread] == [[1], [2]]
    await other.assert_emitted("n", 4)
    assert [event.arguments for event in other.unread] == [[0], [1], [2]]


# -- events for servers --


async def test_handlers_of_events_for_servers(windsock_harness: Harness) -> None:
    cluster = StubCluster()
    a, b = [Server(adapter=cluster.node()) for _ in range(2)]

    @b.on_server_event("double")
    async def double(number: int, *rest: str) -> int:
        await asyncio.sleep(1)
        return number * 2

    @b.on_server_event("refuse")
    def refuse() -> None:
        raise EventError("no")

    @b.on_server_event("fail")
    async def fail() -> None:
        raise RuntimeError("it broke")

    b.on_server_event("unsendable")(object)
    await windsock_harness.serve(a, b)
    assert await windsock_harness.advance_until(a.server_side_emit_with_ack("double", "21", "more")) == [42]
    (answer,) = await a.server_side_emit_with_ack("double", "many")
    assert answer["error"]["code"] == "invalid_payload"
    (answer,) = await a.server_side_emit_with_ack("refuse")
    assert answer["error"]["code"] == "no"
    for event, trouble in (("fail", "it broke"), ("unsendable", "cannot be sent")):
        (answer,) = await a.server_side_emit_with_ack(event)
        assert answer["error"]["code"] == "internal_error"
        windsock_harness.expect_error(trouble)
    for wrong in ("double", "connect"):
        with pytest.raises(ConfigurationError):
            b.on_server_event(wrong)(refuse)
    with pytest.raises(ConfigurationError, match="by position"):

        @b.on_server_event("keyword")
        def keyword(*, needed: int) -> None: ...


# -- nodes that only their number is known of --


async def test_nodes_that_do_not_say_who_they_are(windsock_harness: Harness) -> None:
    alone = Alone(count=2)
    peer = await windsock_harness.connect(alone.io)
    peer.answer("ask", lambda: "here")
    asking = asyncio.ensure_future(alone.io.timeout(3).emit_with_ack("ask"))
    id = (await alone.request(windsock_harness)).request_id
    for message in (
        BroadcastClientCount("", id, 2),
        BroadcastClientCount("", id, 1),
        BroadcastAck("", id, 1),
        BroadcastAck("", id, 2),
    ):
        assert alone.hear(message) == []
    await windsock_harness.settle()
    assert not asking.done()
    alone.hear(BroadcastAck("", id, 3))
    assert sorted(await asking, key=str) == [1, 2, 3, "here"]
    alone.hear(BroadcastAck("", id, 4))
    assert alone.cluster.counters.unexpected == 1


async def test_clients_that_nobody_names_and_that_do_not_answer(windsock_harness: Harness) -> None:
    alone = Alone()
    asking = asyncio.ensure_future(alone.io.timeout(3).emit_with_ack("ask"))
    id = (await alone.request(windsock_harness)).request_id
    alone.hear(BroadcastClientCount("", id, 3))
    alone.hear(BroadcastClientCount("", id, 3))  # there is only one such node
    alone.hear(BroadcastAck("", id, 1))
    with pytest.raises(AckTimeout, match="2 of 3 clients") as caught:
        await windsock_harness.advance_until(asking)
    assert (caught.value.answers, caught.value.missing) == ([1], [])


async def test_without_a_timeout_nobody_is_waited_for_without_end(windsock_harness: Harness) -> None:
    alone = Alone()
    asking = asyncio.ensure_future(alone.io.emit_with_ack("ask"))
    id = (await alone.request(windsock_harness)).request_id
    alone.hear(BroadcastClientCount("", id, 1))
    await windsock_harness.advance(59)
    assert not asking.done()
    await windsock_harness.advance(1)
    with pytest.raises(AckTimeout):
        await asking


async def test_a_node_that_has_gone_by_the_end_has_not_to_answer(windsock_harness: Harness) -> None:
    alone = Alone(count=2)
    peer = await windsock_harness.connect(alone.io)
    fetching = asyncio.ensure_future(alone.io.fetch_sockets())
    id = (await alone.request(windsock_harness)).request_id
    alone.hear(FetchSocketsResponse("", id, []))
    alone.wire.count = 1
    assert [socket.id for socket in await windsock_harness.advance_until(fetching)] == [peer.id]


async def test_answers_to_another_question_are_dropped(windsock_harness: Harness) -> None:
    """Whoever hears a question can answer it, with what nobody asked for."""
    alone = Alone()
    fetching = asyncio.ensure_future(alone.io.fetch_sockets())
    id = (await alone.request(windsock_harness)).request_id
    for forged in (ServerSideEmitResponse("x", id, 5), BroadcastClientCount("x", id, 3), BroadcastAck("x", id, 5)):
        alone.hear(forged)
    alone.hear(FetchSocketsResponse("x", id, []))
    assert await windsock_harness.advance_until(fetching) == []
    asking = asyncio.ensure_future(alone.io.server_side_emit_with_ack("ask"))
    id = (await alone.request(windsock_harness)).request_id
    alone.hear(FetchSocketsResponse("x", id, []))
    alone.hear(ServerSideEmitResponse("x", id, 5))
    assert await windsock_harness.advance_until(asking) == [5]
    broadcast = asyncio.ensure_future(alone.io.timeout(3).emit_with_ack("ask"))
    id = (await alone.request(windsock_harness)).request_id
    alone.hear(FetchSocketsResponse("x", id, []))
    alone.hear(ServerSideEmitResponse("x", id, 5))
    alone.hear(BroadcastClientCount("x", id, 1))
    alone.hear(BroadcastAck("x", id, 6))
    assert await windsock_harness.advance_until(broadcast) == [6]
    assert alone.cluster.counters.unexpected == 6


async def test_a_node_that_says_who_it_is_counts_once(windsock_harness: Harness) -> None:
    alone = Alone(count=2)
    asking = asyncio.ensure_future(alone.io.server_side_emit_with_ack("ask"))
    id = (await alone.request(windsock_harness)).request_id
    for uid in ("x", "x", "y"):
        alone.hear(ServerSideEmitResponse(uid, id, uid))
    assert await windsock_harness.advance_until(asking) == ["x", "y"]
    assert alone.cluster.counters.unexpected == 1


# -- what others ask for --


async def test_nonsense_is_dropped_and_counted(windsock_harness: Harness) -> None:
    alone = Alone()
    peer = await windsock_harness.connect(alone.io)

    def raise_() -> Any:
        raise MessageError("garbage")

    counters = alone.cluster.counters
    contents: list[Any] = [None, [], ["connect"], [{}], {"a": 1}, "text"]
    for number, content in enumerate(contents, 1):
        assert alone.hear(Broadcast("other", RED, Payload(read=partial(copy, content)))) == []
        assert counters.garbage == number
    alone.hear(Broadcast("other", RED, Payload(read=raise_)))
    alone.hear(Broadcast("other", RED, Payload(["e", object()])))
    alone.hear(ServerSideEmit("other", Payload(read=raise_)))
    assert counters.garbage == 9
    # Whoever waits for a number of clients is not left waiting.
    (count,) = alone.hear(Broadcast("other", RED, Payload(read=raise_), "1"))
    assert isinstance(count, BroadcastClientCount)
    assert count.count == 0
    for message in (
        BroadcastAck("other", "unknown", 1),
        BroadcastClientCount("other", "unknown", 1),
        FetchSocketsResponse("other", "unknown", []),
        ServerSideEmitResponse("other", "unknown", 1),
    ):
        assert alone.hear(message) == []
    assert counters.unexpected == 4
    await peer.assert_nothing()
    alone.hear(Broadcast(adapter_of(alone.io).uid, RED, Payload(["e"])))
    await peer.assert_nothing()
