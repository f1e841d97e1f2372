"""What a failed assertion says."""

from __future__ import annotations

from typing import Any

import pytest

from windsock import Server, Socket
from windsock.testing import Event, Harness
from windsock.testing.event import describe, find_difference


def make(name: str, *arguments: Any) -> Event:
    return Event(name, list(arguments), lambda *_: None)


def test_what_came_instead() -> None:
    assert describe([]) == "nothing"
    assert describe([make("left")]) == "'left' with []"
    events = [make("said", "hello"), make("left", 1), make("said", "hallo", 2)]
    assert describe(events, "said", ["hello", 2]).splitlines() == [
        "these:",
        "    'said' with ['hello']  (arguments has 1 values, not 2)",
        "    'left' with [1]",
        "    'said' with ['hallo', 2]  (arguments[0] is 'hallo', not 'hello')",
    ]


def test_much_is_told_shortly() -> None:
    assert len(describe([make("long", "x" * 10_000)], "long", ["y" * 10_000])) < 1200
    lines = describe([make("n", number) for number in range(100)]).splitlines()
    assert lines[1:3] == ["    … 80 more", "    'n' with [80]"]
    assert lines[-1] == "    'n' with [99]"


@pytest.mark.parametrize(
    ("expected", "got", "difference"),
    [
        ([1], [1], None),
        ([{"a": [1, {"b": 2}]}], [{"a": [1, {"b": 3}]}], "arguments[0]['a'][1]['b'] is 3, not 2"),
        ([{"a": 1, "b": 2}], [{"b": 2}], "arguments[0]['a'] is missing"),
        ([{"a": 1}], [{"a": 1, "b": 2}], "arguments[0]['b'] is too much"),
        ([[1, 2]], [[1]], "arguments[0] has 1 values, not 2"),
        ([{}], [[]], "arguments[0] is [], not {}"),
    ],
)
def test_where_two_payloads_differ(expected: Any, got: Any, difference: str | None) -> None:
    assert find_difference(expected, got) == difference


async def test_an_expected_event_with_another_payload(windsock_harness: Harness) -> None:
    io = Server()
    peer = await windsock_harness.connect(io)
    io.emit("said", {"text": "hallo", "by": "ada"})
    with pytest.raises(AssertionError) as caught:
        await peer.assert_emitted("said", {"text": "hello", "by": "ada"})
    assert str(caught.value).startswith(
        "expected 'said' with [{'text': 'hello', 'by': 'ada'}], got 'said' with [{'text': 'hallo', 'by': 'ada'}]"
        "  (arguments[0]['text'] is 'hallo', not 'hello'); the clock stands still, and the next timer is due in"
    )


async def test_an_error_is_expected_by_what_a_handler_raised() -> None:
    """The log's line says which handler it was; what went wrong is its exception's."""
    io = Server()

    @io.on("fail")
    def fail(socket: Socket) -> None:
        raise RuntimeError("the disk is full")

    async with Harness() as harness:
        peer = await harness.connect(io)
        await peer.emit_with_ack("fail")
        with pytest.raises(AssertionError, match="expected an error with 'the disk is empty'"):
            harness.expect_error("the disk is empty")
        harness.expect_error("the disk is full")
