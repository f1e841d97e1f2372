"""``python -m benchmarks.simulation``: fan-out across a hundred servers over Redis, from figures of one machine.

Every server, and every shard of Redis, is a station: it takes whatever waits, does all of it in one turn, and then
hands on what came of it. That is how both of them work, and why a message costs less the more of them there are.
"""

from __future__ import annotations

import heapq
import json
import random
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Literal

from benchmarks.cluster.scenarios import ABSENT, ABSENT_LOADED, COUNTED, PRESENT
from benchmarks.results import format_table, insert
from benchmarks.toolchain import HERE, ROOT

PAGE = ROOT / "docs" / "scale.md"
SEED = 1
Task = Literal["emit", "take", "drop", "publish"]
"""With a message: of a client of this server, of another server's, for a room in which nobody is here; and Redis's."""
MICROSECOND = 1e-6
HOP = 250 * MICROSECOND
"""From a server to Redis or back, within one data centre: assumed."""


@dataclass(frozen=True, slots=True)
class Work:
    """Seconds of a core that a station takes: for a turn, for each receiver that it writes to in that turn, for each
    message that it copies to one of them, and for each message, by what is to be done with it."""

    turn: float
    write: float
    copy: float
    messages: Mapping[Task, float]


@dataclass(frozen=True, slots=True)
class Costs:
    """What work there is, and the ``bytes`` of a message from Redis to one server. The receivers of a server are
    clients, those of Redis are servers."""

    server: Work
    redis: Work
    bytes: float


def read_costs() -> Costs:
    """From the results of ``make bench`` and ``make bench-cluster``."""
    alone, cluster = (json.loads((HERE / "results" / name).read_bytes()) for name in ("latest.json", "cluster.json"))

    def find(results: Any, scenario: str) -> Any:
        (row,) = (row for row in results["scenarios"] if row["name"] == scenario)
        return row["servers"]["windsock"]

    def cost(scenario: str, name: str) -> float:
        return float(find(cluster, scenario)["costs"][name]) * MICROSECOND

    copy = 1 / find(alone, "fan-out-loaded")["median"]
    write = 1 / find(alone, "fan-out")["median"] - copy
    drop = cost(ABSENT_LOADED, "receiver")
    turn = cost(ABSENT, "receiver") - drop
    # Both were measured with one client, whose delivery is counted by itself here.
    take = cost(PRESENT, "receiver") - turn - write - copy
    emit = cost(ABSENT, "sender") - turn - write - copy
    return Costs(
        Work(turn, write, copy, {"emit": emit, "take": take, "drop": drop}),
        fit_redis(cluster["publishing"]),
        find(cluster, COUNTED)["costs"]["sent"] / 2,
    )


def fit_redis(publishing: Sequence[Mapping[str, float]], pipeline: int = 20) -> Work:
    """Takes what was measured apart: with few and with many subscribers, by itself and so many at once."""
    few, many = publishing[0], publishing[-1]
    span = many["subscribers"] - few["subscribers"]

    def split(at_few: float, at_many: float) -> tuple[float, float]:
        slope = (at_many - at_few) / span
        return (at_few - slope * few["subscribers"]) * MICROSECOND, slope * MICROSECOND

    def once(cost: Mapping[str, float]) -> float:
        """What a turn costs, however many messages are in it."""
        return (cost["alone"] - cost["together"]) / (1 - 1 / pipeline)

    turn, write = split(once(few), once(many))
    message, copy = split(few["alone"] - once(few), many["alone"] - once(many))
    turn, write, copy, message = (max(0.0, part) for part in (turn, write, copy, message))
    return Work(turn, write, copy, {"publish": message})


@dataclass(frozen=True, slots=True)
class World:
    """Servers and rooms. The room of rank ``k`` has ``largest / k ** skew`` members, two at least; they are on any
    servers, of which the fullest have some twice as many clients as the middle one. A room is written to as often as
    the square root of its size says: the larger one is, the fewer of its members speak."""

    nodes: int = 100
    rooms: int = 20_000
    largest: int = 10_000
    skew: float = 0.9
    unevenness: float = 0.3

    def size(self, room: int) -> int:
        """Members of a room, 0 being the largest."""
        return max(2, int(self.largest / (room + 1.0) ** self.skew))


