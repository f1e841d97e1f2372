"""OpenTelemetry's metrics of a real server, read with the SDK's own reader."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import Histogram as HistogramData
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric, NumberDataPoint, Sum

from tests.server.client import Refused
from tests.server.fixtures import Dial, Join, Serve, Way
from tests.server.site import Trouble, until
from windsock import ConfigurationError, ConnectionRefused, EventError, Server, Socket
from windsock.contrib.opentelemetry import Metrics
from windsock.engine.session import State


class Reading:
    """What a provider exports; each look reads anew."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader])

    def metrics(self) -> dict[str, Metric]:
        data = self._reader.get_metrics_data()
        if data is None:
            return {}
        return {
            metric.name: metric
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def __call__(self, name: str, **attributes: str) -> float:
        """The sum of a metric's points that have these attributes; their dots are underscores here."""
        figures = 0.0
        for point in self.metrics()[name].data.data_points:
            described = {key.replace(".", "_"): value for key, value in (point.attributes or {}).items()}
            if attributes.items() <= described.items():
                figures += point.value if isinstance(point, NumberDataPoint) else point.count
        return figures


@pytest.fixture
def reading() -> Reading:
    return Reading()


def make_server(reading: Reading) -> Server:
    io = Server()
    io.emits("said", str)
    Metrics(io, reading.provider)

    @io.on("connect")
    def connect(socket: Socket, auth: dict[str, Any]) -> None:
        if auth.get("stranger"):
            raise ConnectionRefused("no strangers")

    @io.on("say")
    async def say(socket: Socket, text: str) -> None:
        io.emit("said", text)
        await asyncio.sleep(0)
        if text == "no":
            raise EventError("refused", "not that")
        if text == "bug":
            raise RuntimeError("a bug")

    io.of(re.compile(r"^/room-\d+$")).on("say")(lambda socket: None)
    return io


def open_sessions(io: Server) -> int:
    return sum(session.state is State.OPEN for session in io.engine.sessions.values())


async def test_what_was_done_is_counted(host: Serve, way: Way, join: Join, reading: Reading, trouble: Trouble) -> None:
    io = make_server(reading)
    site = await host(io, way.lane)
    first = await join(site)
    second = await join(site, namespaces=("/", "/room-1"))
    with pytest.raises(Refused):
        await join(site, auth={"stranger": True})
    await first.call("say", "yes")
    for text in ("no", "bug", 3):
        assert "error" in await first.call("say", text)
    await first.call("never heard of")
    await second.call("say", namespace="/room-1")
    trouble.expect("a bug")
    await until(lambda: open_sessions(io) == 2, "the one that was refused has gone")
    name = way.transports[0]
    rule = r"^/room-\d+$"

    assert reading("windsock.sessions", windsock_transport=name) == reading("windsock.sessions") == 2
    assert reading("windsock.sessions.opened", windsock_transport=name) == 3
    assert reading("windsock.sockets", messaging_destination_template="/") == 2
    assert reading("windsock.sockets", messaging_destination_template=rule) == 1
    assert reading("windsock.connections", messaging_destination_template="/") == 2
    assert reading("windsock.connections.refused") == 1
    here = {"messaging_destination_template": "/", "messaging_socket_io_event_name": "say"}
    assert reading("windsock.events.received", **here) == 4
    assert reading("windsock.events.unhandled") == 1
    for kind in ("invalid", "refused", "failed"):
        assert reading("windsock.event.errors", **here, error_type=kind) == 1
    assert reading("windsock.events.emitted", messaging_socket_io_event_name="said") == 3
    assert reading("windsock.handlers.in_flight") == 0
    assert reading("messaging.process.duration", **here) == 3
    for kind, outcome in (("refused", "refused"), ("failed", "failed")):
        assert reading("messaging.process.duration", **here, error_type=kind, windsock_outcome=outcome) == 1
    assert reading("messaging.process.duration", **here, windsock_outcome="done", messaging_system="socket.io") == 1
    assert reading("windsock.received.size", windsock_transport=name) > 0
    assert reading("windsock.sent.size", windsock_transport=name) > 0

    await first.close()
    await until(lambda: open_sessions(io) == 1, "it has gone")
    assert reading("windsock.sessions") == 1
    assert reading("windsock.sessions.closed") == 2


async def test_the_instruments_say_what_they_are(host: Serve, join: Join, reading: Reading) -> None:
    site = await host(make_server(reading))
    client = await join(site, transports=["websocket"])
    await client.call("say", "yes")
    await until(lambda: "windsock.event_loop.lag" in reading.metrics(), "a look at the event loop")
    metrics = reading.metrics()
    units = {name: metric.unit for name, metric in metrics.items()}
    assert units["windsock.sent.size"] == units["windsock.buffered.size"] == "By"
    assert units["messaging.process.duration"] == units["windsock.event_loop.lag"] == "s"
    assert units["windsock.sessions"] == "{session}"
    assert all(metric.description for metric in metrics.values())
    sums = {name: metric.data for name, metric in metrics.items() if isinstance(metric.data, Sum)}
    assert sums["windsock.sessions.opened"].is_monotonic
    assert not sums["windsock.sessions"].is_monotonic
    durations = metrics["messaging.process.duration"].data
    assert isinstance(durations, HistogramData)
    assert 0.001 in durations.data_points[0].explicit_bounds


async def test_what_waits_for_a_client(host: Serve, dial: Dial, reading: Reading) -> None:
    io = make_server(reading)
    peer = await dial(await host(io), "polling")
    await peer.connect()
    assert reading("windsock.buffered.size") == reading("windsock.waiting.sessions") == 0
    io.emit("said", "x" * 10_000)  # and no GET takes it
    assert 10_000 <= reading("windsock.buffered.size") < 10_100
    assert reading("windsock.waiting.sessions") == 1


async def test_read_by_another_thread_while_clients_come_and_go(
    host: Serve, join: Join, reading: Reading, caplog: pytest.LogCaptureFixture
) -> None:
    site = await host(make_server(reading))
    over = threading.Event()
    reads = 0

    def read() -> None:
        nonlocal reads
        while not over.is_set():
            reading.metrics()
            reads += 1

    thread = threading.Thread(target=read)
    thread.start()
    try:
        deadline = time.monotonic() + 5
        for _ in range(20):
            clients = [await join(site, transports=["websocket"]) for _ in range(5)]
            for client in clients:
                await client.close()
            if reads > 50:
                break
            assert time.monotonic() < deadline
    finally:
        over.set()
        await asyncio.to_thread(thread.join)
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]


async def test_a_thousand_names_of_a_client_s_make_no_series(
    host: Serve, way: Way, dial: Dial, reading: Reading
) -> None:
    peer = await dial(await host(make_server(reading), way.lane))
    await peer.connect()
    for number in range(1000):
        await peer.send(f'42["name-{number}"]')
    await peer.call("say", 3)
    assert reading("windsock.events.unhandled") == 1000
    points = [point for metric in reading.metrics().values() for point in metric.data.data_points]
    assert not [point for point in points if "name-" in str(point.attributes)]


async def test_clients_that_are_connected_are_not_half_observed(host: Serve, join: Join, reading: Reading) -> None:
    io = Server()
    await join(await host(io), transports=["websocket"])
    with pytest.raises(ConfigurationError, match="before clients connect, got 1 here"):
        Metrics(io, reading.provider)
    assert not io.observers
