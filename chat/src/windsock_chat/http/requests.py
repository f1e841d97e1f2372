"""What the routes are asked: bodies and queries."""

from typing import Literal
from uuid import UUID

from pydantic import Field, model_validator

from windsock_chat.domain.user import Role
from windsock_chat.http.fields import (
    About,
    Cursor,
    DisplayName,
    Limit,
    Password,
    Query,
    Reason,
    RoomName,
    Seq,
    Strict,
    Topic,
    Username,
)


class SignUp(Strict):
    username: Username
    display_name: DisplayName
    password: Password


class LogIn(Strict):
    username: Username
    password: Password


class ProfileChange(Strict):
    """What is left out stays as it is."""

    display_name: DisplayName | None = None
    about: About | None = None


class AccountChange(Strict):
    role: Role


class Ban(Strict):
    reason: Reason = ""


class NewRoom(Strict):
    kind: Literal["public", "private"]
    name: RoomName
    topic: Topic = ""


class NewDirectRoom(Strict):
    user_id: UUID


class RoomChange(Strict):
    """What is left out stays as it is."""

    name: RoomName | None = None
    topic: Topic | None = None


class NewInvitation(Strict):
    user_id: UUID


class Search(Strict):
    """A page of those whose name contains `query`."""

    query: Query = ""
    cursor: Cursor | None = None
    limit: Limit = 50


class RoomSearch(Strict):
    """A page of the rooms whose name contains `query`."""

    query: Query = ""
    cursor: UUID | None = Field(default=None, description="A page's `next_cursor`.")
    limit: Limit = 50


class PageQuery(Strict):
    cursor: Cursor | None = None
    limit: Limit = 50


class LogQuery(Strict):
    """The newest page, the page that ends before `before`, or the one that begins after `after`."""

    before: Seq | None = Field(default=None, description="Entries with a smaller seq.")
    after: Seq | None = Field(default=None, description="Entries with a larger seq, the oldest of them first.")
    limit: Limit = 50

    @model_validator(mode="after")
    def _one_direction(self) -> "LogQuery":
        if self.before is not None and self.after is not None:
            raise ValueError("give before or after, not both")
        return self
