"""People: how others see them, and how an administrator does."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    """What an account may do: an admin moderates users and rooms."""

    ADMIN = "admin"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a person has a device connected; `last_seen` is when the last one left, None if never."""

    online: bool
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class Author:
    """A person as an entry of a log names them."""

    id: UUID
    username: str
    display_name: str


@dataclass(frozen=True, slots=True)
class User:
    """A person; `presence` is None to those who share no room with them."""

    id: UUID
    username: str
    display_name: str
    about: str
    role: Role
    created_at: datetime
    presence: Presence | None

    def author(self) -> Author:
        """The person as an entry names them."""
        return Author(self.id, self.username, self.display_name)


@dataclass(frozen=True, slots=True)
class Account:
    """A person as an administrator sees them; `banned_at` is None for an account in good standing."""

    id: UUID
    username: str
    display_name: str
    about: str
    role: Role
    created_at: datetime
    last_seen: datetime | None
    banned_at: datetime | None
    ban_reason: str | None

    def user(self, presence: Presence | None) -> User:
        """The person as others see them."""
        return User(self.id, self.username, self.display_name, self.about, self.role, self.created_at, presence)


@dataclass(frozen=True, slots=True)
class UserPage:
    """Some of the users, in the order of their usernames; `next_cursor` is None on the last page."""

    users: list[User]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Some of the accounts, in the order of their usernames; `next_cursor` is None on the last page."""

    users: list[Account]
    next_cursor: str | None
