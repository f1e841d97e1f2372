"""The servers of a cluster, asked in one way whatever they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, Protocol, Self

import aiohttp

from tests.cluster.redis_server import RedisServer
from tests.conformance.oracle import pack, unpack
from tests.conformance.process import ServerProcess
from tests.server.site import WITHIN, Site, until
from windsock import Client, Server, Socket
from windsock.adapters.cluster import ClusterAdapter
from windsock.adapters.counters import ClusterCounters
from windsock.redis import EmitterOperator

JS: Final = Path(__file__).parent / "js"


class Member(Protocol):
    """A server."""

    @property
    def url(self) -> str:
        """For its clients."""

    async def do(
        self,
        operation: str,
        *event: Any,
        rooms: Sequence[str] = (),
        except_: Sequence[str] = (),
        names: Sequence[str] = (),
        namespace: str = "/",
    ) -> Any:
        """Does something, and returns what came of it.

        Args:
            operation: of those in ``js/server.js``.
            event: its name and arguments.
            rooms: of those whom it is for.
            except_: but nobody in these.
            names: of rooms to join or leave.
            namespace: in which.
        """


class Node:
    """One on Node."""

    def __init__(self, process: ServerProcess, http: aiohttp.ClientSession) -> None:
        self._process = process
        self._http = http

    @property
    def url(self) -> str:
        """See :class:`Member`."""
        return self._process.url

    async def do(
        self,
        operation: str,
        *event: Any,
        rooms: Sequence[str] = (),
        except_: Sequence[str] = (),
        names: Sequence[str] = (),
        namespace: str = "/",
    ) -> Any:
        """See :class:`Member`."""
        order = {"operation": operation, "event": list(event), "rooms": list(rooms), "except": list(except_)}
        order |= {"names": list(names), "namespace": namespace}
        async with self._http.post(f"{self.url}/order", json=pack(order)) as response:
            answer = unpack(await response.json(content_type=None))
        assert "error" not in answer, answer["error"]
        return answer["value"]


class Windsock:
    """One of ours."""

    def __init__(self, io: Server, site: Site) -> None:
        self.io: Server = io
        self._site = site
        self._closed = False
        self.heard: list[list[Any]] = []
        for namespace in (io.of("/"), io.of("/other")):
            namespace.on("connect")(_connect)
            namespace.on_server_event("news")(lambda *values: self.heard.append(list(values)))
            namespace.on_server_event("echo")(lambda *values: list(values))

    @property
    def url(self) -> str:
        """See :class:`Member`."""
        return self._site.url

    @property
    def counters(self) -> ClusterCounters:
        """What it had to do with others."""
        cluster = self.io.of("/").cluster
        assert isinstance(cluster, ClusterAdapter)
        return cluster.counters

    async def open(self) -> None:
        """Starts it."""
        await self._site.open()

    async def close(self) -> None:
        """Ends it, as a signal would; once."""
        if not self._closed:
            self._closed = True
            await self._site.close()

    async def do(
        self,
        operation: str,
        *event: Any,
        rooms: Sequence[str] = (),
        except_: Sequence[str] = (),
        names: Sequence[str] = (),
        namespace: str = "/",
    ) -> Any:
        """See :class:`Member`."""
        nsp = self.io.of(namespace)
        cluster = nsp.cluster
        assert cluster is not None
        operator = nsp.to(*rooms).except_(*except_)
        match operation:
            case "emit":
                return operator.emit(*event)
            case "volatile":
                return operator.volatile.emit(*event)
            case "ask":
                return await operator.timeout(30).emit_with_ack(*event)
            case "fetch":
                return [
                    {
                        "id": socket.id,
                        "rooms": list(socket.rooms),
                        "data": {"name": socket.data.name},
                        "handshake": {"auth": socket.handshake.auth, "headers": socket.handshake.headers},
                    }
                    for socket in await operator.fetch_sockets()
                ]
            case "join":
                return operator.sockets_join(*names)
            case "leave":
                return operator.sockets_leave(*names)
            case "disconnect":
                return operator.disconnect_sockets(close=True)
            case "serverEmit":
                return nsp.server_side_emit(*event)
            case "serverAsk":
                return await nsp.server_side_emit_with_ack(*event)
            case "count":
                return await cluster.server_count()
            case "rooms":
                return list(await cluster.all_rooms())
            case "heard":
                heard, self.heard = self.heard, []
                return heard
        raise AssertionError(operation)


class Announcer:
    """A program of ours that only emits.

    Args:
        emitter: waited for, if it is not done at once.
    """

    def __init__(self, emitter: EmitterOperator[Any]) -> None:
        self._emitter = emitter

    async def do(
        self,
        operation: str,
        *event: Any,
        rooms: Sequence[str] = (),
        except_: Sequence[str] = (),
        names: Sequence[str] = (),
        namespace: str = "/",
    ) -> None:
        """See :class:`Member`."""
        operator = self._emitter.of(namespace).to(*rooms).except_(*except_)
        operations: dict[str, Callable[[], Any]] = {
            "emitterEmit": lambda: operator.emit(*event),
            "emitterVolatile": lambda: operator.volatile.compress(False).emit(*event),
            "emitterJoin": lambda: operator.sockets_join(*names),
            "emitterLeave": lambda: operator.sockets_leave(names),
            "emitterDisconnect": lambda: operator.disconnect_sockets(close=True),
            "emitterServerEmit": lambda: operator.server_side_emit(*event),
        }
        sent = operations[operation]()
        if sent is not None:
            await sent


def _connect(socket: Socket, auth: dict[str, Any]) -> None:
    if socket.recovered:
        return
    socket.data.name = auth.get("name")
    socket.join(*auth.get("rooms", ()))


class Guest:
    """A client of one of the servers, which notes what it gets, and acknowledges what is called ``ask``.

    Attributes:
        name: what it told the server.
        events: that came, and were not acknowledged.
        gone: whether it was disconnected.
    """

    def __init__(self, client: Client, name: str) -> None:
        self.client: Client = client
        self.name: str = name
        self.events: list[list[Any]] = []
        self.gone: bool = False
        client.on_any(lambda *event: self.events.append(list(event)) if event[0] != "ask" else None)
        client.on("ask")(lambda *values: [name, *values])
        client.on("disconnect")(self._leave)

    @property
    def id(self) -> str:
        """Of its socket."""
        assert self.client.id is not None
        return self.client.id

    def _leave(self, *_: Any) -> None:
        self.gone = True

    async def got(self, *events: list[Any]) -> None:
        """Waits until it has got these, in this order, and nothing else; and forgets them."""
        await until(lambda: len(self.events) >= len(events), f"{self.name} gets {len(events)} events")
        assert self.events == list(events)
        self.events = []


class Gathering:
    """A cluster: its Redis server, two servers on Node and two of ours, one client each.

    Args:
        redis: the Redis server.
        nodes: the processes on Node.
        adapters: of our servers.
        options: of our servers.
    """

    def __init__(
        self, redis: RedisServer, nodes: Sequence[ServerProcess], adapters: Sequence[Any], **options: Any
    ) -> None:
        self.redis: RedisServer = redis
        self.members: list[Member] = []
        self.guests: list[Guest] = []
        self._nodes = nodes
        self._adapters = adapters
        self._options = options
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        http = await self._stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(WITHIN)))
        self.members += [Node(process, http) for process in self._nodes]
        for adapter in self._adapters:
            self.members.append(await self.windsock(adapter))
        for place, member in enumerate(self.members):
            self.guests.append(await self.guest(member, f"guest {place}", "all", f"room {place}"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def windsock(self, adapter: Any) -> Windsock:
        """A server of ours more."""
        io = Server(adapter=adapter, **self._options)
        member = Windsock(io, Site(io, "lane"))
        await member.open()
        self._stack.push_async_callback(member.close)
        return member

    async def guest(self, member: Member, name: str, *rooms: str, namespace: str = "/") -> Guest:
        """A client of one server."""
        url = member.url + ("" if namespace == "/" else namespace)
        client = Client(url, auth={"name": name, "rooms": list(rooms)}, transports=["websocket"])
        guest = Guest(client, name)
        async with asyncio.timeout(WITHIN):
            await self._stack.enter_async_context(client)
        return guest

    async def rooms(self) -> dict[str, set[str]]:
        """Where everybody is, by name; all that was asked of anybody before is done then."""
        (*_, last) = [await member.do("fetch") for member in self.members]
        return {socket["data"]["name"]: set(socket["rooms"]) - {socket["id"]} for socket in last}
