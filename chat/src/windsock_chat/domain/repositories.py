"""What the services ask of a database. Times are aware and in UTC; users come back as they are when offline."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from windsock_chat.domain.entry import Entry, EntryKind
from windsock_chat.domain.events import Event
from windsock_chat.domain.room import Invitation, Member, MemberRole, Room, RoomKind
from windsock_chat.domain.session import EndReason
from windsock_chat.domain.user import Account, Author, Role


class Taken(Exception):
    """A uniqueness that the database keeps was violated; the transaction is over."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves that somebody owns an account."""

    account: Account
    password_hash: str


@dataclass(frozen=True, slots=True)
class SessionState:
    """Whose session it is, and whether it is over."""

    account: Account
    ended: bool


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A token that was given out: whose session it belongs to, and when it was exchanged for the next."""

    session_id: UUID
    account: Account
    issued_at: datetime
    spent_at: datetime | None
    session_ended: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands in a room; `role` and `last_read_seq` are None for an outsider."""

    kind: RoomKind
    last_seq: int
    role: MemberRole | None
    last_read_seq: int | None


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry before the log gives it its place."""

    room_id: UUID
    kind: EntryKind
    author: Author
    created_at: datetime
    text: str | None = None
    target_seq: int | None = None
    client_id: UUID | None = None
    subject: Author | None = None


@dataclass(frozen=True, slots=True)
class SentEntry:
    """What was sent under a client id: the entry as it is now, and the text as it was sent.

    `text` is None when a deletion has erased it.
    """

    entry: Entry
    text: str | None


class Users(Protocol):
    """The accounts."""

    async def add(self, account: Account, password_hash: str) -> None:
        """Store a new account; raises `Taken` when the username or one that looks the same exists."""

    async def any(self) -> bool:
        """Whether there is an account at all."""

    async def get(self, user_id: UUID) -> Account | None: ...

    async def find(self, username: str) -> Credentials | None: ...

    async def page(self, query: str, after: str | None, limit: int, *, banned: bool) -> list[Account]:
        """Those whose names contain `query`, from the username `after` on; banned ones only if `banned`."""

    async def count_admins(self) -> int:
        """How many admins are not banned."""

    async def set_profile(self, user_id: UUID, display_name: str, about: str) -> None: ...

    async def set_role(self, user_id: UUID, role: Role) -> None: ...

    async def set_ban(self, user_id: UUID, at: datetime | None, reason: str | None) -> None: ...

    async def set_password(self, user_id: UUID, password_hash: str) -> None: ...

    async def set_last_seen(self, user_ids: list[UUID], at: datetime) -> None: ...

    async def neighbours(self, viewer_id: UUID, user_ids: list[UUID]) -> set[UUID]:
        """Which of the users share a room with the viewer."""


class Sessions(Protocol):
    """Who is logged in where."""

    async def add(self, session_id: UUID, user_id: UUID, at: datetime) -> None: ...

    async def get(self, session_id: UUID) -> SessionState | None: ...

    async def add_token(self, session_id: UUID, token_hash: bytes, at: datetime) -> None: ...

    async def find_token(self, token_hash: bytes) -> RefreshToken | None: ...

    async def spend_token(self, token_hash: bytes, at: datetime) -> None: ...

    async def end(self, session_id: UUID, at: datetime, reason: EndReason) -> None: ...

    async def end_all(self, user_id: UUID, at: datetime, reason: EndReason) -> None: ...

    async def surplus(self, user_id: UUID, keep: int) -> list[UUID]:
        """The user's live sessions but for the `keep` that were used last."""

    async def purge(self, before: datetime) -> None:
        """Delete the sessions, with their tokens, that were last used before then, and older tokens of the others."""


