"""What the head of a request may be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

MAX_HEADERS: Final = 128
"""Fields in a request's head. uvicorn keeps as many as come."""

MAX_HEAD_SIZE: Final = 64 * 1024
"""Bytes in a request's head, and in the fields behind a chunked body. The parser keeps a field that does not end
without telling anybody, so what is counted beside the fields is what came while a head was not whole, or of a body
nothing."""

_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
"""What ``Host`` may be (RFC 9110, section 7.2): applications build addresses from it."""

Fields = Sequence[tuple[bytes, bytes]]
"""Names in lower case, and values."""


def is_too_large(fields: Fields) -> bool:
    """Whether they are more than ``MAX_HEAD_SIZE`` together."""
    return sum([len(name) + len(value) for name, value in fields]) > MAX_HEAD_SIZE


def names_a_host(fields: Fields, version: str) -> bool:
    """Whether there is one ``Host``, and it can be one; before HTTP/1.1 there may be none (RFC 9112, section 3.2)."""
    hosts = [value for name, value in fields if name == b"host"]
    if not hosts:
        return version != "1.1"
    return len(hosts) == 1 and _HOST.fullmatch(hosts[0]) is not None


def announces_body(fields: Fields) -> bool:
    """Whether a body follows (RFC 9112, section 6)."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0")) for name, value in fields
    )
