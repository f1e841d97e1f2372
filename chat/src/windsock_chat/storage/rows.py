"""From rows to domain objects."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Row

from windsock_chat.domain.entry import Entry, EntryKind
from windsock_chat.domain.user import Account, Author, Presence, Role, User
from windsock_chat.storage import tables

AnyRow = Row[*tuple[Any, ...]]

# What `account` reads.
ACCOUNT = (
    tables.users.c.id,
    tables.users.c.username,
    tables.users.c.display_name,
    tables.users.c.about,
    tables.users.c.role,
    tables.users.c.created_at,
    tables.users.c.last_seen,
    tables.users.c.banned_at,
    tables.users.c.ban_reason,
)

authors = tables.users.alias("authors")
subjects = tables.users.alias("subjects")

# What `entry` reads.
ENTRY = (
    *(column for column in tables.entries.c),
    authors.c.username.label("author_username"),
    authors.c.display_name.label("author_display_name"),
    subjects.c.username.label("subject_username"),
    subjects.c.display_name.label("subject_display_name"),
)


def entries_with_people() -> FromClause:
    """The entries joined with their authors and subjects, to select `ENTRY` from."""
    return tables.entries.join(authors, authors.c.id == tables.entries.c.author_id).outerjoin(
        subjects, subjects.c.id == tables.entries.c.subject_id
    )


def account(row: AnyRow) -> Account:
    return Account(
        id=row.id,
        username=row.username,
        display_name=row.display_name,
        about=row.about,
        role=Role(row.role),
        created_at=row.created_at,
        last_seen=row.last_seen,
        banned_at=row.banned_at,
        ban_reason=row.ban_reason,
    )


def user(row: AnyRow) -> User:
    """A person who is offline, as far as the database knows."""
    return account(row).user(Presence(online=False, last_seen=row.last_seen))


def entry(row: AnyRow) -> Entry:
    """An entry as it is now."""
    deleted = row.deleted_at is not None
    subject = None
    if row.subject_id is not None:
        subject = Author(row.subject_id, row.subject_username, row.subject_display_name)
    return Entry(
        room_id=row.room_id,
        seq=row.seq,
        id=row.id,
        kind=EntryKind(row.kind),
        author=Author(row.author_id, row.author_username, row.author_display_name),
        subject=subject,
        text=row.revised_text if row.revised_text is not None else row.text,
        target_seq=row.target_seq,
        client_id=row.client_id,
        created_at=row.created_at,
        edited_at=None if deleted else row.edited_at,
        deleted=deleted,
        revised_seq=row.revised_seq,
    )


def contains(column: ColumnElement[str], query: str) -> ColumnElement[bool]:
    """Whether a search text contains the query, whose own % and _ mean themselves."""
    return column.contains(query, autoescape=True)
