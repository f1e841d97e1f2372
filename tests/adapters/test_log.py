"""What a client missed, by the log and its membership: the same as by a model that remembers everything."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from windsock.adapters.log import EVERYBODY, PacketLog
from windsock.adapters.membership import Membership
from windsock.protocol.engineio import Message

ROOMS = ("red", "green", "blue")
ME = "me"

rooms = st.sets(st.sampled_from(ROOMS), min_size=1).map(sorted)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("join"), rooms, st.just([])),
        st.tuples(st.just("leave"), rooms, st.just([])),
        st.tuples(st.just("emit"), st.one_of(st.just([]), rooms), st.sets(st.sampled_from((*ROOMS, ME))).map(sorted)),
        st.tuples(st.just("own"), st.just([]), st.just([])),
    ),
    max_size=60,
)


@dataclass
class World:
    """One socket, what it did and what was emitted; and the naive answer to what it gets of that."""

    log: PacketLog
    membership: Membership = field(init=False)
    inside: set[str] = field(default_factory=set)
    mine: list[tuple[int, Message]] = field(default_factory=list)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.membership = Membership(ME, self.log.last)

    def run(self, program: list[tuple[str, list[str], list[str]]]) -> None:
        for kind, names, except_ in program:
            self.now += 1
            if kind == "join":
                self.inside |= set(names)
                self.membership.join(names, self.log.last)
            elif kind == "leave":
                self.inside -= set(names)
                self.membership.leave(names, self.log.last, self.log.first)
            elif kind == "own":
                self._emit((self.membership,), (), gets=True)
            else:
                gets = not names or bool(self.inside & set(names))
                gets = gets and not (self.inside | {ME}) & set(except_)
                self._emit(tuple(names) or EVERYBODY, except_, gets=gets)

    def _emit(self, to: tuple[object, ...], except_: tuple[str, ...] | list[str], *, gets: bool) -> None:
        message = Message(b"%d" % (self.log.last + 1))
        self.log.append(message, to, except_, self.now)
        if gets:
            self.mine.append((self.log.last, message))

    def missed(self, number: int) -> list[Message]:
        return [message for got, message in self.mine if got > number]


@given(steps, st.data())
def test_what_was_missed_is_what_would_have_come(
    program: list[tuple[str, list[str], list[str]]], data: st.DataObject
) -> None:
    world = World(PacketLog(retention=1e9, max_bytes=10**9))
    world.run(program)
    number = data.draw(st.integers(0, world.log.last))
    assert world.membership.missed(world.log, number, since=0.0) == world.missed(number)


@given(steps, st.data())
def test_of_what_was_let_go_nothing_is_passed_over(
    program: list[tuple[str, list[str], list[str]]], data: st.DataObject
) -> None:
    """With a log too small, or times too long, the answer is the whole of what was missed, or that it is not known."""
    log = PacketLog(
        retention=data.draw(st.sampled_from((3.0, 20.0))), max_bytes=data.draw(st.sampled_from((3000, 20_000)))
    )
    world = World(log)
    world.run(program)
    assert log.size <= 20_000
    number = data.draw(st.integers(0, log.last))
    missed = world.membership.missed(log, number, since=0.0)
    assert missed is None or missed == world.missed(number)


def test_ids_of_another_log_and_none_at_all() -> None:
    log, other = PacketLog(10, 10_000), PacketLog(10, 10_000)
    for each in (log, other):
        each.append(Message(b"x"), EVERYBODY, (), 0.0)
    assert log.number_of(log.newest_id) == 1
    assert log.number_of(other.newest_id) == 0
    for id in ("", "x", "../../x", f"{log.newest_id}0", f"{log.newest_id} ", "1-0", "a" * 100_000, log.next_id):
        assert log.number_of(id) is None


def test_what_is_too_old_is_let_go_of() -> None:
    """A quiet namespace's packets would else stay until it has as many as it may keep."""
    log = PacketLog(retention=10.0, max_bytes=10**9)
    for second in (0.0, 1.0, 10.0):
        log.append(Message(b"x"), EVERYBODY, (), second)
    assert len(log) == 3
    log.append(Message(b"x"), EVERYBODY, (), 10.5)
    assert (len(log), log.first) == (3, 2)
    log.append(Message(b"x"), EVERYBODY, (), 100.0)
    assert (len(log), log.first) == (1, 5)
    assert not log.is_complete(3, since=5.0)
    assert log.is_complete(4, since=5.0)