class Rooms(Protocol):
    """The rooms, and who is in them."""

    async def add(
        self, room_id: UUID, kind: RoomKind, name: str | None, topic: str, at: datetime, direct_key: str | None
    ) -> None:
        """Store a new room; raises `Taken` when there is one of that `direct_key`."""

    async def standing(self, user_id: UUID, room_id: UUID) -> Standing | None:
        """Where the user stands in a room; None when there is no such room."""

    async def get(self, viewer_id: UUID, room_id: UUID) -> Room:
        """A room as the viewer sees it; raises LookupError when there is no such room."""

    async def mine(self, viewer_id: UUID) -> list[Room]:
        """All rooms that the viewer is in, the one joined first at the front."""

    async def find_direct(self, viewer_id: UUID, direct_key: str) -> Room | None: ...

    async def browse(self, viewer_id: UUID, query: str, after: UUID | None, limit: int) -> list[Room]:
        """Public rooms whose names contain `query`, in the order of their names, from the room `after` on."""

    async def change(self, room_id: UUID, name: str | None, topic: str) -> None: ...

    async def add_member(self, room_id: UUID, user_id: UUID, role: MemberRole, at: datetime) -> None: ...

    async def remove_member(self, room_id: UUID, user_id: UUID) -> None: ...

    async def set_member_role(self, room_id: UUID, user_id: UUID, role: MemberRole) -> None: ...

    async def mark_read(self, room_id: UUID, user_id: UUID, seq: int) -> None:
        """Move the marker forward to `seq`, never back."""

    async def member(self, room_id: UUID, user_id: UUID) -> Member | None: ...

    async def members(self, room_id: UUID, after: str | None, limit: int) -> list[Member]:
        """In the order of their usernames, from the username `after` on."""

    async def heir(self, room_id: UUID) -> UUID | None:
        """Who has been in the room the longest."""

    async def has_owner(self, room_id: UUID) -> bool: ...

    async def ids_of(self, user_id: UUID) -> list[UUID]:
        """The rooms that the user is in."""


class Invitations(Protocol):
    """Who is asked to join a private room."""

    async def add(self, room_id: UUID, user_id: UUID, invited_by: UUID, at: datetime) -> None: ...

    async def get(self, room_id: UUID, user_id: UUID) -> Invitation | None: ...

    async def mine(self, user_id: UUID) -> list[Invitation]:
        """The newest first."""

    async def remove(self, room_id: UUID, user_id: UUID) -> None: ...


class Log(Protocol):
    """The logs of the rooms."""

    async def append(self, entry: NewEntry) -> Entry:
        """Give the entry the room's next `seq` and store it.

        Raises `Taken` when its author has used the `client_id`. Until the transaction ends, nobody else appends to the
        room, so the sequence has no holes.
        """

    async def sent(self, author_id: UUID, client_id: UUID) -> SentEntry | None: ...

    async def get(self, room_id: UUID, seq: int) -> Entry | None: ...

    async def revise(self, room_id: UUID, seq: int, text: str, revised_seq: int, at: datetime) -> None:
        """Fold an edit into the message that it changes."""

    async def erase(self, room_id: UUID, seq: int, revised_seq: int, at: datetime) -> None:
        """Fold a deletion into the message that it changes: its text and that of its edits are gone."""

    async def between(self, room_id: UUID, first: int, last: int) -> list[Entry]:
        """The entries of that range, both ends included, in ascending order."""


class Work(Protocol):
    """One transaction."""

    @property
    def users(self) -> Users: ...

    @property
    def sessions(self) -> Sessions: ...

    @property
    def rooms(self) -> Rooms: ...

    @property
    def invitations(self) -> Invitations: ...

    @property
    def log(self) -> Log: ...

    def publish(self, event: Event) -> None:
        """Have the event published once the transaction is committed, and only then."""


class Store(Protocol):
    """The database."""

    def read(self) -> AbstractAsyncContextManager[Work]:
        """A transaction that sees one state of the database and changes nothing."""

    def write(self) -> AbstractAsyncContextManager[Work]:
        """A transaction that commits when its block ends and rolls back when it raises."""

    async def check(self) -> None:
        """Ask the database for an answer; raises when there is none."""
