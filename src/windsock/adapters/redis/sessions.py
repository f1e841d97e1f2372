"""What is kept in Redis of a socket whose connection was lost, as ``@socket.io/redis-streams-adapter`` writes it."""

from __future__ import annotations

import math
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from windsock.adapters.base import SocketState
from windsock.adapters.fields import mapping, text, texts
from windsock.adapters.redis.entries import id_of, place_of
from windsock.adapters.redis.packing import pack, unpack
from windsock.adapters.remote import portable
from windsock.errors import EncodeError, MessageError

if TYPE_CHECKING:
    from windsock.adapters.fields import Fields

MAX_SESSION_BYTES: Final = 1024 * 1024
"""Of one socket that is kept: what the application has in ``socket.data``, and the names of its rooms. Whoever can
write to Redis could put there what takes a server's memory."""

MAX_ROOMS: Final = 10_000
"""Rooms of one socket that is kept."""

MAX_NAME: Final = 1_000
"""Characters of the name of a room."""

_PID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A socket that is kept, and what its node knew of its client.

    Args:
        state: of the socket.
        namespace: that it was in; ``None`` if a server on Node has written it, which does not tell.
        received: place of an entry up to which the client has everything, whatever it says itself; ``None``: not known.
        left_at: place up to which its node had read when it left; ``None``: not known.
    """

    state: SocketState
    namespace: str | None = None
    received: int | None = None
    left_at: int | None = None


def is_pid(pid: str) -> bool:
    """Whether a client's secret may be one: it becomes part of a key."""
    return _PID.fullmatch(pid) is not None


def write_session(session: KeptSession) -> bytes:
    """What is kept.

    Raises:
        EncodeError: it is too long.
    """
    state = session.state
    data = vars(state.data) if isinstance(state.data, SimpleNamespace) else state.data
    # The original's four, and what it does not look at.
    fields: dict[str, Any] = {"sid": state.id, "pid": state.pid, "rooms": list(state.rooms), "data": data or {}}
    fields |= {"nsp": session.namespace, "expires": state.expires_at}
    for name, place in (("received", session.received), ("leftAt", session.left_at)):
        if place is not None:
            fields[name] = id_of(place)
    try:
        packed = pack(fields)
    except EncodeError:
        packed = pack({**fields, "data": portable(fields["data"])})
    written = b64encode(packed)
    if len(written) > MAX_SESSION_BYTES:
        raise EncodeError(f"expected a socket of at most {MAX_SESSION_BYTES} bytes with its data, got {len(written)}")
    return written


def read_session(pid: str, data: bytes) -> KeptSession:
    """The opposite.

    Args:
        pid: the client's secret.
        data: what was kept for it.

    Raises:
        MessageError: it is none.
    """
    if len(data) > MAX_SESSION_BYTES:
        raise MessageError(f"expected a socket of at most {MAX_SESSION_BYTES} bytes, got {len(data)}")
    try:
        fields = mapping(unpack(b64decode(data, validate=True)))
    except ValueError as error:
        raise MessageError(f"expected base64: {error}") from error
    if text(fields, "pid") != pid:
        raise MessageError("expected the client's own secret, got another one")
    id = text(fields, "sid")
    rooms = texts(fields, "rooms")
    if len(rooms) > MAX_ROOMS or not id or any(len(name) > MAX_NAME for name in (id, *rooms)):
        raise MessageError(f"expected at most {MAX_ROOMS} rooms with names of at most {MAX_NAME} characters")
    content = fields.get("data")
    # As an application sets it: ``socket.data.user``. A client cannot choose it.
    value = SimpleNamespace(**content) if isinstance(content, dict) and all(map(_is_text, content)) else None
    expires = fields.get("expires")
    if expires is not None and not (isinstance(expires, int | float) and math.isfinite(expires)):
        # Without it, whoever comes back would stay for ever.
        raise MessageError(f"expected seconds as 'expires', got {expires!r:.100}")
    state = SocketState(id, pid, frozenset((id, *rooms)), value, expires)
    namespace = text(fields, "nsp") if fields.get("nsp") is not None else None
    state = replace(state, confirmed=namespace is not None)
    return KeptSession(state, namespace, _place(fields, "received"), _place(fields, "leftAt"))


def _place(fields: Fields, name: str) -> int | None:
    if fields.get(name) is None:
        return None
    place = place_of(text(fields, name))
    if place is None:
        raise MessageError(f"expected an entry's id as {name!r}, got {fields[name]!r:.100}")
    return place


def _is_text(key: Any) -> bool:
    return isinstance(key, str)
