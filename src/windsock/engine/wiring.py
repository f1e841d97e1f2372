"""What the transports of one application have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windsock.engine.deadlines import Deadlines
from windsock.engine.transports.inbox import Inbox
from windsock.engine.transports.metered import Carriers
from windsock.engine.transports.outbox import Outbox
from windsock.engine.transports.straggler import CHECKS, Straggler
from windsock.engine.transports.websocket import CLOSE_TIMEOUT
from windsock.slow_consumer import SlowConsumerCounters

if TYPE_CHECKING:
    from windsock.engine.options import EngineOptions
    from windsock.engine.transports.websocket import WebSocketTransport


class Wiring:
    """Given to each transport of an engine.

    Attributes:
        options: limits of a transport, compression, and what happens to slow clients.
        inbox: what came in this iteration of the event loop.
        outbox: what is to be written at the end of this iteration of the event loop.
        closing: time-outs for WebSockets whose peer does not answer a close frame.
        slow_consumers: what slow clients have cost.
        carriers: the classes of the transports.
    """

    def __init__(self, options: EngineOptions) -> None:
        self.options: EngineOptions = options
        self.outbox: Outbox = Outbox()
        self.inbox: Inbox = Inbox(self.outbox)
        self.closing: Deadlines[WebSocketTransport] = Deadlines(CLOSE_TIMEOUT, lambda transport: transport.cut())
        self.slow_consumers: SlowConsumerCounters = SlowConsumerCounters()
        self.carriers: Carriers = Carriers()
        self._stalls: dict[float, Deadlines[Straggler]] = {}

    def stalls(self, timeout: float) -> Deadlines[Straggler]:
        """When to look again whether a slow client has taken something; one timer for all of one stall time."""
        found = self._stalls.get(timeout)
        if found is None:
            found = self._stalls[timeout] = Deadlines(timeout / CHECKS, lambda straggler: straggler.check())
        return found
