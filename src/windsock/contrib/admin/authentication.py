"""Who is an administrator."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher
from pydantic import BaseModel, Field, ValidationError

from windsock.contrib.admin.throttle import Throttle
from windsock.errors import ConfigurationError, ConnectionRefused

if TYPE_CHECKING:
    from windsock.contrib.admin.sessions import SessionStore
    from windsock.server.socket import Socket

MAX_ADMINISTRATORS: Final = 100
"""Pages connected at once: each is told all that happens, and where no password is asked for they are strangers."""

MAX_VERIFICATIONS: Final = 2
"""Passwords looked at at once. Each takes a core for a tenth of a second or so: those of many guessers are not to take
the machine."""

BCRYPT_BYTES: Final = 72
"""What bcrypt looks at of a password. The library refuses what is longer; the hashes that the original takes were made
of the part."""

HASHES: Final = PasswordHash((Argon2Hasher(), BcryptHasher()))

logger: logging.Logger = logging.getLogger("windsock.contrib.admin")

Text = Annotated[str, Field(max_length=200)]


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """A user's name and password.

    Args:
        username: asked for with the password.
        password_hash: of the password, by Argon2 (``$argon2id$…``) or bcrypt (``$2b$…``, as the original takes it).

    Raises:
        ConfigurationError: it is no such hash.
    """

    username: str
    password_hash: str = field(repr=False)

    def __post_init__(self) -> None:
        if not any(hasher.identify(self.password_hash) for hasher in HASHES.hashers):
            # What was given is not shown: it may be the password.
            raise ConfigurationError("expected the hash of a password by Argon2 or bcrypt, got something else")

    async def verify(self, username: str, password: str) -> bool:
        """Whether they are the right ones; takes as long if they are not."""
        content = password.encode("utf-8", "replace")
        if self.password_hash.startswith("$2"):
            content = content[:BCRYPT_BYTES]
        matches = await asyncio.to_thread(HASHES.verify, content, self.password_hash)
        known = secrets.compare_digest(username.encode("utf-8", "replace"), self.username.encode("utf-8", "replace"))
        return matches and known


class Credentials(BaseModel):
    """What the UI sends: a session's id when it has one, else what was typed."""

    session_id: Text | None = Field(default=None, alias="sessionId", strict=True)
    username: Text | None = Field(default=None, strict=True)
    password: Annotated[str, Field(max_length=1000)] | None = Field(default=None, strict=True)


class Gate:
    """The middleware of the administrators' namespace.

    Args:
        auth: ``False`` lets everybody in.
        sessions: of those who were let in.
    """

    def __init__(self, auth: BasicAuth | Literal[False], sessions: SessionStore) -> None:
        self._auth = auth
        self._sessions = sessions
        self._throttle = Throttle()
        self._verifying = 0

    async def admit(self, socket: Socket) -> None:
        """Lets a client in.

        Raises:
            ConnectionRefused: ``invalid credentials``; ``too many attempts``, with ``retry_after`` in seconds; or
                ``too many administrators``.
        """
        auth, socket.handshake.auth = socket.handshake.auth, {}  # nobody needs the password any more
        if self._auth is not False:
            await self._authenticate(self._auth, socket, auth)
        if len(socket.namespace.sockets) >= MAX_ADMINISTRATORS:
            raise ConnectionRefused("too many administrators")

    async def _authenticate(self, basic: BasicAuth, socket: Socket, auth: dict[str, Any]) -> None:
        try:
            credentials = Credentials.model_validate(auth)
        except ValidationError:
            raise ConnectionRefused("invalid credentials") from None
        if credentials.session_id and await self._sessions.exists(credentials.session_id):
            return
        if credentials.username is None or credentials.password is None:
            raise ConnectionRefused("invalid credentials")
        await self._check(basic, socket.handshake.address, credentials.username, credentials.password)
        id = secrets.token_urlsafe(24)
        await self._sessions.save(id)
        socket.emit("session", id)

    async def _check(self, auth: BasicAuth, address: str, username: str, password: str) -> None:
        if self._verifying >= MAX_VERIFICATIONS:
            raise ConnectionRefused("too many attempts", {"retry_after": 1})
        wait = self._throttle.begin(address, asyncio.get_running_loop().time())
        if wait > 0:
            raise ConnectionRefused("too many attempts", {"retry_after": math.ceil(wait)})
        self._verifying += 1
        try:
            right = await auth.verify(username, password)
        finally:
            self._verifying -= 1
        if not right:
            logger.warning("invalid credentials of an administrator from %s", address or "an unknown address")
            raise ConnectionRefused("invalid credentials")
        self._throttle.succeeded(address)
