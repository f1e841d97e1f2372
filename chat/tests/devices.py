"""People's devices: over the network on an independent Socket.IO client, or in the test's own process."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import socketio  # type: ignore[import-untyped]  # it ships no types

from tests.answers import KeptAnswers
from windsock import ConnectionRefused, Server
from windsock.testing import Harness, Peer
from windsock.types import ASGIApp, TransportName

# Seconds in which the server must have done anything at all. The tests' machine is busy; the server is not slow.
WITHIN = 30.0

Json = dict[str, Any]


class Refused(Exception):
    """The server refused a socket; `data` says why."""

    def __init__(self, data: Json) -> None:
        super().__init__(str(data))
        self.data = data


class Device(ABC):
    """One connected socket, which remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    @abstractmethod
    async def connect(self) -> None:
        """Connect; raises `Refused`."""

    @abstractmethod
    async def call(self, event: str, payload: object) -> Json:
        """Send an event and return its acknowledgement."""

    @abstractmethod
    async def emit(self, event: str, *arguments: object) -> None:
        """Send an event without asking for an acknowledgement."""

    @abstractmethod
    async def hear(self, event: str, condition: Callable[[Any], bool] = lambda _: True) -> Any:
        """The first payload of that event, told by now or soon, that meets the condition."""

    @abstractmethod
    async def leave(self) -> None:
        """Disconnect."""

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

    def _find(self, event: str, condition: Callable[[Any], bool]) -> list[Any]:
        return [payload for payload in self.heard(event) if condition(payload)][:1]


class NetworkDevice(Device):
    """On python-socketio, over real connections."""

    def __init__(self, url: str, token: object, transport: str) -> None:
        super().__init__()
        self._url = url
        self._token = token
        self._transport = transport
        # Its own would be left open where the server refuses or disconnects it.
        self._http = KeptAnswers()
        self._client = socketio.AsyncClient(reconnection=False, handle_sigint=False, http_session=self._http.session)
        self._news = asyncio.Condition()
        self._refusal: Json | None = None
        self._client.on("*", self._take)
        self._client.on("connect_error", self._take_refusal)
        self._client.on("disconnect", self._take_disconnect)

    async def connect(self) -> None:
        try:
            await self._client.connect(
                self._url, auth={"token": self._token}, transports=[self._transport], wait_timeout=WITHIN
            )
        except socketio.exceptions.ConnectionError:
            raise Refused(self._refusal or {}) from None

    async def call(self, event: str, payload: object) -> Json:
        answer: Json = await self._client.call(event, payload, timeout=WITHIN)
        return answer

    async def emit(self, event: str, *arguments: object) -> None:
        await self._client.emit(event, arguments)

    async def hear(self, event: str, condition: Callable[[Any], bool] = lambda _: True) -> Any:
        async with asyncio.timeout(WITHIN), self._news:
            while not (found := self._find(event, condition)):
                await self._news.wait()
            return found[0]

    async def leave(self) -> None:
        await asyncio.wait_for(self._client.disconnect(), WITHIN)
        await self._http.close()

    async def _take(self, event: str, *arguments: Any) -> None:
        await self._note(event, arguments[0] if arguments else None)

    async def _take_refusal(self, data: Any = None) -> None:
        self._refusal = data if isinstance(data, dict) else {"message": data}

    async def _take_disconnect(self, *arguments: Any) -> None:
        await self._note("disconnect", arguments[0] if arguments else None)

    async def _note(self, event: str, payload: Any) -> None:
        async with self._news:
            self.told.append((event, payload))
            self._news.notify_all()


class KitDevice(Device):
    """On Windsock's test kit, without a network."""

    def __init__(self, harness: Harness, io: Server, app: ASGIApp, token: object, transport: TransportName) -> None:
        super().__init__()
        self._harness = harness
        self._io = io
        self._app = app
        self._token = token
        self._transport: TransportName = transport
        self._peer: Peer | None = None

    @property
    def peer(self) -> Peer:
        """The connected client."""
        assert self._peer is not None
        return self._peer

    async def connect(self) -> None:
        try:
            self._peer = await self._harness.connect(
                self._io,
                app=self._app,
                auth={"token": self._token},
                headers={"Host": "localhost"},
                transport=self._transport,
            )
        except ConnectionRefused as refused:
            raise Refused({"message": refused.message, "data": refused.data}) from None

    async def call(self, event: str, payload: object) -> Json:
        answer: Json = await self.peer.emit_with_ack(event, payload)
        return answer

    async def emit(self, event: str, *arguments: object) -> None:
        self.peer.emit(event, *arguments)

    async def hear(self, event: str, condition: Callable[[Any], bool] = lambda _: True) -> Any:
        if event == "disconnect":
            return await self.peer.assert_disconnected()
        came = await self._harness.clock.wait_for(lambda: bool(self._find(event, condition)))
        assert came, f"expected {event!r}, got {self.told}"
        return self._find(event, condition)[0]

    def heard(self, event: str) -> list[Any]:
        self._read()
        return super().heard(event)

    def forget(self) -> None:
        self._read()
        super().forget()

    async def leave(self) -> None:
        if self._peer is not None:
            await self._peer.disconnect()

    def _read(self) -> None:
        self.told += [(event.name, next(iter(event.arguments), None)) for event in self.peer.take_unread()]
