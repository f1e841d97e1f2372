"""Fields of other nodes' messages, read with suspicion: whoever can write to the medium may have made them up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from windsock.errors import MessageError

Fields = Mapping[str, Any]
"""What a message consists of."""


def mapping(value: Any) -> Fields:
    """A value that is to be a mapping.

    Raises:
        MessageError: it is none.
    """
    if not isinstance(value, Mapping):
        raise MessageError(f"expected a mapping, got {type(value).__name__}")
    return value


def text(fields: Fields, name: str) -> str:
    """A field that is to be text.

    Raises:
        MessageError: it is none, or not there.
    """
    value = fields.get(name)
    if not isinstance(value, str):
        raise MessageError(f"expected text as {name!r}, got {type(value).__name__}")
    return value


def sequence(fields: Fields, name: str) -> list[Any]:
    """A field that is to be a list.

    Raises:
        MessageError: it is none, or not there.
    """
    value = fields.get(name)
    if not isinstance(value, list):
        raise MessageError(f"expected a list as {name!r}, got {type(value).__name__}")
    return value


def texts(fields: Fields, name: str) -> tuple[str, ...]:
    """A field that is to be a list of texts.

    Raises:
        MessageError: it is none, or not there.
    """
    values = sequence(fields, name)
    if not all(isinstance(value, str) for value in values):
        raise MessageError(f"expected texts in {name!r}")
    return tuple(values)
