"""One scenario on one server, once: runs the generator on its core and reads what it measured."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.machine import choose_cores
from benchmarks.scenarios import Effort, Scenario
from benchmarks.servers import RunningServer, pin
from benchmarks.toolchain import build_generator

# Beyond the measured time: connecting every client to the slowest of the servers, on a machine with other work.
SPARE_SECONDS = 60
# Connected and closed again before memory is measured, so that what a server loads at its first connection is not
# counted as theirs.
FIRST_CONNECTIONS = 200


class LoadFailed(Exception):
    """The generator met something that it did not expect; the message says what."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run.

    ``value`` is in the scenario's unit; ``server_busy`` and ``generator_busy`` are shares of a core. ``costs`` are what
    else was found out of one message, by name, in units of its own.
    """

    value: float
    server_busy: float = 0.0
    generator_busy: float = 0.0
    latency_us: Mapping[str, float] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the generator says of the measured time. ``busy`` is the share of a core that each watched process had."""

    rate: float
    seconds: float
    published: int
    generator_busy: float
    busy: Sequence[float]
    latency_us: Mapping[str, float]


def measure(scenario: Scenario, server: RunningServer, effort: Effort) -> Measurement:
    """Run one scenario against a server that has just started."""
    if scenario.kind == "idle":
        return _measure_memory(scenario, server, effort)
    answer = generate(scenario, server, effort)
    return Measurement(answer.rate, answer.busy[0], answer.generator_busy, answer.latency_us)


def generate(
    scenario: Scenario,
    server: RunningServer,
    effort: Effort,
    *,
    peer: RunningServer | None = None,
    watched: Sequence[int] = (),
    pinned: bool = True,
) -> Answer:
    """Have the generator run a scenario.

    ``peer`` is another server, to which half of the clients connect; ``watched`` are further processes whose time is
    measured. Unless ``pinned``, the generator runs on whatever core is free.
    """
    clients = scenario.clients
    if scenario.kind == "connect":
        clients = max(1, round(clients * effort.connections))
    command = [
        *_command(scenario.kind, server, clients, effort, pinned=pinned),
        *(f"--server={process}" for process in watched),
        *([f"--peer-port={peer.port}"] if peer else []),
        *([f"--rate={scenario.rate}"] if scenario.rate else []),
        f"--publishers={scenario.publishers}",
        f"--in-flight={scenario.in_flight}",
        f"--size={scenario.size}",
        f"--transport={scenario.transport}",
        f"--warm-up-ms={round(effort.warm_up * 1000)}",
        f"--ms={round(effort.measured * 1000)}",
        *(["--spin"] if effort.spin else []),
    ]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=2 * _deadline(effort), check=False
    )
    if done.returncode:
        raise LoadFailed(f"{scenario.name}: {done.stderr.strip() or _explain(done.returncode)}")
    answer = json.loads(done.stdout)
    return Answer(
        answer["rate"],
        answer["seconds"],
        answer["published"],
        answer["generator_busy"],
        answer["servers_busy"],
        answer["latency_us"],
    )


def _measure_memory(scenario: Scenario, server: RunningServer, effort: Effort) -> Measurement:
    clients = max(1, round(scenario.clients * effort.connections))
    _hold_idle(server, FIRST_CONNECTIONS, effort)
    time.sleep(effort.settle)
    before = server.measure_memory()
    after = _hold_idle(server, clients, effort)
    return Measurement((after - before) / clients)


def _hold_idle(server: RunningServer, clients: int, effort: Effort) -> int:
    """Connect the clients, let the server settle and measure its memory; then let them go."""
    with subprocess.Popen(
        _command("idle", server, clients, effort), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as generator:
        assert generator.stdin
        assert generator.stdout
        assert generator.stderr
        if not generator.stdout.readline():
            failure = generator.stderr.read().decode(errors="replace").strip()
            raise LoadFailed(f"idle: {failure or _explain(generator.wait())}")
        time.sleep(effort.settle)
        memory = server.measure_memory()
        generator.stdin.close()
        generator.wait()
    return memory


def _command(kind: str, server: RunningServer, clients: int, effort: Effort, *, pinned: bool = True) -> list[str]:
    cores = choose_cores()
    return [
        *pin(*(cores[-1:] if pinned else cores)),
        str(build_generator()),
        f"--scenario={kind}",
        f"--port={server.port}",
        f"--server={server.process.pid}",
        f"--clients={clients}",
        f"--deadline={_deadline(effort)}",
    ]


def _deadline(effort: Effort) -> int:
    return round(effort.warm_up + effort.measured + effort.settle) + SPARE_SECONDS


def _explain(code: int) -> str:
    return f"the generator ended with code {code}; -14 means that its deadline passed: did the server stall?"
