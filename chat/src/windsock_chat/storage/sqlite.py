"""Everything that is SQLite's alone."""

from asyncio import Lock
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

_BEGIN = "windsock_begin"


def url(file: Path) -> URL:
    """The address of a database in a file."""
    return URL.create("sqlite+aiosqlite", database=str(file))


def prepare(engine: AsyncEngine) -> tuple[AsyncEngine, AbstractAsyncContextManager[None]]:
    """Set up a SQLite engine; returns the engine for transactions that write, and the lock that they hold.

    SQLite has one writer at a time. Waiting for the turn here, in order, costs nothing; waiting in the database would
    cost a thread each and give the turn to whoever asks at the right moment. Another process is still waited for in the
    database, for as long as `busy_timeout`.
    """
    event.listen(engine.sync_engine, "connect", _set_up)
    event.listen(engine.sync_engine, "begin", _begin)
    # IMMEDIATE takes the write lock at once: a transaction that has read may otherwise not be allowed to write.
    return engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"}), Lock()


def _set_up(connection: Any, record: ConnectionPoolEntry) -> None:
    # The driver leaves BEGIN to us, as its own comes too late for a consistent read.
    connection.isolation_level = None
    cursor = connection.cursor()
    # Readers do not wait for the writer, nor it for them.
    cursor.execute("PRAGMA journal_mode = WAL")
    # An acknowledged message survives a power cut.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA busy_timeout = 5000")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA trusted_schema = OFF")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
