"""One client: its Engine.IO session and the sockets it has in namespaces."""

from __future__ import annotations

import asyncio
import inspect
import logging
import secrets
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from windsock.engine.observation import tell
from windsock.engine.transports.outbox import FLUSH_AT
from windsock.errors import (
    ConnectionRefused,
    EncodeError,
    EventError,
    NotConnected,
    PacketError,
    UndecodableArgument,
)
from windsock.protocol.engineio import Message
from windsock.protocol.socketio import Packet, PacketType
from windsock.protocol.websocket import SHORT_TEXT_HEADS
from windsock.server.observer import wrap
from windsock.server.recovery import RecoverableSocket
from windsock.server.socket import Held, Socket
from windsock.tasks import start

if TYPE_CHECKING:
    from windsock.engine.session import Session
    from windsock.engine.wiring import Wiring
    from windsock.protocol.socketio import AckId, Decoder
    from windsock.server.expirations import Expirations
    from windsock.server.handlers import Handler
    from windsock.server.namespace import Namespace
    from windsock.server.server import Server

logger: logging.Logger = logging.getLogger("windsock.server")

Done = Callable[[asyncio.Task[Any]], None]

MAX_REFUSALS: Final = 100
"""Refused CONNECT packets on one connection, after which it is closed: each costs the application a check,
and a guesser of names or passwords should pay for a new connection now and then."""

MAX_NAMESPACES: Final = 100
"""Namespaces that one connection may be in: with dynamic ones, their names are the client's to make up."""

SHORT: Final = len(SHORT_TEXT_HEADS) - 1
"""Bytes of an answer whose frame has the shortest head."""

_ID_BYTES: Final = 15
_EVENT: Final = PacketType.EVENT
_ACK: Final = PacketType.ACK


