"""What an observer hears, and that it costs nobody anything when it fails."""

from __future__ import annotations

import re
from collections.abc import Coroutine
from typing import Any, cast

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.server.client import Refused
from tests.server.fixtures import Join, Serve, Way
from tests.server.site import Lane, Trouble, until
from windsock import ConnectionRefused, EventError, MemoryAdapter, Namespace, Observer, Server, Socket
from windsock.adapters.base import AdapterFactory


class Diary(Observer):
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def watch(self, namespace: str, handler: Any) -> None:
        function = handler.function

        def noted(*arguments: Any) -> Any:
            self.lines.append(f"{handler.event} in {namespace}")
            return function(*arguments)

        handler.function = noted

    def started(self) -> None:
        self.lines.append("started")

    def session_opened(self, session: Any) -> None:
        self.lines.append("opened")

    def session_upgraded(self, session: Any) -> None:
        self.lines.append("upgraded")

    def session_closed(self, session: Any, reason: str) -> None:
        self.lines.append("closed")

    def request_refused(self, scope: Any, code: int, message: str) -> None:
        headers = dict(scope["headers"])
        self.lines.append(f"request of {headers[b'x-who'].decode()} refused: {code} {message}")

    async def _admit(self, admission: Coroutine[Any, Any, None]) -> None:
        self.lines.append("admitting")
        await admission
        self.lines.append("admitted")

    def admit(self, socket: Socket, admission: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None]:
        return self._admit(admission)

    def connected(self, socket: Socket) -> None:
        self.lines.append("connected")

    def refused(self, namespace: str, refusal: ConnectionRefused, cause: Exception | None) -> None:
        self.lines.append(f"refused: {refusal.message} ({cause!r})")

    def disconnected(self, socket: Socket, reason: str) -> None:
        self.lines.append(f"disconnected: {socket.left == reason}")

    def rooms(self, namespace: Namespace) -> Rooms | None:
        return None if namespace.name == "/unwatched" else Rooms(self, namespace)

    def unhandled(self, socket: Socket, event: str) -> None:
        self.lines.append(f"no {event}")

    def closed(self) -> None:
        self.lines.append("server closed")


class Rooms:
    """Writes down what becomes of rooms, but not of those that are a socket's own."""

    def __init__(self, diary: Diary, namespace: Namespace) -> None:
        self._lines = diary.lines
        self._namespace = namespace

    def _note(self, what: str, room: str) -> None:
        if len(room) < 10:
            self._lines.append(f"{what} {room} of {self._namespace.name}")

    def room_created(self, room: str) -> None:
        self._note("created", room)

    def room_joined(self, room: str, member: Socket) -> None:
        assert room in member.rooms
        self._note("joined", room)

    def room_left(self, room: str, member: Socket) -> None:
        assert room not in member.rooms
        self._note("left", room)

    def room_deleted(self, room: str) -> None:
        self._note("deleted", room)


@pytest.mark.parametrize("recovery", [False, True])
async def test_it_hears_of_rooms(host: Serve, way: Way, join: Join, recovery: bool) -> None:
    io = Server(connection_state_recovery=recovery)
    early, unwatched = io.of("/early"), io.of("/unwatched")
    io.observe(diary := Diary())
    late = io.of(re.compile(r"^/late-\d$"))
    for namespace in (early, unwatched, late):
        namespace.on("join")(lambda socket, *rooms: socket.join(*rooms))
        namespace.on("leave")(lambda socket, room: socket.leave(room))
    names = ("/early", "/unwatched", "/late-1")
    site = await host(io, way.lane)
    first, second = [await join(site, namespaces=names) for _ in range(2)]
    diary.lines.clear()
    for name in names:
        await first.call("join", "a", namespace=name)
        await second.call("join", "a", "a", namespace=name)
        await second.call("join", "a", namespace=name)
        await second.call("leave", "a", namespace=name)
        await second.call("leave", "b", namespace=name)
    io.of("/early").sockets_join("b")
    await first.close()
    await until(lambda: diary.lines.count("closed") == 1, "the session has ended")
    rooms = [line for line in diary.lines if " of " in line]
    assert [line for line in rooms if line.endswith("/late-1")] == [
        "created a of /late-1",
        "joined a of /late-1",
        "joined a of /late-1",
        "left a of /late-1",
        "left a of /late-1",
        "deleted a of /late-1",
    ]
    assert sorted(rooms[4:]) == sorted(
        [
            *[line for line in rooms if line.endswith("/late-1")],
            *["created b of /early", "joined b of /early", "joined b of /early", "left b of /early"],
            *["left a of /early", "deleted a of /early"],
        ]
    )


class Unobservable:
    """An adapter of one's own that knows nothing of observers."""

    def __init__(self, namespace: str, emitter: Any) -> None:
        adapter = MemoryAdapter(namespace, emitter)
        for name in (name for name in dir(adapter) if name[0] != "_" and name != "observe"):
            setattr(self, name, getattr(adapter, name))


async def test_an_adapter_that_tells_nothing(host: Serve, join: Join, caplog: pytest.LogCaptureFixture) -> None:
    io = Server(adapter=cast("AdapterFactory", Unobservable))
    io.observe(diary := Diary())
    io.on("join")(lambda socket, room: socket.join(room))
    client = await join(await host(io), transports=["websocket"])
    await client.call("join", "a")
    assert not [line for line in diary.lines if " of " in line]
    assert "Unobservable tells nothing of the rooms of /" in caplog.text


