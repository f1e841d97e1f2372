"""What waits, either way: in order, and never more than it may be. And what the client concludes from a closure."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from windsock import BufferFull, WebSocketClosure, WebSocketState
from windsock.client.listeners import Listeners
from windsock.client.session import MESSAGE_OVERHEAD
from windsock.client.websocket.inbox import MAX_WAITING, Inbox
from windsock.client.websocket.outgoing import Outgoing, SendQueue
from windsock.client.websocket.states import MAX_STATES, States

LIMIT = 2000


class Sending(RuleBasedStateMachine):
    """Beside a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = SendQueue(LIMIT)
        self.model: list[Outgoing] = []
        self.writing = False

    @property
    def size(self) -> int:
        return sum(len(item.data) + MESSAGE_OVERHEAD for item in self.model)

    @rule(size=st.integers(0, 2 * LIMIT), text=st.booleans())
    def send(self, size: int, text: bool) -> None:
        item = Outgoing(b"x" * size, text)
        if self.model and self.size + size + MESSAGE_OVERHEAD > LIMIT:
            with pytest.raises(BufferFull):
                self.queue.add(item)
        else:
            self.queue.add(item)
            self.model.append(item)

    @precondition(lambda self: self.model and not self.writing)
    @rule()
    def write(self) -> None:
        assert self.queue.take() is self.model.pop(0)
        self.writing = True

    @precondition(lambda self: self.writing)
    @rule()
    def written(self) -> None:
        self.queue.written()
        self.writing = False

    @precondition(lambda self: not self.writing)
    @rule()
    def lose_the_connection(self) -> None:
        self.queue.abandon(RuntimeError("messages stay"), all=True)

    @invariant()
    def agrees(self) -> None:
        assert len(self.queue) == len(self.model)
        assert self.queue.size == self.size
        assert self.queue.drained == (not self.model and not self.writing)


TestSending = Sending.TestCase


class Receiving(RuleBasedStateMachine):
    """Beside a plain list; that it fills up and has room again is told once each time."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[bool] = []
        self.inbox = Inbox(Listeners(lambda *_: None), lambda: self.told.append(self.inbox.full))
        self.model: list[str | bytes] = []

    @rule(message=st.one_of(st.text(max_size=10), st.binary(max_size=10)), times=st.integers(1, 50_000))
    def receive(self, message: str | bytes, times: int) -> None:
        self.inbox.add(message * times)
        self.model.append(message * times)

    @precondition(lambda self: self.model)
    @rule(count=st.integers(1, 10))
    def take(self, count: int) -> None:
        for _ in range(min(count, len(self.model))):
            assert self.inbox.take() == self.model.pop(0)
        if not self.model:
            assert self.inbox.take() is None

    @invariant()
    def agrees(self) -> None:
        waiting = sum(len(message) + MESSAGE_OVERHEAD for message in self.model)
        assert self.inbox.full == (waiting >= MAX_WAITING)
        assert (self.told[-1] if self.told else False) == self.inbox.full
        assert all(one != other for one, other in zip(self.told, self.told[1:], strict=False))


TestReceiving = Receiving.TestCase


@given(st.integers(0, 4999), st.one_of(st.none(), st.integers(100, 599)))
def test_what_is_transient(code: int, status: int | None) -> None:
    closure = WebSocketClosure(code, "", status)
    if status is None:
        assert closure.transient == (code in (1001, 1006, 1011, 1012, 1013, 1014))
    else:
        assert closure.transient == (status >= 500 or status in (408, 425, 429))
    assert str(code) in str(closure)


async def test_states_that_nobody_asks_for_are_bounded() -> None:
    states = States(WebSocketState("closed"))
    for attempt in range(5 * MAX_STATES):
        states.add(WebSocketState("connecting", attempt))
    states.add(WebSocketState("closed"))
    kept = [state.attempt async for state in states]
    assert kept[:-1] == list(range(4 * MAX_STATES + 1, 5 * MAX_STATES))


async def test_all_who_wait_for_a_state_get_it() -> None:
    states = States(WebSocketState("closed"))
    await anext(states)
    waiting = asyncio.ensure_future(anext(states))
    await asyncio.sleep(0)
    waiting.cancel()
    other = asyncio.ensure_future(anext(states))
    await asyncio.sleep(0)
    states.add(WebSocketState("connecting"))
    assert (await other).name == "connecting"
