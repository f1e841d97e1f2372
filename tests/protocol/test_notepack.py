"""MessagePack as notepack.io writes it: values there and back, and what is refused."""

from __future__ import annotations

import enum
import struct
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ormsgpack import Ext, packb
from pydantic import BaseModel

from windsock.protocol.notepack import UnreadableDate, dumps, loads

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=40)
    | st.binary(max_size=20)
    | st.integers(0, 2**45).map(lambda milliseconds: EPOCH + timedelta(milliseconds=milliseconds))
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=20) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner)
    ),
    max_leaves=20,
)


@given(values)
def test_round_trip(value: Any) -> None:
    assert loads(dumps(value)) == value


# -- what JavaScript has (notepack.io 2.2, lib/encode.js) --


def array_buffer(content: bytes) -> bytes:
    size = len(content)
    if size < 2**8:
        return b"\xc7%c\0%b" % (size, content)
    if size < 2**16:
        return b"\xc8" + struct.pack(">H", size) + b"\0" + content
    return b"\xc9" + struct.pack(">I", size) + b"\0" + content


def javascript_date(milliseconds: int) -> bytes:
    return b"\xd7\0" + struct.pack(">q", milliseconds)


UNDEFINED = b"\xd4\0\0"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (UNDEFINED, None),
        (b"\xc0", None),
        (b"\xca\x3f\xc0\0\0", 1.5),
        (b"\xcb\x7f\xf0" + bytes(6), float("inf")),
        (b"\xcf" + b"\xff" * 8, 2**64 - 1),
        (b"\xd3\x80" + bytes(7), -(2**63)),
        (javascript_date(0), EPOCH),
        (javascript_date(-1), EPOCH - timedelta(milliseconds=1)),
        (javascript_date(253402300799999), datetime(9999, 12, 31, 23, 59, 59, 999000, UTC)),
        (javascript_date(-62135596800000), datetime(1, 1, 1, tzinfo=UTC)),
        (b"\xc4\x01a", b"a"),
        *((array_buffer(bytes(size)), bytes(size)) for size in (0, 1, 2, 4, 7, 8, 9, 16, 255, 256, 65535, 65536)),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_known_forms(written: bytes, value: Any) -> None:
    assert loads(written) == value


pieces = st.one_of(
    st.just((UNDEFINED, None)),
    st.integers(-(2**40), 2**40).map(lambda number: (javascript_date(number), EPOCH + timedelta(milliseconds=number))),
    (st.sampled_from([1, 8]) | st.integers(0, 300)).flatmap(
        lambda size: st.binary(min_size=size, max_size=size).map(lambda content: (array_buffer(content), content))
    ),
    st.sampled_from([b"\xc7\x08\0", b"\xd7\0", b"\xd4\0\0", b"\xc7" * 300]).map(
        lambda content: (packb(content), content)
    ),
    scalars.filter(lambda value: not isinstance(value, datetime)).map(lambda value: (packb(value), value)),
    st.sampled_from(["", "x" * 40, "é" * 200, "x" * 70_000]).map(lambda text: (packb(text), text)),
    st.just((b"\x91" + UNDEFINED, [None])),
    st.just((b"\xde\0\1\xa1k" + javascript_date(0), {"k": EPOCH})),
    st.just((b"\xdd\0\0\0\1\x91" + array_buffer(b"x"), [[b"x"]])),
    st.just((b"\xdf\0\0\0\0", {})),
)


@given(st.lists(pieces, max_size=12))
def test_dates_and_buffers_of_the_same_length_are_told_apart(found: list[tuple[bytes, Any]]) -> None:
    written = b"\xdc" + struct.pack(">H", len(found)) + b"".join(piece for piece, _ in found)
    assert loads(written) == [value for _, value in found]


# -- what an application may send --


class Colour(enum.Enum):
    RED = "red"


class Name(str):
    __slots__ = ()


@dataclass
class Point:
    x: int
    labels: dict[Any, Any] = field(default_factory=dict)


