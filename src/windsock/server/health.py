"""Whether a server takes clients, for whoever balances load or restarts what is broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import orjson

if TYPE_CHECKING:
    from windsock.server.server import Server
    from windsock.types import Receive, Scope, Send

Status = Literal["ok", "degraded", "full", "closing"]


@dataclass(frozen=True, slots=True)
class Health:
    """How a server is.

    Attributes:
        status: ``ok``; ``degraded`` when it takes clients, but something it relies on does not work; ``full`` when it
            has as many sessions as it may; ``closing`` when it shuts down.
        sessions: that are open or closing.
        problems: of what does not work, by the namespace whose adapter says so.
    """

    status: Status
    sessions: int
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether the server takes clients."""
        return self.status in ("ok", "degraded")


@runtime_checkable
class Reporting(Protocol):
    """An adapter that knows whether it works."""

    @property
    def problem(self) -> str | None:
        """What does not work, in words that may be shown to anybody; ``None`` when all does."""


def examine(io: Server) -> Health:
    """How a server is at this moment."""
    sessions = len(io.engine.sessions)
    if io.closing or io.engine.draining:
        return Health("closing", sessions)
    problems: dict[str, str] = {}
    for namespace in io.namespaces.values():
        adapter = namespace.adapter
        problem = adapter.problem if isinstance(adapter, Reporting) else None
        if problem is not None:
            problems[namespace.registry.name] = problem
    if sessions >= io.engine.options.max_sessions:
        return Health("full", sessions, problems)
    return Health("degraded" if problems else "ok", sessions, problems)


class HealthCheck:
    """An ASGI application that says how a server is; to be mounted in another one.

    It answers every request with a small JSON object: 200 when the server takes clients, else 503.

    Args:
        io: the server.
    """

    def __init__(self, io: Server) -> None:
        self._io = io

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            raise NotImplementedError(f"expected an HTTP request, got {scope['type']!r}")
        health = examine(self._io)
        content: dict[str, Any] = {"status": health.status, "sessions": health.sessions}
        if health.problems:
            content["problems"] = health.problems
        body = orjson.dumps(content)
        headers = [
            (b"content-type", b"application/json"),
            (b"cache-control", b"no-store"),
            (b"content-length", b"%d" % len(body)),
        ]
        status = 200 if health.ready else 503
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
