"""Access tokens, which say who is asking, and refresh tokens, which are exchanged for the next pair."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import jwt

from windsock_chat.domain.errors import Unauthorized

_ALGORITHM: Final = "HS256"
_ISSUER: Final = "windsock-chat"


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long tokens are good for, and for how long a spent refresh token is a race of two tabs and not a theft."""

    access: timedelta = timedelta(minutes=15)
    refresh: timedelta = timedelta(days=30)
    grace: timedelta = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says, until it is looked up: whose session it is for."""

    user_id: UUID
    session_id: UUID


class AccessTokens:
    """Signed statements that a session is somebody's, for a short time (RFC 7519)."""

    def __init__(self, secret: str, lifetime: timedelta) -> None:
        self._secret = secret
        self._lifetime = lifetime

    @property
    def seconds(self) -> int:
        """How long a token is good for."""
        return int(self._lifetime.total_seconds())

    def issue(self, user_id: UUID, session_id: UUID) -> str:
        """A token for the user's session."""
        now = datetime.now(UTC)
        claims = {
            "iss": _ISSUER,
            "aud": _ISSUER,
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": now,
            "exp": now + self._lifetime,
        }
        return jwt.encode(claims, self._secret, _ALGORITHM)

    def verify(self, token: str) -> Claims:
        """What a token says; raises `Unauthorized` for one that is forged, malformed or too old."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                [_ALGORITHM],
                audience=_ISSUER,
                issuer=_ISSUER,
                options={"require": ["exp", "iat", "sub", "sid"]},
            )
            return Claims(UUID(claims["sub"]), UUID(claims["sid"]))
        except jwt.ExpiredSignatureError:
            raise Unauthorized("The access token has expired.") from None
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
            raise Unauthorized("The access token is not valid.") from None


def new_refresh_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def hash_refresh_token(token: str) -> bytes:
    """What is stored of a token. It is random, so a plain hash cannot be guessed back."""
    return hashlib.sha256(token.encode()).digest()
