"""People who use the chat: their requests, and their devices on an independent Socket.IO client."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar
from uuid import uuid4

import aiohttp
import httpx
import socketio  # type: ignore[import-untyped]  # it ships no types

from chat.tests.server import PASSWORD, ChatServer

# Seconds in which the server must have done anything at all. The tests' machine is busy; the server is not slow.
WITHIN = 10.0

Json = dict[str, Any]
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


class Refused(Exception):
    """The server refused a socket; `data` says why."""

    def __init__(self, data: Json) -> None:
        super().__init__(str(data))
        self.data = data


class Device:
    """One connected socket, which remembers what it was told."""

    def __init__(self, url: str, token: object, *, transport: str = "websocket") -> None:
        self._url = url
        self._token = token
        self._transport = transport
        # Its own would be left open where the server refuses or disconnects it.
        self._http = aiohttp.ClientSession()
        self._client = socketio.AsyncClient(reconnection=False, handle_sigint=False, http_session=self._http)
        self._news = asyncio.Condition()
        self.told: list[tuple[str, Any]] = []
        self.refusal: Json | None = None
        self._client.on("*", self._take)
        self._client.on("connect_error", self._take_refusal)
        self._client.on("disconnect", self._take_disconnect)

    async def connect(self) -> "Device":
        """Connect; raises `Refused`."""
        try:
            await self._client.connect(
                self._url, auth={"token": self._token}, transports=[self._transport], wait_timeout=WITHIN
            )
        except socketio.exceptions.ConnectionError:
            raise Refused(self.refusal or {}) from None
        return self

    async def call(self, event: str, payload: object) -> Json:
        """Send an event and return its acknowledgement."""
        answer: Json = await self._client.call(event, payload, timeout=WITHIN)
        return answer

    async def say(self, room: Json, text: str, client_id: str | None = None) -> Json:
        """Send a message; returns the entry."""
        answer = await self.try_to_say(room, text, client_id)
        assert answer.get("ok") is True, answer
        entry: Json = answer["entry"]
        return entry

    async def try_to_say(self, room: Json, text: str, client_id: str | None = None) -> Json:
        """Send a message; returns the acknowledgement."""
        payload = {"room_id": room["id"], "client_id": client_id or str(uuid4()), "text": text}
        return await self.call("message:send", payload)

    async def emit(self, event: str, *arguments: object) -> None:
        """Send an event without asking for an acknowledgement."""
        await self._client.emit(event, arguments)

    async def hear(self, event: str, condition: Callable[[Any], bool] = lambda _: True) -> Any:
        """The first payload of that event, told by now or soon, that meets the condition."""
        async with asyncio.timeout(WITHIN), self._news:
            while True:
                for name, payload in self.told:
                    if name == event and condition(payload):
                        return payload
                await self._news.wait()

    def heard(self, event: str) -> list[Any]:
        """The payloads of that event so far."""
        return [payload for name, payload in self.told if name == event]

    def forget(self) -> None:
        """Forget what was told so far."""
        self.told.clear()

    async def barrier(self, other: "Device", room: Json) -> None:
        """Return when everything that was sent to this device before now has come: what follows comes in order."""
        entry = await other.say(room, f"barrier {uuid4()}")
        await self.hear("entry", lambda heard: heard["id"] == entry["id"])

    async def leave(self) -> None:
        """Disconnect."""
        await asyncio.wait_for(self._client.disconnect(), WITHIN)
        await self._http.close()

    async def _take(self, event: str, *arguments: Any) -> None:
        await self._note(event, arguments[0] if arguments else None)

    async def _take_refusal(self, data: Any = None) -> None:
        self.refusal = data if isinstance(data, dict) else {"message": data}

    async def _take_disconnect(self, *arguments: Any) -> None:
        await self._note("disconnect", arguments[0] if arguments else None)

    async def _note(self, event: str, payload: Any) -> None:
        async with self._news:
            self.told.append((event, payload))
            self._news.notify_all()


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

    def __init__(self, server: ChatServer) -> None:
        self.server = server
        self._browsers: list[httpx.AsyncClient] = []
        self._devices: list[Device] = []

    def browser(self, **headers: str) -> httpx.AsyncClient:
        """A browser without an account, below the interface's path."""
        # There is no TLS; loading the certificates that it would need takes longer than most tests.
        base = f"{self.server.url}/api/v1"
        http = httpx.AsyncClient(base_url=base, headers=headers, timeout=WITHIN, verify=False)  # noqa: S501
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
        device = Device(self.server.url, token, transport=transport)
        self._devices.append(device)
        return await device.connect()

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
