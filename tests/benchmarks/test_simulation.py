from __future__ import annotations

from collections.abc import Mapping

import pytest

from benchmarks.simulation import HOP, Costs, Message, Simulation, Work, World, fit_redis, read_costs

IDLE = Work(0, 0, 0, {"emit": 0, "take": 0, "drop": 0})
INSTANT = Work(0, 0, 0, {"publish": 0})
FREE = Costs(IDLE, INSTANT, 100)
WORLD = World(nodes=10, rooms=50, largest=40)


class Given(Simulation):
    """A run whose messages are given."""

    def __init__(self, costs: Costs, world: World, shards: int, messages: list[Message]) -> None:
        super().__init__(costs, world, shards)
        self._messages = messages

    def _draw_messages(self, rate: float, seconds: float) -> list[Message]:
        return self._messages


def message(at: float, members: Mapping[int, int], origin: int = 0, room: int = 0) -> Message:
    return Message(at, origin, room, members)


def test_one_message_takes_what_its_parts_take() -> None:
    server = Work(1, 3, 4, {"emit": 2, "take": 5, "drop": 6})
    costs = Costs(server, Work(10, 30, 40, {"publish": 20}), 100)
    outcome = Given(costs, World(nodes=3), 0, [message(0, {0: 2, 1: 1})]).run(1, 1)
    sent = 1 + 2 + 2 * 3 + 2 * 4
    published = sent + HOP + 10 + 20 + 3 * (30 + 40)
    assert [count for _, count in outcome.delays] == [2, 1]
    assert [delay for delay, _ in outcome.delays] == pytest.approx([sent, published + HOP + 1 + 5 + 3 + 4])
    # It comes back to the server that sent it, and to one that has nobody in the room.
    assert outcome.node_busy == pytest.approx([sent + 7, 13, 7])
    assert outcome.redis_busy == pytest.approx([240])
    assert outcome.copies == 3


def test_only_servers_with_members_hear_of_a_message_on_sharded_channels() -> None:
    outcome = Given(FREE, World(nodes=3), 2, [message(0, {0: 2, 1: 1}), message(0, {2: 1}, 2, 1)]).run(1, 1)
    assert outcome.copies == 3
    assert outcome.deliveries == 4


def test_what_waits_is_done_in_one_turn() -> None:
    costs = Costs(IDLE, Work(10, 0, 0, {"publish": 1}), 100)
    # The second and third wait for the first, then share a turn.
    messages = [message(at, {0: 1, 1: 1}) for at in (0, 1, 2)]
    outcome = Given(costs, World(nodes=2), 0, messages).run(1, 1)
    assert outcome.redis_busy == pytest.approx([11 + 12])
    remote = [delay - 2 * HOP for delay, _ in outcome.delays if delay]
    assert remote == pytest.approx([11, 11 + 12 - 1, 11 + 12 - 2])


def test_a_room_s_clients_are_written_to_once_a_turn() -> None:
    costs = Costs(Work(0, 100, 0, {"emit": 1, "take": 1, "drop": 7}), INSTANT, 100)
    # While the first is done, two more of the room wait: its five members are written to twice, not three times. What
    # comes back of them then is for nobody.
    outcome = Given(costs, World(nodes=1), 0, [message(at, {0: 5}) for at in (0, 1, 2)]).run(1, 1)
    assert outcome.node_busy == pytest.approx([2 * 500 + 3 + 3 * 7])


@pytest.mark.parametrize("shards", [0, 1, 4])
def test_every_member_gets_every_message(shards: int) -> None:
    simulation = Simulation(FREE, WORLD, shards)
    expected = sum(sum(each.members.values()) for each in Simulation(FREE, WORLD, shards)._draw_messages(500, 1))
    assert simulation.run(500, 1).deliveries == expected > 500


def test_the_same_seed_brings_the_same_messages() -> None:
    costs = read_costs()
    one, two = (Simulation(costs, WORLD, 0, seed=7).run(500, 1) for _ in range(2))
    assert one == two
    other = Simulation(costs, WORLD, 0, seed=8).run(500, 1)
    assert one.delays != other.delays
    sharded = Simulation(costs, WORLD, 4, seed=7).run(500, 1)
    assert sharded.deliveries == one.deliveries
    assert sharded.copies < one.copies


def test_a_station_is_busy_for_the_work_that_comes() -> None:
    rate, work = 400.0, 0.0005
    outcome = Simulation(Costs(IDLE, Work(0, 0, 0, {"publish": work}), 100), WORLD, 1).run(rate, 50)
    assert outcome.redis_busy == pytest.approx([rate * work], rel=0.03)


def test_rooms_are_as_skewed_as_they_are_said_to_be() -> None:
    world = World(rooms=1000, largest=1000, skew=1)
    assert [world.size(room) for room in (0, 1, 9, 999)] == [1000, 500, 100, 2]


def test_redis_s_work_is_taken_apart() -> None:
    turn, message, write, copy = 5.0, 1.0, 2.0, 0.1
    measured = [
        {
            "subscribers": count,
            "alone": turn + message + count * (write + copy),
            "together": (turn + count * write) / 20 + message + count * copy,
        }
        for count in (1, 10, 100)
    ]
    found = fit_redis(measured)
    parts = [found.turn, found.messages["publish"], found.write, found.copy]
    assert [part * 1e6 for part in parts] == pytest.approx([turn, message, write, copy])
