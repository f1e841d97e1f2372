"""What administrators do to accounts."""

from datetime import UTC, datetime
from uuid import UUID

from windsock_chat.domain.errors import Conflict, Forbidden, NotFound
from windsock_chat.domain.events import SessionEnded, UserChanged
from windsock_chat.domain.repositories import Store, Work
from windsock_chat.domain.session import EndReason, Principal
from windsock_chat.domain.user import Account, AccountPage, Role
from windsock_chat.services.presence import Presences
from windsock_chat.services.sessions import confirm


class Moderation:
    """Roles and bans. Whoever asks must be an admin; there is always one left."""

    def __init__(self, store: Store, presences: Presences) -> None:
        self._store = store
        self._presences = presences

    async def page(self, principal: Principal, query: str, cursor: str | None, limit: int) -> AccountPage:
        """All accounts whose names contain the query."""
        _check_admin(principal)
        async with self._store.read() as work:
            accounts = await work.users.page(query, cursor, limit + 1, banned=True)
        page = accounts[:limit]
        return AccountPage(page, page[-1].username if len(accounts) > limit else None)

    async def set_role(self, principal: Principal, user_id: UUID, role: Role) -> Account:
        """Make somebody an admin or a member; raises `NotFound`, `Conflict` (`last_admin`)."""
        async with self._store.write() as work:
            _check_admin(await confirm(work, principal))
            account = await _get(work, user_id)
            if role is Role.MEMBER:
                await _check_not_last(work, account)
            await work.users.set_role(user_id, role)
            changed = await _get(work, user_id)
            user = changed.user(self._presences.of(changed))
            work.publish(UserChanged(user, await work.rooms.ids_of(user_id)))
            return changed

    async def ban(self, principal: Principal, user_id: UUID, reason: str) -> Account:
        """Close an account and its sockets; raises `NotFound`, `Conflict` (`self_ban`, `last_admin`)."""
        now = datetime.now(UTC)
        async with self._store.write() as work:
            _check_admin(await confirm(work, principal))
            if user_id == principal.user.id:
                raise Conflict("self_ban", "You cannot ban yourself.")
            await _check_not_last(work, await _get(work, user_id))
            await work.users.set_ban(user_id, now, reason or None)
            await work.sessions.end_all(user_id, now, EndReason.BANNED)
            work.publish(SessionEnded(user_id, None, EndReason.BANNED))
            return await _get(work, user_id)

    async def reinstate(self, principal: Principal, user_id: UUID) -> Account:
        """Open a banned account again; raises `NotFound`."""
        async with self._store.write() as work:
            _check_admin(await confirm(work, principal))
            await _get(work, user_id)
            await work.users.set_ban(user_id, None, None)
            return await _get(work, user_id)


def _check_admin(principal: Principal) -> None:
    if principal.user.role is not Role.ADMIN:
        raise Forbidden("Only an administrator may do this.")


async def _get(work: Work, user_id: UUID) -> Account:
    account = await work.users.get(user_id)
    if account is None:
        raise NotFound("user")
    return account


async def _check_not_last(work: Work, account: Account) -> None:
    is_acting_admin = account.role is Role.ADMIN and account.banned_at is None
    if is_acting_admin and await work.users.count_admins() == 1:
        raise Conflict("last_admin", "The last administrator stays one.")
