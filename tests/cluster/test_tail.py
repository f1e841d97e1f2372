"""The newest entries of a stream, and who is away: what is kept, and what is believed."""

from __future__ import annotations

from base64 import b64encode
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cluster.strategies import names, values
from tests.cluster.test_vocabulary import garbage, msgpack
from windsock import EncodeError, SocketState
from windsock.adapters.base import EVERYBODY
from windsock.adapters.messages import Broadcast, Payload
from windsock.adapters.redis.reader import MAX_WAITING, StreamReader
from windsock.adapters.redis.sessions import MAX_SESSION_BYTES, KeptSession, read_session, write_session
from windsock.adapters.redis.tail import ENTRY_BYTES, Entry, Tail
from windsock.errors import MessageError

HELLO = Broadcast("u", EVERYBODY, Payload(["hello"]))


@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from(["/", "/a"]), st.integers(0, 3_000))), st.integers(0, 200))
def test_everything_after_the_start_is_there(entries: list[tuple[int, str, int]], after: int) -> None:
    tail = Tail(5 * ENTRY_BYTES)
    tail.begin(10)
    place = 10
    said: list[int] = []
    for step, namespace, size in entries:
        place += step
        if namespace == "/":
            said.append(place)
        tail.append(Entry(place, namespace, HELLO, size))
    kept = [entry.place for entry in tail.after(max(after, tail.start), "/")]
    assert kept == [each for each in said if each > max(after, tail.start)]
    costs = 0
    for step, _, size in reversed(entries):
        costs += 2 * size + ENTRY_BYTES
        if costs > 5 * ENTRY_BYTES:
            break
        place -= step
    assert tail.start == (10 if costs <= 5 * ENTRY_BYTES else place)


def test_what_had_been_read_at_a_time() -> None:
    tail = Tail()
    assert tail.place_at(5.0) == 0
    for now, place in ((10.0, 1), (10.5, 2), (11.0, 3), (20.0, 9)):
        tail.mark(now, place)
    assert [tail.place_at(time) for time in (9.9, 10.0, 10.9, 11.0, 19.0, 20.0, 99.0)] == [0, 1, 1, 3, 3, 9, 9]
    for second in range(10_000):
        tail.mark(100.0 + second, second)
    assert tail.place_at(9_000.0) == 0, "a bounded number of notes"
    tail.begin(5)
    assert tail.place_at(1e9) == 0


pids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
data = st.dictionaries(st.text(), values, max_size=3)


@given(pids, names, st.frozensets(names, max_size=5), data, st.none() | st.integers(0, 2**128 - 1))
def test_any_socket_that_is_away(pid: str, id: str, rooms: frozenset[str], data: dict[str, Any], place: int) -> None:
    state = SocketState(id, pid, rooms | {id}, SimpleNamespace(**data), 5.5)
    session = KeptSession(state, "/a", place, place)
    assert read_session(pid, write_session(session)) == session


def test_what_cannot_be_kept() -> None:
    state = SocketState("s", "p", frozenset("s"), SimpleNamespace(file=object(), name="Ada"))
    kept = read_session("p", write_session(KeptSession(state, "/")))
    assert vars(kept.state.data) == {"file": None, "name": "Ada"}
    big = SocketState("s", "p", frozenset("s"), SimpleNamespace(text="x" * MAX_SESSION_BYTES))
    with pytest.raises(EncodeError, match="bytes"):
        write_session(KeptSession(big, "/"))


forged = st.fixed_dictionaries(
    {"pid": st.just("p") | values, "sid": st.text() | values, "rooms": st.lists(st.text()) | values},
    optional={"data": values, "nsp": values, "received": values | st.text(), "leftAt": values, "expires": values},
).map(msgpack)


@given(st.binary() | (garbage | forged).map(b64encode))
def test_garbage_is_no_socket(data: bytes) -> None:
    try:
        session = read_session("p", data)
    except MessageError:
        return
    assert session.state.pid == "p"
    assert all(isinstance(room, str) for room in session.state.rooms)


async def test_who_waits_for_entries_is_bounded() -> None:
    """Whoever can publish could name any number of entries that will not come."""
    reader = StreamReader("socket.io", 100, 100, 1)
    waiting = [reader.reach(7) for _ in range(MAX_WAITING)]
    assert not any(each.done() for each in waiting)
    assert reader.reach(7).done(), "it is not waited for"
    waiting.pop().cancel()
    assert not reader.reach(7).done(), "somebody has given up"
    assert reader.reach(7).done()
    reader.reset()
