"""Invitations, in the database."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from windsock_chat.domain.room import Invitation, InvitedRoom
from windsock_chat.domain.user import Author
from windsock_chat.storage.rows import AnyRow
from windsock_chat.storage.tables import invitations, members, rooms, users

_COUNT = select(func.count()).where(members.c.room_id == rooms.c.id).scalar_subquery()

_INVITATIONS = (
    select(
        rooms.c.id,
        rooms.c.name,
        rooms.c.topic,
        _COUNT.label("member_count"),
        users.c.id.label("inviter_id"),
        users.c.username,
        users.c.display_name,
        invitations.c.created_at,
    )
    .select_from(invitations)
    .join(rooms, rooms.c.id == invitations.c.room_id)
    .join(users, users.c.id == invitations.c.invited_by)
)


class SqlInvitations:
    """Implements `windsock_chat.domain.repositories.Invitations`."""

    __slots__ = ("_connection",)

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, room_id: UUID, user_id: UUID, invited_by: UUID, at: datetime) -> None:
        await self._connection.execute(
            insert(invitations).values(room_id=room_id, user_id=user_id, invited_by=invited_by, created_at=at)
        )

    async def get(self, room_id: UUID, user_id: UUID) -> Invitation | None:
        query = _INVITATIONS.where(invitations.c.room_id == room_id, invitations.c.user_id == user_id)
        row = (await self._connection.execute(query)).one_or_none()
        return _invitation(row) if row else None

    async def mine(self, user_id: UUID) -> list[Invitation]:
        query = _INVITATIONS.where(invitations.c.user_id == user_id).order_by(invitations.c.created_at.desc())
        return [_invitation(row) for row in await self._connection.execute(query)]

    async def remove(self, room_id: UUID, user_id: UUID) -> None:
        await self._connection.execute(
            delete(invitations).where(invitations.c.room_id == room_id, invitations.c.user_id == user_id)
        )


def _invitation(row: AnyRow) -> Invitation:
    return Invitation(
        room=InvitedRoom(row.id, row.name, row.topic, row.member_count),
        invited_by=Author(row.inviter_id, row.username, row.display_name),
        created_at=row.created_at,
    )
