"""What happened, told to whoever should know at once. Each is published after the change it tells of is committed."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from windsock_chat.domain.entry import Entry
from windsock_chat.domain.room import Invitation, Room
from windsock_chat.domain.session import EndReason
from windsock_chat.domain.user import Presence, User


@dataclass(frozen=True, slots=True)
class EntryAppended:
    """A room's log grew: for its members."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class RoomShown:
    """A user came into a room, or their own place in it changed: for that user, who sees it as `room`."""

    user_id: UUID
    room: Room


@dataclass(frozen=True, slots=True)
class RoomChanged:
    """What all members see of a room changed: for them."""

    room_id: UUID
    name: str | None
    topic: str
    member_count: int


@dataclass(frozen=True, slots=True)
class RoomLeft:
    """A user is no longer in a room: for that user."""

    user_id: UUID
    room_id: UUID


@dataclass(frozen=True, slots=True)
class RoomRead:
    """A user has read a room up to `seq`: for that user's other devices."""

    user_id: UUID
    room_id: UUID
    seq: int
    unread_count: int


@dataclass(frozen=True, slots=True)
class InvitationReceived:
    """Somebody is invited: for them."""

    user_id: UUID
    invitation: Invitation


@dataclass(frozen=True, slots=True)
class InvitationClosed:
    """An invitation was accepted or declined: for the devices of whom it was for."""

    user_id: UUID
    room_id: UUID


@dataclass(frozen=True, slots=True)
class UserChanged:
    """A profile changed: for the user's own devices and the members of `room_ids`."""

    user: User
    room_ids: list[UUID]


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """Somebody came or went: for the other members of `room_ids`."""

    user_id: UUID
    presence: Presence
    room_ids: list[UUID]


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """A session is over, or all of a user's when `session_id` is None: for its sockets, which are then closed."""

    user_id: UUID
    session_id: UUID | None
    reason: EndReason


Event = (
    EntryAppended
    | RoomShown
    | RoomChanged
    | RoomLeft
    | RoomRead
    | InvitationReceived
    | InvitationClosed
    | UserChanged
    | PresenceChanged
    | SessionEnded
)


class Publisher(Protocol):
    """Takes what happened to the sockets of those whom it concerns."""

    def publish(self, event: Event) -> None:
        """Tell them. Never blocks and never raises: what was committed stays true whoever hears of it."""
