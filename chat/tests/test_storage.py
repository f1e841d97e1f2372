"""The database: its migrations, its settings, and that a transaction is one."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, create_mock_engine

from chat.tests.server import query
from windsock_chat.domain.entry import Entry, EntryKind
from windsock_chat.domain.events import EntryAppended, Event
from windsock_chat.domain.repositories import NewEntry, Taken
from windsock_chat.domain.room import RoomKind
from windsock_chat.domain.user import Account, Role
from windsock_chat.storage import Database
from windsock_chat.storage.tables import metadata


class Listener:
    """Hears what is published."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def publish(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest_asyncio.fixture
async def database(tmp_path: Path, listener: Listener) -> AsyncIterator[Database]:
    database = Database(tmp_path / "chat.db", listener)
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture
def ada() -> Account:
    return Account(uuid4(), "ada", "Ada", "", Role.MEMBER, datetime.now(UTC), None, None, None)


async def test_the_migrations_make_the_tables_that_the_code_uses(database: Database, tmp_path: Path) -> None:
    # A second start changes nothing.
    await database.migrate()

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))

    engine = create_engine(f"sqlite:///{tmp_path / 'chat.db'}")
    with engine.connect() as connection:
        assert differences(connection) == []
    engine.dispose()


async def test_sqlite_is_set_up_for_many_readers_and_a_power_cut(database: Database, tmp_path: Path) -> None:
    assert query(tmp_path, "PRAGMA journal_mode") == [("wal",)]
    async with database.read() as work:
        for pragma, value in (("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5000)):
            found = await work.log._connection.exec_driver_sql(f"PRAGMA {pragma}")
            assert found.scalar_one() == value, pragma


def test_the_tables_can_be_made_on_postgresql() -> None:
    statements: list[Any] = []
    engine = create_mock_engine("postgresql://", lambda sql, *_: statements.append(sql))
    metadata.create_all(engine, checkfirst=False)
    compiled = [str(statement.compile(dialect=engine.dialect)) for statement in statements]
    assert sum("CREATE TABLE" in sql for sql in compiled) == len(metadata.tables)


async def test_what_fails_changes_nothing_and_is_not_told(database: Database, listener: Listener, ada: Account) -> None:
    room_id, now = uuid4(), datetime.now(UTC)
    author = ada.user(None).author()
    message = NewEntry(room_id, EntryKind.MESSAGE, author, now, "hello", client_id=uuid4())

    async def append(new: NewEntry, error: type[Exception] | None = None) -> Entry:
        async with database.write() as work:
            entry = await work.log.append(new)
            work.publish(EntryAppended(entry))
            heard = len(listener.events)
            if error is not None:
                raise error
        assert heard == len(listener.events) - 1
        return entry

    async with database.write() as work:
        await work.users.add(ada, "hash")
        await work.rooms.add(room_id, RoomKind.PUBLIC, "room", "", now, None)
    first = await append(message)
    assert listener.events == [EntryAppended(first)]

    with pytest.raises(ZeroDivisionError):
        await append(NewEntry(room_id, EntryKind.LEFT, author, now), ZeroDivisionError)
    with pytest.raises(Taken):
        await append(message)

    assert listener.events == [EntryAppended(first)]
    # The numbers of what was rolled back are not lost.
    second = await append(NewEntry(room_id, EntryKind.LEFT, author, now))
    assert second.seq == 2
    async with database.read() as work:
        assert await work.log.between(room_id, 1, 9) == [first, second]


async def test_a_reader_sees_one_state(database: Database, ada: Account) -> None:
    async with database.read() as reader:
        assert not await reader.users.any()
        async with database.write() as work:
            await work.users.add(ada, "hash")
        assert not await reader.users.any()
    async with database.read() as reader:
        assert await reader.users.any()


async def test_tokens_that_continue_nothing_are_forgotten(database: Database, ada: Account) -> None:
    """Also those of a session that goes on: it has one more for each quarter of an hour."""
    long_ago, since, now = (datetime.now(UTC) - timedelta(days=days) for days in (60, 30, 0))
    going, gone = uuid4(), uuid4()
    async with database.write() as work:
        await work.users.add(ada, "hash")
        for session_id in (going, gone):
            await work.sessions.add(session_id, ada.id, long_ago)
            await work.sessions.add_token(session_id, session_id.bytes + b"old", long_ago)
        await work.sessions.add_token(going, going.bytes + b"new", now)
    async with database.write() as work:
        await work.sessions.purge(since)
    async with database.write() as work:
        assert await work.sessions.get(going) is not None
        assert await work.sessions.get(gone) is None
        assert await work.sessions.find_token(going.bytes + b"new") is not None
        for session_id in (going, gone):
            assert await work.sessions.find_token(session_id.bytes + b"old") is None