async def test_it_hears_of_each_occasion(host: Serve, way: Way, join: Join) -> None:
    io = Server()
    io.on("connect")(lambda socket: None)
    diary = Diary()
    io.observe(diary)
    io.on("say")(lambda socket: "yes")
    site = await host(io, way.lane)
    client = await join(site)
    assert await client.call("say") == "yes"
    await client.call("shout")
    await client.close()
    await until(lambda: "closed" in diary.lines, "the session has ended")
    expected = ["started", "opened", "admitting", "connect in /", "connected", "admitted", "say in /", "no shout"]
    assert diary.lines == [*expected, "disconnected: True", "closed"]
    await io.close()
    assert diary.lines[-1] == "server closed"


async def test_catch_alls_do_not_come_between(host: Serve, way: Way, join: Join) -> None:
    io = Server()
    io.on("say")(lambda socket: "yes")
    io.on_any(lambda socket, event, *arguments: None)
    io.on_any_outgoing(lambda socket, event, *arguments: None)
    io.observe(diary := Diary())
    client = await join(await host(io, way.lane))
    assert await client.call("say") == "yes"
    await client.call("shout")
    assert diary.lines[-2:] == ["say in /", "no shout"]


async def test_what_a_middleware_answers_is_handled(host: Serve, way: Way, join: Join) -> None:
    io = Server()
    io.observe(diary := Diary())

    @io.use_event
    async def relay(socket: Socket, event: str, arguments: Any, handle: Any) -> Any:
        if event == "refused":
            raise EventError("forbidden")
        return "relayed" if event == "relayed" else await handle(*arguments)

    client = await join(await host(io, way.lane))
    assert await client.call("relayed") == "relayed"
    assert (await client.call("refused"))["error"]["code"] == "forbidden"
    assert (await client.call("passed on"))["error"]["code"] == "unknown_event"
    assert [line for line in diary.lines if line.startswith("no ")] == ["no passed on"]


async def test_it_hears_of_an_upgrade(host: Serve, join: Join) -> None:
    io = Server()
    io.observe(diary := Diary())
    await join(await host(io), transports=["polling", "websocket"])
    assert diary.lines.count("upgraded") == 1


async def test_it_hears_of_requests_that_are_refused(host: Serve, lane: Lane) -> None:
    io = Server(transports=["polling", "websocket"], allow_request=lambda scope: b"let=in" in scope["query_string"])
    io.observe(diary := Diary())
    site = await host(io, lane)
    diary.lines.clear()
    headers = {"X-Who": "ada"}
    async with httpx.AsyncClient(base_url=site.url, headers=headers) as http:
        for query in ("EIO=4&transport=pigeon", "EIO=3&transport=polling", "EIO=4&transport=polling&sid=none",
                      "EIO=4&transport=polling", "EIO=4&transport=polling&let=in"):  # fmt: skip
            await http.get(f"/socket.io/?{query}")
    refused = ["0 Transport unknown", "5 Unsupported protocol version", "1 Session ID unknown", "4 Forbidden"]
    assert diary.lines == [*(f"request of ada refused: {each}" for each in refused), "opened"]
    diary.lines.clear()
    url = site.url.replace("http", "ws")
    with pytest.raises(InvalidStatus):
        await connect(f"{url}/socket.io/?EIO=4&transport=websocket", additional_headers=headers, proxy=None)
    assert diary.lines == ["request of ada refused: 4 Forbidden"]


async def test_it_hears_who_is_refused_and_why(host: Serve, way: Way, join: Join, trouble: Trouble) -> None:
    io = Server()
    io.observe(diary := Diary())

    @io.on("connect")
    def connect(socket: Socket, auth: dict[str, Any]) -> None:
        if auth.get("bug"):
            raise KeyError("a bug")
        raise ConnectionRefused("no")

    site = await host(io, way.lane)
    for auth in ({"bug": True}, {"bug": False}):
        with pytest.raises(Refused):
            await join(site, auth=auth)
    with pytest.raises(Refused):
        await join(site, namespaces=("/nowhere",))
    trouble.expect("the connect handler of / failed")
    assert [line for line in diary.lines if line.startswith("refused")] == [
        "refused: internal error (KeyError('a bug'))",
        "refused: no (None)",
        "refused: Invalid namespace (None)",
    ]


class Broken(Observer):
    """Fails at each occasion."""

    def fail(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("it broke")

    session_opened = fail
    session_closed = fail
    admit = fail
    connected = fail
    disconnected = fail
    unhandled = fail
    closed = fail


async def test_one_that_fails_costs_nobody_anything(host: Serve, way: Way, join: Join, trouble: Trouble) -> None:
    io = Server()
    io.on("say")(lambda socket: "yes")
    io.observe(Broken())
    io.observe(diary := Diary())
    site = await host(io, way.lane)
    client = await join(site)
    assert await client.call("say") == "yes"
    await client.call("shout")
    await client.close()
    await until(lambda: "closed" in diary.lines, "the session has ended")
    assert diary.lines[-2:] == ["disconnected: True", "closed"]
    await io.close()
    trouble.expect(*["an observer failed"] * 7)