class Connection:
    """The listener of a session: routes its packets to sockets, starts their handlers.

    Attributes:
        session: the Engine.IO session.
        timer: the slice of deadlines for the first CONNECT packet.
    """

    __slots__ = ("_decoder", "_loop", "_refusals", "_running", "_server", "_sockets", "session", "timer")

    def __init__(self, server: Server, session: Session) -> None:
        self.session: Session = session
        self.timer: set[Connection] | None = None
        self._server = server
        self._decoder: Decoder = server.parser.decoder()
        self._sockets: dict[str, Socket] = {}
        # Tasks of handlers that are not done; the event loop itself holds tasks weakly.
        self._running: set[asyncio.Task[Any]] | None = None
        self._refusals = 0
        self._loop = asyncio.get_running_loop()

    # -- the session's side (Listener) --

    def receive(self, message: str | bytes, start: int = 0) -> None:
        """Takes one Engine.IO message."""
        try:
            packet = self._decoder.add(message, start)
        except PacketError as error:
            logger.debug("closing %s: %s", self.session.id, error)
            self._fail("parse error")
            return
        except UndecodableArgument as error:
            self._refuse_event(error)
            return
        if packet is None:
            return
        socket = self._sockets.get(packet.namespace)
        if socket is None or not socket.connected:
            if packet.type is PacketType.CONNECT and socket is None:
                self._connect(packet)
            else:
                # An event before the answer to CONNECT, or in a namespace that was never joined.
                self._fail("forced close")
            return
        kind = packet.type
        if kind is _EVENT:
            self._dispatch(socket, packet.data, packet.id)
        elif kind is _ACK:
            if socket.acks is not None and packet.id is not None:
                socket.acks.resolve(packet.id, packet.data or [])
        elif kind is PacketType.DISCONNECT:
            self._remove(socket, "client namespace disconnect")
        else:
            self._fail("forced close")

    def receive_encoded(self, message: bytes, start: int) -> bool:
        """Takes one Engine.IO message of text as it came; see :class:`windsock.engine.session.Listener`."""
        if self._server.has_json:
            event = self._decoder.read_event(message, start)  # type: ignore[attr-defined]  # of the decoder for JSON
            if event is not None:
                socket = self._sockets.get("/")
                if socket is not None and socket.connected:
                    data, id = event
                    self._dispatch(socket, data, id)
                    return True
        try:
            text = message.decode()
        except UnicodeDecodeError:
            return False
        self.receive(text, start)
        return True

    def closed(self, reason: str) -> None:
        """The session is over."""
        if self.timer is not None:
            self.timer.discard(self)
            self.timer = None
        for socket in list(self._sockets.values()):
            self._remove(socket, reason)

    @property
    def busy(self) -> bool:
        """See :class:`windsock.engine.session.Listener`."""
        return bool(self._running)

    # -- the sockets' side --

    @property
    def sockets(self) -> list[Socket]:
        """The client's sockets, one in each namespace, those on their way in included."""
        return list(self._sockets.values())

    @property
    def wiring(self) -> Wiring:
        """Of the engine."""
        return self._server.engine.wiring

    @property
    def expirations(self) -> Expirations:
        """Of the server."""
        return self._server.expirations

    def disconnect(self, socket: Socket, *, close: bool, reason: str = "server namespace disconnect") -> None:
        """Disconnects one socket, or closes the connection with all of them."""
        if close and socket.connected:
            for other in list(self._sockets.values()):
                self.disconnect(other, close=False)
            self.session.close(reason="forced server close")
        elif not socket.connected:
            # It is being admitted: what its handler emitted, and the answer to CONNECT, go first.
            socket.farewell = socket.farewell or close
        elif self._is_here(socket):
            if socket.namespace.recovery is not None:
                socket.namespace.recovery.adapter.flush(socket)
            self.session.send(socket.namespace.encode(Packet(PacketType.DISCONNECT, socket.namespace.name)))
            self._remove(socket, reason)

    def run(self, socket: Socket, coroutine: Coroutine[Any, Any, Any], event: str) -> None:
        """Starts what a handler of the library's own events, or a catch-all, returned; nobody waits for it."""
        self._start(coroutine, partial(_report_failure, event, socket.namespace.name))

    def connect_timed_out(self) -> None:
        """The client joined no namespace in time."""
        self.timer = None
        self.session.close(reason="forced server close")

    # -- connecting --

    def _connect(self, packet: Packet) -> None:
        auth = packet.data or {}
        full = len(self._sockets) >= MAX_NAMESPACES
        namespace = None if full else self._server.find(packet.namespace, auth)
        if namespace is None:
            self._refuse(packet.namespace, ConnectionRefused("Too many namespaces" if full else "Invalid namespace"))
            return
        make = Socket if namespace.recovery is None else RecoverableSocket
        socket = make(namespace, self, secrets.token_urlsafe(_ID_BYTES), auth)
        self._sockets[namespace.name] = socket
        namespace.admitting += 1
        admission = wrap(
            self._server.observers,
            self._admit(namespace, socket),
            lambda observer, admission: observer.admit(socket, admission),
        )
        self._start(admission, _report)

    async def _admit(self, namespace: Namespace, socket: Socket) -> None:
        recovery = namespace.recovery
        limit = self._server.engine.options.slow_consumer.max_bytes
        try:
            if namespace.cluster is not None:
                await namespace.cluster.start()
            restored = recovery is not None and await recovery.restore(socket, limit)
            if recovery is None or not restored or not recovery.spares(socket):
                for middleware in namespace.registry.middlewares:
                    outcome = middleware(socket)
                    if inspect.isawaitable(outcome):
                        await outcome
            if not self._is_here(socket):
                self._forget(socket)
                return
            if not restored:
                namespace.sockets[socket.id] = socket
                namespace.adapter.add(socket)
            handler = namespace.handlers.get("connect")
            if handler is not None:
                await self._call_connect(handler, socket)
        except ConnectionRefused as refusal:
            self._forget(socket)
            self._refuse(namespace.name, refusal)
        except Exception as error:
            logger.exception("the connect handler of %s failed", namespace.name)
            self._forget(socket)
            self._refuse(namespace.name, ConnectionRefused("internal error"), error)
        else:
            self._accept(namespace, socket)
        finally:
            namespace.admitting -= 1
            self._server.drop_if_empty(namespace)

    async def _call_connect(self, handler: Handler, socket: Socket) -> None:
        try:
            arguments = handler.bind([socket.handshake.auth] if handler.arity else [])
        except EventError as error:
            raise ConnectionRefused("invalid auth", {**error.data, "code": "invalid_payload"}) from None
        outcome = handler.function(socket, *arguments)
        if inspect.isawaitable(outcome):
            await outcome

    def _accept(self, namespace: Namespace, socket: Socket) -> None:
        if not self._is_here(socket):
            # The client left while its connect handler ran: the application hears of it as of any other.
            self._leave(socket, socket.left or "transport close")
            return
        held = socket.outlet
        answer = {"sid": socket.id} if namespace.recovery is None else namespace.recovery.accept(socket)
        self.session.send(namespace.encode(Packet(PacketType.CONNECT, namespace.name, answer)))
        socket.outlet = self.session
        namespace.outbox.layout += 1
        socket.connected = True
        if namespace.registry.hooks.outgoing or (socket.hooks is not None and socket.hooks.outgoing):
            socket.tap()
        tell(self._server.observers, lambda observer: observer.connected(socket))
        if isinstance(held, Held):
            for message in held.take():
                socket.outlet.send(message)
            if held.full:
                self._fail("transport error")
        if self.timer is not None:
            self.timer.discard(self)
            self.timer = None
        if socket.farewell is not None:
            self.disconnect(socket, close=socket.farewell)

    def _refuse(self, namespace: str, refusal: ConnectionRefused, cause: Exception | None = None) -> None:
        data: dict[str, Any] = {"message": refusal.message}
        encode = self._server.parser.encode
        try:
            full = data if refusal.data is None else {**data, "data": refusal.data}
            message = encode(PacketType.CONNECT_ERROR, namespace, full, None, True)
        except EncodeError as error:
            logger.error("the data of a refusal in %s cannot be sent: %s", namespace, error)
            message = encode(PacketType.CONNECT_ERROR, namespace, data, None, True)
        self.session.send(message)
        tell(self._server.observers, lambda observer: observer.refused(namespace, refusal, cause))
        self._refusals += 1
        if self._refusals >= MAX_REFUSALS:
            self.session.close(reason="forced server close")

    def _is_here(self, socket: Socket) -> bool:
        return self._sockets.get(socket.namespace.name) is socket

    # -- disconnecting --

    def _fail(self, reason: str) -> None:
        self.session.fail(reason)

    def _remove(self, socket: Socket, reason: str) -> None:
        self._sockets.pop(socket.namespace.name, None)
        if socket.connected:
            self._leave(socket, reason)
            tell(self._server.observers, lambda observer: observer.disconnected(socket, reason))
        else:
            socket.left = reason  # and its admission ends when it finds that out
            if socket.namespace.recovery is not None:
                socket.namespace.recovery.abandon(socket, reason)

    def _leave(self, socket: Socket, reason: str) -> None:
        socket.connected = False
        self._notify(socket, "disconnecting", reason)
        if socket.namespace.recovery is not None:
            socket.namespace.recovery.leave(socket, reason)
        socket.left = reason
        self._forget(socket)
        self._notify(socket, "disconnect", reason)

    def _forget(self, socket: Socket) -> None:
        namespace = socket.namespace
        socket.left = socket.left or "server namespace disconnect"
        if self._is_here(socket):
            del self._sockets[namespace.name]
        # Unless the client has come back meanwhile, with another socket of this id.
        if namespace.sockets.get(socket.id, socket) is socket:
            namespace.sockets.pop(socket.id, None)
            namespace.adapter.remove(socket)
        if socket.expires_at is not None:
            socket.expires_at = None
        if socket.acks is not None:
            socket.acks.close()
        for future in socket.drains or ():
            if not future.done():
                future.set_result(None)
        self._server.drop_if_empty(namespace)

    def _notify(self, socket: Socket, event: str, reason: str) -> None:
        handler = socket.namespace.handlers.get(event)
        if handler is None:
            return
        try:
            outcome = handler.function(socket, *([reason] if handler.arity else []))
        except Exception:
            logger.exception("the %s handler of %s failed", event, socket.namespace.name)
            return
        if isinstance(outcome, Coroutine):
            self.run(socket, outcome, event)

    # -- events --

    def _dispatch(self, socket: Socket, data: list[Any], id: AckId | None) -> None:
        event = data[0]
        handler = socket.namespace.handlers.get(event)
        if handler is None:
            handler = self._unknown(socket, event, id)
            if handler is None:
                return
        try:
            count = len(data)
            if handler.plain != count - 1:
                outcome = handler.function(socket, *handler.bind(data[1:]))
            elif count == 2:
                outcome = handler.function(socket, data[1])  # what most events have, without unpacking
            else:
                outcome = handler.function(socket, *data[1:])
            if handler.asynchronous or type(outcome) is CoroutineType:
                turn = self._server.turn
                if turn.ready:
                    context = copy_context()
                    outcome = context.run(turn.run, outcome)
                    if not turn.ready:
                        task = turn.adopt(outcome, context)  # type: ignore[unreachable]  # running it has changed that
                        if task is not None:
                            self._keep(task, partial(self._finish, socket, event, id))
                            return
                else:
                    task = start(outcome, self._loop)
                    if not task.done():
                        self._keep(task, partial(self._finish, socket, event, id))
                        return
                    outcome = task.result()
        except Exception as error:  # noqa: BLE001  whatever it is, it is reported and answered
            self.answer_error(socket, event, id, error)
            return
        except asyncio.CancelledError:
            return
        if id is not None:
            self.answer(socket, id, outcome)

    def _start(self, coroutine: Coroutine[Any, Any, Any], done: Done) -> None:
        task = start(coroutine, self._loop)
        if task.done():
            done(task)
        else:
            self._keep(task, done)

    def _keep(self, task: asyncio.Task[Any], done: Done) -> None:
        """Keeps a task that is suspended. A client whose handlers pile up is not read from until some are done."""
        running = self._running
        if running is None:
            running = self._running = set()
        running.add(task)
        if len(running) >= self._server.max_handlers_in_flight:
            self.session.transport.hold()
        task.add_done_callback(partial(self._ended, done))

    def _ended(self, done: Done, task: asyncio.Task[Any]) -> None:
        done(task)
        running = self._running
        assert running is not None
        running.discard(task)
        if not running:
            self._running = None
        if len(running) == self._server.max_handlers_in_flight // 2:
            self.session.transport.release()

    def _finish(self, socket: Socket, event: str, id: AckId | None, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self.answer_error(socket, event, id, error)
        elif id is not None:
            self.answer(socket, id, task.result())

    def answer(self, socket: Socket, id: AckId, value: Any) -> None:
        """Acknowledges an event: a tuple is several arguments, ``None`` none, anything else one."""
        arguments = [] if value is None else list(value) if type(value) is tuple else [value]
        namespace = socket.namespace
        try:
            text, attachments = namespace.parser.pack(_ACK, namespace.name, arguments, id)  # type: ignore[arg-type]  # see AckId
        except EncodeError as error:
            logger.error("an acknowledgement in %s cannot be sent: %s", namespace.name, error)
            failure = EventError("internal_error", "the answer cannot be sent").payload()
            text, attachments = namespace.parser.pack(_ACK, namespace.name, [failure], id)  # type: ignore[arg-type]  # see AckId
        session = self.session
        transport = session.transport
        pending = transport.pending
        if pending is None or attachments or len(text) > SHORT:
            session.send(Message(text, attachments))
            return
        # A short answer to one client goes the way of a broadcast: no call and no object for it alone.
        outbox = namespace.outbox
        if not pending:
            # What ``mark`` does, without a call for each answer.
            outbox.dirty.append(transport)  # type: ignore[arg-type]  # whoever offers ``pending`` is flushable
            if not outbox.scheduled:
                outbox.schedule()
        pending.append(SHORT_TEXT_HEADS[len(text)] + text)
        outbox.gathered += len(text)
        if outbox.gathered > FLUSH_AT:
            outbox.flush()

    def _unknown(self, socket: Socket, event: str, id: AckId | None) -> Handler | None:
        """What an event without a handler starts; nothing, and it is answered."""
        handler = socket.namespace.registry.unknown(event)
        if handler is None:
            tell(self._server.observers, lambda observer: observer.unhandled(socket, event))
            if id is not None:
                self.answer(socket, id, EventError("unknown_event", f"no handler for {event!r}").payload())
        return handler

    def answer_error(self, socket: Socket, event: str, id: AckId | None, error: BaseException) -> None:
        if isinstance(error, EventError):
            if id is not None:
                self.answer(socket, id, error.payload())
            return
        if isinstance(error, NotConnected) and not socket.connected:
            return  # it waited for an answer of a client that has left: not the application's fault
        logger.error("the handler of %r in %s failed", event, socket.namespace.name, exc_info=error)
        if id is not None:
            self.answer(socket, id, EventError("internal_error", "the handler failed").payload())

    def _refuse_event(self, error: UndecodableArgument) -> None:
        socket = self._sockets.get(error.namespace)
        if socket is not None and socket.connected and error.ack_id is not None:
            self.answer(socket, error.ack_id, EventError("invalid_payload", str(error)).payload())


def _report(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.error("admitting a client failed", exc_info=task.exception())


def _report_failure(event: str, namespace: str, task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.error("the %s handler of %s failed", event, namespace, exc_info=task.exception())