class Picture(BaseModel):
    name: str
    data: bytes
    at: datetime | None = None
    labels: dict[int, str] = {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, 2), [1, 2]),
        (Point(1), {"x": 1, "labels": {}}),
        (Colour.RED, "red"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime(2024, 5, 1, 12, 0, 0, 123999, UTC), datetime(2024, 5, 1, 12, 0, 0, 123000, UTC)),
        (datetime(2024, 5, 1, tzinfo=timezone(timedelta(hours=2))), datetime(2024, 4, 30, 22, tzinfo=UTC)),
        (date(2024, 5, 1), "2024-05-01"),
        (time(12, 30), "12:30:00"),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        (Picture(name="a", data=b"\xff", at=EPOCH), {"name": "a", "data": b"\xff", "at": EPOCH, "labels": {}}),
        ({1: "one", None: 0, False: [], 1.5: 2}, {"1": "one", "null": 0, "false": [], "1.5": 2}),
        ({Name("name"): b"x"}, {"name": b"x"}),
        ({Colour.RED: (1, {2: 3})}, {"red": [1, {"2": 3}]}),
        ([Point(1, {2: EPOCH})], [{"x": 1, "labels": {"2": EPOCH}}]),
        (Picture(name="a", data=b"", labels={1: "b"}), {"name": "a", "data": b"", "at": None, "labels": {"1": "b"}}),
        ("\u2028 \x00 \U0001f600", "\u2028 \x00 \U0001f600"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values(value: Any, expected: Any) -> None:
    assert loads(dumps(value)) == expected


circle: list[Any] = []
circle.append(circle)
keyed_circle: dict[Any, Any] = {}
keyed_circle[1] = keyed_circle


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        2**64,
        -(2**63) - 1,
        1j,
        "\ud800",
        {(1, 2): 3},
        lambda: None,
        datetime(2024, 5, 1),  # noqa: DTZ001  of no time zone, which is the point
        circle,
        keyed_circle,
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_that_cannot_be_sent(value: Any) -> None:
    with pytest.raises(TypeError):
        dumps(["before", value])


# -- what is refused --


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x01\x01",
        b"\x01" + dumps(2**63 + 5),
        b"\xa1\xff",
        b"\xa3\xed\xa0\x80",
        b"\x81\x01\x01",
        b"\x81\xc0\x01",
        b"\x81\xc4\x01a\x01",
        b"\x81" + UNDEFINED + b"\x01",
        b"\xd4\x01a",
        b"\xd6\xff\0\0\0\1",
        b"\xc7\x0c\xff" + bytes(12),
        b"\xd5\0ab",
        b"\xd8\0" + bytes(16),
        b"\xd7\0" + bytes(7),
        *(
            bytes((head,)) + declared
            for head in (0xC6, 0xC9, 0xDB, 0xDD, 0xDF)
            for declared in (b"", b"\xff\xff\xff\xff", b"\0\0\0\x0a", b"\0\0\0\x01", b"\x7f\xff\xff\xff\0")
        ),
        b"\xdd\0\0\0\x02" + UNDEFINED,
        b"\xc7\xff\0" + bytes(254),
        b"\x91" * 2000 + b"\x01",
        b"\x81\xa1a" * 2000 + b"\x01",
        b"\x91" * 2000 + UNDEFINED,
    ],
    ids=lambda data: f"{data[:12].hex(' ')} ({len(data)})",
)
def test_malformed_data_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        loads(data)
    assert not isinstance(caught.value, UnreadableDate)


@given(
    st.binary(max_size=60) | st.lists(st.sampled_from([0xC7, 0xD4, 0xD7, 0, 1, 8, 0x91, 0x81, 0xA1, 0xDD])).map(bytes)
)
def test_anything_else_is_read_or_refused(data: bytes) -> None:
    try:
        value = loads(data)
    except ValueError:
        return
    assert loads(dumps(value)) == value or value != value  # not a number


@given(values, st.binary(min_size=1, max_size=12))
def test_nothing_may_follow(value: Any, rest: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(dumps(value) + rest)


@pytest.mark.parametrize("milliseconds", [8_640_000_000_000_000, -8_640_000_000_000_000, 253402300800000, 2**63 - 1])
def test_a_date_that_python_does_not_have(milliseconds: int) -> None:
    data = packb([1, Ext(0, struct.pack(">q", milliseconds)), {"a": Ext(0, bytes(8))}])
    with pytest.raises(UnreadableDate, match="year"):
        loads(data)
    assert loads(data, every_date=True) == [1, None, {"a": EPOCH}]


def test_such_a_date_is_no_excuse_for_anything_else() -> None:
    for data in (
        packb(Ext(0, b"\x7f" * 8)) * 2,
        b"\x01" + packb(Ext(0, b"\x7f" * 8)),
        b"\x92" + packb(Ext(0, b"\x7f" * 8)),
    ):
        with pytest.raises(ValueError, match=r"bytes behind|end of file") as caught:
            loads(data)
        assert not isinstance(caught.value, UnreadableDate)
