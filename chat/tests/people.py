"""People who use the chat: their requests, and their devices."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import aiohttp
import httpx

from chat.tests.devices import WITHIN, Device, Json
from chat.tests.server import PASSWORD


class Place(Protocol):
    """A chat: a process of its own, or one in the test's."""

    @property
    def url(self) -> str:
        """Where it is, without a path."""

    def transport(self) -> httpx.AsyncBaseTransport | None:
        """What browsers reach it with; ``None`` for the network."""

    def device(self, token: object, transport: str) -> Device:
        """One that has not connected yet."""

    def query(self, sql: str) -> list[Any]:
        """Rows of its database."""


T = TypeVar("T")


async def send(http: httpx.AsyncClient, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
    """A request with a JSON body, in which anything that Python holds in a string is escaped."""
    content = None if body is None else json.dumps(body)
    return await http.request(method, path, content=content, headers={"Content-Type": "application/json", **headers})


async def until(ask: Callable[[], Awaitable[T]], is_so: Callable[[T], bool]) -> T:
    """Ask again and again, for a bounded time, until the answer is so; return it."""
    async with asyncio.timeout(WITHIN):
        while not is_so(answer := await ask()):  # noqa: ASYNC110  what is asked for happens in another process
            await asyncio.sleep(0.02)
        return answer


class Person:
    """Somebody with an account, and a browser."""

    def __init__(self, town: "Town", http: httpx.AsyncClient, session: Json) -> None:
        self._town = town
        self.http = http
        self.take(session)

    def take(self, session: Json) -> None:
        """Go on with that session."""
        self.token: str = session["access_token"]
        self.user: Json = session["user"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    @property
    def id(self) -> str:
        user_id: str = self.user["id"]
        return user_id

    @property
    def username(self) -> str:
        name: str = self.user["username"]
        return name

    async def request(self, method: str, path: str, body: object = None) -> httpx.Response:
        """A request of the interface; the answer, whatever it is."""
        return await send(self.http, method, path, body)

    async def do(self, method: str, path: str, body: object = None) -> Any:
        """A request of the interface that succeeds; its answer's JSON."""
        response = await self.request(method, path, body)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    async def connect(self, *, transport: str = "websocket") -> Device:
        """One more device."""
        return await self._town.connect(self.token, transport=transport)

    async def create(self, kind: str = "public", **changes: str) -> Json:
        """A room of one's own."""
        body = {"kind": kind, "name": f"room {uuid4().hex[:8]}", **changes}
        room: Json = await self.do("POST", "/rooms", body)
        return room

    async def join(self, room: Json) -> Json:
        """Join a room that one may join."""
        joined: Json = await self.do("POST", f"/rooms/{room['id']}/join")
        return joined

    async def invite(self, room: Json, other: "Person") -> None:
        """Invite somebody to a room, who joins it."""
        await self.do("POST", f"/rooms/{room['id']}/invitations", {"user_id": other.id})
        await other.join(room)


class Town:
    """Where the people of one test come from. Closes everything they have opened."""

    def __init__(self, server: Place) -> None:
        self.server = server
        self._browsers: list[httpx.AsyncClient] = []
        self._devices: list[Device] = []

    def browser(self, **headers: str) -> httpx.AsyncClient:
        """A browser without an account, below the interface's path."""
        # There is no TLS; loading the certificates that it would need takes longer than most tests.
        base = f"{self.server.url}/api/v1"
        http = httpx.AsyncClient(
            base_url=base,
            headers=headers,
            timeout=WITHIN,
            verify=False,  # noqa: S501
            transport=self.server.transport(),
        )
        self._browsers.append(http)
        return http

    async def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        """A request of somebody who is not logged in."""
        return await send(self.browser(), "POST", path, body, **headers)

    async def person(self, username: str | None = None) -> Person:
        """Somebody with a new account."""
        username = username or f"u{uuid4().hex[:12].translate(str.maketrans('01', 'xy'))}"
        body = {"username": username, "display_name": f"Name of {username}", "password": PASSWORD}
        http = self.browser()
        response = await http.post("/auth/sign-up", json=body)
        assert response.status_code == 201, response.text
        return Person(self, http, response.json())

    async def people(self, count: int) -> list[Person]:
        """That many people."""
        return [await self.person() for _ in range(count)]

    async def log_in(self, username: str) -> Person:
        """Somebody with an account, in another browser."""
        http = self.browser()
        response = await http.post("/auth/log-in", json={"username": username, "password": PASSWORD})
        assert response.status_code == 200, response.text
        return Person(self, http, response.json())

    async def admin(self) -> Person:
        """The administrator."""
        return await self.log_in("root")

    async def connect(self, token: object, *, transport: str = "websocket") -> Device:
        """A device with that token; raises `Refused`."""
        device = self.server.device(token, transport)
        self._devices.append(device)
        await device.connect()
        return device

    async def connect_during(
        self, http: aiohttp.ClientSession, person: Person, work: Coroutine[Any, Any, object]
    ) -> list[aiohttp.ClientWebSocketResponse]:
        """Bare sockets, one after the other asking to be let in before, while and after something is done."""
        url = f"{self.server.url}/socket.io/?EIO=4&transport=websocket"
        sockets = [await http.ws_connect(url) for _ in range(80)]
        for socket in sockets:
            await socket.receive_str()
        done = asyncio.create_task(work)
        for socket in sockets:
            await socket.send_str(f'40{{"token":"{person.token}"}}')
            await asyncio.wait([done], timeout=0.002)
        await done
        return sockets

    async def __aenter__(self) -> "Town":
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(device.leave() for device in self._devices))
        await asyncio.gather(*(browser.aclose() for browser in self._browsers))
