"""Rooms and their members, in the database."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, delete, exists, func, insert, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from windsock_chat.domain.entry import Entry, EntryKind
from windsock_chat.domain.log import UNREAD_WINDOW
from windsock_chat.domain.repositories import Standing, Taken
from windsock_chat.domain.room import Member, MemberRole, Membership, Room, RoomKind
from windsock_chat.domain.text import search_key
from windsock_chat.domain.user import User
from windsock_chat.storage.rows import ACCOUNT, ENTRY, AnyRow, contains, entries_with_people, entry, user
from windsock_chat.storage.tables import entries, members, rooms, users


class SqlRooms:
    """Implements `windsock_chat.domain.repositories.Rooms`."""

    __slots__ = ("_connection",)

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(
        self, room_id: UUID, kind: RoomKind, name: str | None, topic: str, at: datetime, direct_key: str | None
    ) -> None:
        try:
            await self._connection.execute(
                insert(rooms).values(
                    id=room_id,
                    kind=kind.value,
                    name=name,
                    search_text=search_key(name or ""),
                    topic=topic,
                    created_at=at,
                    last_seq=0,
                    direct_key=direct_key,
                )
            )
        except IntegrityError as error:
            raise Taken from error

    async def standing(self, user_id: UUID, room_id: UUID) -> Standing | None:
        query = (
            select(rooms.c.kind, rooms.c.last_seq, members.c.role, members.c.last_read_seq)
            .outerjoin(members, _membership(rooms.c.id, user_id))
            .where(rooms.c.id == room_id)
        )
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        role = MemberRole(row.role) if row.role is not None else None
        return Standing(RoomKind(row.kind), row.last_seq, role, row.last_read_seq)

    async def get(self, viewer_id: UUID, room_id: UUID) -> Room:
        found = await self._views(viewer_id, _seen_by(viewer_id).where(rooms.c.id == room_id))
        if not found:
            raise LookupError(f"no room {room_id}")
        return found[0]

    async def mine(self, viewer_id: UUID) -> list[Room]:
        query = _seen_by(viewer_id).where(members.c.user_id.is_not(None))
        return await self._views(viewer_id, query.order_by(members.c.joined_at, rooms.c.id))

    async def find_direct(self, viewer_id: UUID, direct_key: str) -> Room | None:
        found = await self._views(viewer_id, _seen_by(viewer_id).where(rooms.c.direct_key == direct_key))
        return found[0] if found else None

    async def browse(self, viewer_id: UUID, query: str, after: UUID | None, limit: int) -> list[Room]:
        statement = _seen_by(viewer_id).where(rooms.c.kind == RoomKind.PUBLIC.value)
        if query:
            statement = statement.where(contains(rooms.c.search_text, search_key(query)))
        if after is not None:
            position = rooms.alias("position")
            # Of a room that is not public, no position tells what it is called.
            last = (
                select(position.c.search_text)
                .where(position.c.id == after, position.c.kind == RoomKind.PUBLIC.value)
                .scalar_subquery()
            )
            statement = statement.where(
                or_(rooms.c.search_text > last, and_(rooms.c.search_text == last, rooms.c.id > after))
            )
        return await self._views(viewer_id, statement.order_by(rooms.c.search_text, rooms.c.id).limit(limit))

    async def change(self, room_id: UUID, name: str | None, topic: str) -> None:
        await self._connection.execute(
            update(rooms)
            .where(rooms.c.id == room_id)
            .values(name=name, search_text=search_key(name or ""), topic=topic)
        )

    async def add_member(self, room_id: UUID, user_id: UUID, role: MemberRole, at: datetime) -> None:
        # Nobody is behind with what was said before they came.
        last_seq = select(rooms.c.last_seq).where(rooms.c.id == room_id).scalar_subquery()
        await self._connection.execute(
            insert(members).values(
                room_id=room_id, user_id=user_id, role=role.value, joined_at=at, last_read_seq=last_seq
            )
        )

    async def remove_member(self, room_id: UUID, user_id: UUID) -> None:
        await self._connection.execute(delete(members).where(_membership(room_id, user_id)))

    async def set_member_role(self, room_id: UUID, user_id: UUID, role: MemberRole) -> None:
        await self._connection.execute(update(members).where(_membership(room_id, user_id)).values(role=role.value))

    async def mark_read(self, room_id: UUID, user_id: UUID, seq: int) -> None:
        further = case((members.c.last_read_seq < seq, seq), else_=members.c.last_read_seq)
        await self._connection.execute(
            update(members).where(_membership(room_id, user_id)).values(last_read_seq=further)
        )

    async def member(self, room_id: UUID, user_id: UUID) -> Member | None:
        row = (await self._connection.execute(_MEMBERS.where(_membership(room_id, user_id)))).one_or_none()
        return _member(row) if row else None

    async def members(self, room_id: UUID, after: str | None, limit: int) -> list[Member]:
        query = _MEMBERS.where(members.c.room_id == room_id).order_by(users.c.username).limit(limit)
        if after is not None:
            query = query.where(users.c.username > after)
        return [_member(row) for row in await self._connection.execute(query)]

    async def heir(self, room_id: UUID) -> UUID | None:
        # Who is banned looks after nothing, unless there is nobody else.
        best = users.c.banned_at.is_not(None), members.c.joined_at, members.c.user_id
        query = (
            select(members.c.user_id)
            .join(users, users.c.id == members.c.user_id)
            .where(members.c.room_id == room_id)
            .order_by(*best)
            .limit(1)
        )
        return (await self._connection.execute(query)).scalar_one_or_none()

    async def has_owner(self, room_id: UUID) -> bool:
        owner = exists().where(members.c.room_id == room_id, members.c.role == MemberRole.OWNER.value)
        return bool((await self._connection.execute(select(owner))).scalar_one())

    async def ids_of(self, user_id: UUID) -> list[UUID]:
        query = select(members.c.room_id).where(members.c.user_id == user_id)
        return list((await self._connection.execute(query)).scalars())

    async def _views(self, viewer_id: UUID, query: Select[*tuple[Any, ...]]) -> list[Room]:
        rows = (await self._connection.execute(query)).all()
        newest = await self._entries((row.id, row.message_seq) for row in rows if row.message_seq is not None)
        peers = await self._peers(viewer_id, [row.id for row in rows if row.kind == RoomKind.DIRECT.value])
        return [_room(row, peers.get(row.id), newest.get(row.id)) for row in rows]

    async def _entries(self, places: Iterable[tuple[UUID, int]]) -> dict[UUID, Entry]:
        wanted = list(places)
        if not wanted:
            return {}
        query = (
            select(*ENTRY)
            .select_from(entries_with_people())
            .where(tuple_(entries.c.room_id, entries.c.seq).in_(wanted))
        )
        return {row.room_id: entry(row) for row in await self._connection.execute(query)}

    async def _peers(self, viewer_id: UUID, room_ids: list[UUID]) -> dict[UUID, User]:
        if not room_ids:
            return {}
        query = (
            select(*ACCOUNT, members.c.room_id)
            .join(members, members.c.user_id == users.c.id)
            .where(members.c.room_id.in_(room_ids), members.c.user_id != viewer_id)
        )
        return {row.room_id: user(row) for row in await self._connection.execute(query)}


_MEMBERS = select(*ACCOUNT, members.c.role.label("member_role"), members.c.joined_at).join(
    members, members.c.user_id == users.c.id
)


def _membership(room_id: UUID | ColumnElement[UUID], user_id: UUID) -> ColumnElement[bool]:
    return and_(members.c.room_id == room_id, members.c.user_id == user_id)


def _seen_by(viewer_id: UUID) -> Select[*tuple[Any, ...]]:
    """All rooms, each with the viewer's membership where there is one."""
    everybody = members.alias("everybody")
    message = and_(
        entries.c.room_id == rooms.c.id, entries.c.kind == EntryKind.MESSAGE.value, entries.c.deleted_at.is_(None)
    )
    unread = and_(
        message,
        entries.c.seq > members.c.last_read_seq,
        entries.c.seq > rooms.c.last_seq - UNREAD_WINDOW,
        entries.c.author_id != viewer_id,
    )
    return select(
        *rooms.c,
        members.c.role,
        members.c.joined_at,
        members.c.last_read_seq,
        select(func.count()).where(everybody.c.room_id == rooms.c.id).scalar_subquery().label("member_count"),
        # Not max(): with an order and a limit, the search stops at the first that is not deleted.
        select(entries.c.seq)
        .where(message)
        .order_by(entries.c.seq.desc())
        .limit(1)
        .scalar_subquery()
        .label("message_seq"),
        select(func.count()).select_from(entries).where(unread).scalar_subquery().label("unread_count"),
    ).outerjoin(members, _membership(rooms.c.id, viewer_id))


def _room(row: AnyRow, peer: User | None, message: Entry | None) -> Room:
    membership = None
    if row.role is not None:
        membership = Membership(MemberRole(row.role), row.joined_at, row.last_read_seq, row.unread_count)
    return Room(
        id=row.id,
        kind=RoomKind(row.kind),
        name=row.name,
        topic=row.topic,
        created_at=row.created_at,
        last_seq=row.last_seq,
        member_count=row.member_count,
        membership=membership,
        peer=peer,
        last_message=message if membership else None,
    )


def _member(row: AnyRow) -> Member:
    return Member(user(row), MemberRole(row.member_role), row.joined_at)