@dataclass(slots=True)
class Message:
    """One that a client has sent. ``members`` of its room, by server."""

    at: float
    origin: int
    room: int
    members: Mapping[int, int]


@dataclass(slots=True)
class Outcome:
    """What came of a run: seconds from a client's message to all deliveries of one server, for each of these with its
    number of deliveries; and shares of the time for which stations were at work."""

    seconds: float
    delays: list[tuple[float, int]] = field(default_factory=list)
    copies: int = 0
    node_busy: list[float] = field(default_factory=list)
    redis_busy: list[float] = field(default_factory=list)

    @property
    def deliveries(self) -> int:
        return sum(count for _, count in self.delays)

    def percentile(self, share: float) -> float:
        """Seconds within which that share of the deliveries was done."""
        left = share * self.deliveries
        for delay, count in sorted(self.delays):
            left -= count
            if left <= 0:
                return delay
        return 0.0


Arrival = tuple[Message, Task]


class Station:
    """Takes what waits, all of it in one turn."""

    def __init__(self) -> None:
        self.waiting: list[Arrival] = []
        self.turn: list[Arrival] = []
        self.busy = 0.0


class Simulation:
    """One run.

    Args:
        costs: of the work.
        world: servers and rooms.
        shards: of Redis. With 0 there is one server of it, and every server hears of every message; else each hears of
            its own rooms alone, whose channels are spread over the shards.
        seed: of chance; the same one brings the same messages, whatever the costs and the shards.
    """

    def __init__(self, costs: Costs, world: World, shards: int, seed: int = SEED) -> None:
        self._costs = costs
        self._world = world
        self._shards = shards
        self._chance = random.Random(seed)
        self._nodes = [Station() for _ in range(world.nodes)]
        self._redis = [Station() for _ in range(shards or 1)]
        # When, where, and what arrives; nothing does when a turn ends.
        self._events: list[tuple[float, int, Station, Arrival | None]] = []
        self._count = 0

    def run(self, rate: float, seconds: float) -> Outcome:
        """Have so many messages a second sent for so long, and do all the work that they make."""
        outcome = Outcome(seconds)
        for message in self._draw_messages(rate, seconds):
            self._at(message.at, self._nodes[message.origin], (message, "emit"))
        index = {id(station): number for number, station in enumerate(self._nodes)}
        while self._events:
            now, _, station, arrival = heapq.heappop(self._events)
            if arrival is not None:
                station.waiting.append(arrival)
            elif id(station) in index:
                self._end_node(now, index[id(station)], station, outcome)
            else:
                self._end_redis(now, station, outcome)
            if station.waiting and not station.turn:
                self._begin(now, station, index.get(id(station)))
        # The share of the time in which messages came: a queue that grows until then is worked off after it.
        outcome.node_busy = [station.busy / seconds for station in self._nodes]
        outcome.redis_busy = [station.busy / seconds for station in self._redis]
        return outcome

    def _at(self, when: float, station: Station, arrival: Arrival | None) -> None:
        self._count += 1  # events of one moment keep their order
        heapq.heappush(self._events, (when, self._count, station, arrival))

    def _begin(self, now: float, station: Station, node: int | None) -> None:
        station.turn, station.waiting = station.waiting, []
        work = self._costs.redis if node is None else self._costs.server
        lasts = work.turn
        # Whoever gets several messages is written to once: a server, or all clients of a room.
        written: dict[int, int] = {}
        for message, task in station.turn:
            if node is None:
                listeners = self._listeners(message)
                written.update(dict.fromkeys(listeners, 1))
                copies = len(listeners)
            else:
                copies = message.members.get(node, 0)
                if copies:
                    written[message.room] = copies
            lasts += work.messages[task] + copies * work.copy
        lasts += sum(written.values()) * work.write
        station.busy += lasts
        self._at(now + lasts, station, None)

    def _end_node(self, now: float, node: int, station: Station, outcome: Outcome) -> None:
        turn, station.turn = station.turn, []
        for message, task in turn:
            members = message.members.get(node, 0)
            if members:
                outcome.delays.append((now - message.at, members))
            if task == "emit":
                shard = self._redis[message.room % len(self._redis)]
                self._at(now + HOP, shard, (message, "publish"))

    def _end_redis(self, now: float, station: Station, outcome: Outcome) -> None:
        turn, station.turn = station.turn, []
        for message, _ in turn:
            listeners = self._listeners(message)
            outcome.copies += len(listeners)
            for node in listeners:
                # What a server has published comes back to it, and is dropped like what is not for it.
                if node in message.members and node != message.origin:
                    arrival: Arrival = message, "take"
                else:
                    arrival = _unwanted(message), "drop"
                self._at(now + HOP, self._nodes[node], arrival)

    def _listeners(self, message: Message) -> Sequence[int] | range:
        return list(message.members) if self._shards else range(self._world.nodes)

    def _draw_messages(self, rate: float, seconds: float) -> Iterable[Message]:
        world, chance = self._world, self._chance
        fullness = [chance.lognormvariate(0, world.unevenness) for _ in range(world.nodes)]
        popularity = list(accumulate(world.size(room) ** 0.5 for room in range(world.rooms)))
        members: dict[int, dict[int, int]] = {}
        now = chance.expovariate(rate)
        while now < seconds:
            (room,) = chance.choices(range(world.rooms), cum_weights=popularity)
            if room not in members:
                found: dict[int, int] = {}
                for node in chance.choices(range(world.nodes), fullness, k=world.size(room)):
                    found[node] = found.get(node, 0) + 1
                members[room] = found
            here = members[room]
            (origin,) = chance.choices(list(here), list(here.values()))
            yield Message(now, origin, room, here)
            now += chance.expovariate(rate)


