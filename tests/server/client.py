"""The client that Python programs use (python-socketio), with its events in a queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Self

import socketio  # type: ignore[import-untyped]  # the package has no types

from tests.answers import KeptAnswers
from tests.server.site import WITHIN


class Client:
    """One client with one or more namespaces.

    Args:
        transports: ``["polling"]``, ``["websocket"]``, or both for an upgrade.
        answers: what it acknowledges events with, by their names.
    """

    def __init__(self, transports: list[str], answers: dict[str, Callable[..., Any]] | None = None) -> None:
        self.transports = transports
        self.disconnects: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.errors: list[Any] = []
        self._answers = answers or {}
        self._events: asyncio.Queue[tuple[str, str, list[Any]]] = asyncio.Queue()
        # Its own would be left open where the server refuses or disconnects it.
        self._http = KeptAnswers()
        self._sio = socketio.AsyncClient(reconnection=False, handle_sigint=False, http_session=self._http.session)

    async def connect(self, url: str, *, namespaces: tuple[str, ...] = ("/",), **options: Any) -> Self:
        """Connects to namespaces.

        Raises:
            Refused: one of them did not let it in.
        """
        for namespace in namespaces:
            self._sio.on("*", self._handler(namespace), namespace=namespace)
            self._sio.on("disconnect", self._disconnected(namespace), namespace=namespace)
            self._sio.on("connect_error", self.errors.append, namespace=namespace)
        try:
            await self._sio.connect(
                url, transports=self.transports, namespaces=list(namespaces), wait_timeout=WITHIN, **options
            )
        except socketio.exceptions.ConnectionError as error:
            raise Refused(self.errors[-1] if self.errors else str(error)) from None
        return self

    def id(self, namespace: str = "/") -> str:
        """The socket's id."""
        sid: str = self._sio.get_sid(namespace)
        return sid

    @property
    def transport(self) -> str:
        """The one in use."""
        return str(self._sio.transport())

    async def emit(self, event: str, *arguments: Any, namespace: str = "/") -> None:
        await self._sio.emit(event, arguments, namespace=namespace)

    async def call(self, event: str, *arguments: Any, namespace: str = "/") -> Any:
        """Emits an event; its acknowledgement: one argument by itself, several as a tuple, none as ``None``."""
        return await self._sio.call(event, arguments, namespace=namespace, timeout=WITHIN)

    async def event(self, name: str, namespace: str = "/") -> list[Any]:
        """Arguments of the next event, which must be this one."""
        async with asyncio.timeout(WITHIN):
            received_in, received, arguments = await self._events.get()
        assert (received_in, received) == (namespace, name), arguments
        return arguments

    async def fence(self, namespace: str = "/") -> None:
        """Fails when any event came that was not asked for: what was sent before now has arrived now."""
        answer = await self.call("fence", namespace=namespace)
        assert answer["error"]["code"] == "unknown_event"
        assert self._events.empty(), self._events.get_nowait()

    async def disconnected(self, namespace: str = "/") -> str:
        """Waits for the end; returns the client's reason."""
        async with asyncio.timeout(WITHIN):
            left, reason = await self.disconnects.get()
        assert left == namespace
        return reason

    async def close(self) -> None:
        async with asyncio.timeout(WITHIN):
            await self._sio.disconnect()
            # Told to close by the server, the client drops what ends its own writing task and waits for it.
            self._sio.eio.queue.put_nowait(None)
            await self._sio.eio.wait()
            await self._http.close()

    def _handler(self, namespace: str) -> Callable[..., Any]:
        def receive(event: str, *arguments: Any) -> Any:
            self._events.put_nowait((namespace, event, list(arguments)))
            answer = self._answers.get(event)
            return answer(*arguments) if answer is not None else None

        return receive

    def _disconnected(self, namespace: str) -> Callable[[str], None]:
        return lambda reason: self.disconnects.put_nowait((namespace, reason))


class Refused(Exception):
    """A namespace did not let the client in.

    Attributes:
        error: what the server said.
    """

    def __init__(self, error: Any) -> None:
        super().__init__(error)
        self.error = error
