"""Connection state recovery: a client whose connection was lost comes back as the socket it was."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from windsock.adapters.base import RecoverableAdapter, SocketState
from windsock.errors import ConfigurationError
from windsock.server.socket import Held, Socket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windsock.adapters.base import Adapter
    from windsock.protocol.engineio import Message
    from windsock.protocol.socketio import Packet
    from windsock.server.connection import Connection
    from windsock.server.namespace import Namespace

RECOVERABLE: Final = frozenset(
    {
        "transport error",
        "transport close",
        "forced close",
        "ping timeout",
        "server shutting down",
        "forced server close",
    }
)
"""Reasons of a disconnection from which a client may come back as if nothing had been: the original's. Who left a
namespace, was sent away, or broke the protocol may not."""

_PID_BYTES: Final = 18
"""Random bytes of a client's secret, 144 bits: it takes the place of whatever the client proved itself with."""


@dataclass(frozen=True, slots=True)
class ConnectionStateRecovery:
    """How clients get back what a lost connection took from them; names and defaults are the original's.

    Args:
        max_disconnection_duration: seconds that a client may be away.
        skip_middlewares: whether a client that comes back is spared the namespace's middlewares. The connect handler
            runs in any case, and may refuse it.
        max_bytes: of packets that are kept for each namespace, with what keeping them costs. The oldest give way, and
            who missed one of these comes back as a stranger: a busy namespace may not take the server's memory.
        max_sockets: kept at once, of all namespaces, some 1.3 KB each and what the application keeps with them.
            The first to leave give way: a client that connects and leaves over and over may not take the server's
            memory.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    max_disconnection_duration: float = 120.0
    skip_middlewares: bool = True
    max_bytes: int = 32 * 1024 * 1024
    max_sockets: int = 50_000

    def __post_init__(self) -> None:
        for name in ("max_disconnection_duration", "max_bytes", "max_sockets"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"expected {name} above zero, got {getattr(self, name)}")


class RecoverableSocket(Socket):
    """A socket whose events are kept for its client, should the connection be lost.

    Attributes:
        pid: the client's secret.
        claim: the secret and the offset with which the client came back, until they are looked at.
        recoverable: whether there is a client that may come back for it.
        confirmed: see :class:`windsock.SocketState`.
    """

    __slots__ = ("claim", "confirmed", "pid", "recoverable", "recovered")

    def __init__(self, namespace: Namespace, connection: Connection, id: str, auth: dict[str, Any]) -> None:
        self.claim: tuple[str, str | None] | None = None
        pid = auth.get("pid")
        if isinstance(pid, str):
            offset = auth.get("offset")
            self.claim = pid, offset if offset is None or isinstance(offset, str) else ""
            # Not the application's: the one is a secret, and its model of ``auth`` may allow no further fields.
            auth = {name: value for name, value in auth.items() if name != "pid" and name != "offset"}
        super().__init__(namespace, connection, id, auth)
        self.pid: str = secrets.token_urlsafe(_PID_BYTES)
        self.recoverable: bool = False
        self.recovered: bool = False
        self.confirmed: bool = True

    def resume(self, state: SocketState, missed: Sequence[Message]) -> None:
        """Becomes the socket that the client had; what it missed comes before anything else."""
        self.id: str = state.id
        self.pid = state.pid
        self._data = state.data
        self.expires_at = state.expires_at
        self.recovered = self.recoverable = True
        self.confirmed = state.confirmed
        held = self.outlet
        assert isinstance(held, Held)
        held.missed = missed

    def state(self) -> SocketState:
        """What is kept of it."""
        return SocketState(self.id, self.pid, self.rooms, self._data, self.expires_at)

    def give_way(self) -> None:
        """The client came back before its connection was known to be lost: it is, now."""
        self._connection.session.fail("transport close")

    def _emit(self, packet: Packet, *, volatile: bool) -> None:
        recovery = self.namespace.recovery
        assert recovery is not None
        if packet.id is None:
            recovery.adapter.send(self, packet, volatile=volatile)
        else:
            super()._emit(packet, volatile=volatile)


class Recovery:
    """The clients of one namespace that are there, or come back.

    Args:
        namespace: that they are in.
        adapter: of the namespace.
        options: see :class:`ConnectionStateRecovery`.

    Raises:
        ConfigurationError: the adapter keeps nothing.
    """

    def __init__(self, namespace: Namespace, adapter: Adapter, options: ConnectionStateRecovery) -> None:
        if not isinstance(adapter, RecoverableAdapter):
            raise ConfigurationError(
                f"expected an adapter with connection state recovery, got {type(adapter).__name__}: it needs the "
                "methods of RecoverableAdapter"
            )
        self.adapter: RecoverableAdapter = adapter
        self.options: ConnectionStateRecovery = options
        self._namespace = namespace
        self._here: dict[str, RecoverableSocket] = {}

    async def restore(self, socket: Socket, limit: int) -> bool:
        """Makes a socket that connects the one that its client had, if there is such a one.

        Args:
            socket: not yet in the namespace.
            limit: bytes of missed messages that can be sent to it.
        """
        assert isinstance(socket, RecoverableSocket)
        claim, socket.claim = socket.claim, None
        if claim is None:
            return False
        pid, offset = claim
        former = self._here.get(pid)
        if former is not None:
            former.give_way()
        restored = await self.adapter.restore(pid, offset, limit)
        if restored is None:
            return False
        state, missed = restored
        if socket.left is not None:
            self._persist(state)
            return False
        socket.resume(state, missed)
        # At once: what is emitted from now on follows what was missed.
        self._namespace.sockets[socket.id] = socket
        self.adapter.add(socket)
        self.adapter.join(socket, state.rooms)
        return True

    def spares(self, socket: Socket) -> bool:
        """Whether the middlewares need not be asked about a socket that was restored."""
        assert isinstance(socket, RecoverableSocket)
        return self.options.skip_middlewares and socket.confirmed

    def accept(self, socket: Socket) -> dict[str, str]:
        """Content of the answer to CONNECT, by which the client knows how to come back."""
        assert isinstance(socket, RecoverableSocket)
        socket.recoverable = True
        self._here[socket.pid] = socket
        return {"sid": socket.id, "pid": socket.pid}

    def leave(self, socket: Socket, reason: str) -> None:
        """Keeps the state of a socket that is about to leave, if the reason is one to come back from."""
        assert isinstance(socket, RecoverableSocket)
        if self._here.get(socket.pid) is socket:
            del self._here[socket.pid]
        if socket.recoverable:
            socket.recoverable = False
            if reason in RECOVERABLE:
                self._persist(socket.state())

    def abandon(self, socket: Socket, reason: str) -> None:
        """The same for one whose connect handler still runs: its client may be back before that ends."""
        assert isinstance(socket, RecoverableSocket)
        if socket.recovered:
            self.leave(socket, reason)
            self._namespace.sockets.pop(socket.id, None)
            self.adapter.remove(socket)

    def _persist(self, state: SocketState) -> None:
        lifetime = self.options.max_disconnection_duration
        if state.expires_at is not None:  # no state outlives what the client proved itself with
            lifetime = max(0.0, min(lifetime, state.expires_at - time.time()))
        self.adapter.persist(state, lifetime)
