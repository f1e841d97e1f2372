"""What waits while offline: first in, first out, and never more than it may be."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from windsock import BufferFull
from windsock.client.buffer import OfflineBuffer, Waiting
from windsock.client.session import MESSAGE_OVERHEAD
from windsock.protocol.engineio import Message

LIMIT = 2000


class Buffering(RuleBasedStateMachine):
    """Beside a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = OfflineBuffer(LIMIT)
        self.model: list[tuple[int, Waiting]] = []

    @property
    def size(self) -> int:
        return sum(event.message.size + MESSAGE_OVERHEAD for _, event in self.model)

    @rule(size=st.integers(0, 2 * LIMIT), id=st.none() | st.integers(0, 5))
    def add(self, size: int, id: int | None) -> None:
        event = Waiting(Message(b"x" * size), [], id)
        if self.model and self.size + size + MESSAGE_OVERHEAD > LIMIT:
            with pytest.raises(BufferFull):
                self.buffer.add(event)
        else:
            self.model.append((self.buffer.add(event), event))

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.model) - 1))
        key, _ = self.model.pop(index)
        self.buffer.discard(key)
        self.buffer.discard(key)

    @invariant()
    def agrees(self) -> None:
        assert len(self.buffer) == len(self.model)
        assert self.buffer.first() == (self.model[0] if self.model else None)
        assert self.buffer.ids() == {event.id for _, event in self.model if event.id is not None}


TestBuffering = Buffering.TestCase
