"""Coming: who is let in, and what they hear first."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from tests.server.client import Refused
from tests.server.fixtures import Dial, Join, Serve, Way
from tests.server.site import Trouble, pass_time, soon, until
from windsock import ConnectionRefused, Server, Socket
from windsock.testing import Clock


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


@pytest.mark.clock
async def test_who_joins_nothing_in_time_is_closed(host: Serve, way: Way, dial: Dial) -> None:
    io = Server(connect_timeout=5)

    @io.on("connect")
    def connect(socket: Socket, auth: Any) -> None:
        if auth:
            raise ConnectionRefused("no")

    site = await host(io, way.lane)
    with Clock() as clock:
        connected = await dial(site)
        await connected.connect()
        refused = await dial(site)
        await refused.refused(auth={"a": 1})
        silent = await dial(site)
        await pass_time(clock, 4, 1)
        assert len(io.engine.sessions) == 3
        await pass_time(clock, 2, 1)
        await silent.gone()
        await refused.gone()
        await connected.fence()
