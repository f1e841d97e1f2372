"""Being logged in on one device: a family of refresh tokens, each of which replaces the one before."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from windsock_chat.domain.user import User


class EndReason(StrEnum):
    """Why a session ended."""

    LOGGED_OUT = "logged_out"
    BANNED = "banned"
    REUSED = "reused"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who makes a request, checked against the database when it was made."""

    user: User
    session_id: UUID


@dataclass(frozen=True, slots=True)
class Session:
    """What log-in answers: a bearer token that works for `expires_in` seconds, and whose it is."""

    access_token: str
    expires_in: int
    user: User
