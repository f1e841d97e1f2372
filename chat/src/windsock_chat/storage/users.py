"""The accounts, in the database."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from windsock_chat.domain.repositories import Credentials, Taken
from windsock_chat.domain.text import search_key, username_skeleton
from windsock_chat.domain.user import Account, Role
from windsock_chat.storage.rows import ACCOUNT, account, contains
from windsock_chat.storage.tables import members, users


class SqlUsers:
    """Implements `windsock_chat.domain.repositories.Users`."""

    __slots__ = ("_connection",)

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, account: Account, password_hash: str) -> None:
        try:
            await self._connection.execute(
                insert(users).values(
                    id=account.id,
                    username=account.username,
                    skeleton=username_skeleton(account.username),
                    display_name=account.display_name,
                    search_text=_search_text(account.username, account.display_name),
                    about=account.about,
                    role=account.role.value,
                    password_hash=password_hash,
                    created_at=account.created_at,
                )
            )
        except IntegrityError as error:
            raise Taken from error

    async def any(self) -> bool:
        return bool((await self._connection.execute(select(exists().where(users.c.id.is_not(None))))).scalar_one())

    async def get(self, user_id: UUID) -> Account | None:
        row = (await self._connection.execute(select(*ACCOUNT).where(users.c.id == user_id))).one_or_none()
        return account(row) if row else None

    async def find(self, username: str) -> Credentials | None:
        query = select(*ACCOUNT, users.c.password_hash).where(users.c.username == username)
        row = (await self._connection.execute(query)).one_or_none()
        return Credentials(account(row), row.password_hash) if row else None

    async def page(self, query: str, after: str | None, limit: int, *, banned: bool) -> list[Account]:
        statement = select(*ACCOUNT).order_by(users.c.username).limit(limit)
        if query:
            statement = statement.where(contains(users.c.search_text, search_key(query)))
        if after is not None:
            statement = statement.where(users.c.username > after)
        if not banned:
            statement = statement.where(users.c.banned_at.is_(None))
        return [account(row) for row in await self._connection.execute(statement)]

    async def count_admins(self) -> int:
        query = select(func.count()).where(users.c.role == Role.ADMIN.value, users.c.banned_at.is_(None))
        return int((await self._connection.execute(query)).scalar_one())

    async def set_profile(self, user_id: UUID, display_name: str, about: str) -> None:
        username = select(users.c.username).where(users.c.id == user_id)
        name: str = (await self._connection.execute(username)).scalar_one()
        await self._set(user_id, display_name=display_name, about=about, search_text=_search_text(name, display_name))

    async def set_role(self, user_id: UUID, role: Role) -> None:
        await self._set(user_id, role=role.value)

    async def set_ban(self, user_id: UUID, at: datetime | None, reason: str | None) -> None:
        await self._set(user_id, banned_at=at, ban_reason=reason)

    async def set_password(self, user_id: UUID, password_hash: str) -> None:
        await self._set(user_id, password_hash=password_hash)

    async def set_last_seen(self, user_ids: list[UUID], at: datetime) -> None:
        await self._connection.execute(update(users).where(users.c.id.in_(user_ids)).values(last_seen=at))

    async def neighbours(self, viewer_id: UUID, user_ids: list[UUID]) -> set[UUID]:
        theirs, mine = members.alias("theirs"), members.alias("mine")
        query = (
            select(theirs.c.user_id)
            .distinct()
            .join(mine, mine.c.room_id == theirs.c.room_id)
            .where(mine.c.user_id == viewer_id, theirs.c.user_id.in_(user_ids))
        )
        return set((await self._connection.execute(query)).scalars())

    async def _set(self, user_id: UUID, **values: object) -> None:
        await self._connection.execute(update(users).where(users.c.id == user_id).values(values))


def _search_text(username: str, display_name: str) -> str:
    return f"{username}\n{search_key(display_name)}"
