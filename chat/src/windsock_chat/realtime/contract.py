"""The socket events by name: what each carries and how it is acknowledged. The OpenAPI document lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from pydantic import TypeAdapter

from windsock_chat.domain.entry import Entry
from windsock_chat.domain.rate import MARKER, MESSAGE, TYPING, Rate
from windsock_chat.domain.room import Invitation, Room
from windsock_chat.domain.user import User
from windsock_chat.realtime import notices, payloads


@dataclass(frozen=True, slots=True)
class ClientEvent:
    """An event that clients send."""

    payload: type[payloads.Payload]
    ack: type
    rate: Rate


CLIENT_EVENTS: Final[Mapping[str, ClientEvent]] = MappingProxyType(
    {
        "message:send": ClientEvent(payloads.SendMessage, payloads.EntryAck, MESSAGE),
        "message:edit": ClientEvent(payloads.EditMessage, payloads.EntryAck, MESSAGE),
        "message:delete": ClientEvent(payloads.DeleteMessage, payloads.EntryAck, MESSAGE),
        "read": ClientEvent(payloads.MarkRead, payloads.ReadAck, MARKER),
        "typing": ClientEvent(payloads.SetTyping, payloads.TypingAck, TYPING),
    }
)

SERVER_EVENTS: Final[Mapping[str, type]] = MappingProxyType(
    {
        "entry": Entry,
        "room": Room,
        "room:changed": notices.RoomChangedNotice,
        "room:left": notices.RoomLeftNotice,
        "room:read": notices.RoomReadNotice,
        "invitation": Invitation,
        "invitation:closed": notices.InvitationClosedNotice,
        "user": User,
        "presence": notices.PresenceNotice,
        "typing": notices.TypingNotice,
        "session:ended": notices.SessionEndedNotice,
    }
)

_REFS: Final = "#/components/schemas/{model}"


def describe() -> tuple[dict[str, Any], dict[str, Any]]:
    """The schemas of all events for `components.schemas`, and the `x-socket-events` that refer to them."""
    sent: set[type] = {payloads.Login, *(event.payload for event in CLIENT_EVENTS.values())}
    told: set[type] = {notices.RefusalData, *(event.ack for event in CLIENT_EVENTS.values()), *SERVER_EVENTS.values()}
    _, definitions = TypeAdapter.json_schemas(
        [
            *((kind, "validation", TypeAdapter(kind)) for kind in sorted(sent, key=_name)),
            *((kind, "serialization", TypeAdapter(kind)) for kind in sorted(told, key=_name)),
        ],
        ref_template=_REFS,
    )
    events = {
        "handshake": {"auth": _ref(payloads.Login), "refusal": _ref(notices.RefusalData)},
        "client": {
            name: {"payload": _ref(event.payload), "ack": _ref(event.ack)} for name, event in CLIENT_EVENTS.items()
        },
        "server": {name: {"payload": _ref(kind)} for name, kind in SERVER_EVENTS.items()},
    }
    return definitions["$defs"], events


def _name(kind: type) -> str:
    return kind.__name__


def _ref(kind: type) -> dict[str, str]:
    return {"$ref": _REFS.format(model=kind.__name__)}
