"""The client: one connection, its namespaces, and the attempts to keep it."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import Callable, Mapping, Sequence
from ssl import SSLContext
from typing import Any, Self, TypeVar

from windsock.arguments import EventHandler
from windsock.client.catch_alls import CatchAlls
from windsock.client.endpoint import Endpoint
from windsock.client.handlers import Handlers
from windsock.client.listeners import Listener, Listeners
from windsock.client.manager import RECONNECTION, Manager
from windsock.client.namespace import Auth, ClientNamespace
from windsock.client.operator import ClientOperator
from windsock.client.reconnect import Backoff
from windsock.client.session import Session
from windsock.client.transports.base import Transport
from windsock.client.transports.websocket import WebSocketTransport
from windsock.errors import ConfigurationError, ConnectionFailed, PacketError, UndecodableArgument
from windsock.protocol.parsers.json import JsonParser
from windsock.protocol.socketio import Decoder, Parser
from windsock.types import TransportName

logger: logging.Logger = logging.getLogger("windsock.client")

F = TypeVar("F", bound=EventHandler)


class Client(CatchAlls):
    """A Socket.IO client: a connection to one server, and one or several namespaces over it.

    ``async with Client("https://host") as io:`` connects and, at the end, disconnects. The client itself stands for
    the namespace that the URL's path names. Options carry the names and defaults of socket.io-client; times are in
    seconds.

    Args:
        url: ``https://host:port/namespace?query``.
        auth: what to show the namespaces: a mapping, or a function that gives one for each connection.
        path: of Socket.IO on the server.
        transports: ``polling`` and ``websocket``; the connection begins with the first. Long-polling wants aiohttp,
            which ``windsock[client]`` brings.
        upgrade: whether to change from long-polling to WebSocket once that is shown to work.
        try_all_transports: whether to try the next transport when the first fails.
        query: added to each request.
        headers: sent with each request.
        cookies: sent with each request; those that the server sets are kept, and sent with the later ones.
        ssl: for ``https``: how to verify the server, and a certificate of one's own.
        proxy: an URL, ``True`` for the environment's, ``None`` for none. SOCKS is for ``websocket`` alone, and wants
            python-socks.
        compression: whether to agree on permessage-deflate when the server has it; long-polling has none on the way to
            the server.
        timeout: for each attempt to connect, and for the upgrade.
        reconnection: whether to connect again after a loss or a failure. What was refused, or disconnected by either
            side on purpose, is not.
        reconnection_attempts: in a row; ``None`` for no end.
        reconnection_delay: before the first; it doubles with each.
        reconnection_delay_max: that no delay exceeds.
        randomization_factor: 0 to 1: by how much of itself a delay is more or less.
        retries: how often an event is sent again that was not acknowledged; 0: each is sent once, and may be lost.
        ack_timeout: for each acknowledgement; ``None`` for no end.
        max_buffered_bytes: that may wait, each: in a namespace while offline, for acknowledgement with ``retries``,
            and on the connection for a slow server.
        max_message_size: bytes in one incoming message: a server could fill the memory.
        parser: the wire format; the server must have the same.

    Attributes:
        manager: what happens to the connection.

    Raises:
        ConfigurationError: an option is wrong, or aiohttp is missing.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: Auth = None,
        path: str = "/socket.io",
        transports: Sequence[TransportName] = ("polling", "websocket"),
        upgrade: bool = True,
        try_all_transports: bool = False,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        ssl: SSLContext | None = None,
        proxy: str | bool | None = True,
        compression: bool = True,
        timeout: float = 20.0,
        reconnection: bool = True,
        reconnection_attempts: int | None = None,
        reconnection_delay: float = 1.0,
        reconnection_delay_max: float = 5.0,
        randomization_factor: float = 0.5,
        retries: int = 0,
        ack_timeout: float | None = None,
        max_buffered_bytes: int = 16 * 1024 * 1024,
        max_message_size: int = 16 * 1024 * 1024,
        parser: Parser | None = None,
    ) -> None:
        _check_transports(transports)
        self.parser: Parser = parser or JsonParser()
        self._endpoint = Endpoint(
            url,
            path=path,
            query=query,
            headers=headers,
            cookies=cookies,
            ssl=ssl,
            proxy=proxy,
            max_message_size=max_message_size,
            compression=compression,
        )
        self._auth = auth
        self._transports = tuple(transports)
        self._upgrade = upgrade
        self._try_all = try_all_transports
        self._timeout = timeout
        self._attempts = reconnection_attempts if reconnection else 0
        self._backoff = Backoff(reconnection_delay, reconnection_delay_max, randomization_factor)
        self._retries = retries
        self._ack_timeout = ack_timeout
        self._max_buffered_bytes = max_buffered_bytes
        self._namespaces: dict[str, ClientNamespace] = {}
        self._handlers = Handlers("the connection", answer=_ignore, hold=_ignore, release=_ignore)
        self._stages = Listeners(self._handlers.start)
        self.manager: Manager = Manager(self._stages)
        self._session: Session | None = None
        self._decoder: Decoder | None = None
        self._undecoded = 0  # bytes of the messages that the next packet is made of
        self._runner: asyncio.Task[None] | None = None
        self._main = self.of(self._endpoint.namespace)

    async def __aenter__(self) -> Self:
        try:
            await self.connect()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<Client {self._endpoint} {'connected' if self.connected else 'disconnected'}>"

    # -- the connection --

    @property
    def transport(self) -> TransportName | None:
        """The transport in use; ``None`` while there is no connection."""
        return None if self._session is None else self._session.transport

    def of(self, name: str, *, auth: Auth = None) -> ClientNamespace:
        """A namespace over the same connection; it connects with the client, or at once if that is.

        Args:
            name: with or without its leading slash.
            auth: what to show it the first time it is asked for; the client's own if ``None``.
        """
        name = name if name.startswith("/") else f"/{name}"
        found = self._namespaces.get(name)
        if found is None:
            found = self._namespaces[name] = ClientNamespace(
                self,
                name,
                self._auth if auth is None else auth,
                retries=self._retries,
                ack_timeout=self._ack_timeout,
                max_bytes=self._max_buffered_bytes,
            )
            if self._session is not None:
                found.enter(self._session)
        return found

    async def connect(self) -> None:
        """Connects; returns when the client's own namespace is connected. See :meth:`ClientNamespace.connect`.

        While ``reconnection`` has attempts left, a server that cannot be reached is waited for; each failure is logged.
        """
        await self._main.connect()

    async def close(self) -> None:
        """Leaves all namespaces, sends what was emitted before, and ends the connection. It may be used again."""
        runner = self._runner
        for namespace in list(self._namespaces.values()):
            namespace.disconnect()
        if runner is not None and runner is not asyncio.current_task():
            await asyncio.wait([runner])
        for namespace in list(self._namespaces.values()):
            await namespace.close()
        await self._handlers.close()

    # -- the client's own namespace --

    @property
    def id(self) -> str | None:
        """Of the socket that the server has for this client; ``None`` while it is not connected."""
        return self._main.id

    @property
    def connected(self) -> bool:
        """See :attr:`ClientNamespace.connected`."""
        return self._main.connected

    @property
    def recovered(self) -> bool:
        """See :class:`ClientNamespace`."""
        return self._main.recovered

    @property
    def active(self) -> bool:
        """See :class:`ClientNamespace`."""
        return self._main.active

    @property
    def auth(self) -> Auth:
        """See :class:`ClientNamespace`; of the client's own namespace alone."""
        return self._main.auth

    @auth.setter
    def auth(self, auth: Auth) -> None:
        self._main.auth = auth

    def on(self, event: str) -> Callable[[F], F]:
        """Registers the handler of an event; see :meth:`ClientNamespace.on`.

        Besides, of the connection: ``reconnect_attempt`` gets the number of the attempt, ``reconnect`` how many it
        took, ``reconnect_error`` a :class:`ConnectionFailed`, ``reconnect_failed`` nothing. A server's own events of
        these names are got with ``io.of("/").on``, and all that happens to the connection with ``io.manager.on``.
        """
        return self._register(event, once=False) if event in RECONNECTION else self._main.on(event)

    def once(self, event: str) -> Callable[[F], F]:
        """Registers a handler as :meth:`on` does; it is taken away when its event comes."""
        return self._register(event, once=True) if event in RECONNECTION else self._main.once(event)

    def _register(self, event: str, *, once: bool) -> Callable[[F], F]:
        def register(function: F) -> F:
            self._stages.add(event, function, once=once)
            return function

        return register

    def off(self, event: str) -> None:
        """Takes the handler of an event away, if there is one."""
        if event in RECONNECTION:
            self._stages.remove(event)
        else:
            self._main.off(event)

    def emit(self, event: str, *arguments: Any) -> None:
        """See :meth:`ClientNamespace.emit`."""
        self._main.emit(event, *arguments)

    def send(self, *arguments: Any) -> None:
        """See :meth:`ClientNamespace.send`."""
        self._main.send(*arguments)

    async def drain(self) -> None:
        """See :meth:`ClientNamespace.drain`."""
        await self._main.drain()

    async def emit_with_ack(self, event: str, *arguments: Any) -> Any:
        """See :meth:`ClientOperator.emit_with_ack`."""
        return await self._main.emit_with_ack(event, *arguments)

    @property
    def volatile(self) -> ClientOperator:
        """See :attr:`ClientNamespace.volatile`."""
        return self._main.volatile

    def compress(self, compress: bool) -> ClientOperator:
        """See :meth:`ClientNamespace.compress`."""
        return self._main.compress(compress)

    def timeout(self, seconds: float) -> ClientOperator:
        """See :meth:`ClientNamespace.timeout`."""
        return self._main.timeout(seconds)

    def _listeners(self) -> list[Listener]:
        return self._main._listeners()

    def _outgoing_listeners(self) -> list[Listener]:
        return self._main._outgoing_listeners()

    # -- for the namespaces --

    @property
    def running(self) -> bool:
        """Whether there is a connection, or one is being made."""
        return self._runner is not None

    def activate(self, namespace: ClientNamespace) -> None:
        """A namespace wants to be connected."""
        asleep = not namespace.active
        namespace.active = True
        if self._runner is None:
            self._runner = asyncio.get_running_loop().create_task(self._run())
        elif asleep and self._session is not None:
            namespace.enter(self._session)

    def deactivate(self) -> None:
        """A namespace does not want to be connected any more: with the last, the connection ends."""
        if self._wanted:
            return
        if self._session is not None:
            self._session.close()
        elif self._runner is not None:
            self._runner.cancel()
            self._runner = None  # at once, so that whoever connects again gets a new one

    @property
    def _wanted(self) -> bool:
        return any(namespace.active for namespace in self._namespaces.values())

    # -- keeping the connection --

    async def _run(self) -> None:
        """Connects, and again, until nobody wants it or no attempt is left."""
        self._backoff.reset()
        try:
            while await self._connect() and await self._pause():
                pass
        except Exception as error:
            # A defect, of ours or of a library: whoever waits to be connected is not to wait for good.
            logger.exception("the client of %s failed", self._endpoint)
            for namespace in list(self._namespaces.values()):
                namespace.fail(ConnectionFailed(f"the client failed: {error!r}"))
                namespace.give_up()
        finally:
            if self._runner is asyncio.current_task():
                self._runner = None

    async def _connect(self) -> bool:
        """One connection, from the attempt to its end; whether another is wanted."""
        attempt = self._backoff.attempts
        while True:
            session = self._make_session()
            try:
                async with asyncio.timeout(self._timeout):
                    await session.open()
            except TimeoutError:
                self._report(attempt, ConnectionFailed(f"expected {self._endpoint} to answer within {self._timeout} s"))
                return True
            except ConnectionFailed as error:
                self._report(attempt, error)
                return True
            self._backoff.reset()
            self._stages.notify("open")
            if attempt:
                self._stages.notify("reconnect", attempt)
            reason = await self._stay(session)
            if not self._wanted:
                return False
            if reason != "forced close":  # else: all left, and somebody came back before it was closed
                return True

    async def _stay(self, session: Session) -> str:
        """Carries the namespaces' messages over a session until it ends; returns why."""
        self._session = session
        self._decoder = self.parser.decoder()
        self._undecoded = 0
        reason = "forced close"
        try:
            try:
                for namespace in list(self._namespaces.values()):
                    if namespace.active:
                        namespace.enter(session)
            except BaseException:
                session.fail("transport error")
                raise
            finally:
                reason = await session.run()
        finally:
            self._session = self._decoder = None
            for namespace in list(self._namespaces.values()):
                namespace.lose(reason)
        logger.info("the connection to %s ended: %s", self._endpoint, reason)
        self._stages.notify("close", reason)
        return reason

    async def _pause(self) -> bool:
        """Waits before the next attempt; whether there is to be one."""
        if self._attempts is not None and self._backoff.attempts >= self._attempts:
            if self._attempts:
                self._stages.notify("reconnect_failed")
            for namespace in list(self._namespaces.values()):
                namespace.give_up()
            return False
        delay = self._backoff.next()
        logger.info("attempt %d to reach %s in %.1f s", self._backoff.attempts, self._endpoint, delay)
        await asyncio.sleep(delay)
        self._stages.notify("reconnect_attempt", self._backoff.attempts)
        return True

    def _report(self, attempt: int, error: ConnectionFailed) -> None:
        logger.warning("%s", error)
        self._stages.notify("error", error)
        for namespace in list(self._namespaces.values()):
            if namespace.active:
                namespace.fail(error)
        if attempt:
            self._stages.notify("reconnect_error", error)

    def _make_session(self) -> Session:
        return Session(
            self._make_transport,
            transports=self._transports,
            try_all=self._try_all,
            upgrade=self._upgrade,
            timeout=self._timeout,
            max_buffered_bytes=self._max_buffered_bytes,
            receive=self._receive,
            tell=self._stages.notify,
        )

    def _make_transport(self, name: TransportName) -> Transport:
        if name == "websocket":
            return WebSocketTransport(self._endpoint)
        # Here, because aiohttp need not be installed, and takes a while to import.
        from windsock.client.transports.polling import PollingTransport  # noqa: PLC0415

        return PollingTransport(self._endpoint)

    def _receive(self, message: str | bytes) -> None:
        session, decoder = self._session, self._decoder
        if session is None or decoder is None:
            return
        self._undecoded += len(message)
        try:
            packet = decoder.add(message, 1) if isinstance(message, str) else decoder.add(message)
        except PacketError as error:
            logger.warning("%s broke the protocol: %s", self._endpoint, error)
            self._decoder = None
            session.fail("parse error")
            return
        except UndecodableArgument as error:
            self._undecoded = 0
            namespace = self._namespaces.get(error.namespace)
            if namespace is not None:
                namespace.refuse_event(error.ack_id, str(error))
            return
        if packet is None:
            return
        size, self._undecoded = self._undecoded, 0
        if "packet" in self._stages:
            self._stages.notify("packet", packet)
        namespace = self._namespaces.get(packet.namespace)
        if namespace is not None and namespace.active:
            namespace.receive(packet, size)


def _check_transports(transports: Sequence[TransportName]) -> None:
    if not transports or not {"polling", "websocket"}.issuperset(transports) or len(set(transports)) < len(transports):
        raise ConfigurationError(f"expected transports out of 'polling' and 'websocket', got {transports!r}")
    if "polling" in transports and importlib.util.find_spec("aiohttp") is None:
        raise ConfigurationError(
            "expected aiohttp for long-polling: pip install 'windsock[client]', or transports=['websocket']"
        )


def _ignore(*_: Any) -> None:
    """The connection's own events are not acknowledged, and their handlers hold up nothing."""
