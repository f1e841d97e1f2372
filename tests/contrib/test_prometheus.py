"""Prometheus: what was done stands in the figures, scraped over HTTP and read by the official parser."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as text_string_to_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.server.client import Refused
from tests.server.fixtures import Dial, Join, Serve, Way
from tests.server.peer import open_http
from tests.server.site import WITHIN, Site, Trouble, pass_time, soon, until
from windsock import ConfigurationError, ConnectionRefused, EventError, Server
from windsock.contrib.figures.lag import INTERVAL
from windsock.contrib.prometheus import Metrics
from windsock.engine.session import State
from windsock.testing import Clock


def make_server(**options: Any) -> tuple[Server, Metrics]:
    """A server whose handlers do one thing each; one of them is registered after the metrics, two before."""
    io = Server(**options)
    io.emits("said", str)

    @io.on("connect")
    def connect(socket: Any, auth: dict[str, Any]) -> None:
        if auth.get("stranger"):
            raise ConnectionRefused("no strangers")

    @io.on("wait")
    async def wait(socket: Any, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "done"

    metrics = Metrics(io, CollectorRegistry())

    @io.on("say")
    def say(socket: Any, text: str) -> None:
        io.emit("said", text)
        socket.emit("heard")
        if text == "no":
            raise EventError("refused", "not that")
        if text == "bug":
            raise RuntimeError("a bug")

    io.of(re.compile(r"^/room-\d+$")).on("say")(lambda socket: None)
    return io, metrics


def read_openmetrics(text: str) -> list[Any]:
    return list(text_string_to_openmetrics(text))  # type: ignore[no-untyped-call]  # of the library


async def scrape(http: httpx.AsyncClient, path: str = "/metrics") -> Figures:
    answer = await http.get(path)
    assert answer.status_code == 200
    return Figures(answer.text)


class Figures:
    """One scrape."""

    def __init__(self, text: str) -> None:
        self._samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def __call__(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        return sum(
            sample.value
            for sample in self._samples
            if sample.name == f"windsock_{name}" and labels.items() <= sample.labels.items()
        )

    def values(self, label: str) -> set[str]:
        """All values of a label."""
        return {sample.labels[label] for sample in self._samples if label in sample.labels}


def open_sessions(io: Server) -> int:
    return sum(session.state is State.OPEN for session in io.engine.sessions.values())


async def serve(host: Serve, stack: AsyncExitStack, io: Server, metrics: Metrics, lane: Any) -> tuple[Site, Any]:
    site = await host(io.asgi(metrics.asgi()), lane)
    stack.push_async_callback(io.close)
    return site, await open_http(site.url, stack)


async def test_what_was_done_is_counted(
    host: Serve, stack: AsyncExitStack, way: Way, join: Join, trouble: Trouble
) -> None:
    io, metrics = make_server()
    site, http = await serve(host, stack, io, metrics, way.lane)
    first = await join(site)
    second = await join(site, namespaces=("/", "/room-1"))
    third = await join(site, namespaces=("/room-2",))
    with pytest.raises(Refused):
        await join(site, auth={"stranger": True})
    await first.call("say", "yes")
    assert (await first.call("say", "no"))["error"]["code"] == "refused"
    assert (await first.call("say", "bug"))["error"]["code"] == "internal_error"
    assert (await first.call("say", 3, 4))["error"]["code"] == "invalid_payload"
    assert (await first.call("never heard of"))["error"]["code"] == "unknown_event"
    await second.call("say", namespace="/room-1")
    await third.call("say", namespace="/room-2")
    trouble.expect("a bug")
    await until(lambda: open_sessions(io) == 3, "the one that was refused has gone")
    name = way.transports[0]

    figures = await scrape(http)
    assert figures("sessions", transport=name) == figures("sessions") == 3
    assert figures("sessions_opened_total", transport=name) == figures("sessions_opened_total") == 4
    assert figures("sockets", namespace="/") == 2
    assert figures("sockets", namespace=r"^/room-\d+$") == 2
    assert figures("connections_total", namespace="/") == 2
    assert figures("connections_refused_total", namespace="/") == 1
    assert figures("events_received_total", namespace="/", event="say") == 4
    assert figures("events_received_total", namespace=r"^/room-\d+$", event="say") == 2
    assert figures("events_received_total") == 6
    assert figures("events_unhandled_total", namespace="/") == 1
    for kind in ("invalid", "refused", "failed"):
        assert figures("event_errors_total", namespace="/", event="say", kind=kind) == 1
    assert figures("event_errors_total", namespace="/", event="connect", kind="refused") == 1
    assert figures("events_emitted_total", namespace="/", event="said") == 3
    assert figures("events_emitted_total", namespace="/", event="(other)") == 3
    assert figures("handler_duration_seconds_count", namespace="/", event="say") == 3
    assert figures("handlers_in_flight") == 0
    assert figures.values("namespace") == {"/", r"^/room-\d+$"}
    assert figures.values("event") == {"connect", "wait", "say", "said", "(other)"}

    for client in (first, second):
        await client.close()
    await until(lambda: open_sessions(io) == 1, "two have gone")
    figures = await scrape(http)
    assert figures("sessions") == 1
    assert figures("sessions_closed_total") == 3
    assert figures("sockets", namespace="/") == 0


async def test_a_handler_s_time_includes_its_waiting(host: Serve, stack: AsyncExitStack, way: Way, join: Join) -> None:
    io, metrics = make_server()
    site, http = await serve(host, stack, io, metrics, way.lane)
    client = await join(site)
    begun, gate = asyncio.Event(), asyncio.Event()

    @io.on("gate")
    async def wait_at_the_gate(socket: Any) -> None:
        begun.set()
        await gate.wait()

    waiting = asyncio.ensure_future(client.call("gate"))
    await soon(begun.wait())
    labels = {"namespace": "/", "event": "gate"}
    assert (await scrape(http))("handlers_in_flight", **labels) == 1
    gate.set()
    assert await soon(waiting) is None
    await client.call("wait", 0.08)
    figures = await scrape(http)
    assert figures("handlers_in_flight") == 0
    assert figures("handler_duration_seconds_count", **labels) == 1
    labels["event"] = "wait"
    assert 0.07 < figures("handler_duration_seconds_sum", **labels) < 5
    assert figures("handler_duration_seconds_bucket", **labels, le="0.05") == 0
    assert figures("handler_duration_seconds_bucket", **labels, le="+Inf") == 1


async def test_bytes_both_ways(host: Serve, stack: AsyncExitStack, way: Way, join: Join) -> None:
    io, metrics = make_server(http_compression=False)
    io.on("length")(lambda socket, text: (len(text), "y" * 60_000))
    site, http = await serve(host, stack, io, metrics, way.lane)
    client = await join(site)
    before = await scrape(http)
    await client.call("length", "x" * 40_000)
    after = await scrape(http)
    labels = {"transport": way.transports[0]}
    assert 40_000 <= after("received_bytes_total", **labels) - before("received_bytes_total", **labels) < 41_000
    assert 60_000 <= after("sent_bytes_total", **labels) - before("sent_bytes_total", **labels) < 61_000
    other = {"transport": "polling" if labels["transport"] == "websocket" else "websocket"}
    assert after("received_bytes_total", **other) == after("sent_bytes_total", **other) == 0


async def test_an_upgrade_moves_a_session(host: Serve, stack: AsyncExitStack, lane: Any, join: Join) -> None:
    io, metrics = make_server()
    site, http = await serve(host, stack, io, metrics, lane)
    client = await join(site, transports=["polling", "websocket"])
    assert client.transport == "websocket"
    figures = await scrape(http)
    assert figures("sessions", transport="websocket") == figures("sessions") == 1
    assert figures("sessions_opened_total", transport="polling") == figures("sessions_opened_total") == 1
    assert figures("upgrades_total") == 1
    assert figures("sent_bytes_total", transport="polling") > 0
    assert figures("sent_bytes_total", transport="websocket") > 0


async def test_requests_that_are_refused(host: Serve, stack: AsyncExitStack, lane: Any) -> None:
    io, metrics = make_server()
    site, http = await serve(host, stack, io, metrics, lane)
    for query in ("transport=polling&EIO=3", "transport=polling&EIO=4&sid=none", "transport=polling&EIO=4&sid=none"):
        assert (await http.get(f"{site.url}/socket.io/?{query}")).status_code == 400
    figures = await scrape(http)
    assert figures("requests_refused_total", code="5") == 1
    assert figures("requests_refused_total", code="1") == 2
    assert figures("sessions_opened_total") == 0


async def test_what_waits_for_a_client(host: Serve, stack: AsyncExitStack, dial: Dial) -> None:
    io, metrics = make_server()
    site, http = await serve(host, stack, io, metrics, "lane")
    peer = await dial(site, "polling")
    await peer.connect()
    figures = await scrape(http)
    assert figures("buffered_bytes") == figures("waiting_sessions") == 0
    io.emit("said", "x" * 10_000)  # and no GET takes it
    figures = await scrape(http)
    assert 10_000 <= figures("buffered_bytes") < 10_100
    assert figures("waiting_sessions") == 1
    assert figures("slow_clients_total") == io.slow_consumers.slow_clients > 0


@pytest.mark.clock
async def test_a_stalled_event_loop_shows(host: Serve, stack: AsyncExitStack, join: Join) -> None:
    io, metrics = make_server()
    site, http = await serve(host, stack, io, metrics, "lane")
    await join(site, transports=["websocket"])

    async def look(name: str) -> float:
        return (await scrape(http))(f"event_loop_lag_seconds_{name}")

    before = await look("sum")
    await asyncio.sleep(0)  # the event loop is to be stalled, and not this test alone
    time.sleep(0.8)  # noqa: ASYNC251  a fixed wait: it is what shall show
    deadline = time.monotonic() + WITHIN
    while await look("count") == 0 or await look("sum") - before < 0.3:
        assert time.monotonic() < deadline, "no lag was seen"
    await io.close()
    seen = await look("count")
    with Clock() as clock:
        await pass_time(clock, 10 * INTERVAL, INTERVAL)
    assert await look("count") == seen


async def test_mounted_in_an_application_and_in_openmetrics(host: Serve, stack: AsyncExitStack, join: Join) -> None:
    io, metrics = make_server()
    site = await host(io.asgi(Starlette(routes=[Mount("/internal/metrics", metrics.endpoint)])), "lane")
    stack.push_async_callback(io.close)
    http = await open_http(site.url, stack)
    await join(site, transports=["websocket"])
    assert (await scrape(http, "/internal/metrics/"))("sessions") == 1
    answer = await http.get("/internal/metrics/", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    families = {family.name: family for family in read_openmetrics(answer.text)}
    assert families["windsock_events_received"].type == "counter"
    assert families["windsock_sessions"].type == "gauge"
    assert families["windsock_handler_duration_seconds"].type == "histogram"
    assert (await http.get("/metrics")).status_code == 404


async def test_the_rest_is_left_to_the_application_behind(host: Serve, stack: AsyncExitStack) -> None:
    io, metrics = make_server()
    _, http = await serve(host, stack, io, metrics, "lane")
    assert (await http.get("/metrics")).status_code == 200
    assert (await http.get("/metrics/x")).status_code == 404
    assert (await http.get("/")).status_code == 404


async def test_clients_that_are_connected_are_not_half_observed(host: Serve, join: Join) -> None:
    io = Server()
    site = await host(io)
    await join(site, transports=["websocket"])
    with pytest.raises(ConfigurationError, match="before clients connect, got 1 here"):
        Metrics(io, CollectorRegistry())
    assert not io.observers


def test_two_servers_need_two_registries() -> None:
    registry = CollectorRegistry()
    Metrics(Server(), registry)
    with pytest.raises(ValueError, match="Duplicated"):
        Metrics(Server(), registry)


async def test_a_thousand_names_of_a_client_s_make_no_series(
    host: Serve, stack: AsyncExitStack, way: Way, dial: Dial
) -> None:
    io, metrics = make_server()
    site, http = await serve(host, stack, io, metrics, way.lane)
    peer = await dial(site)
    await peer.connect()
    before = len((await http.get("/metrics")).text.splitlines())
    for number in range(1000):
        await peer.send(f'42["name-{number}"]')
        if number % 10 == 0 and number < 900:
            await peer.send(f"40/name-{number},")
    for number in range(0, 900, 10):
        assert (await peer.packet()).startswith(f"4/name-{number},")
    assert (await soon(peer.call("wait", 0))) == ["done"]
    text = (await http.get("/metrics")).text
    assert "name-" not in text
    assert len(text.splitlines()) < before + 10
    figures = Figures(text)
    assert figures("events_unhandled_total", namespace="/") == 1000
    assert figures("connections_refused_total", namespace="(other)") == 90
