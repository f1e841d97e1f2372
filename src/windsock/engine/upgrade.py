"""The move of a session from long-polling to a WebSocket (Engine.IO protocol, "Upgrade")."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from windsock.engine.transports.polling import PollingTransport
from windsock.protocol.engineio import PROBE_PONG

if TYPE_CHECKING:
    from windsock.engine.registry import Engine
    from windsock.engine.session import Session
    from windsock.engine.transports.base import Transport

NUDGE_INTERVAL: Final = 0.1
"""Seconds between checks for a waiting GET while a client upgrades. The client ends its polling before it
sends the last packet of the upgrade; answering its GETs as they come would make it poll in a tight loop."""


class Upgrade:
    """A WebSocket that probes: it carries nothing else until the client says that it may.

    The session stays on long-polling until then, so a WebSocket that breaks at any byte before costs nothing.
    """

    __slots__ = ("_engine", "_nudges", "_probed", "_session", "_transport", "timer")

    def __init__(self, engine: Engine, session: Session, transport: Transport) -> None:
        self._engine = engine
        self._session = session
        self._transport = transport
        self._probed = False
        self._nudges: asyncio.TimerHandle | None = None
        self.timer: set[Upgrade] | None = None

    def receive(self, packet: str | bytes) -> None:
        """Takes a packet of the probing WebSocket: ``2probe``, then ``5``; anything else ends the attempt."""
        if packet == "2probe" and not self._probed:
            self._probed = True
            self._transport.send(PROBE_PONG)
            self._nudge()
        elif packet == "5" and self._probed:
            self._stop()
            self._session.replace_transport(self._transport)
        else:
            self.cancel()

    def receive_encoded(self, packet: bytes) -> bool:
        """See :class:`windsock.engine.transports.base.Receiver`: two packets are not worth a way of their own."""
        return False

    def transport_closed(self, reason: str) -> None:
        """The WebSocket is gone; the session stays where it is."""
        self._stop()

    def cancel(self) -> None:
        """Gives the attempt up: time-out, a wrong packet, or the end of the session."""
        self._stop()
        self._transport.close()

    def _nudge(self) -> None:
        polling = self._session.transport
        if isinstance(polling, PollingTransport):
            polling.nudge()
        self._nudges = asyncio.get_running_loop().call_later(NUDGE_INTERVAL, self._nudge)

    def _stop(self) -> None:
        if self._nudges is not None:
            self._nudges.cancel()
            self._nudges = None
        if self.timer is not None:
            self.timer.discard(self)
            self.timer = None
        if self._session.upgrade is self:
            self._session.upgrade = None
