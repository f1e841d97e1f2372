"""MessagePack in the dialect of notepack.io, which Socket.IO's own packages write: what JavaScript has and Python
names otherwise travels as extensions of type 0.

An ``undefined`` is a fixext 1, a ``Date`` a fixext 8 with its milliseconds since the epoch, an ``ArrayBuffer`` or typed
array an ext 8, 16 or 32, whatever its length. A ``Buffer`` is bin. Needs ormsgpack, which ``windsock[msgpack]`` brings.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import orjson
from ormsgpack import OPT_PASSTHROUGH_DATETIME, Ext, packb, unpackb

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

_MARK: Final = int.from_bytes(os.urandom(7), "big") | 1 << 63
_END: Final = b"\xcf" + _MARK.to_bytes(8, "big")
"""Put behind what is read, and read with it: ormsgpack does not tell when bytes are left over. What nobody can guess
cannot stand there already."""


class UnreadableDate(ValueError):
    """A date beyond the years 1 to 9999, which Python ends with; JavaScript knows a thousand times more."""


def dumps(value: Any) -> bytes:
    """Writes a value; a ``datetime``, which needs a time zone, becomes a ``Date``.

    Raises:
        TypeError: it holds something that cannot be written.
    """
    try:
        return packb(value, _lower, OPT_PASSTHROUGH_DATETIME)
    except TypeError as error:
        if "key" not in str(error):
            raise
    # Keys that are not strings: rare, and ormsgpack would write them as they are, which is not what a reader expects.
    try:
        return packb(with_text_keys(value), _lower, OPT_PASSTHROUGH_DATETIME)
    except RecursionError:
        raise TypeError("it holds itself, or is nested too deeply") from None


def loads(data: bytes, *, every_date: bool = False) -> Any:
    """Reads one value; a ``Date`` becomes a ``datetime`` in UTC, ``undefined`` becomes ``None``.

    Args:
        data: nothing but the value.
        every_date: reads a date that Python does not have as ``None``.

    Raises:
        UnreadableDate: it holds one.
        ValueError: it is malformed, nested deeper than a thousand levels, or holds what notepack.io does not write:
            keys that are not strings, other extensions.
    """
    framed = b"\x92%b%b" % (data, _END)
    unreadable = False
    try:
        value, mark = unpackb(framed)
    except ValueError as error:
        if "ext_hook" not in str(error):
            raise
        # Most messages have no extensions, and are read faster without a function for them.
        (value, mark), unreadable = _read_extensions(framed)
    if mark != _MARK:
        raise ValueError("there are bytes behind the value")
    if unreadable and not every_date:
        raise UnreadableDate("expected a date from year 1 to 9999")
    return value


def _lower(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise TypeError("a datetime without a time zone names no instant")
        return Ext(0, ((value - _EPOCH) // _MILLISECOND).to_bytes(8, "big", signed=True))
    if isinstance(value, date | time):
        return value.isoformat()
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump()
    raise TypeError(f"{type(value).__name__} cannot be sent")


def with_text_keys(value: Any) -> Any:
    """The value, its mappings' keys as JSON would have them; pydantic's models and dataclasses become mappings."""
    if isinstance(value, dict):
        return {_text_key(key): with_text_keys(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [with_text_keys(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: with_text_keys(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if hasattr(value, "model_dump"):
        return with_text_keys(value.model_dump())
    return value


def _text_key(key: Any) -> str:
    """The key as JSON would have it."""
    if type(key) is str:
        return key
    written = orjson.dumps({key: None}, option=orjson.OPT_NON_STR_KEYS)
    text: str = next(iter(orjson.loads(written)))
    return text


# -- extensions --


def _read_extensions(data: bytes) -> tuple[Any, bool]:
    """What the data holds; and whether it holds dates that Python does not have, for which ``None`` stands there."""
    forms = _forms(data)
    unreadable = False

    def read(kind: int, content: bytes) -> Any:
        nonlocal unreadable
        fixed = next(forms)
        if kind != 0:
            raise ValueError  # which the caller sees as one of ormsgpack's
        if not fixed:
            return content
        if len(content) == 1:
            return None
        if len(content) != 8:
            raise ValueError
        try:
            return _EPOCH + int.from_bytes(content, "big", signed=True) * _MILLISECOND
        except OverflowError:
            unreadable = True
            return None

    try:
        return unpackb(data, ext_hook=read), unreadable
    except ValueError as error:
        if "ext_hook" in str(error):
            raise ValueError("it holds an extension of an unknown type") from None
        raise


_WIDTHS: Final = {0xD9: 1, 0xDA: 2, 0xDB: 4, 0xC4: 1, 0xC5: 2, 0xC6: 4, 0xC7: 1, 0xC8: 2, 0xC9: 4}
"""Bytes of the length that follows the heads of str, bin and ext."""

_EXTENSIONS: Final = frozenset((0xC7, 0xC8, 0xC9))
_FIXED_EXTENSIONS: Final = {0xD4: 3, 0xD5: 4, 0xD6: 6, 0xD7: 10, 0xD8: 18}


def _sizes() -> Iterator[int]:
    """Of the token that each byte begins; 0 for those that say it in what follows, and for extensions."""
    numbers = {0xCA: 5, 0xCB: 9, 0xCC: 2, 0xCD: 3, 0xCE: 5, 0xCF: 9, 0xD0: 2, 0xD1: 3, 0xD2: 5, 0xD3: 9}
    containers = {0xDC: 3, 0xDD: 5, 0xDE: 3, 0xDF: 5}
    for head in range(256):
        if 0xA0 <= head < 0xC0:
            yield head - 0x9F
        elif head in _WIDTHS or head in _FIXED_EXTENSIONS:
            yield 0
        else:
            yield numbers.get(head) or containers.get(head) or 1


_SIZES: Final = tuple(_sizes())


def _forms(data: bytes) -> Iterator[bool]:
    """Whether each extension, in order, is a fixext: ormsgpack tells its type and content alone, and a ``Date`` and
    an ``ArrayBuffer`` of eight bytes differ in nothing else.

    Whoever asks for the next has parsed the data as far as there, so its lengths are true.
    """
    position = 0
    while True:
        head = data[position]
        size = _SIZES[head]
        if size:
            position += size
        elif head in _FIXED_EXTENSIONS:
            yield True
            position += _FIXED_EXTENSIONS[head]
        else:
            width = _WIDTHS[head]
            position += 1 + width + int.from_bytes(data[position + 1 : position + 1 + width], "big")
            if head in _EXTENSIONS:
                yield False
                position += 1