def _unwanted(message: Message) -> Message:
    return Message(message.at, message.origin, message.room, {})


RATES = (500, 2000, 10_000, 40_000)
LAYOUTS = ((0, "one Redis, each server hears all"), (1, "sharded, 1 shard"), (8, "sharded, 8 shards"))
MESSAGES = 4000
"""In each run: enough for a 99th percentile, and for a queue that grows to show."""


def format_outcomes(costs: Costs, world: World) -> str:
    """The table: how busy everything is at some rates, and what the delays are."""
    lines = []
    for rate in RATES:
        for shards, title in LAYOUTS:
            outcome = Simulation(costs, world, shards).run(rate, MESSAGES / rate)
            egress = outcome.copies * costs.bytes / outcome.seconds
            late = [f"{outcome.percentile(share) * 1000:.1f} ms" for share in (0.5, 0.99)]
            lines.append(
                [
                    f"{rate:,}",
                    title,
                    f"{outcome.deliveries / outcome.seconds / 1000:,.0f} k",
                    f"{egress * 8 / 1e6:,.0f} Mbit",
                    f"{max(outcome.redis_busy):.0%}",
                    f"{sum(outcome.node_busy) / world.nodes:.0%}, {max(outcome.node_busy):.0%}",
                    *late,
                ]
            )
    header = ["Messages/s", "", "Deliveries/s", "Redis sends/s", "Redis, its fullest core"]
    return format_table([*header, "Servers: mean, fullest", "p50", "p99"], lines)


def format_costs(costs: Costs) -> str:
    """The table of constants, in microseconds."""
    titles: Mapping[Task, str] = {
        "emit": "A server: a message of one of its clients",
        "take": "A server: another server's message, for clients of it",
        "drop": "A server: another server's message, for a room in which it has nobody",
        "publish": "Redis: a message",
    }
    lines = []
    for work in (costs.server, costs.redis):
        for task, message in work.messages.items():
            parts = (work.turn, message, *((0, 0) if task == "drop" else (work.write, work.copy)))
            lines.append([titles[task], *(f"{part / MICROSECOND:.2f}" for part in parts)])
    header = ["µs of a core", "a turn", "each message", "each receiver in a turn", "each message to a receiver"]
    return format_table(header, lines)


def main() -> int:
    """Print both tables, and put them into the page."""
    costs = read_costs()
    tables = f"{format_costs(costs)}\n\n{format_outcomes(costs, World())}"
    print(tables)
    insert(PAGE, "simulation", tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
