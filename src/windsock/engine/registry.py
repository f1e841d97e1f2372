"""The engine: every session of one server, their heartbeat, and who may open one."""

from __future__ import annotations

import asyncio
import inspect
import math
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from windsock.engine.admission import Admission
from windsock.engine.cors import OriginPolicy
from windsock.engine.deadlines import Deadlines
from windsock.engine.observation import SessionObserver, tell
from windsock.engine.request import Request, parse_query
from windsock.engine.session import Session, State
from windsock.engine.transports.metered import Traffic, metered
from windsock.engine.upgrade import Upgrade
from windsock.engine.wiring import Wiring
from windsock.protocol.engineio import ERROR_MESSAGES, PING, PROTOCOL_VERSION, ErrorCode

if TYPE_CHECKING:
    from windsock.engine.cors import Header
    from windsock.engine.options import EngineOptions
    from windsock.engine.transports.base import Transport
    from windsock.engine.transports.inbox import Inbox
    from windsock.engine.transports.outbox import Outbox
    from windsock.types import Scope, TransportName

_ID_BYTES: Final = 15
"""Random bytes of a session id: 120 bits, 20 characters, as the original."""

OWNER_VARIABLE: Final = "WINDSOCK_WORKER"
"""In the environment of a worker: its name, with which the ids of its sessions begin (see :mod:`windsock.workers`)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused, in the original's words: its body is ``{"code": …, "message": …}``."""

    code: ErrorCode
    message: str = ""
    status: int = 400
    headers: tuple[Header, ...] = ()

    @property
    def body(self) -> dict[str, object]:
        """Content of the answer."""
        return {"code": int(self.code), "message": self.message or ERROR_MESSAGES[self.code]}


