"""Sending one message to many: encoded once, handed to each transport without a call where it allows that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from windsock.engine.transports.outbox import FLUSH_AT
from windsock.engine.transports.websocket import WebSocketTransport, deflated
from windsock.room import Room

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Collection

    from windsock.engine.options import PerMessageDeflate
    from windsock.engine.transports.base import Outgoing
    from windsock.engine.transports.outbox import Outbox


class Carrier(Protocol):
    """A transport, as far as a broadcast looks at it; see :class:`windsock.engine.transports.base.Transport`."""

    @property
    def pending(self) -> list[bytes] | None:
        """The list to which plain frames may be appended."""


class Outlet(Protocol):
    """Where a member's messages go."""

    @property
    def transport(self) -> Carrier:
        """That carries them at the moment."""

    def send(self, message: Any) -> None:
        """Sends one that the transport does not take as a plain frame."""


class Member(Protocol):
    """Of a room or of a group."""

    @property
    def outlet(self) -> Outlet:
        """Where its messages go."""


class Receivers:
    """How the members of a room are reached, as long as neither they nor their transports change.

    Attributes:
        connections: of those that take plain frames.
        deflating: of those that take compressed ones; nobody is in both.
        deflate: how these are compressed; ``None`` when there are none.
        others: the members that take neither as they are.
        layout: of the outbox when it was worked out.
    """

    __slots__ = ("connections", "deflate", "deflating", "layout", "others")

    def __init__(self, members: Collection[Member], layout: int) -> None:
        self.connections: list[asyncio.WriteTransport] = []
        self.deflating: list[asyncio.WriteTransport] = []
        self.deflate: PerMessageDeflate | None = None
        self.others: list[Member] = []
        self.layout: int = layout
        for member in members:
            transport = member.outlet.transport
            if transport.pending is not None:
                # Whoever offers ``pending`` has one.
                self.connections.append(cast("WebSocketTransport", transport).connection)
            elif isinstance(transport, WebSocketTransport) and transport.deflate is not None and transport.writable:
                self.deflating.append(transport.connection)
                self.deflate = transport.deflate  # the same for all of an outbox
            else:
                self.others.append(member)


def deliver(outbox: Outbox, members: Collection[Member], message: Outgoing) -> None:
    """Queues one message for many.

    For the connections of a room that take plain frames it is one list append, and for those that compress another; for
    plain ones that share nothing, one each; the outlets' own ``send`` is called for the others.
    """
    frame = message.frame
    if not outbox.scheduled:
        outbox.schedule()
    if type(members) is Room:
        receivers: Receivers | None = members.receivers
        if receivers is None or receivers.layout != outbox.layout:
            receivers = members.receivers = Receivers(members, outbox.layout)
        deflate = receivers.deflate
        if outbox.share(receivers, frame, None if deflate is None else deflated(message, deflate)):
            members = receivers.others
    dirty = outbox.dirty
    # A copy, because a client whose budget is used up leaves its rooms while we are at it.
    for member in list(members):
        outlet = member.outlet
        transport = outlet.transport
        pending = transport.pending
        if pending is None:
            outlet.send(message)
        else:
            if not pending:
                dirty.append(transport)  # type: ignore[arg-type]  # whoever offers ``pending`` is flushable
            pending.append(frame)
    outbox.gathered += len(frame)
    if outbox.gathered > FLUSH_AT:
        outbox.flush()
