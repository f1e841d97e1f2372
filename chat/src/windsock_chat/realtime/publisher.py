"""Tells the sockets what happened."""

from typing import Any

import structlog
from pydantic import TypeAdapter

from windsock import Server
from windsock_chat.domain import events
from windsock_chat.domain.events import Event
from windsock_chat.realtime import channels, notices
from windsock_chat.realtime.contract import SERVER_EVENTS

_log = structlog.get_logger(__name__)


class SocketPublisher:
    """Implements `windsock_chat.domain.events.Publisher`.

    It also keeps the sockets in the rooms where their users are, including sockets that are still connecting.
    """

    def __init__(self, io: Server) -> None:
        self._io = io
        for name, kind in SERVER_EVENTS.items():
            io.emits(name, kind)
        self._adapters: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(kind) for name, kind in SERVER_EVENTS.items()}

    def publish(self, event: Event) -> None:
        try:
            self._publish(event)
        except Exception:  # noqa: BLE001 - the change is committed: whoever did it must not hear that it failed
            _log.exception("event not published", kind=type(event).__name__)

    def dump(self, name: str, payload: object) -> Any:
        """What travels as the payload of the event of that name."""
        return self._adapters[name].dump_python(payload, mode="json")

    def _publish(self, event: Event) -> None:
        match event:
            case events.EntryAppended(entry):
                self._tell([channels.of_room(entry.room_id)], "entry", entry)
            case events.RoomShown(user_id, room):
                self._io.in_(channels.of_user(user_id)).sockets_join(channels.of_room(room.id))
                self._tell([channels.of_user(user_id)], "room", room)
            case events.RoomChanged(room_id, name, topic, member_count):
                notice = notices.RoomChangedNotice(room_id, name, topic, member_count)
                self._tell([channels.of_room(room_id)], "room:changed", notice)
            case events.RoomLeft(user_id, room_id):
                self._io.in_(channels.of_user(user_id)).sockets_leave(channels.of_room(room_id))
                self._tell([channels.of_user(user_id)], "room:left", notices.RoomLeftNotice(room_id))
            case events.RoomRead(user_id, room_id, seq, unread_count):
                read = notices.RoomReadNotice(room_id, seq, unread_count)
                self._tell([channels.of_user(user_id)], "room:read", read)
            case events.InvitationReceived(user_id, invitation):
                self._tell([channels.of_user(user_id)], "invitation", invitation)
            case events.InvitationClosed(user_id, room_id):
                closed = notices.InvitationClosedNotice(room_id)
                self._tell([channels.of_user(user_id)], "invitation:closed", closed)
            case events.UserChanged(user, room_ids):
                rooms = [channels.of_room(room_id) for room_id in room_ids]
                self._tell([channels.of_user(user.id), *rooms], "user", user)
            case events.PresenceChanged():
                self._tell_of_presence(event)
            case events.SessionEnded():
                self._end(event)

    def _tell(self, to: list[str], name: str, payload: object) -> None:
        self._io.in_(to).emit(name, self.dump(name, payload))

    def _tell_of_presence(self, event: events.PresenceChanged) -> None:
        rooms = [channels.of_room(room_id) for room_id in event.room_ids]
        # Without rooms there is nobody to tell; an operator without rooms would tell everybody.
        if rooms:
            notice = notices.PresenceNotice(event.user_id, event.presence.online, event.presence.last_seen)
            others = self._io.in_(rooms).except_(channels.of_user(event.user_id))
            others.emit("presence", self.dump("presence", notice))

    def _end(self, event: events.SessionEnded) -> None:
        session_id = event.session_id
        channel = channels.of_user(event.user_id) if session_id is None else channels.of_session(session_id)
        self._tell([channel], "session:ended", notices.SessionEndedNotice(event.reason))
        self._io.in_(channel).disconnect_sockets(close=True)
