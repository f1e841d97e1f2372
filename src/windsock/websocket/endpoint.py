"""The endpoint: what an application makes one of, and mounts."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from windsock.asgi import deny, lane_of
from windsock.engine.cors import OriginPolicy
from windsock.engine.deadlines import Deadlines
from windsock.engine.options import EngineOptions, PerMessageDeflate
from windsock.engine.request import Request
from windsock.engine.wiring import Wiring
from windsock.errors import ConfigurationError, ConnectionRefused
from windsock.protocol.closing import CloseCode
from windsock.protocol.websocket import Closed
from windsock.room import Room
from windsock.slow_consumer import Conflate, SlowConsumer, SlowConsumerCounters, Terms
from windsock.websocket.connection import Connection
from windsock.websocket.group import Group
from windsock.websocket.handlers import EVENTS, Handler
from windsock.websocket.socket import Held, Message, WebSocket

if TYPE_CHECKING:
    from windsock.engine.options import OriginPredicate
    from windsock.engine.transports.outbox import Outbox
    from windsock.protocol.websocket import Data
    from windsock.tasks import Turn
    from windsock.types import ASGIApp, Receive, Scope, Send

F = TypeVar("F", bound=Callable[..., Any])

logger: logging.Logger = logging.getLogger("windsock.endpoint")


class Endpoint:
    """A plain WebSocket endpoint: an ASGI application, and so a route of Starlette and FastAPI.

    Times are in seconds, sizes in bytes.

    Args:
        subprotocols: that the server speaks, the best first; the first that the client offers is agreed on.
        cors_allowed_origins: ``None`` for the same origin only, ``"*"``, one origin, several, or a predicate of the
            origin and the ASGI scope.
        max_message_size: in one message, after decompression; more closes with 1009.
        max_fragments: frames in one message; more closes with 1008.
        max_handlers_in_flight: handlers of one client that have begun and not ended; with more it is not read from.
        max_connections: at once; more are refused with 503.
        ping_interval: between the server's pings; on the fast lane only, other ASGI servers have their own.
        ping_timeout: for the pong to a ping; then the connection is cut.
        per_message_deflate: compression of messages; ``True`` for the default threshold of 1024 bytes. On the fast lane
            only, other ASGI servers have their own.
        slow_consumer: what happens to a client that does not take what is sent to it.

    Raises:
        ConfigurationError: an option is out of its range.

    Attributes:
        sockets: connected.
        groups: members by name; change them with :meth:`WebSocket.join` and :meth:`WebSocket.leave`.
        everybody: all sockets, as a group.
        handlers: by event.
        message_handler: of them, the one for messages.
        outbox: what is to be written at the end of this iteration of the event loop.
        turn: what handlers that begin in it share.
        intervals: when a ping is due.
        pongs: when a pong must have come.
    """

    def __init__(
        self,
        *,
        subprotocols: Sequence[str] = (),
        cors_allowed_origins: str | Sequence[str] | OriginPredicate | None = None,
        max_message_size: int = 1_000_000,
        max_fragments: int = 1024,
        max_handlers_in_flight: int = 256,
        max_connections: int = 100_000,
        ping_interval: float = 25.0,
        ping_timeout: float = 20.0,
        per_message_deflate: PerMessageDeflate | bool = False,
        slow_consumer: SlowConsumer = SlowConsumer(),  # noqa: B008  frozen
    ) -> None:
        if max_message_size <= 0:
            raise ConfigurationError(f"expected max_message_size above zero, got {max_message_size}")
        if max_handlers_in_flight < 1:
            raise ConfigurationError(f"expected max_handlers_in_flight of at least 1, got {max_handlers_in_flight}")
        if isinstance(subprotocols, str):
            raise ConfigurationError(f"expected a list of subprotocols, got {subprotocols!r}")
        options = EngineOptions(
            cors_allowed_origins=cors_allowed_origins,
            max_http_buffer_size=max_message_size,
            max_fragments=max_fragments,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            per_message_deflate=PerMessageDeflate() if per_message_deflate is True else per_message_deflate or None,
            slow_consumer=slow_consumer,
        )
        self.sockets: Room = Room()
        self.groups: dict[str, Room] = {}
        self.everybody: Group = Group(self, None)
        self.handlers: dict[str, Handler] = {}
        self.message_handler: Handler | None = None
        self.max_handlers_in_flight: int = max_handlers_in_flight
        self.intervals: Deadlines[Connection] = Deadlines(ping_interval, lambda connection: connection.ping())
        self.pongs: Deadlines[Connection] = Deadlines(ping_timeout, lambda connection: connection.check_pong())
        self._max_connections = max_connections
        self._subprotocols = tuple(subprotocols)
        self._wiring = Wiring(options)
        self.outbox: Outbox = self._wiring.outbox
        self.turn: Turn = self._wiring.inbox.turn
        self._origins = OriginPolicy(options)
        self._slow_consumer = slow_consumer
        self._has_terms = slow_consumer.policy != "close"

    # -- the application's side --

    def on(self, event: str) -> Callable[[F], F]:
        """Registers a handler, plain or ``async``.

        ``connect`` gets the socket before the handshake is answered; raising :class:`ConnectionRefused` answers it with
        403. ``message`` gets the socket and each message, in order: text as ``str`` and binary as ``bytes``; by its
        annotation, ``str`` or ``bytes`` alone, or else JSON that pydantic validates. ``session`` is a coroutine
        function in place of ``message``, which iterates over the socket; when it returns, the connection is closed with
        1000. ``disconnect`` gets the socket, the code and the reason, or the first of them.

        What a handler does not take closes with 1003 or 1007, a handler that fails with 1011.

        Raises:
            ConfigurationError: there is no such event, or it has a handler; the function's signature does not fit.
        """
        if event not in EVENTS:
            raise ConfigurationError(f"expected an event among {', '.join(EVENTS)}, got {event!r}")

        def register(function: F) -> F:
            if event in self.handlers or (event in ("message", "session") and self._takes_messages):
                raise ConfigurationError(f"expected one handler for {event!r}, and one for messages, got a second")
            handler = Handler(event, function)
            if event == "session" and not handler.asynchronous:
                raise ConfigurationError("expected a coroutine function as the handler of 'session'")
            self.handlers[event] = handler
            if event == "message":
                self.message_handler = handler
            return function

        return register

    def group(self, name: str) -> Group:
        """The sockets that joined under this name."""
        return Group(self, name)

    @property
    def slow_consumers(self) -> SlowConsumerCounters:
        """What slow clients have cost: counters of dropped messages and bytes, and of closed clients."""
        return self._wiring.slow_consumers

    def asgi(self, app: ASGIApp, path: str = "/ws") -> ASGIApp:
        """An ASGI application that answers WebSockets at ``path`` and leaves everything else to ``app``.

        In front of a framework the endpoint has the fast lane of ``windsock serve``; as a route of one it stands behind
        its middleware, which wants to see what is sent.
        """

        async def route(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "websocket" and scope["path"] == scope.get("root_path", "") + path:
                scope.setdefault("app", app)
                await self(scope, receive, send)
            else:
                await app(scope, receive, send)

        return route

    def close(self, code: int = CloseCode.SERVICE_RESTART, reason: str = "") -> None:
        """Closes every connection; by default clients come back."""
        self.everybody.close(code, reason)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] == "websocket":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self.close()
            await send({"type": "lifespan.shutdown.complete"})
        else:
            headers = [(b"upgrade", b"websocket"), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 426, "headers": headers})
            await send({"type": "http.response.body", "body": b""})

    # -- the sockets' and the groups' side --

    def join(self, socket: WebSocket, names: Sequence[str]) -> None:
        """Puts a socket into groups, unless it has left."""
        if socket.closed is None and names:
            for name in names:
                members = self.groups.get(name)
                if members is None:
                    members = self.groups[name] = Room()
                members.add(socket)
                members.receivers = None
            socket.groups = frozenset(socket.groups) | frozenset(names)

    def leave(self, socket: WebSocket, names: Sequence[str]) -> None:
        """Takes a socket out of groups."""
        for name in names:
            members = self.groups.get(name)
            if members is not None:
                members.discard(socket)
                members.receivers = None
                if not members:
                    del self.groups[name]
        socket.groups = frozenset(socket.groups) - frozenset(names)

    def forget(self, socket: WebSocket) -> None:
        """A socket has left, or was not let in."""
        self.sockets.discard(socket)
        self.sockets.receivers = None
        self.leave(socket, tuple(socket.groups))

    def may_send_volatile(self, socket: WebSocket) -> bool:
        """Whether a volatile message is kept: the client can take it now, or the policy drops it when need be."""
        transport = socket.transport
        if transport.writable:
            return True
        return self._slow_consumer.policy == "drop_volatile" and not isinstance(transport, Held)

    def set_terms(self, data: Data, subject: Message | Any, volatile: bool) -> None:
        """Says what may be done with a message while a receiver is slow."""
        if self._has_terms:
            policy = self._slow_consumer
            name = policy.policy
            if isinstance(name, Conflate):
                data.terms = Terms(policy, droppable=False, subject=(subject,))
            else:
                data.terms = Terms(policy, droppable=name == "drop_oldest" or volatile)

    # -- inside --

    @property
    def _takes_messages(self) -> bool:
        return "message" in self.handlers or "session" in self.handlers

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        lane = lane_of(scope, send)
        if lane is None:
            await receive()
        held = Held(self._wiring)
        connection = Connection(self, held)
        subprotocol = self._choose_subprotocol(scope)
        path_params = dict(scope.get("path_params") or ())
        socket = connection.socket = WebSocket(connection, Request(scope), path_params, subprotocol, held)
        refusal = await self._admit(scope, socket)
        if refusal is not None:
            socket.closed = Closed(CloseCode.ABNORMAL, "refused")
            self.forget(socket)
            if lane is not None:
                await receive()
            status, content = refusal
            await deny(scope, send, status, content)
            return
        self.sockets.add(socket)
        self.sockets.receivers = None
        if lane is not None:
            try:
                transport = lane.take_over(self._wiring, [], subprotocol)
            except OSError:
                connection.lost()
                raise
            connection.open(transport)
            return
        carrier = self._wiring.carriers.asgi(self._wiring, receive, send)
        connection.open(carrier)
        await carrier.run([], subprotocol)

    async def _admit(self, scope: Scope, socket: WebSocket) -> tuple[int, dict[str, object]] | None:
        """``None``, or the status and content of a refusal."""
        if not self._origins.allows(scope):
            return 403, {"message": "Forbidden"}
        if len(self.sockets) >= self._max_connections:
            return 503, {"message": "Too many connections"}
        handler = self.handlers.get("connect")
        if handler is None:
            return None
        try:
            outcome = handler.function(socket)
            if inspect.isawaitable(outcome):
                await outcome
        except ConnectionRefused as refusal:
            data = {} if refusal.data is None else {"data": refusal.data}
            return 403, {"message": refusal.message, **data}
        except Exception:
            logger.exception("the 'connect' handler of an endpoint failed")
            return 500, {"message": "internal error"}
        return None

    def _choose_subprotocol(self, scope: Scope) -> str | None:
        offered = scope.get("subprotocols", ())
        return next((name for name in self._subprotocols if name in offered), None)
