"""People, as others see them."""

from uuid import UUID

from windsock_chat.domain.errors import NotFound
from windsock_chat.domain.events import UserChanged
from windsock_chat.domain.repositories import Store, Work
from windsock_chat.domain.session import Principal
from windsock_chat.domain.user import Account, User, UserPage
from windsock_chat.services.presence import Presences
from windsock_chat.services.sessions import confirm


class People:
    """Profiles; presence is shown to those who share a room."""

    def __init__(self, store: Store, presences: Presences) -> None:
        self._store = store
        self._presences = presences

    async def get(self, principal: Principal, user_id: UUID) -> User:
        """One person; raises `NotFound`."""
        async with self._store.read() as work:
            account = await work.users.get(user_id)
            if account is None:
                raise NotFound("user")
            return (await self._seen_by(principal, work, [account]))[0]

    async def search(self, principal: Principal, query: str, cursor: str | None, limit: int) -> UserPage:
        """Those in good standing whose names contain the query."""
        async with self._store.read() as work:
            accounts = await work.users.page(query, cursor, limit + 1, banned=False)
            users = await self._seen_by(principal, work, accounts[:limit])
        return UserPage(users, users[-1].username if len(accounts) > limit else None)

    async def change(self, principal: Principal, display_name: str | None, about: str | None) -> User:
        """Change one's own profile; None leaves a part as it is."""
        async with self._store.write() as work:
            user = (await confirm(work, principal)).user
            await work.users.set_profile(
                user.id,
                user.display_name if display_name is None else display_name,
                user.about if about is None else about,
            )
            account = await work.users.get(user.id)
            if account is None:
                raise NotFound("user")
            changed = account.user(self._presences.of(account))
            work.publish(UserChanged(changed, await work.rooms.ids_of(user.id)))
        return changed

    async def _seen_by(self, principal: Principal, work: Work, accounts: list[Account]) -> list[User]:
        visible = await work.users.neighbours(principal.user.id, [account.id for account in accounts])
        visible.add(principal.user.id)
        return [account.user(self._presences.of(account) if account.id in visible else None) for account in accounts]
