"""Sessions and their refresh tokens, in the database."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from windsock_chat.domain.repositories import RefreshToken, SessionState
from windsock_chat.domain.session import EndReason
from windsock_chat.storage.rows import ACCOUNT, account
from windsock_chat.storage.tables import refresh_tokens, sessions, users


class SqlSessions:
    """Implements `windsock_chat.domain.repositories.Sessions`."""

    __slots__ = ("_connection",)

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, session_id: UUID, user_id: UUID, at: datetime) -> None:
        await self._connection.execute(
            insert(sessions).values(id=session_id, user_id=user_id, created_at=at, used_at=at)
        )

    async def get(self, session_id: UUID) -> SessionState | None:
        query = (
            select(*ACCOUNT, sessions.c.ended_at)
            .join(sessions, sessions.c.user_id == users.c.id)
            .where(sessions.c.id == session_id)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return SessionState(account(row), row.ended_at is not None) if row else None

    async def add_token(self, session_id: UUID, token_hash: bytes, at: datetime) -> None:
        await self._connection.execute(
            insert(refresh_tokens).values(token_hash=token_hash, session_id=session_id, issued_at=at)
        )
        await self._connection.execute(update(sessions).where(sessions.c.id == session_id).values(used_at=at))

    async def find_token(self, token_hash: bytes) -> RefreshToken | None:
        query = (
            select(
                *ACCOUNT,
                refresh_tokens.c.session_id,
                refresh_tokens.c.issued_at,
                refresh_tokens.c.spent_at,
                sessions.c.ended_at,
            )
            .select_from(refresh_tokens)
            .join(sessions, sessions.c.id == refresh_tokens.c.session_id)
            .join(users, users.c.id == sessions.c.user_id)
            .where(refresh_tokens.c.token_hash == token_hash)
            # Two tabs that race must see one another on a database with many writers.
            .with_for_update(of=refresh_tokens)
        )
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        return RefreshToken(row.session_id, account(row), row.issued_at, row.spent_at, row.ended_at is not None)

    async def spend_token(self, token_hash: bytes, at: datetime) -> None:
        await self._connection.execute(
            update(refresh_tokens).where(refresh_tokens.c.token_hash == token_hash).values(spent_at=at)
        )

    async def end(self, session_id: UUID, at: datetime, reason: EndReason) -> None:
        await self._connection.execute(
            update(sessions)
            .where(sessions.c.id == session_id, sessions.c.ended_at.is_(None))
            .values(ended_at=at, end_reason=reason.value)
        )

    async def end_all(self, user_id: UUID, at: datetime, reason: EndReason) -> None:
        await self._connection.execute(
            update(sessions)
            .where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None))
            .values(ended_at=at, end_reason=reason.value)
        )

    async def surplus(self, user_id: UUID, keep: int) -> list[UUID]:
        query = (
            select(sessions.c.id)
            .where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None))
            .order_by(sessions.c.used_at.desc(), sessions.c.id)
        )
        return list((await self._connection.execute(query)).scalars())[keep:]

    async def purge(self, before: datetime) -> None:
        await self._connection.execute(delete(sessions).where(sessions.c.used_at < before))
        # A session that goes on leaves one behind for each time it was continued.
        await self._connection.execute(delete(refresh_tokens).where(refresh_tokens.c.issued_at < before))
