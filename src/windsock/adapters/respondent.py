"""What a node does for the others of its cluster."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from windsock.adapters.base import EVERYBODY
from windsock.adapters.messages import (
    Broadcast,
    BroadcastClientCount,
    ClusterResponse,
    DisconnectSockets,
    Done,
    FetchRooms,
    FetchRoomsResponse,
    FetchSockets,
    FetchSocketsResponse,
    RemotePacket,
    ServerSideEmit,
    ServerSideEmitResponse,
    SocketsJoin,
    SocketsLeave,
)
from windsock.adapters.question import Question
from windsock.adapters.remote import describe, reduced
from windsock.errors import EncodeError, EventError, MessageError

if TYPE_CHECKING:
    from windsock.adapters.base import Adapter, NodeEmitter
    from windsock.adapters.counters import ClusterCounters

logger: logging.Logger = logging.getLogger("windsock.adapters")

MAX_QUESTIONS: Final = 10_000
"""Broadcasts of other nodes whose acknowledgements are waited for here, and their events for servers whose handlers
have not ended: each holds memory, and whoever can write to the medium could send any number. The answers to more of
them are that nobody is here, and ``busy``."""


class Respondent:
    """Does what other nodes ask for, to the sockets and the server that are here.

    Args:
        uid: of this node.
        namespace: its name.
        emitter: the namespace.
        local: the adapter of this node.
        respond: sends an answer to a node.
        counters: of the server.

    Attributes:
        receivers: what takes a message, by its type.
    """

    def __init__(
        self,
        uid: str,
        namespace: str,
        emitter: NodeEmitter,
        local: Adapter,
        respond: Callable[[str, ClusterResponse], None],
        counters: ClusterCounters,
    ) -> None:
        self.receivers: Mapping[type, Callable[[Any], None]] = {
            Broadcast: self._take_broadcast,
            SocketsJoin: self._take_join,
            SocketsLeave: self._take_leave,
            DisconnectSockets: self._take_disconnect,
            FetchSockets: self._take_fetch_sockets,
            FetchRooms: self._take_fetch_rooms,
            ServerSideEmit: self._take_server_side_emit,
        }
        self._uid = uid
        self._namespace = namespace
        self._emitter = emitter
        self._local = local
        self._respond = respond
        self._counters = counters
        self._questions: set[Question] = set()
        self._events = 0

    def end(self) -> None:
        """Nobody's acknowledgement is waited for any more."""
        for question in list(self._questions):
            question.end()

    def _take_broadcast(self, message: Broadcast) -> None:
        target = message.target
        packet = RemotePacket(self._namespace, message.payload, target.compress)
        id = message.request_id
        if id is None:
            # Nobody here: then nobody asks the packet for its data, and it is not decoded.
            self._local.broadcast(packet, target)
            return
        members = self._local.select(target)
        if len(self._questions) >= MAX_QUESTIONS:
            self._counters.refused += 1
            members = ()
        ids: tuple[str, ...] = ()
        try:
            if members:
                respond = partial(self._respond, message.uid)
                question = Question(self._uid, id, message, respond, self._questions.discard)
                ids = question.put(self._emitter, members, packet)
                self._questions.add(question)
        except (MessageError, EncodeError):
            self._respond(message.uid, BroadcastClientCount(self._uid, id, 0, () if message.named else None))
            raise
        self._respond(message.uid, BroadcastClientCount(self._uid, id, len(ids), ids if message.named else None))

    def _take_join(self, message: SocketsJoin) -> None:
        self._local.join_all(message.target, message.rooms)
        self._confirm(message)

    def _take_leave(self, message: SocketsLeave) -> None:
        self._local.leave_all(message.target, message.rooms)
        self._confirm(message)

    def _take_disconnect(self, message: DisconnectSockets) -> None:
        self._local.disconnect_all(message.target, close=message.close)
        self._confirm(message)

    def _confirm(self, message: SocketsJoin | SocketsLeave | DisconnectSockets) -> None:
        if message.request_id is not None:
            self._respond(message.uid, Done(self._uid, message.request_id))

    def _take_fetch_sockets(self, message: FetchSockets) -> None:
        sockets = [describe(socket) for socket in self._local.select(message.target)]
        response = FetchSocketsResponse(self._uid, message.request_id, sockets)
        try:
            self._respond(message.uid, response)
        except EncodeError as error:
            logger.warning("some of what is known of sockets cannot be sent to other nodes: %s", error)
            self._respond(message.uid, replace(response, sockets=list(map(reduced, sockets))))

    def _take_fetch_rooms(self, message: FetchRooms) -> None:
        rooms = frozenset().union(*(self._local.rooms_of(member) for member in self._local.select(EVERYBODY)))
        self._respond(message.uid, FetchRoomsResponse(self._uid, message.request_id, rooms))

    def _take_server_side_emit(self, message: ServerSideEmit) -> None:
        id = message.request_id
        if self._events >= MAX_QUESTIONS:
            self._counters.refused += 1
            if id is not None:
                self._answer(message.uid, id, EventError("busy", "too many events at once").payload())
            return

        def respond(answer: Any) -> None:
            self._events -= 1
            if id is not None:
                self._answer(message.uid, id, answer)

        event = message.payload.event
        self._events += 1
        self._emitter.take_server_event(event, respond)

    def _answer(self, uid: str, id: str, answer: Any) -> None:
        try:
            self._respond(uid, ServerSideEmitResponse(self._uid, id, answer))
        except EncodeError as error:
            logger.error("an answer to another server in %s cannot be sent: %s", self._namespace, error)
            failure = EventError("internal_error", "the answer cannot be sent").payload()
            self._respond(uid, ServerSideEmitResponse(self._uid, id, failure))
