"""Names for the shapes that cross module boundaries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal

Scope = MutableMapping[str, Any]
"""An ASGI connection scope."""
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

TransportName = Literal["polling", "websocket"]

DisconnectReason = str
"""Why a socket disconnected; the words are Socket.IO's: ``client namespace disconnect``, ``server namespace
disconnect``, ``transport close``, ``transport error``, ``ping timeout``, ``parse error``, ``forced close``,
``forced server close``, ``server shutting down``; and ``auth expired``."""
