"""The database as a store of transactions."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from windsock_chat.domain.events import Event, Publisher
from windsock_chat.storage import sqlite
from windsock_chat.storage.invitations import SqlInvitations
from windsock_chat.storage.log import SqlLog
from windsock_chat.storage.rooms import SqlRooms
from windsock_chat.storage.sessions import SqlSessions
from windsock_chat.storage.users import SqlUsers

# A connection to SQLite is a thread; more of them than this wait for one another anyway.
_POOL = 8
# Seconds that a request waits for a connection before it fails.
_POOL_TIMEOUT = 10


class SqlWork:
    """Implements `windsock_chat.domain.repositories.Work` on one connection in a transaction."""

    __slots__ = ("events", "invitations", "log", "rooms", "sessions", "users")

    def __init__(self, connection: AsyncConnection) -> None:
        self.users = SqlUsers(connection)
        self.sessions = SqlSessions(connection)
        self.rooms = SqlRooms(connection)
        self.invitations = SqlInvitations(connection)
        self.log = SqlLog(connection)
        self.events: list[Event] = []

    def publish(self, event: Event) -> None:
        self.events.append(event)


class Database:
    """Implements `windsock_chat.domain.repositories.Store`.

    `place` is a SQLite file, or a URL of SQLAlchemy's with an asynchronous driver. What a transaction publishes goes to
    `publisher` after its commit and, on SQLite, before the next transaction may begin, so events go out in the order of
    the commits.
    """

    def __init__(self, place: Path | str, publisher: Publisher) -> None:
        url = sqlite.url(place) if isinstance(place, Path) else place
        self._engine = create_async_engine(url, pool_size=_POOL, max_overflow=0, pool_timeout=_POOL_TIMEOUT)
        self._publisher = publisher
        self._writer: AsyncEngine = self._engine
        self._turn: AbstractAsyncContextManager[Any] = nullcontext()
        if self._engine.dialect.name == "sqlite":
            self._writer, self._turn = sqlite.prepare(self._engine)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqlWork]:
        async with self._engine.connect() as connection:
            yield SqlWork(connection)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[SqlWork]:
        async with self._turn:
            async with self._writer.begin() as connection:
                work = SqlWork(connection)
                yield work
            for event in work.events:
                self._publisher.publish(event)

    async def check(self) -> None:
        """Ask the database for an answer; raises what the driver raises when there is none."""
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def migrate(self) -> None:
        """Bring the tables to the newest version."""
        async with self._writer.begin() as connection:
            await connection.run_sync(_upgrade)

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
