"""What is shown of values: whatever they are, they can be sent, and are not large."""

from __future__ import annotations

import datetime
import enum
import uuid
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windsock.contrib.admin.disclosure import MAX_CHARACTERS, MAX_TEXT, MAX_VALUES, summarise


class Colour(enum.Enum):
    RED = "red"


class Secret:
    """Of whatever it holds, nothing is shown."""

    def __repr__(self) -> str:
        return "s3cret"


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.characters(categories=["Cs"])
    | st.binary()
    | st.builds(Secret)
    | st.dates(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.booleans(), inner) | st.tuples(inner)
    ),
)


@given(VALUES)
def test_it_can_be_encoded(value: Any) -> None:
    assert b"s3cret" not in orjson.dumps(summarise(value))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": [1, 2.5, None, True]}, {"a": [1, 2.5, None, True]}),
        (b"\x00\x01", "(2 bytes)"),
        (bytearray(3), "(3 bytes)"),
        (Colour.RED, "red"),
        (Secret(), "(Secret)"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (uuid.UUID(int=0), "00000000-0000-0000-0000-000000000000"),
        (2**53 - 1, 2**53 - 1),
        (2**80, str(2**80)),
        ("a\ud800", "a?"),
        ({1: "a", Secret(): "b"}, {"1": "a", "(Secret)": "b"}),
        ("x" * (MAX_TEXT + 1), "x" * MAX_TEXT + f"… ({MAX_TEXT + 1} characters)"),
    ],
)
def test_values(value: Any, shown: Any) -> None:
    assert summarise(value) == shown


def test_a_large_payload_is_cut() -> None:
    assert len(summarise(list(range(100_000)))) == MAX_VALUES
    assert summarise(list(range(100_000)))[-1] == f"({100_000 - MAX_VALUES + 1} more)"
    assert len(summarise({str(number): number for number in range(1000)})) == MAX_VALUES
    wide: Any = [["x" * 50] * 50] * 50
    assert len(orjson.dumps(summarise(wide))) < 20_000
    assert sum(map(len, summarise(["x" * MAX_TEXT] * 20))) < 2 * MAX_CHARACTERS
    assert summarise([1 << 100_000]) == ["(integer)"]
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    assert len(orjson.dumps(summarise(deep))) < 100
