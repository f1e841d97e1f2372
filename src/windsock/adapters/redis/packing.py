"""Values as the Redis adapters of Socket.IO write them: JSON, and MessagePack where JSON does not do.

Their MessagePack writes a ``Date`` as the timestamp of its specification (extension -1), a ``Buffer`` as bin, and
``undefined`` as nil.
"""

from __future__ import annotations

from typing import Any

import orjson
from ormsgpack import OPT_DATETIME_AS_TIMESTAMP_EXT, packb, unpackb

from windsock.adapters.wire import MAX_MESSAGE_BYTES
from windsock.errors import EncodeError, MessageError
from windsock.protocol.notepack import with_text_keys


def pack(value: Any) -> bytes:
    """A value as MessagePack.

    Raises:
        EncodeError: it holds what cannot be sent.
    """
    try:
        return packb(value, _lower, OPT_DATETIME_AS_TIMESTAMP_EXT)
    except TypeError as error:
        if "key" not in str(error):
            raise EncodeError(f"expected a value that MessagePack can carry: {error}") from error
    # Keys that are not text: rare, and JSON knows how they are written.
    try:
        return packb(with_text_keys(value), _lower, OPT_DATETIME_AS_TIMESTAMP_EXT)
    except (TypeError, RecursionError) as error:
        raise EncodeError(f"expected a value that MessagePack can carry: {error}") from error


def pack_mapping(value: dict[str, Any]) -> bytes:
    """A mapping as JSON, or as MessagePack if there are binary values in it.

    Raises:
        EncodeError: it holds what cannot be sent.
    """
    try:
        return orjson.dumps(value, _lower)
    except TypeError:
        return pack(value)


def unpack(data: bytes) -> Any:
    """A value in either of the two.

    Raises:
        MessageError: it is in none.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise MessageError(f"expected a message of at most {MAX_MESSAGE_BYTES} bytes, got {len(data)}")
    try:
        if data[:1] == b"{":
            return orjson.loads(data)
        return unpackb(data, option=OPT_DATETIME_AS_TIMESTAMP_EXT)
    except ValueError as error:
        raise MessageError(f"expected JSON or MessagePack: {error}") from error


def _lower(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump()
    raise TypeError(f"{type(value).__name__} cannot be sent")
