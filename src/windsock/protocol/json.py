"""JSON messages of plain WebSockets."""

from __future__ import annotations

from typing import Any

import orjson

from windsock.errors import DecodeError, EncodeError


def encode(value: Any) -> bytes:
    """UTF-8 of what orjson takes, and of whatever has a ``model_dump`` method (pydantic models).

    Raises:
        EncodeError: it is something else, or holds text that is not Unicode.
    """
    try:
        return orjson.dumps(value, _dump, orjson.OPT_NON_STR_KEYS)
    except TypeError as error:
        raise EncodeError(f"expected what JSON can hold: {error}") from error


def decode(message: str | bytes) -> Any:
    """The value.

    Raises:
        DecodeError: it is not JSON.
    """
    try:
        return orjson.loads(message)
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"expected JSON, got {message[:40]!r}: {error}") from None


def _dump(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if dump is None:
        raise TypeError(f"{type(value).__name__} cannot be sent")
    return dump()
