"""The database: domain objects in, domain objects out. What is SQLite's alone stands in `sqlite.py`."""

from windsock_chat.storage.database import Database

__all__ = ["Database"]
