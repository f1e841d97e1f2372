"""The figures of one server, as the UI's dashboard wants them."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from windsock.server.server import Server

MAX_NAMESPACES: Final = 1000
"""Namespaces that are listed: with dynamic ones, their names are the clients' to make up."""


class Statistics:
    """Counts what the dashboard shows.

    Args:
        io: the server.
        server_id: distinguishes the servers of a cluster; by default made of the host's name and the process's id.
    """

    def __init__(self, io: Server, server_id: str | None) -> None:
        hostname = socket.gethostname()
        self._io = io
        self._traffic = io.engine.meter()
        self._server: dict[str, Any] = {
            "serverId": server_id or f"{hostname}#{os.getpid()}",
            "hostname": hostname,
            "pid": os.getpid(),
        }
        self._started_at = time.monotonic()
        self._polling = 0
        self._open = 0
        self._bytes = (0, 0)
        # Counted while somebody looks: by second, kind, and the reason of a disconnection.
        self._events: dict[tuple[int, str, str | None], int] | None = None

    def opened(self, *, polling: bool) -> None:
        """A session was opened."""
        self._open += 1
        self._polling += polling
        self.count("rawConnection")

    def upgraded(self) -> None:
        """A session moved to a WebSocket."""
        self._polling -= 1

    def closed(self, reason: str, *, polling: bool) -> None:
        """A session is over."""
        self._open -= 1
        self._polling -= polling
        self.count("rawDisconnection", reason)

    def count(self, kind: str, detail: str | None = None, number: int = 1) -> None:
        """Something happened, for the dashboard's histograms."""
        if self._events is not None:
            key = (int(time.time()), kind, detail)
            self._events[key] = self._events.get(key, 0) + number

    def start(self) -> None:
        """Somebody looks."""
        if self._events is None:
            self._events = {}
            self._bytes = self._transferred()

    def stop(self) -> None:
        """Nobody looks any more."""
        self._events = None

    def figures(self) -> dict[str, Any]:
        """The figures of this moment (``ServerStats``)."""
        namespaces = list(self._io.namespaces.values())[:MAX_NAMESPACES]
        return {
            **self._server,
            "uptime": time.monotonic() - self._started_at,
            "clientsCount": self._open,
            "pollingClientsCount": self._polling,
            "aggregatedEvents": [],
            "namespaces": [
                {"name": namespace.name, "socketsCount": len(namespace.sockets)} for namespace in namespaces
            ],
        }

    def take(self) -> dict[str, Any]:
        """The same, with what happened since it was taken last."""
        received, sent = self._transferred()
        for kind, number in (("bytesIn", received - self._bytes[0]), ("bytesOut", sent - self._bytes[1])):
            if number:
                self.count(kind, number=number)
        self._bytes = (received, sent)
        happened = [
            {"timestamp": second * 1000, "type": kind, "count": number}
            | ({} if detail is None else {"subType": detail})
            for (second, kind, detail), number in (self._events or {}).items()
        ]
        if self._events is not None:
            self._events = {}
        return {**self.figures(), "aggregatedEvents": happened}

    def _transferred(self) -> tuple[int, int]:
        traffic = self._traffic.values()
        return sum(each.received for each in traffic), sum(each.sent for each in traffic)
