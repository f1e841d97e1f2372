"""Opening an account, logging in and out, and knowing who asks."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

from windsock_chat.auth.passwords import Passwords
from windsock_chat.auth.tokens import AccessTokens, Claims, Lifetimes, hash_refresh_token, new_refresh_token
from windsock_chat.domain.errors import Conflict, Forbidden, Unauthorized
from windsock_chat.domain.events import SessionEnded
from windsock_chat.domain.rate import LOG_IN, REFRESH, RateLimiter
from windsock_chat.domain.repositories import RefreshToken, Store, Taken, Work
from windsock_chat.domain.session import EndReason, Principal, Session
from windsock_chat.domain.user import Account, Role
from windsock_chat.services.presence import Presences
from windsock_chat.services.sessions import account_of, check_ban, confirm

# Devices on which one account is logged in; the one unused for the longest is logged out for a further one.
_SESSIONS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Grant:
    """A session, and the refresh token that continues it, good for `refresh_seconds`."""

    session: Session
    refresh_token: str
    refresh_seconds: int


class Accounts:
    """Everything that proves, or needs proof of, who somebody is."""

    def __init__(
        self,
        store: Store,
        presences: Presences,
        limiter: RateLimiter,
        passwords: Passwords,
        tokens: AccessTokens,
        lifetimes: Lifetimes,
        *,
        sign_up_open: bool,
    ) -> None:
        self._store = store
        self._presences = presences
        self._limiter = limiter
        self._passwords = passwords
        self._tokens = tokens
        self._lifetimes = lifetimes
        self._sign_up_open = sign_up_open

    async def sign_up(self, username: str, display_name: str, password: str) -> Grant:
        """Open an account and log in; the first is an admin's.

        Raises `Conflict` (`username_taken`), `Forbidden` (`sign_up_closed`), `Busy`.
        """
        encoded = await self._passwords.hash(password)
        async with self._store.write() as work:
            first = not await work.users.any()
            if not self._sign_up_open and not first:
                raise Forbidden("Ask an administrator for an account.", "sign_up_closed")
            role = Role.ADMIN if first else Role.MEMBER
            account = await _add(work, username, display_name, encoded, role)
            return await self._begin(work, account)

    async def create_admin(self, username: str, display_name: str, password: str) -> Account:
        """Open an admin's account from the command line; raises `Conflict` (`username_taken`)."""
        encoded = await self._passwords.hash(password)
        async with self._store.write() as work:
            return await _add(work, username, display_name, encoded, Role.ADMIN)

    async def log_in(self, username: str, password: str) -> Grant:
        """Begin a session.

        Raises `Unauthorized` (`wrong_credentials`), as slowly for an unknown username as for a wrong password, `Banned`
        for the right one, `RateLimited`, `Busy`.
        """
        await self._limiter.check_user(LOG_IN, username)
        async with self._store.read() as work:
            found = await work.users.find(username)
        if not await self._passwords.verify(password, found.password_hash if found else None) or found is None:
            raise Unauthorized("The username or the password is wrong.", "wrong_credentials")
        await self._limiter.forgive_user(LOG_IN, username)
        outdated = self._passwords.is_outdated(found.password_hash)
        encoded = await self._passwords.hash(password) if outdated else None
        async with self._store.write() as work:
            account = await work.users.get(found.account.id) or found.account
            check_ban(account)
            if encoded is not None:
                await work.users.set_password(account.id, encoded)
            return await self._begin(work, account)

    async def refresh(self, refresh_token: str | None) -> Grant:
        """Exchange a refresh token for the next one.

        A token that was exchanged before, longer ago than two tabs race, has been stolen or its successor has: the
        session ends. Raises `Unauthorized`, `Banned`, `RateLimited`.
        """
        if refresh_token is None:
            raise Unauthorized
        now = datetime.now(UTC)
        async with self._store.write() as work:
            found = await work.sessions.find_token(hash_refresh_token(refresh_token))
            if found is None or now - found.issued_at > self._lifetimes.refresh:
                raise Unauthorized("The session has expired.")
            check_ban(found.account)
            if found.session_ended:
                raise Unauthorized("The session has ended.")
            await self._limiter.check_user(REFRESH, str(found.session_id))
            if not self._is_reused(found, now):
                if found.spent_at is None:
                    await work.sessions.spend_token(hash_refresh_token(refresh_token), now)
                return await self._hand_out(work, found.account, found.session_id)
            await _end(work, found.account.id, found.session_id, EndReason.REUSED)
        raise Unauthorized("The refresh token was used before: the session has ended.", "token_reused")

    async def log_out(self, refresh_token: str | None, access_token: str | None) -> None:
        """End the session that the tokens belong to; nothing happens where there is none."""
        async with self._store.write() as work:
            if refresh_token is not None:
                found = await work.sessions.find_token(hash_refresh_token(refresh_token))
                if found is not None and not found.session_ended:
                    await _end(work, found.account.id, found.session_id, EndReason.LOGGED_OUT)
            if access_token is not None:
                try:
                    session_id = self._tokens.verify(access_token).session_id
                except Unauthorized:
                    return
                state = await work.sessions.get(session_id)
                if state is not None and not state.ended:
                    await _end(work, state.account.id, session_id, EndReason.LOGGED_OUT)

    async def log_out_everywhere(self, principal: Principal) -> None:
        """End all sessions of the account."""
        async with self._store.write() as work:
            await confirm(work, principal)
            await work.sessions.end_all(principal.user.id, datetime.now(UTC), EndReason.LOGGED_OUT)
            work.publish(SessionEnded(principal.user.id, None, EndReason.LOGGED_OUT))

    async def authenticate(self, access_token: str | None) -> Principal:
        """Who an access token speaks for, if its session goes on; raises `Unauthorized`, `Banned`."""
        if access_token is None:
            raise Unauthorized
        return await self.resume(self._tokens.verify(access_token).session_id)

    def claims(self, access_token: str) -> Claims:
        """What an access token says, which `resume` is still to look up; raises `Unauthorized`."""
        return self._tokens.verify(access_token)

    async def resume(self, session_id: UUID) -> Principal:
        """Whose session it is, if it goes on; raises `Unauthorized`, `Banned`."""
        async with self._store.read() as work:
            account = await account_of(work, session_id)
        return Principal(account.user(self._presences.of(account)), session_id)

    async def purge(self) -> None:
        """Forget the sessions that nobody can continue any more, and the tokens that continue none."""
        async with self._store.write() as work:
            await work.sessions.purge(datetime.now(UTC) - self._lifetimes.refresh)

    def _is_reused(self, token: RefreshToken, now: datetime) -> bool:
        return token.spent_at is not None and now - token.spent_at > self._lifetimes.grace

    async def _begin(self, work: Work, account: Account) -> Grant:
        session_id = uuid4()
        await work.sessions.add(session_id, account.id, datetime.now(UTC))
        for surplus in await work.sessions.surplus(account.id, _SESSIONS_MAX):
            await _end(work, account.id, surplus, EndReason.LOGGED_OUT)
        return await self._hand_out(work, account, session_id)

    async def _hand_out(self, work: Work, account: Account, session_id: UUID) -> Grant:
        refresh_token = new_refresh_token()
        await work.sessions.add_token(session_id, hash_refresh_token(refresh_token), datetime.now(UTC))
        user = account.user(self._presences.of(account))
        session = Session(self._tokens.issue(account.id, session_id), self._tokens.seconds, user)
        return Grant(session, refresh_token, int(self._lifetimes.refresh.total_seconds()))


async def _add(work: Work, username: str, display_name: str, password_hash: str, role: Role) -> Account:
    account = Account(
        id=uuid4(),
        username=username,
        display_name=display_name,
        about="",
        role=role,
        created_at=datetime.now(UTC),
        last_seen=None,
        banned_at=None,
        ban_reason=None,
    )
    try:
        await work.users.add(account, password_hash)
    except Taken:
        raise Conflict("username_taken", "This username, or one that looks the same, is taken.") from None
    return account


async def _end(work: Work, user_id: UUID, session_id: UUID, reason: EndReason) -> None:
    await work.sessions.end(session_id, datetime.now(UTC), reason)
    work.publish(SessionEnded(user_id, session_id, reason))
