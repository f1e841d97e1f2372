"""The logs of the rooms, in the database."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from windsock_chat.domain.entry import Entry, EntryKind
from windsock_chat.domain.repositories import NewEntry, SentEntry, Taken
from windsock_chat.storage.rows import ENTRY, entries_with_people, entry
from windsock_chat.storage.tables import entries, rooms


class SqlLog:
    """Implements `windsock_chat.domain.repositories.Log`."""

    __slots__ = ("_connection",)

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def append(self, new: NewEntry) -> Entry:
        # The update locks the room's row until the transaction ends, and a rollback takes the number back.
        number = (update(rooms).where(rooms.c.id == new.room_id).values(last_seq=rooms.c.last_seq + 1)).returning(
            rooms.c.last_seq
        )
        seq: int = (await self._connection.execute(number)).scalar_one()
        entry_id = uuid4()
        try:
            await self._connection.execute(
                insert(entries).values(
                    room_id=new.room_id,
                    seq=seq,
                    id=entry_id,
                    kind=new.kind.value,
                    author_id=new.author.id,
                    subject_id=new.subject.id if new.subject else None,
                    text=new.text,
                    target_seq=new.target_seq,
                    client_id=new.client_id,
                    created_at=new.created_at,
                )
            )
        except IntegrityError as error:
            raise Taken from error
        return Entry(
            room_id=new.room_id,
            seq=seq,
            id=entry_id,
            kind=new.kind,
            author=new.author,
            subject=new.subject,
            text=new.text,
            target_seq=new.target_seq,
            client_id=new.client_id,
            created_at=new.created_at,
            edited_at=None,
            deleted=False,
            revised_seq=None,
        )

    async def sent(self, author_id: UUID, client_id: UUID) -> SentEntry | None:
        query = (
            select(*ENTRY)
            .select_from(entries_with_people())
            .where(entries.c.author_id == author_id, entries.c.client_id == client_id)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return SentEntry(entry(row), row.text) if row else None

    async def get(self, room_id: UUID, seq: int) -> Entry | None:
        found = await self.between(room_id, seq, seq)
        return found[0] if found else None

    async def revise(self, room_id: UUID, seq: int, text: str, revised_seq: int, at: datetime) -> None:
        await self._connection.execute(
            update(entries)
            .where(entries.c.room_id == room_id, entries.c.seq == seq)
            .values(revised_text=text, revised_seq=revised_seq, edited_at=at)
        )

    async def erase(self, room_id: UUID, seq: int, revised_seq: int, at: datetime) -> None:
        edit_of_it = (entries.c.kind == EntryKind.EDIT.value) & (entries.c.target_seq == seq)
        await self._connection.execute(
            update(entries)
            .where(entries.c.room_id == room_id, or_(entries.c.seq == seq, edit_of_it))
            .values(text=None, revised_text=None)
        )
        await self._connection.execute(
            update(entries)
            .where(entries.c.room_id == room_id, entries.c.seq == seq)
            .values(revised_seq=revised_seq, deleted_at=at)
        )

    async def between(self, room_id: UUID, first: int, last: int) -> list[Entry]:
        query = (
            select(*ENTRY)
            .select_from(entries_with_people())
            .where(entries.c.room_id == room_id, entries.c.seq.between(first, last))
            .order_by(entries.c.seq)
        )
        return [entry(row) for row in await self._connection.execute(query)]
