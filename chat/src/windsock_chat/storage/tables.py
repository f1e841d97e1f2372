"""The tables. Names of constraints are fixed, so that a later migration can name them on any database."""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.engine import Dialect


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time in UTC, on databases that keep no zone too."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        assert isinstance(value, datetime)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

users: Final = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("username", String(32), nullable=False, unique=True),
    # What the username looks like: a second account may not look the same.
    Column("skeleton", String(32), nullable=False, unique=True),
    Column("display_name", String(64), nullable=False),
    # Username and display name in the form in which they are searched.
    Column("search_text", Text, nullable=False),
    Column("about", String(280), nullable=False),
    Column("role", String(16), nullable=False),
    Column("password_hash", String(255), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime),
    Column("banned_at", UtcDateTime),
    Column("ban_reason", String(280)),
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id"), nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime, nullable=False, index=True),
    Column("ended_at", UtcDateTime),
    Column("end_reason", String(16)),
)

refresh_tokens: Final = Table(
    "refresh_tokens",
    metadata,
    # SHA-256 of the token, which is random: a copy of the database logs nobody in.
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("session_id", Uuid, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("spent_at", UtcDateTime),
)

rooms: Final = Table(
    "rooms",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(64)),
    # The name in the form in which it is searched and sorted; empty for a direct room.
    Column("search_text", Text, nullable=False),
    Column("topic", String(280), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # Raised in the transaction that appends an entry: its row lock is what keeps the log without holes.
    Column("last_seq", BigInteger, nullable=False),
    # The ids of the two members of a direct room, in order.
    Column("direct_key", String(65), unique=True),
    Index("ix_rooms_browse", "kind", "search_text", "id"),
)

members: Final = Table(
    "members",
    metadata,
    Column("room_id", Uuid, ForeignKey("rooms.id"), primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id"), primary_key=True, index=True),
    Column("role", String(16), nullable=False),
    Column("joined_at", UtcDateTime, nullable=False),
    Column("last_read_seq", BigInteger, nullable=False),
)

invitations: Final = Table(
    "invitations",
    metadata,
    Column("room_id", Uuid, ForeignKey("rooms.id"), primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id"), primary_key=True, index=True),
    Column("invited_by", Uuid, ForeignKey("users.id"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

entries: Final = Table(
    "entries",
    metadata,
    Column("room_id", Uuid, ForeignKey("rooms.id"), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Uuid, nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("author_id", Uuid, ForeignKey("users.id"), nullable=False),
    Column("subject_id", Uuid, ForeignKey("users.id")),
    # As it was sent; erased by a deletion.
    Column("text", Text),
    Column("target_seq", BigInteger),
    Column("client_id", Uuid),
    Column("created_at", UtcDateTime, nullable=False),
    # What later entries have made of a message.
    Column("revised_text", Text),
    Column("revised_seq", BigInteger),
    Column("edited_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
    UniqueConstraint("author_id", "client_id"),
    # The newest message of a room, and its unread ones.
    Index("ix_entries_kind", "room_id", "kind", "seq"),
    # The edits of a message, to erase them with it.
    Index("ix_entries_target", "room_id", "target_seq"),
)
