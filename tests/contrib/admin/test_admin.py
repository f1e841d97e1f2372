"""What administrators are told, and what it costs: nothing while nobody looks, and little whatever happens."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import orjson
import pytest

from windsock import ConfigurationError, ConnectionRefused, Server, Socket
from windsock.contrib.admin import Admin, BasicAuth
from windsock.contrib.admin.admin import INTERVAL, MAX_BYTES
from windsock.contrib.admin.authentication import MAX_ADMINISTRATORS
from windsock.contrib.admin.disclosure import MAX_ROOMS, MAX_TEXT
from windsock.contrib.admin.feed import MAX_CHANGES, MAX_EVENTS, SLICE
from windsock.contrib.admin.statistics import MAX_NAMESPACES
from windsock.server.tap import Tap
from windsock.testing import Harness, Peer

ALL = ["EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT", "AGGREGATED_EVENTS", "ALL_EVENTS"]


def make_server(**options: Any) -> Server:
    io = Server()
    Admin(io, **{"auth": False, "server_id": "one", **options})
    io.on("join")(lambda socket, *rooms: socket.join(*rooms))
    io.on("leave")(lambda socket, *rooms: socket.leave(*rooms))
    io.on("say")(lambda socket, *words: io.emit("said", *words))

    @io.on("count")
    def count(socket: Socket, number: int) -> None:
        for each in range(number):
            socket.emit("n", each)

    return io


def told(page: Peer, name: str) -> list[list[Any]]:
    """What an administrator was told under a name, so far."""
    return [event.arguments for event in page.unread if event.name == name]


def taps(io: Server) -> int:
    return sum(isinstance(socket.outlet, Tap) for socket in io.of("/").sockets.values())


@pytest.mark.parametrize(
    ("options", "features"),
    [
        ({}, ALL),
        ({"readonly": True}, ALL[-2:]),
        ({"mode": "production"}, ALL[:-1]),
        ({"mode": "production", "readonly": True}, ["AGGREGATED_EVENTS"]),
    ],
)
async def test_what_it_offers(windsock_harness: Harness, options: Any, features: list[str]) -> None:
    io = make_server(**options)
    client = await windsock_harness.connect(io)
    page = await windsock_harness.connect(io, "/admin")
    await page.assert_emitted("config", {"supportedFeatures": features})
    await client.emit_with_ack("join", "room")
    await client.emit_with_ack("say", "ahoy")
    await client.assert_emitted("said", "ahoy")
    await windsock_harness.connect(io)
    development = "ALL_EVENTS" in features
    await windsock_harness.advance(INTERVAL)
    for name in ("all_sockets", "room_joined", "event_received", "event_sent", "socket_connected"):
        assert bool(told(page, name)) == development, name
    assert len(told(page, "server_stats")) == 2
    answer = await page.emit_with_ack("_disconnect", "/", False, client.id)
    if "DISCONNECT" in features:
        assert answer is None
        await client.assert_disconnected("io server disconnect")
    else:
        assert answer["error"]["code"] == "unknown_event"
        await client.assert_nothing()


async def test_another_namespace(windsock_harness: Harness) -> None:
    io = make_server(namespace_name="/custom")
    page = await windsock_harness.connect(io, "/custom")
    await page.assert_emitted("config")
    with pytest.raises(ConnectionRefused, match="Invalid namespace"):
        await windsock_harness.connect(io, "/admin")


async def test_nobody_looks_and_nothing_is_listened_to(windsock_harness: Harness) -> None:
    io = make_server()
    client = await windsock_harness.connect(io)
    before = await windsock_harness.connect(io)
    hooks = io.of("/").registry.hooks
    assert (taps(io), hooks.incoming, hooks.outgoing) == (0, [], [])
    page = await windsock_harness.connect(io, "/admin")
    after = await windsock_harness.connect(io)
    assert taps(io) == 3
    await page.disconnect()
    await windsock_harness.advance(INTERVAL)
    assert (taps(io), hooks.incoming, hooks.outgoing) == (0, [], [])
    await client.emit_with_ack("say", "ahoy")
    for one in (client, before, after):
        await one.assert_emitted("said", "ahoy")
    # And again.
    page = await windsock_harness.connect(io, "/admin")
    await client.emit_with_ack("say", "ahoy")
    await page.assert_emitted("event_received")
    assert taps(io) == 3


async def test_an_application_s_own_listeners_stay(windsock_harness: Harness) -> None:
    io = make_server()
    heard: list[str] = []
    io.on_any_outgoing(lambda socket, event, *arguments: heard.append(event))
    client = await windsock_harness.connect(io)
    page = await windsock_harness.connect(io, "/admin")
    io.off_any()  # the administrators' too, and nobody minds
    await page.disconnect()
    await windsock_harness.advance(INTERVAL)
    await client.emit_with_ack("say", "ahoy")
    assert heard == ["said"]


async def test_looking_opens_no_namespace(windsock_harness: Harness) -> None:
    io = make_server()
    io.of("/announced").emit("to nobody")  # which does not open it, either
    rule = io.of(lambda name, auth: True)

    @rule.use
    def guard(socket: Socket) -> None:
        raise ConnectionRefused("not for you")

    await windsock_harness.connect(io, "/admin")
    with pytest.raises(ConnectionRefused, match="not for you"):
        await windsock_harness.connect(io, "/announced")


async def test_namespaces_that_clients_ask_for(windsock_harness: Harness) -> None:
    io = make_server()
    io.of(re.compile(r"^/room-\d+$")).on("join")(lambda socket, room: socket.join(room))
    page = await windsock_harness.connect(io, "/admin")
    first, second = [await windsock_harness.connect(io, f"/room-{number}") for number in range(2)]
    for client in (first, second):
        await client.emit_with_ack("join", "a")
    assert [event[:2] for event in told(page, "event_received")] == [["/room-0", first.id], ["/room-1", second.id]]
    assert [event[:3] for event in told(page, "room_joined")] == [
        ["/room-0", "a", first.id],
        ["/room-1", "a", second.id],
    ]


async def test_a_client_that_is_refused_is_not_told_of(windsock_harness: Harness) -> None:
    io = make_server()

    @io.on("connect")
    def connect(socket: Socket, auth: Any) -> None:
        socket.join("room")
        raise ConnectionRefused("no")

    page = await windsock_harness.connect(io, "/admin")
    with pytest.raises(ConnectionRefused):
        await windsock_harness.connect(io)
    assert {event.name for event in page.unread} == {"config", "all_sockets", "server_stats"}


async def test_secrets_stay_where_they_are(windsock_harness: Harness) -> None:
    io = make_server(
        headers=["x-tenant"], query=["colour"], data=lambda socket: {"name": getattr(socket.data, "name", "")}
    )

    @io.on("connect")
    def connect(socket: Socket, auth: Any) -> None:
        socket.data.name = "Ann"
        socket.data.token = "s3cret"

    headers = {"Cookie": "s3cret", "Authorization": "s3cret", "X-Api-Key": "s3cret", "X-Tenant": "blue"}
    query = {"token": "s3cret", "colour": "red"}
    await windsock_harness.connect(io, auth={"token": "s3cret"}, headers=headers, query=query)
    page = await windsock_harness.connect(io, "/admin", auth={"sessionId": "s3cret", "password": "s3cret"})
    await windsock_harness.connect(io, auth={"token": "s3cret"}, headers=headers, query=query)
    (sockets,) = told(page, "all_sockets")[0]
    connected = told(page, "socket_connected")[-1][0]
    shown = next(socket for socket in sockets if socket["nsp"] == "/")
    for one in (shown, connected):
        assert one["handshake"]["headers"] == {"x-tenant": "blue"}
        assert one["handshake"]["query"] == dict.fromkeys(["EIO", "transport", "token"], "(hidden)") | {"colour": "red"}
        assert one["data"] == {"name": "Ann"}
    assert b"s3cret" not in orjson.dumps([event.arguments for event in page.unread])
    (administrator,) = io.of("/admin").sockets.values()
    assert administrator.handshake.auth == {}


async def test_data_that_cannot_be_shown(windsock_harness: Harness) -> None:
    io = make_server(data=lambda socket: 1 / 0)
    page = await windsock_harness.connect(io, "/admin")
    await windsock_harness.connect(io)
    assert told(page, "socket_connected")[-1][0]["data"] == {}
    windsock_harness.expect_error("what is shown of the data")


async def test_changed_data_is_told_of_once(windsock_harness: Harness) -> None:
    io = make_server()
    io.on("rename")(lambda socket, name: setattr(socket.data, "name", name))
    client = await windsock_harness.connect(io)
    page = await windsock_harness.connect(io, "/admin")
    for name in ("a", "a", "b"):
        client.emit("rename", name)
        await windsock_harness.advance(INTERVAL)
    updates = [{"id": client.id, "nsp": "/", "data": {"name": name}} for name in "ab"]
    assert told(page, "socket_updated") == [[update] for update in updates]


async def test_data_that_is_looked_at_has_a_bound(windsock_harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("windsock.contrib.admin.feed.MAX_UPDATES", 2)
    io = make_server()
    io.on("rename")(lambda socket, name: setattr(socket.data, "name", name))
    clients = [await windsock_harness.connect(io) for _ in range(3)]
    page = await windsock_harness.connect(io, "/admin")
    for client in clients:
        await client.emit_with_ack("rename", "a")
    for number in (2, 3):
        await windsock_harness.advance(INTERVAL)
        assert len(told(page, "socket_updated")) == number


async def test_a_client_is_sent_away_alone_or_with_its_connection(windsock_harness: Harness) -> None:
    io = make_server()
    clients = [await windsock_harness.connect(io) for _ in range(2)]
    page = await windsock_harness.connect(io, "/admin")
    for client, close in zip(clients, (False, True), strict=True):
        await page.emit_with_ack("_disconnect", "/", close, client.id)
        await client.assert_disconnected()
    assert io.health.sessions == 2, "the page's, and that of the first"


async def test_events_told_of_have_a_bound(windsock_harness: Harness) -> None:
    io = make_server()
    client = await windsock_harness.connect(io)
    page = await windsock_harness.connect(io, "/admin")
    await client.emit_with_ack("count", MAX_EVENTS + 500)
    assert len(told(page, "event_sent")) + len(told(page, "event_received")) == MAX_EVENTS
    await windsock_harness.advance(INTERVAL)
    figures = told(page, "server_stats")[-1][0]
    skipped = [event["count"] for event in figures["aggregatedEvents"] if event["type"] == "skipped"]
    await windsock_harness.advance(INTERVAL)
    figures = told(page, "server_stats")[-1][0]
    skipped += [event["count"] for event in figures["aggregatedEvents"] if event["type"] == "skipped"]
    assert skipped == [501]
    await client.emit_with_ack("say", "ahoy")
    assert told(page, "event_sent")[-1][2] == ["said", "ahoy"]


async def test_a_large_payload_is_cut(windsock_harness: Harness) -> None:
    io = make_server()
    client = await windsock_harness.connect(io)
    page = await windsock_harness.connect(io, "/admin")
    await client.emit_with_ack("say", "x" * 100_000, b"\x00" * 100_000)
    shown = ["x" * MAX_TEXT + "… (100000 characters)", "(100000 bytes)"]
    assert told(page, "event_received")[-1][2] == ["say", *shown]
    assert told(page, "event_sent")[-1][2] == ["said", *shown]
    await client.assert_emitted("said", "x" * 100_000, b"\x00" * 100_000)


async def test_of_too_many_changes_the_page_gets_the_outcome(windsock_harness: Harness) -> None:
    io = make_server()
    client = await windsock_harness.connect(io)
    page = await windsock_harness.connect(io, "/admin")
    rooms = [str(number) for number in range(MAX_CHANGES + 100)]
    await client.emit_with_ack("join", *rooms)
    await client.emit_with_ack("leave", *rooms[:-3])
    assert len(told(page, "room_joined")) <= MAX_CHANGES
    assert told(page, "room_left") == []
    await windsock_harness.advance(INTERVAL)
    _, (sockets,) = told(page, "all_sockets")
    listed = {socket["id"]: socket["rooms"] for socket in sockets}
    assert listed == {client.id: sorted([client.id, *rooms[-3:]]), page.id: [page.id]}
    await client.emit_with_ack("leave", rooms[-1])
    assert told(page, "room_left")[0][:3] == ["/", rooms[-1], client.id]


async def test_the_list_of_sockets_has_a_bound_and_gives_way(
    windsock_harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    io = Server()
    admin = Admin(io, auth=False)
    for _ in range(SLICE + 50):
        await windsock_harness.connect(io)
    listing = asyncio.ensure_future(admin._feed.sockets())
    turns = 0
    while not listing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 1, "others had a turn"
    assert len(listing.result()) == SLICE + 50
    monkeypatch.setattr("windsock.contrib.admin.feed.MAX_SOCKETS", 20)
    assert len(await admin._feed.sockets()) == 20
    monkeypatch.setattr("windsock.contrib.admin.feed.MAX_MEMBERSHIPS", 10)
    assert len(await admin._feed.sockets()) == 10


async def test_names_of_rooms_have_a_bound(windsock_harness: Harness) -> None:
    io = make_server()
    client = await windsock_harness.connect(io)
    page = await windsock_harness.connect(io, "/admin")
    await client.emit_with_ack("join", "x" * 50_000)
    io.of("/").sockets[client.id].join("\ud800")
    await windsock_harness.settle()
    assert [event[1] for event in told(page, "room_joined")] == ["x" * MAX_TEXT, "?"]
    (sockets,) = told(await windsock_harness.connect(io, "/admin"), "all_sockets")[0]
    rooms = next(socket["rooms"] for socket in sockets if socket["id"] == client.id)
    assert set(rooms) == {client.id, "x" * MAX_TEXT, "?"}


async def test_rooms_that_are_listed_have_a_bound(windsock_harness: Harness) -> None:
    io = make_server()
    client = await windsock_harness.connect(io)
    await client.emit_with_ack("join", *map(str, range(MAX_ROOMS + 10)))
    (sockets,) = told(await windsock_harness.connect(io, "/admin"), "all_sockets")[0]
    assert max(len(socket["rooms"]) for socket in sockets) == MAX_ROOMS


async def test_namespaces_that_are_listed_have_a_bound(windsock_harness: Harness) -> None:
    io = make_server(mode="production")
    for number in range(MAX_NAMESPACES):
        io.of(f"/{number}")
    page = await windsock_harness.connect(io, "/admin")
    assert len(told(page, "server_stats")[0][0]["namespaces"]) == MAX_NAMESPACES


async def test_administrators_who_do_not_read_cost_nobody_anything(windsock_harness: Harness) -> None:
    io = make_server()
    pages = [await windsock_harness.connect(io, "/admin") for _ in range(20)]
    client = await windsock_harness.connect(io)
    for page in pages:
        page.wire.stop_reading()
    for number in range(20):
        for _ in range(300):
            client.emit("say", "x" * 3000)
        await client.emit_with_ack("join", *map(str, range(number * 500, number * 500 + 500)))
        assert len(client.unread) == 300 * (number + 1), "the client gets everything"
        for session in io.engine.sessions.values():
            assert session.transport.buffered < 2 * MAX_BYTES
        await windsock_harness.advance(INTERVAL)
    assert io.slow_consumers.dropped_messages > 0
    await windsock_harness.advance(60)
    for page in pages:
        page.wire.start_reading()
        assert await page.assert_disconnected() in ("transport close", "io server disconnect")
    assert client.disconnected is None
    # They come back, and see what is.
    page = await windsock_harness.connect(io, "/admin")
    assert {socket["id"] for socket in told(page, "all_sockets")[0][0]} == {client.id, page.id}


async def test_administrators_have_a_bound(windsock_harness: Harness) -> None:
    io = make_server()
    first, *_ = [await windsock_harness.connect(io, "/admin") for _ in range(MAX_ADMINISTRATORS)]
    with pytest.raises(ConnectionRefused, match="too many administrators"):
        await windsock_harness.connect(io, "/admin")
    await first.disconnect()
    await windsock_harness.connect(io, "/admin")


async def test_statistics_are_each_page_s(windsock_harness: Harness) -> None:
    io = make_server(mode="production")
    first = await windsock_harness.connect(io, "/admin")
    client = await windsock_harness.connect(io)
    await client.disconnect()
    client.wire.cut()
    second = await windsock_harness.connect(io, "/admin")
    await windsock_harness.advance(INTERVAL)
    for page in (first, second):
        figures = told(page, "server_stats")[-1][0]
        kinds = {event["type"]: event for event in figures["aggregatedEvents"]}
        assert set(kinds) == {"rawConnection", "rawDisconnection", "bytesIn", "bytesOut"}
        assert kinds["bytesIn"]["count"] > 0 < kinds["bytesOut"]["count"]
        assert kinds["rawDisconnection"]["subType"] == "transport close"
        assert (figures["clientsCount"], figures["pollingClientsCount"]) == (2, 0)
        assert figures["uptime"] >= 0


async def test_what_happened_is_told_once(windsock_harness: Harness) -> None:
    io = make_server(mode="production")
    page = await windsock_harness.connect(io, "/admin")
    client = await windsock_harness.connect(io)
    await client.emit_with_ack("say", "x" * 10_000)
    figures = []
    for _ in range(2):
        await windsock_harness.advance(INTERVAL)
        events = told(page, "server_stats")[-1][0]["aggregatedEvents"]
        figures.append({event["type"]: event["count"] for event in events})
    first, second = figures
    assert first["rawConnection"] == 1
    assert "rawConnection" not in second
    for kind in ("bytesIn", "bytesOut"):
        assert first[kind] > 10_000 > second.get(kind, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"auth": True}, r"expected BasicAuth\(…\) or False, got bool"),
        ({"auth": None}, r"expected BasicAuth\(…\) or False, got NoneType"),
        ({"mode": "debug"}, "expected the mode development or production, got 'debug'"),
        ({"namespace_name": "/"}, "expected a namespace of its own, got '/'"),
        ({"namespace_name": "/used"}, "expected a namespace of its own, got '/used'"),
        ({"namespace_name": "/x-1"}, "expected a namespace of its own, got '/x-1'"),
    ],
)
def test_wrong_options(options: Any, message: str) -> None:
    io = Server()
    io.of("/used").on("say")(lambda socket: None)
    io.of(re.compile("^/x"))
    with pytest.raises(ConfigurationError, match=message):
        Admin(io, **{"auth": False, **options})


def test_a_password_is_no_hash() -> None:
    with pytest.raises(ConfigurationError, match="expected the hash of a password") as caught:
        BasicAuth("admin", "changeit")
    assert "changeit" not in str(caught.value)
    assert "$2b" not in repr(BasicAuth("admin", "$2b$10$heqvAkYMez.Va6Et2uXInOnkCT6/uQj1brkrbyG3LpopDklcq7ZOS"))


async def test_it_comes_before_the_clients(windsock_harness: Harness) -> None:
    io = Server()
    await windsock_harness.connect(io)
    with pytest.raises(ConfigurationError, match="expected observers before clients connect"):
        Admin(io, auth=False)
