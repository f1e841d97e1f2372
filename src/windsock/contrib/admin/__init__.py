"""The administrator's page: a server for Socket.IO's admin UI (``pip install windsock[admin]``)."""

from windsock.contrib.admin.admin import Admin
from windsock.contrib.admin.authentication import BasicAuth
from windsock.contrib.admin.disclosure import HEADERS, QUERY
from windsock.contrib.admin.sessions import MemorySessions, SessionStore

__all__ = ["HEADERS", "QUERY", "Admin", "BasicAuth", "MemorySessions", "SessionStore"]
