"""What the server tells the sockets, beside whole entries, rooms, users and invitations."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from windsock_chat.domain.session import EndReason
from windsock_chat.domain.user import Author


@dataclass(frozen=True, slots=True)
class TypingNotice:
    """Somebody writes, or has stopped. Take it as stopped after `expires_in` seconds without another."""

    room_id: UUID
    user: Author
    typing: bool
    expires_in: int


@dataclass(frozen=True, slots=True)
class PresenceNotice:
    """Somebody with whom one shares a room came or went."""

    user_id: UUID
    online: bool
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class RoomChangedNotice:
    """What all members see of a room changed."""

    room_id: UUID
    name: str | None
    topic: str
    member_count: int


@dataclass(frozen=True, slots=True)
class RoomLeftNotice:
    """One is no longer in the room."""

    room_id: UUID


@dataclass(frozen=True, slots=True)
class RoomReadNotice:
    """One has read the room up to `seq` on another device."""

    room_id: UUID
    seq: int
    unread_count: int


@dataclass(frozen=True, slots=True)
class InvitationClosedNotice:
    """One has accepted or declined the invitation."""

    room_id: UUID


@dataclass(frozen=True, slots=True)
class SessionEndedNotice:
    """The server disconnects next, because of `reason`."""

    reason: EndReason


@dataclass(frozen=True, slots=True)
class RefusalData:
    """The `data` of a connect_error: `unauthorized`, `banned`, `invalid_payload` or `rate_limited`."""

    code: str
    retry_after: int | None
