"""The entries of a stream as ``@socket.io/redis-streams-adapter`` 0.3 writes them, and what it publishes beside them.

What changes something for clients is an entry of a stream, and can be read later; a question to the other nodes, and
what they answer, is published and gone.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Final

from windsock.adapters.fields import mapping
from windsock.adapters.messages import Broadcast, ClusterMessage, FetchSockets, ServerSideEmit
from windsock.adapters.redis.packing import pack, pack_mapping, unpack
from windsock.adapters.wire import from_mapping, to_mapping
from windsock.errors import MessageError

STREAM: Final = "socket.io"
"""Name of the stream, and what the channels begin with, unless the application says otherwise."""

MARK: Final = ("nsp", "", "type", "2")
"""Fields of an entry that says nothing to anybody: an empty stream has no place from which clients could come back."""

BEGINNING: Final = 0
"""Place before all entries."""

_ID: Final = re.compile(r"([0-9]{1,20})-([0-9]{1,20})")
_MAX: Final = 2**64


def place_of(id: str) -> int | None:
    """Where an entry stands in its stream, by its id; ``None`` if it is none. Later entries have higher places."""
    match = _ID.fullmatch(id)
    if match is None:
        return None
    milliseconds, number = int(match[1]), int(match[2])
    return None if milliseconds >= _MAX or number >= _MAX else milliseconds * _MAX + number


def id_of(place: int) -> str:
    """The opposite."""
    milliseconds, number = divmod(place, _MAX)
    return f"{milliseconds}-{number}"


def streams(name: str, count: int) -> list[str]:
    """All that begin with ``name``. The original writes to those with negative numbers, and reads the others."""
    return [name] if count == 1 else [f"{name}-{place}" for place in range(1 - count, count)]


def stream_of(namespace: str, name: str, count: int) -> str:
    """The stream of a namespace, of ``count`` that begin with ``name``: the original's hash decides."""
    if count == 1:
        return name
    hash = 0
    units = namespace.encode("utf-16-le", "surrogatepass")
    for place in range(0, len(units), 2):
        hash = (hash * 31 + int.from_bytes(units[place : place + 2], "little")) % 2**32
    # JavaScript's: 32 bits with a sign, which the remainder has, too.
    return f"{name}-{hash % count if hash < 2**31 else -((2**32 - hash) % count)}"


def is_ephemeral(message: ClusterMessage) -> bool:
    """Whether a message is published, and no entry."""
    if isinstance(message, Broadcast):
        return message.request_id is not None
    return isinstance(message, ServerSideEmit | FetchSockets)


def write_entry(namespace: str, message: ClusterMessage) -> tuple[bytes | str, ...]:
    """Names and values of the fields, one after the other.

    Raises:
        EncodeError: it holds what cannot be sent.
    """
    fields = to_mapping(namespace, message)
    data = pack_mapping(fields["data"])
    if data[:1] != b"{":
        data = b64encode(data)
    return "uid", message.uid, "nsp", namespace, "type", str(fields["type"]), "data", data


def read_entry(fields: Mapping[bytes, bytes]) -> ClusterMessage:
    """The message of an entry.

    Raises:
        MessageError: it is none.
    """
    data = fields.get(b"data", b"{}")
    try:
        # The one letter that no base64 has.
        content = unpack(data if data[:1] == b"{" else b64decode(data, validate=True))
        type = int(fields[b"type"])
        return from_mapping({"uid": fields[b"uid"].decode(), "type": type, "data": content})
    except KeyError as error:
        raise MessageError(f"expected a field {error}") from error
    except ValueError as error:
        raise MessageError(f"expected an entry of a stream: {error}") from error


def write_message(namespace: str, message: ClusterMessage, after: str) -> bytes:
    """What is published.

    Args:
        namespace: whose.
        message: what is said.
        after: id of the last entry that its node has written before: our own nodes read that first. The original's do
            not look at it.

    Raises:
        EncodeError: it holds what cannot be sent.
    """
    return pack({**to_mapping(namespace, message), "after": after})


def read_message(namespace: str, data: bytes) -> tuple[ClusterMessage, int]:
    """The opposite, and the place after which it is to be taken.

    Raises:
        MessageError: it is none, or of another namespace.
    """
    fields: Any = mapping(unpack(data))
    if fields.get("nsp") != namespace:
        raise MessageError(f"expected a message of {namespace!r}, got one of {fields.get('nsp')!r:.100}")
    after = fields.get("after")
    return from_mapping(fields), (place_of(after) if isinstance(after, str) else None) or BEGINNING
