"""Rooms, who is in them, and who is asked to be."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from windsock_chat.domain.entry import Entry
from windsock_chat.domain.user import Author, User


class RoomKind(StrEnum):
    """Who may join: anybody, whoever is invited, or nobody but the two it was made for."""

    PUBLIC = "public"
    PRIVATE = "private"
    DIRECT = "direct"


class MemberRole(StrEnum):
    """What a member may do in a room: an owner renames it, removes members and deletes messages."""

    OWNER = "owner"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Membership:
    """One's own place in a room.

    `unread_count` counts others' messages after `last_read_seq` among the newest hundred entries of the room.
    """

    role: MemberRole
    joined_at: datetime
    last_read_seq: int
    unread_count: int


@dataclass(frozen=True, slots=True)
class Room:
    """A room as one person sees it.

    `name` is None in a direct room, whose other member is `peer`. `membership` is None for an outsider, who is also not
    shown `last_message`, the newest message that is not deleted.
    """

    id: UUID
    kind: RoomKind
    name: str | None
    topic: str
    created_at: datetime
    last_seq: int
    member_count: int
    membership: Membership | None
    peer: User | None
    last_message: Entry | None


@dataclass(frozen=True, slots=True)
class RoomPage:
    """Some of the public rooms, in the order of their names; `next_cursor` is None on the last page."""

    rooms: list[Room]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a room."""

    user: User
    role: MemberRole
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class MemberPage:
    """Some of a room's members, in the order of their usernames; `next_cursor` is None on the last page."""

    members: list[Member]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class InvitedRoom:
    """What somebody who is invited may know of a private room."""

    id: UUID
    name: str
    topic: str
    member_count: int


@dataclass(frozen=True, slots=True)
class Invitation:
    """A pending invitation; joining the room accepts it."""

    room: InvitedRoom
    invited_by: Author
    created_at: datetime