class Engine:
    """Opens, finds and ends sessions.

    Args:
        options: see :class:`windsock.engine.options.EngineOptions`.
        on_session: called with each new session, before anything of the client is read; it sets the
            session's ``listener``.

    Attributes:
        sessions: alive, by id.
        wiring: what its transports have in common.
        inbox: what came in this iteration of the event loop.
        outbox: what is to be written at the end of this iteration of the event loop.
        origins: the rule for ``Origin`` headers.
        observers: hear of each session.
        draining: whether nobody new is let in.
    """

    def __init__(self, options: EngineOptions, on_session: Callable[[Session], None]) -> None:
        self.options = options
        self.sessions: dict[str, Session] = {}
        self.wiring: Wiring = Wiring(options)
        self.outbox: Outbox = self.wiring.outbox
        self.inbox: Inbox = self.wiring.inbox
        self.origins: OriginPolicy = OriginPolicy(options)
        self.observers: list[SessionObserver] = []
        self.draining: bool = False
        self._traffic: dict[TransportName, Traffic] | None = None
        self._on_session = on_session
        self._admission = None if options.handshake_rate is None else Admission(options.handshake_rate)
        self._owner = os.environ.get(OWNER_VARIABLE, "")
        self._intervals: Deadlines[Session] = Deadlines(options.ping_interval, lambda session: session.ping())
        self._pongs: Deadlines[Session] = Deadlines(options.ping_timeout, lambda session: session.fail("ping timeout"))
        self._upgrades: Deadlines[Upgrade] = Deadlines(options.upgrade_timeout, lambda upgrade: upgrade.cancel())
        self._open_packets = {name: options.open_parameters(name) for name in options.transports}

    def find(self, scope: Scope, *, websocket: bool) -> Session | Refusal | None:
        """The session a request belongs to, ``None`` when it asks for a new one, or why it is refused.

        Checks in the order of the original (Engine.IO protocol, "Introduction"; codes 0 to 5).
        """
        try:
            query = parse_query(scope["query_string"])
        except ValueError:
            return Refusal(ErrorCode.BAD_REQUEST)
        name = query.get("transport")
        if name not in self._open_packets or websocket != (name == "websocket"):
            known = name in self._open_packets
            return Refusal(ErrorCode.BAD_REQUEST if known else ErrorCode.UNKNOWN_TRANSPORT)
        if not self.origins.allows(scope):
            return Refusal(ErrorCode.FORBIDDEN, status=403)
        sid = query.get("sid")
        if not sid:
            if not websocket and scope["method"] != "GET":
                return Refusal(ErrorCode.BAD_HANDSHAKE_METHOD)
            if query.get("EIO") != PROTOCOL_VERSION:
                return Refusal(ErrorCode.UNSUPPORTED_PROTOCOL_VERSION)
            return None
        session = self.sessions.get(sid)
        if session is None:
            return Refusal(ErrorCode.UNKNOWN_SID)
        if query.get("EIO") != PROTOCOL_VERSION:
            return Refusal(ErrorCode.BAD_REQUEST)
        if websocket:
            if not self._may_upgrade(session):
                return Refusal(ErrorCode.BAD_REQUEST)
        elif session.transport.name != name:
            return Refusal(ErrorCode.BAD_REQUEST)
        return session

    @property
    def admits_at_once(self) -> bool:
        """Whether :meth:`admit` has nothing to ask, to wait for or to refuse."""
        unasked = self.options.allow_request is None and self._admission is None
        return unasked and not self.draining and len(self.sessions) < self.options.max_sessions

    async def admit(self, scope: Scope) -> Refusal | None:
        """Asks the application whether a new session may be opened; who is let in opens it at once."""
        refusal = self._refusal()
        if refusal is not None:
            return refusal
        if self._admission is not None:
            wait = self._admission.take(asyncio.get_running_loop().time())
            if wait < 0:
                headers = ((b"retry-after", b"%d" % math.ceil(-wait)),)
                return Refusal(ErrorCode.BAD_REQUEST, "Too many handshakes", status=503, headers=headers)
            if wait:
                await asyncio.sleep(wait)
        ask = self.options.allow_request
        if ask is not None:
            answer = ask(scope)
            if inspect.isawaitable(answer):
                answer = await answer
            if answer is not True:
                return Refusal(ErrorCode.FORBIDDEN, answer if isinstance(answer, str) else "", status=403)
        # Once more: any number of others may have come in while this one waited.
        return self._refusal()

    def _refusal(self) -> Refusal | None:
        if self.draining:
            return Refusal(ErrorCode.BAD_REQUEST, "Server is closing", status=503)
        if len(self.sessions) >= self.options.max_sessions:
            return Refusal(ErrorCode.BAD_REQUEST, "Too many sessions", status=503)
        return None

    def refuse(self, scope: Scope, refusal: Refusal) -> None:
        """A request is refused: tells whoever observes."""
        if self.observers:
            message = str(refusal.body["message"])
            tell(self.observers, lambda observer: observer.request_refused(scope, int(refusal.code), message))

    def new_id(self) -> str:
        """An id for a session; it is what the client proves itself with on long-polling."""
        return self._owner + secrets.token_urlsafe(_ID_BYTES)

    def handshake_headers(self, sid: str) -> list[Header]:
        """Headers of the answer that opens a session, for either transport."""
        cookie = self.options.cookie
        return [] if cookie is None else [(b"set-cookie", cookie.header(sid))]

    def open(self, scope: Scope, transport: Transport, sid: str) -> Session:
        """Makes a session and tells its client."""
        session = Session(self, sid, Request(scope), transport)
        transport.receiver = session
        self.sessions[session.id] = session
        transport.send(self._open_packets[transport.name].packet(session.id))
        session.timer = self._intervals.start(session)
        self._on_session(session)
        tell(self.observers, lambda observer: observer.session_opened(session))
        return session

    def begin_upgrade(self, session: Session, transport: Transport) -> None:
        """Lets a WebSocket probe for a session."""
        upgrade = Upgrade(self, session, transport)
        transport.receiver = upgrade
        if not self._may_upgrade(session):
            upgrade.cancel()
            return
        session.upgrade = upgrade
        upgrade.timer = self._upgrades.start(upgrade)

    def close(self, reason: str = "server shutting down") -> None:
        """Closes every session."""
        for session in list(self.sessions.values()):
            session.close(reason=reason)

    def meter(self) -> dict[TransportName, Traffic]:
        """Has transports made from now on count their bytes; returns the counters, the same for every caller."""
        if self._traffic is None:
            self._traffic = {"polling": Traffic(), "websocket": Traffic()}
            self.wiring.carriers = metered(self._traffic["websocket"], self._traffic["polling"])
        return self._traffic

    # -- the sessions' side --

    def send_ping(self, session: Session) -> None:
        """Sends a ping and waits for its pong."""
        session.timer = self._pongs.start(session)
        session.send(PING)

    def pong_received(self, session: Session) -> None:
        """Ends the wait for a pong; the next ping follows after the interval."""
        if session.timer is not None:
            session.timer.discard(session)
        session.timer = self._intervals.start(session)

    def forget(self, session: Session) -> None:
        """The session's last transport is gone."""
        self.sessions.pop(session.id, None)

    def _may_upgrade(self, session: Session) -> bool:
        return (
            self.options.allow_upgrades
            and session.state is State.OPEN
            and session.transport.name == "polling"
            and session.upgrade is None
        )
