"""Coming and going: who is let in, what they hear first, and what the application hears when they leave."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from tests.server.client import Refused
from tests.server.fixtures import Dial, Join, Serve, Way
from tests.server.peer import PollingPeer, WebSocketPeer
from tests.server.site import Lane, Trouble, soon, until
from windsock import ConnectionRefused, Server, Socket


class Login(BaseModel):
    model_config = ConfigDict(extra="forbid")

    token: str
    age: int = 0


# -- being let in --


async def test_the_handler_gets_the_socket_and_its_auth(host: Serve, way: Way, join: Join) -> None:
    io = Server()
    seen: list[Any] = []

    @io.on("connect")
    async def connect(socket: Socket, auth: Any) -> None:
        seen.append((socket.id, auth, socket.handshake.auth))

    site = await host(io, way.lane)
    client = await join(site, auth={"token": "123"})
    assert seen == [(client.id(), {"token": "123"}, {"token": "123"})]
    other = await join(site)
    assert seen[1:] == [(other.id(), {}, {})]


async def test_auth_is_validated_by_its_annotation(host: Serve, way: Way, join: Join) -> None:
    io = Server()
    seen: list[Login] = []

    @io.on("connect")
    async def connect(socket: Socket, auth: Login) -> None:
        seen.append(auth)

    site = await host(io, way.lane)
    await join(site, auth={"token": "123", "age": 7})
    assert seen == [Login(token="123", age=7)]
    for auth in ({"token": 5}, {"token": "x", "surplus": 1}, None):
        with pytest.raises(Refused) as caught:
            await join(site, auth=auth)
        error = caught.value.error
        assert error["message"] == "invalid auth"
        assert error["data"]["code"] == "invalid_payload"
        assert all(set(detail) == {"loc", "msg", "type"} for detail in error["data"]["details"])
    assert len(seen) == 1
    assert await io.fetch_sockets() != []


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_a_refusal_tells_why(host: Serve, way: Way, join: Join, asynchronous: bool) -> None:
    io = Server()

    def check(socket: Socket) -> None:
        socket.join("room")
        raise ConnectionRefused("not you", data={"retry_after": 3, "raw": b"\x00\xff"[:0].decode()})

    async def check_later(socket: Socket) -> None:
        await asyncio.sleep(0)
        check(socket)

    io.on("connect")(check_later if asynchronous else check)
    left: list[str] = []
    io.on("disconnect")(lambda socket: left.append(socket.id))
    site = await host(io, way.lane)
    with pytest.raises(Refused) as caught:
        await join(site)
    assert caught.value.error == {"message": "not you", "data": {"retry_after": 3, "raw": ""}}
    assert await io.in_("room").fetch_sockets() == []
    assert await io.fetch_sockets() == []
    assert left == [], "who was not let in does not leave"


async def test_a_plain_handler_that_returns_an_awaitable_is_awaited(host: Serve, way: Way, dial: Dial) -> None:
    """As decorators make them. A check that nobody awaits would let everybody in."""
    io = Server()
    left: asyncio.Queue[str] = asyncio.Queue()

    async def check(auth: Any) -> None:
        await asyncio.sleep(0)
        if not auth:
            raise ConnectionRefused("no")

    async def note(reason: str) -> None:
        await asyncio.sleep(0)
        left.put_nowait(reason)

    io.on("connect")(lambda socket, auth: check(auth))
    io.on("disconnect")(lambda socket, reason: note(reason))
    peer = await dial(await host(io, way.lane))
    assert await peer.refused() == {"message": "no"}
    await peer.connect(auth={"a": 1})
    await peer.send("41")
    assert await soon(left.get()) == "client namespace disconnect"


async def test_a_refusal_without_data_has_none(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()

    @io.on("connect")
    def connect(socket: Socket) -> None:
        raise ConnectionRefused("no")

    peer = await dial(await host(io, way.lane))
    assert await peer.refused() == {"message": "no"}


async def test_one_who_was_refused_may_try_again(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()

    @io.on("connect")
    def connect(socket: Socket, auth: Login) -> None:
        if auth.token != "right":
            raise ConnectionRefused("wrong token")

    peer = await dial(await host(io, way.lane))
    assert await peer.refused(auth={"token": "wrong"}) == {"message": "wrong token"}
    assert (await peer.refused(auth={}))["message"] == "invalid auth"
    await peer.connect(auth={"token": "right"})
    await peer.fence()


async def test_a_handler_that_fails_refuses_and_says_nothing_of_why(
    host: Serve, way: Way, dial: Dial, trouble: Trouble
) -> None:
    io = Server()

    @io.on("connect")
    async def connect(socket: Socket, auth: Any) -> None:
        if auth:
            raise RuntimeError("the password of the database is wrong")

    site = await host(io, way.lane)
    peer = await dial(site)
    assert await peer.refused(auth={"a": 1}) == {"message": "internal error"}
    await peer.connect()
    trouble.expect("the connect handler of / failed")


async def test_a_refusal_that_cannot_be_sent_is_a_refusal_still(
    host: Serve, way: Way, dial: Dial, trouble: Trouble
) -> None:
    io = Server()

    @io.on("connect")
    async def connect(socket: Socket) -> None:
        raise ConnectionRefused("no", data=object())

    peer = await dial(await host(io, way.lane))
    assert (await peer.refused())["message"] in ("no", "internal error")
    trouble.expect("/")


async def test_an_unknown_namespace_is_refused_and_others_stay(host: Serve, way: Way, dial: Dial) -> None:
    peer = await dial(await host(Server(), way.lane))
    await peer.connect()
    assert await peer.refused("/nowhere") == {"message": "Invalid namespace"}
    await peer.fence()


async def test_namespaces_share_a_connection_and_nothing_else(host: Serve, way: Way, join: Join) -> None:
    io = Server()
    admin = io.of("admin")
    left: asyncio.Queue[str] = asyncio.Queue()

    @io.on("who")
    def who(socket: Socket) -> str:
        return "/"

    @admin.on("who")
    def who_admin(socket: Socket) -> str:
        return "/admin"

    @admin.on("disconnect")
    def disconnect(socket: Socket, reason: str) -> None:
        left.put_nowait(reason)

    client = await join(await host(io, way.lane), namespaces=("/", "/admin"))
    assert await client.call("who") == "/"
    assert await client.call("who", namespace="/admin") == "/admin"
    assert client.id() != client.id("/admin")
    admin.emit("news", 1)
    assert await client.event("news", "/admin") == [1]
    admin.disconnect_sockets()
    assert await client.disconnected("/admin")
    assert await soon(left.get()) == "server namespace disconnect"
    assert await client.call("who") == "/"


# -- what is heard first --


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_what_the_handler_emits_follows_the_answer_in_order(
    host: Serve, way: Way, dial: Dial, asynchronous: bool
) -> None:
    io = Server()

    def greet(socket: Socket) -> None:
        socket.emit("first", 1)
        socket.join("room")
        io.to("room").emit("second", 2)
        io.emit("third", b"\x03")
        socket.compress(False).emit("fourth", 4)
        socket.volatile.emit("never")

    async def greet_later(socket: Socket) -> None:
        socket.emit("zeroth", 0)
        await asyncio.sleep(0)
        greet(socket)

    io.on("connect")(greet_later if asynchronous else greet)
    peer = await dial(await host(io, way.lane))
    await peer.connect()
    if asynchronous:
        assert await peer.event("zeroth") == [0]
    assert await peer.event("first") == [1]
    assert await peer.event("second") == [2]
    assert await peer.packet() == '51-["third",{"_placeholder":true,"num":0}]'
    assert await peer.receive() == b"\x03"
    assert await peer.event("fourth") == [4]
    await peer.fence()


async def test_what_others_emit_meanwhile_follows_the_answer(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()
    entered, go_on = asyncio.Event(), asyncio.Event()

    @io.on("connect")
    async def connect(socket: Socket) -> None:
        socket.join("room")
        entered.set()
        await go_on.wait()
        socket.emit("last")

    peer = await dial(await host(io, way.lane))
    await peer.send("40")
    await soon(entered.wait())
    io.to("room").emit("one")
    io.emit("two")
    go_on.set()
    assert (await peer.packet()).startswith('0{"sid":')
    for name in ("one", "two", "last"):
        assert await peer.event(name) == []


# -- middleware --


async def test_middlewares_run_in_order_before_the_handler(host: Serve, way: Way, join: Join) -> None:
    io = Server()
    order: list[str] = []

    @io.use
    async def first(socket: Socket) -> None:
        await asyncio.sleep(0)
        order.append("first")
        socket.data.user = socket.handshake.auth["user"]

    @io.use
    def second(socket: Socket) -> None:
        order.append("second")
        assert not socket.connected

    @io.of("/other").use
    def elsewhere(socket: Socket) -> None:
        order.append("elsewhere")

    @io.on("connect")
    async def connect(socket: Socket) -> None:
        order.append(f"connect {socket.data.user}")

    @io.on("who")
    def who(socket: Socket) -> Any:
        return socket.data.user

    client = await join(await host(io, way.lane), auth={"user": "ada"})
    assert order == ["first", "second", "connect ada"]
    assert await client.call("who") == "ada"


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_a_middleware_can_refuse(host: Serve, way: Way, join: Join, asynchronous: bool) -> None:
    io = Server()
    reached: list[str] = []

    async def refuse_later(socket: Socket) -> None:
        await asyncio.sleep(0)
        raise ConnectionRefused("closed", data={"until": "noon"})

    def refuse(socket: Socket) -> None:
        raise ConnectionRefused("closed", data={"until": "noon"})

    io.use(lambda socket: socket.join("room"))
    io.use(refuse_later if asynchronous else refuse)
    io.use(lambda socket: reached.append("middleware"))
    io.on("connect")(lambda socket: reached.append("connect"))
    io.on("disconnect")(lambda socket: reached.append("disconnect"))
    site = await host(io, way.lane)
    with pytest.raises(Refused) as caught:
        await join(site)
    assert caught.value.error == {"message": "closed", "data": {"until": "noon"}}
    assert reached == []
    assert await io.in_("room").fetch_sockets() == []


async def test_a_middleware_that_fails_refuses(host: Serve, way: Way, dial: Dial, trouble: Trouble) -> None:
    io = Server()

    @io.use
    def fail(socket: Socket) -> None:
        raise KeyError("secret")

    peer = await dial(await host(io, way.lane))
    assert await peer.refused() == {"message": "internal error"}
    trouble.expect("failed")


# -- leaving before the handler is done --


async def test_a_handler_that_outlives_its_client_is_paired_with_a_disconnect(
    host: Serve, way: Way, dial: Dial
) -> None:
    io = Server()
    entered, go_on = asyncio.Event(), asyncio.Event()
    story: list[Any] = []

    @io.on("connect")
    async def connect(socket: Socket) -> None:
        socket.join("room")
        entered.set()
        await go_on.wait()
        story.append("connected")

    @io.on("disconnecting")
    def disconnecting(socket: Socket) -> None:
        story.append(("disconnecting", "room" in socket.rooms))

    @io.on("disconnect")
    def disconnect(socket: Socket, reason: str) -> None:
        story.append(("disconnect", reason))

    peer = await dial(await host(io, way.lane))
    await peer.send("40")
    await soon(entered.wait())
    await peer.close()
    await until(lambda: not io.engine.sessions, "the client is gone")
    io.to("room").emit("nobody there")
    go_on.set()
    await until(lambda: len(story) == 3, "the application hears of it")
    assert story[:2] == ["connected", ("disconnecting", True)]
    assert story[2] in (("disconnect", "transport close"), ("disconnect", "transport error"))
    assert await io.in_("room").fetch_sockets() == []


async def test_a_middleware_that_outlives_its_client_leaves_nothing(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()
    entered, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()
    reached: list[str] = []

    @io.use
    async def linger(socket: Socket) -> None:
        socket.join("room")
        entered.set()
        await go_on.wait()
        done.set()

    io.on("connect")(lambda socket: reached.append("connect"))
    io.on("disconnect")(lambda socket: reached.append("disconnect"))
    peer = await dial(await host(io, way.lane))
    await peer.send("40")
    await soon(entered.wait())
    await peer.close()
    await until(lambda: not io.engine.sessions, "the client is gone")
    go_on.set()
    await soon(done.wait())
    await asyncio.sleep(0)
    assert reached == []
    assert await io.in_("room").fetch_sockets() == [], "a ghost is left in the room"


async def test_a_socket_can_be_disconnected_in_its_connect_handler(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()
    left: asyncio.Queue[str] = asyncio.Queue()

    @io.on("connect")
    async def connect(socket: Socket) -> None:
        socket.emit("goodbye")
        socket.disconnect()

    @io.on("disconnect")
    def disconnect(socket: Socket, reason: str) -> None:
        left.put_nowait(reason)

    peer = await dial(await host(io, way.lane))
    await peer.connect()  # a client that never heard of a connection would not believe in its end
    assert await peer.event("goodbye") == []
    assert await peer.packet() == "1"
    assert await soon(left.get()) == "server namespace disconnect"
    assert await io.fetch_sockets() == []


async def test_a_connection_can_be_closed_in_a_connect_handler(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()
    left: asyncio.Queue[str] = asyncio.Queue()
    io.on("connect")(lambda socket: socket.disconnect(close=True))
    io.on("disconnect")(lambda socket, reason: left.put_nowait(reason))
    peer = await dial(await host(io, way.lane))
    await peer.send("40")
    await peer.gone()
    assert await soon(left.get()) == "server namespace disconnect"
    assert await io.fetch_sockets() == []


# -- time-outs --


async def test_who_joins_nothing_in_time_is_closed(host: Serve, way: Way, dial: Dial) -> None:
    io = Server(connect_timeout=0.5)

    @io.on("connect")
    def connect(socket: Socket, auth: Any) -> None:
        if auth:
            raise ConnectionRefused("no")

    site = await host(io, way.lane)
    connected = await dial(site)
    await connected.connect()
    refused = await dial(site)
    await refused.refused(auth={"a": 1})
    silent = await dial(site)
    await silent.gone()
    await refused.gone()
    await connected.fence()


# -- leaving --


Leaving = tuple[Server, "asyncio.Queue[tuple[str, str]]"]


@pytest.fixture
def leaving() -> Leaving:
    """A server that notes who leaves and why."""
    io = Server(ping_interval=10)
    left: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    @io.on("disconnect")
    async def disconnect(socket: Socket, reason: str) -> None:
        left.put_nowait((socket.id, reason))

    return io, left


async def test_the_client_leaves_the_namespace(leaving: Leaving, host: Serve, way: Way, dial: Dial) -> None:
    io, left = leaving
    peer = await dial(await host(io, way.lane))
    sid = await peer.connect()
    await peer.send("41")
    assert await soon(left.get()) == (sid, "client namespace disconnect")
    assert await peer.connect() != sid, "the connection is still there, and another socket may come over it"


@pytest.mark.parametrize("close", [False, True])
async def test_the_server_sends_a_client_away(leaving: Leaving, host: Serve, way: Way, join: Join, close: bool) -> None:
    io, left = leaving
    client = await join(await host(io, way.lane))
    sid = client.id()
    io.in_(sid).disconnect_sockets(close=close)
    assert await client.disconnected() == "server disconnect"
    assert await soon(left.get()) == (sid, "server namespace disconnect")


async def test_the_client_closes_its_transport(leaving: Leaving, host: Serve, way: Way, dial: Dial) -> None:
    io, left = leaving
    peer = await dial(await host(io, way.lane))
    sid = await peer.connect()
    if isinstance(peer, WebSocketPeer):
        await peer.connection.close()
    else:
        await peer.send("1")
    assert await soon(left.get()) == (sid, "transport close")
    assert not io.engine.sessions


async def test_the_client_closes_with_a_packet(leaving: Leaving, host: Serve, way: Way, dial: Dial) -> None:
    io, left = leaving
    peer = await dial(await host(io, way.lane))
    sid = await peer.connect()
    await peer.send("1")
    assert await soon(left.get()) == (sid, "transport close")
    await peer.gone()


async def test_the_client_vanishes(leaving: Leaving, host: Serve, way: Way, dial: Dial) -> None:
    io, left = leaving
    peer = await dial(await host(io, way.lane))
    sid = await peer.connect()
    await peer.close()
    assert await soon(left.get()) in ((sid, "transport close"), (sid, "transport error"))


@pytest.mark.parametrize("packet", ["4", "49", '42["connect"]', "42[", '451-["x"]', '42["x"] ', b"unannounced"])
async def test_the_client_breaks_the_packet_format(
    leaving: Leaving, host: Serve, way: Way, dial: Dial, packet: str | bytes
) -> None:
    io, left = leaving
    site = await host(io, way.lane)
    peer, other = await dial(site), await dial(site)
    sid = await peer.connect()
    await other.connect()
    if packet == '451-["x"]':
        await peer.send(packet, '42["y"]')
    else:
        await peer.send(packet)
    if packet == '42["x"] ':  # white space is JSON's
        await peer.fence()
        return
    assert await soon(left.get()) == (sid, "parse error")
    await peer.gone()
    await other.fence()


@pytest.mark.parametrize(
    ("packet", "reason"),
    [("2", "transport error"), ("0{}", "parse error"), ("5", "parse error"), ("6", None), ("3", None)],
)
async def test_engine_packets_that_are_not_a_client_s(
    leaving: Leaving, host: Serve, way: Way, dial: Dial, packet: str, reason: str | None
) -> None:
    io, left = leaving
    peer = await dial(await host(io, way.lane))
    sid = await peer.connect()
    await peer.send(packet)
    if reason is None:
        await peer.fence()
    else:
        assert await soon(left.get()) == (sid, reason)
        await peer.gone()


async def test_a_websocket_that_breaks_the_rfc(leaving: Leaving, host: Serve, lane: Lane, dial: Dial) -> None:
    io, left = leaving
    peer = await dial(await host(io, lane), "websocket")
    assert isinstance(peer, WebSocketPeer)
    sid = await peer.connect()
    peer.connection.transport.write(b"\xc1\x80\x00\x00\x00\x00")  # RSV1, which nobody negotiated
    assert await peer.gone() == 1002
    assert await soon(left.get()) in ((sid, "transport error"), (sid, "transport close"))


async def test_the_server_closes(leaving: Leaving, host: Serve, way: Way, join: Join) -> None:
    io, left = leaving
    client = await join(await host(io, way.lane))
    sid = client.id()
    await io.close()
    assert await soon(left.get()) == (sid, "server shutting down")
    assert await client.disconnected() in ("transport error", "server disconnect")
    assert await io.fetch_sockets() == []


@pytest.mark.parametrize("packets", [['42["early"]'], ["41"], ["40", "40"], ["40", "44{}"], ['42/admin,["x"]']])
async def test_packets_out_of_turn_close_the_connection(host: Serve, way: Way, dial: Dial, packets: list[str]) -> None:
    io = Server()
    io.of("/admin")
    peer = await dial(await host(io, way.lane))
    await peer.send(*packets)
    await peer.gone()
    assert await io.fetch_sockets() == []


async def test_all_namespaces_hear_of_the_end(host: Serve, way: Way, dial: Dial) -> None:
    io = Server()
    left: list[str] = []
    for name in ("/", "/a", "/b"):
        io.of(name).on("disconnect")(lambda socket: left.append(socket.namespace.name))
    peer = await dial(await host(io, way.lane))
    for name in ("/", "/a", "/b"):
        await peer.connect(name)
    await peer.close()
    await until(lambda: len(left) == 3, "each namespace hears of it")
    assert sorted(left) == ["/", "/a", "/b"]


async def test_disconnecting_still_sees_the_rooms(host: Serve, way: Way, join: Join) -> None:
    io = Server()
    story: list[Any] = []

    @io.on("connect")
    def connect(socket: Socket) -> None:
        socket.join("room")
        socket.data.name = "ada"

    @io.on("disconnecting")
    def disconnecting(socket: Socket, reason: str) -> None:
        story.append((socket.rooms - {socket.id}, reason, socket.data.name, socket.connected))
        socket.to("room").emit("left", socket.id)

    @io.on("disconnect")
    def disconnect(socket: Socket, reason: str) -> None:
        story.append((socket.rooms, reason, socket.data.name, socket.connected))

    site = await host(io, way.lane)
    stays, leaves = await join(site), await join(site)
    sid = leaves.id()
    await leaves.close()
    await until(lambda: len(story) == 2, "the application hears of it")
    reason = "client namespace disconnect"
    assert story == [({"room"}, reason, "ada", False), (frozenset(), reason, "ada", False)]
    assert await stays.event("left") == [sid]


async def test_handlers_of_the_end_that_fail_are_logged_and_end_nothing(
    host: Serve, way: Way, dial: Dial, trouble: Trouble
) -> None:
    io = Server()

    @io.on("disconnecting")
    def disconnecting(socket: Socket) -> None:
        if socket.id == sid:
            raise RuntimeError("at first")

    @io.on("disconnect")
    async def disconnect(socket: Socket) -> None:
        await asyncio.sleep(0)
        if socket.id == sid:
            done.set()
            raise RuntimeError("later")

    done = asyncio.Event()
    site = await host(io, way.lane)
    peer, other = await dial(site), await dial(site)
    sid = await peer.connect()
    stays = await other.connect()
    await peer.close()
    await soon(done.wait())
    await other.fence()
    assert [socket.id for socket in await io.fetch_sockets()] == [stays]
    trouble.expect("the disconnecting handler of / failed", "the disconnect handler of / failed")


# -- a client that sends faster than its handlers end --


async def test_handlers_in_flight_are_bounded_and_none_is_lost(host: Serve, way: Way, dial: Dial) -> None:
    bound, total = 8, 400
    io = Server(max_handlers_in_flight=bound)
    running = most = 0
    started: list[int] = []
    release = asyncio.Event()

    @io.on("slow")
    async def slow(socket: Socket, number: int, padding: str) -> None:
        nonlocal running, most
        started.append(number)
        running += 1
        most = max(most, running)
        await release.wait()
        await asyncio.sleep(0)
        running -= 1

    site = await host(io, way.lane)
    peer, other = await dial(site), await dial(site)
    await peer.connect()
    await other.connect()

    async def flood() -> None:
        padding = "x" * 10_000
        for first in range(0, total, 20):
            await peer.send(*(f'42["slow",{number},"{padding}"]' for number in range(first, first + 20)))

    flooding = asyncio.ensure_future(flood())
    await until(lambda: running >= bound, "the bound is reached")
    for _ in range(20):
        await other.fence()  # time passes for the flood; others are served meanwhile
    assert running == most == bound
    release.set()
    await soon(flooding)
    await until(lambda: len(started) == total and not running, "every event is handled")
    assert started == list(range(total)), "in the order in which they came"
    assert most == bound
    await peer.fence()


async def test_a_client_that_leaves_while_it_is_held_back(host: Serve, way: Way, dial: Dial) -> None:
    io = Server(max_handlers_in_flight=2)
    release = asyncio.Event()
    left: asyncio.Queue[str] = asyncio.Queue()
    done = 0

    @io.on("slow")
    async def slow(socket: Socket) -> None:
        nonlocal done
        await release.wait()
        done += 1

    io.on("disconnect")(lambda socket: left.put_nowait(socket.id))
    peer = await dial(await host(io, way.lane))
    sid = await peer.connect()
    sending = asyncio.ensure_future(peer.send(*['42["slow"]'] * 2))
    await asyncio.wait([sending], timeout=0.05)
    await peer.close()
    if isinstance(peer, PollingPeer):
        await asyncio.wait([sending])
    release.set()
    await until(lambda: done == 2, "what was begun is finished")
    assert await soon(left.get()) == sid
