"""One namespace as a client has it: its connection, its acknowledgements, and what waits for either."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from windsock.acks import Acks, wait_for_ack
from windsock.arguments import EventHandler
from windsock.client.buffer import OfflineBuffer, Waiting
from windsock.client.catch_alls import CatchAlls
from windsock.client.flags import PLAIN, Flags
from windsock.client.handlers import Handlers
from windsock.client.listeners import Listener, Listeners, call
from windsock.client.operator import ClientOperator
from windsock.client.retries import RetryQueue
from windsock.errors import BufferFull, ConnectionFailed, ConnectionRefused, EncodeError, EventError, NotConnected
from windsock.protocol.socketio import RESERVED_EVENTS, Packet, PacketType

if TYPE_CHECKING:
    from windsock.client.client import Client
    from windsock.client.session import Session
    from windsock.protocol.engineio import Message

logger: logging.Logger = logging.getLogger("windsock.client")

F = TypeVar("F", bound=EventHandler)
Auth = Mapping[str, Any] | Callable[[], Mapping[str, Any] | Awaitable[Mapping[str, Any] | None] | None] | None
"""What a client shows a namespace: a mapping, or a function that gives one for each connection, plain or ``async``."""

STAGES: Final = frozenset({"connect", "connect_error", "disconnect"})
"""Events that the library raises in a namespace."""

MAX_EARLY_EVENTS: Final = 1000
"""Events that come before the namespace is connected, as python-socketio's ``connect`` handlers send them; a server
that never connects it is not listened to without end."""

MAX_EARLY_SIZE: Final = 16 * 1024 * 1024
"""Bytes of the messages that they came in; the first has room however large it is."""


class ClientNamespace(CatchAlls):
    """One namespace over the client's connection. Got with ``io.of("/name")``.

    Attributes:
        name: with its leading slash.
        auth: what to show it with the connections to come.
        id: of the socket that the server has for it; ``None`` while it is not connected.
        recovered: whether the last connection restored the state of the one before: the server sends all that was
            missed, and the socket is in its rooms again.
        active: whether it wants to be connected: from its making on, until it is refused or disconnected.
    """

    def __init__(
        self, client: Client, name: str, auth: Auth, *, retries: int, ack_timeout: float | None, max_bytes: int
    ) -> None:
        self.name = name
        self.id: str | None = None
        self.recovered: bool = False
        self.active: bool = True
        self._client = client
        self.auth: Auth = auth
        self._ack_timeout = ack_timeout
        self._handlers = Handlers(name, answer=self._acknowledge, hold=self._hold, release=self._release)
        self._outgoing: list[Listener] = []
        self._stages = Listeners(self._handlers.start)
        self._acks = Acks()
        self._next_id = 0
        self._buffer = OfflineBuffer(max_bytes)
        self._queue = RetryQueue(self._attempt, retries, max_bytes) if retries else None
        self._session: Session | None = None
        self._early: list[Packet] = []
        self._early_size = 0
        self._admission: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()
        self._waiters: set[asyncio.Future[None]] = set()
        self._failure: ConnectionFailed | None = None
        self._pid: str | None = None
        self._offset: str | None = None

    def __repr__(self) -> str:
        return f"<ClientNamespace {self.name} {self.id or 'disconnected'}>"

    @property
    def connected(self) -> bool:
        """Whether the server has let it in, and the connection stands as far as is known."""
        return self.id is not None

    # -- handlers --

    def on(self, event: str) -> Callable[[F], F]:
        """Registers the handler of an event.

        ``connect`` gets nothing, ``connect_error`` a :class:`ConnectionRefused` or :class:`ConnectionFailed`,
        ``disconnect`` the reason (:data:`windsock.types.DisconnectReason`). Every other handler gets the event's
        arguments, validated by their annotations; what it returns is the acknowledgement, if the server asked for
        one. Handlers start in the order in which the events came.

        Raises:
            ConfigurationError: the event has a handler, or the annotations cannot be validated.
        """

        return self._register(event, once=False)

    def once(self, event: str) -> Callable[[F], F]:
        """Registers a handler as :meth:`on` does; it is taken away when its event comes.

        Raises:
            ConfigurationError: the event has a handler, or the annotations cannot be validated.
        """
        return self._register(event, once=True)

    def _register(self, event: str, *, once: bool) -> Callable[[F], F]:
        def register(function: F) -> F:
            if event in STAGES:
                self._stages.add(event, function, once=once)
            else:
                self._handlers.add(event, function, once=once)
            return function

        return register

    def off(self, event: str) -> None:
        """Takes the handler of an event away, if there is one."""
        self._handlers.remove(event)
        self._stages.remove(event)

    def _listeners(self) -> list[Listener]:
        return self._handlers.listeners

    def _outgoing_listeners(self) -> list[Listener]:
        return self._outgoing

    # -- connecting --

    async def connect(self) -> None:
        """Returns when the namespace is connected; until then the client tries as it was told to.

        Raises:
            ConnectionRefused: the server does not let it in.
            ConnectionFailed: the server cannot be reached, and no further attempt is made.
            NotConnected: it was disconnected meanwhile.
        """
        if not self.connected:
            await self._wait(lambda: self._client.activate(self))

    async def _wait(self, begin: Callable[[], None]) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            begin()
            await waiter
        finally:
            self._waiters.discard(waiter)

    def disconnect(self) -> None:
        """Leaves the namespace; with the last one the connection ends. ``connect`` comes back."""
        session = self._session
        self.active = False
        if session is not None and self.connected:
            self._send(session, PacketType.DISCONNECT, None)
        self.lose("io client disconnect")
        self._wake(NotConnected("disconnected meanwhile"))
        self._client.deactivate()

    # -- emitting --

    def emit(self, event: str, *arguments: Any) -> None:
        """Sends an event. It is queued and never blocks; while offline it waits for the connection.

        With ``retries``, it is sent again until the server acknowledges it.

        Raises:
            BufferFull: more than ``max_buffered_bytes`` wait.
            EncodeError: an argument cannot be put on the wire.
            ValueError: the event's name is reserved.
        """
        self.send_event(event, arguments, PLAIN)

    def send(self, *arguments: Any) -> None:
        """Sends the event ``message``; see :meth:`emit`."""
        self.send_event("message", arguments, PLAIN)

    async def drain(self) -> None:
        """Returns when all that was emitted has been given to the network: back-pressure for one who emits much.

        While offline it waits for the connection. With ``retries``, what waits for acknowledgement does not count.

        Raises:
            NotConnected: the connection was lost before all was sent, or there is none and none is being made.
            ConnectionRefused: the server does not let it in.
            ConnectionFailed: the server cannot be reached, and no further attempt is made.
        """
        while self._session is None or not self.connected:
            if not self._buffer:
                return
            if not self.active or not self._client.running:
                raise NotConnected("events wait, and there is no connection")
            await self._wait(lambda: None)
        await self._session.drain()

    async def emit_with_ack(self, event: str, *arguments: Any) -> Any:
        """Sends an event and waits for its acknowledgement; see :meth:`ClientOperator.emit_with_ack`."""
        return await self.ask(event, arguments, PLAIN)

    @property
    def volatile(self) -> ClientOperator:
        """The next event is dropped if it cannot leave now."""
        return ClientOperator(self).volatile

    def compress(self, compress: bool) -> ClientOperator:
        """Whether the transport may compress the next event; it may by default."""
        return ClientOperator(self).compress(compress)

    def timeout(self, seconds: float) -> ClientOperator:
        """How long the next ``emit_with_ack`` waits, instead of ``ack_timeout``."""
        return ClientOperator(self).timeout(seconds)

    def send_event(self, event: str, arguments: tuple[Any, ...], flags: Flags) -> None:
        """See :meth:`emit` and :class:`ClientOperator`."""
        message = self._encode(event, arguments, None, flags)
        if self._queue is not None and not flags.volatile:
            self._queue.add(event, arguments, flags, message.size)
        else:
            self._dispatch(Waiting(message, [event, *arguments], None), volatile=flags.volatile)

    async def ask(self, event: str, arguments: tuple[Any, ...], flags: Flags) -> Any:
        """See :meth:`ClientOperator.emit_with_ack`."""
        if self._queue is not None and not flags.volatile:
            size = self._encode(event, arguments, None, flags).size
            return await self._queue.add(event, arguments, flags, size)
        return await self._ask_once(event, arguments, flags)

    async def _attempt(self, event: str, arguments: tuple[Any, ...], flags: Flags) -> Any:
        await self._connected.wait()
        return await self._ask_once(event, arguments, flags)

    async def _ask_once(self, event: str, arguments: tuple[Any, ...], flags: Flags) -> Any:
        id = self._next_id
        self._next_id += 1
        timeout = self._ack_timeout if flags.timeout is None else flags.timeout
        waiting = Waiting(self._encode(event, arguments, id, flags), [event, *arguments], id)
        future = self._acks.expect(id)
        key = None
        try:
            key = self._dispatch(waiting, volatile=flags.volatile)
            return await wait_for_ack(future, timeout)
        finally:
            future.cancel()
            if key is not None:
                self._buffer.discard(key)

    def _encode(self, event: str, arguments: tuple[Any, ...], id: int | None, flags: Flags) -> Message:
        if event in RESERVED_EVENTS:
            raise ValueError(f"expected an event's name, got the reserved {event!r}")
        return self._client.parser.encode(PacketType.EVENT, self.name, [event, *arguments], id, flags.compress)

    def _dispatch(self, event: Waiting, *, volatile: bool) -> int | None:
        """Sends an event, or keeps it and returns the key it is kept by."""
        session = self._session
        if session is not None and self.connected and not (volatile and not session.writable):
            self._leave(session, event)
        elif not volatile:
            return self._buffer.add(event)
        elif event.id is not None:
            raise NotConnected("a volatile event was dropped: it cannot leave now")
        return None

    def _leave(self, session: Session, event: Waiting) -> None:
        session.send(event.message)
        for listener in tuple(self._outgoing):
            call(listener, tuple(event.data), "catch-all", self._handlers.start)

    # -- for the client: the connection --

    def enter(self, session: Session) -> None:
        """A session stands: asks to be let into the namespace."""
        self._session = session
        if callable(self.auth):
            self._admission = asyncio.get_running_loop().create_task(self._admit(session, self.auth))
        else:
            self._send_connect(session, self.auth)

    def lose(self, reason: str) -> None:
        """The connection was lost, or left."""
        self._session = None
        self._early = []
        self._early_size = 0
        if self._admission is not None:
            self._admission.cancel()
            self._admission = None
        if not self.connected:
            return
        self.id = None
        self._connected.clear()
        self._acks.close(keep=self._buffer.ids())
        self._stages.notify("disconnect", reason)

    def fail(self, error: ConnectionFailed) -> None:
        """The server could not be reached."""
        self._failure = error
        self._stages.notify("connect_error", error)

    def give_up(self) -> None:
        """And it is not tried again."""
        self._wake(self._failure or ConnectionFailed("the connection was lost before the namespace was connected"))

    async def close(self) -> None:
        """The client is closed: nothing runs and nothing waits any more."""
        self.lose("io client disconnect")
        if self._queue is not None:
            self._queue.close()
        self._acks.close()
        self._wake(NotConnected("the client was closed"))
        await self._handlers.close()

    async def _admit(self, session: Session, auth: Callable[[], Any]) -> None:
        try:
            data = auth()
            if inspect.isawaitable(data):
                data = await data
        except Exception as error:
            logger.exception("the auth function of %s failed", self.name)
            self._refused(ConnectionRefused(f"the auth function failed: {error}"))
            return
        if self._session is session and self.active:
            self._send_connect(session, data)

    def _send_connect(self, session: Session, auth: Mapping[str, Any] | None) -> None:
        try:
            data = None if auth is None else dict(auth)
            if self._pid is not None:
                data = {"pid": self._pid, "offset": self._offset, **(data or {})}
            self._send(session, PacketType.CONNECT, data)
        except (EncodeError, TypeError, ValueError) as error:
            # Not the connection's fault, and no attempt would mend it.
            self._refused(ConnectionRefused(f"expected a mapping that can be sent as auth: {error}"))

    def _send(self, session: Session, type: PacketType, data: Any, id: int | None = None) -> None:
        try:
            session.send(self._client.parser.encode(type, self.name, data, id, True))
        except BufferFull as error:
            logger.error("%s in %s cannot be sent: %s", type.name, self.name, error)
            session.fail("transport error")

    def _acknowledge(self, id: int, arguments: list[Any]) -> None:
        session = self._session
        if session is None or not self.connected:
            return  # whoever asked is not there any more
        try:
            self._send(session, PacketType.ACK, arguments, id)
        except EncodeError as error:
            logger.error("an acknowledgement in %s cannot be sent: %s", self.name, error)
            failure = EventError("internal_error", "the answer cannot be sent").payload()
            self._send(session, PacketType.ACK, [failure], id)

    def _hold(self) -> None:
        if self._session is not None:
            self._session.hold()

    def _release(self) -> None:
        if self._session is not None:
            self._session.release()

    def _wake(self, error: Exception | None) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                if error is None:
                    waiter.set_result(None)
                else:
                    waiter.set_exception(error)

    # -- for the client: packets --

    def receive(self, packet: Packet, size: int) -> None:
        """A packet of this namespace came, in messages of so many bytes."""
        type = packet.type
        if type is PacketType.CONNECT:
            self._admitted(packet.data)
        elif type is PacketType.CONNECT_ERROR:
            data = packet.data if isinstance(packet.data, dict) else {"message": str(packet.data)}
            self._refused(ConnectionRefused(str(data.get("message")), data.get("data")))
        elif not self.connected:
            if type is PacketType.EVENT and self._has_room(size):
                self._early.append(packet)
                self._early_size += size
            else:
                logger.debug("a packet for %s came while it is not connected", self.name)
        elif type is PacketType.EVENT:
            self._receive_event(packet.data, packet.id)
        elif type is PacketType.ACK:
            if packet.id is not None:
                self._acks.resolve(packet.id, packet.data or [])  # it may have no arguments, and no list of them
        else:
            self.active = False
            self.lose("io server disconnect")
            self._client.deactivate()

    def _has_room(self, size: int) -> bool:
        early = self._early
        return not early or (len(early) < MAX_EARLY_EVENTS and self._early_size + size <= MAX_EARLY_SIZE)

    def refuse_event(self, id: int | None, message: str) -> None:
        """An event held what is not Unicode."""
        if id is not None:
            self._acknowledge(id, [EventError("invalid_payload", message).payload()])

    def _admitted(self, data: Any) -> None:
        id = data.get("sid") if isinstance(data, dict) else None
        session = self._session
        if self.connected or not self.active or session is None:
            return
        if not isinstance(id, str):
            self._refused(ConnectionRefused("expected a server of Socket.IO 3 or newer, got an older one's answer"))
            return
        pid = data.get("pid")
        pid = pid if isinstance(pid, str) else None
        self.recovered = pid is not None and pid == self._pid
        if not self.recovered:
            self._offset = None
        self._pid = pid
        self.id = id
        early, self._early, self._early_size = self._early, [], 0
        for packet in early:
            self._receive_event(packet.data, packet.id)
        while (first := self._buffer.first()) is not None:
            key, event = first
            try:
                self._leave(session, event)
            except BufferFull:
                # The buffer's bound is the session's: only what else was sent meanwhile can leave too little room.
                session.fail("transport error")
                return
            self._buffer.discard(key)
        self._connected.set()
        self._stages.notify("connect")
        self._wake(None)

    def _refused(self, error: ConnectionRefused) -> None:
        self.active = False
        self.lose("io server disconnect")
        self._stages.notify("connect_error", error)
        self._wake(error)
        self._client.deactivate()

    def _receive_event(self, data: list[Any], id: int | None) -> None:
        event, *arguments = data
        # A server that can restore the connection's state adds the offset as a last argument. Volatile events have
        # none, and nothing tells them apart but a handler that would miss an argument without it.
        restorable = self._pid is not None and id is None and len(arguments) > self._handlers.minimum(event)
        if restorable and isinstance(arguments[-1], str):
            self._offset = arguments.pop()
        self._handlers.deliver(event, arguments, id)
