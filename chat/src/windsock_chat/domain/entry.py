"""The log of a room: every change of it is an entry, numbered without gaps in the order of its commit."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from windsock_chat.domain.user import Author


class EntryKind(StrEnum):
    """What changed. `message`, `edit` and `delete` are sent by people; the rest follow from what they do."""

    MESSAGE = "message"
    EDIT = "edit"
    DELETE = "delete"
    JOINED = "joined"
    LEFT = "left"
    REMOVED = "removed"
    RENAMED = "renamed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of a room.

    `text` is a message's or an edit's text, or a renamed room's new name; None once the message is deleted.
    `target_seq` is the message that an edit or delete changes. `subject` is whom `removed` put out.
    A message is shown as it is now: `edited_at`, `deleted`, and `revised_seq`, the entry that last changed it. An edit
    or delete whose `seq` is not above the message's `revised_seq` is already in it.
    """

    room_id: UUID
    seq: int
    id: UUID
    kind: EntryKind
    author: Author
    subject: Author | None
    text: str | None
    target_seq: int | None
    client_id: UUID | None
    created_at: datetime
    edited_at: datetime | None
    deleted: bool
    revised_seq: int | None


@dataclass(frozen=True, slots=True)
class LogPage:
    """Entries in ascending order of `seq`, without holes.

    `last_seq` is the room's newest entry. `has_more` says that entries lie beyond this page in the direction asked for.
    `reset` says that the reader was too far behind: forget what is known of the room and begin with this newest page.
    """

    entries: list[Entry]
    last_seq: int
    has_more: bool
    reset: bool
