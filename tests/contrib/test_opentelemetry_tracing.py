"""OpenTelemetry's spans of a real server, in the SDK's own exporter."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CollectorRegistry

from tests.conformance.javascript import DIRECTORY
from tests.server.client import Refused
from tests.server.fixtures import Dial, Join, Serve, Way
from tests.server.site import Trouble, soon, until
from windsock import AckTimeout, ConnectionRefused, EventError, NotConnected, Server, Socket
from windsock.contrib.opentelemetry import Tracing
from windsock.contrib.prometheus import Metrics
from windsock.types import Receive, Scope, Send

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


class Spans:
    """What a provider has exported."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def all(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name == name]

    async def one(self, name: str) -> ReadableSpan:
        """The only one of this name, once it has ended."""
        await until(lambda: bool(self.all(name)), f"a span {name!r}")
        (span,) = self.all(name)
        return span

    @property
    def names(self) -> list[str]:
        return [span.name for span in self._exporter.get_finished_spans()]


@pytest.fixture
def spans() -> Spans:
    return Spans()


def says(span: ReadableSpan, **expected: Any) -> None:
    """Asserts attributes, whose names have underscores here."""
    attributes = {key.replace(".", "_"): value for key, value in (span.attributes or {}).items()}
    assert attributes.items() >= expected.items(), attributes


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    id: int = span.context.span_id
    return id


def is_within(span: ReadableSpan, parent: ReadableSpan) -> bool:
    assert span.context is not None
    assert parent.context is not None
    return span.parent is not None and (span.context.trace_id, span.parent.span_id) == (
        parent.context.trace_id,
        parent.context.span_id,
    )


def make_server(spans: Spans, **options: Any) -> Server:
    io = Server()
    tracer = spans.provider.get_tracer("the application")

    @io.on("connect")
    async def connect(socket: Socket, auth: dict[str, Any]) -> None:
        with tracer.start_as_current_span("look up"):
            await asyncio.sleep(0)
        if auth.get("stranger"):
            raise ConnectionRefused("no strangers")
        if auth.get("bug"):
            raise KeyError("a bug")

    Tracing(io, spans.provider, **options)

    @io.on("plain")
    def plain(socket: Socket, text: str) -> str:
        with tracer.start_as_current_span("work"):
            io.emit("said", text)
        return text

    @io.on("slow")
    async def slow(socket: Socket) -> None:
        await asyncio.sleep(0)
        with tracer.start_as_current_span("slow work"):
            await asyncio.sleep(0)

    @io.on("end")
    async def end(socket: Socket, how: str) -> None:
        await asyncio.sleep(0)
        raise EventError("no_such_thing", "that is refused") if how == "refused" else RuntimeError("a bug")

    io.of(re.compile(r"^/room-\d+$")).on("say")(lambda socket: None)
    return io


async def test_a_connection_and_its_events(host: Serve, way: Way, join: Join, spans: Spans) -> None:
    client = await join(await host(make_server(spans), way.lane))
    assert await client.call("plain", "yes") == "yes"
    await client.call("slow")
    connection = await spans.one("connect /")
    assert connection.kind is SpanKind.SERVER
    assert connection.parent is None
    here = {"messaging_destination_name": "/", "messaging_client_id": client.id()}
    here |= {"messaging_system": "socket.io", "windsock_transport": way.transports[0], "windsock_outcome": "done"}
    says(connection, **here, windsock_recovered=False)
    assert is_within(await spans.one("look up"), connection)

    for event, inside in (("plain", "work"), ("slow", "slow work")):
        span = await spans.one(f"process / {event}")
        assert span.kind is SpanKind.CONSUMER
        says(span, **here, messaging_socket_io_event_name=event, messaging_operation_type="process")
        assert span.parent is None
        assert [link.context.span_id for link in span.links] == [id_of(connection)]
        assert span.status.status_code is StatusCode.UNSET
        assert is_within(await spans.one(inside), span)
    emitted = await spans.one("send / said")
    assert emitted.kind is SpanKind.PRODUCER
    assert is_within(emitted, await spans.one("work"))


async def test_how_handlers_end(host: Serve, way: Way, join: Join, spans: Spans, trouble: Trouble) -> None:
    client = await join(await host(make_server(spans), way.lane))
    for arguments, outcome, kind, status, exceptions in (
        (["refused"], "refused", "no_such_thing", StatusCode.UNSET, 0),
        (["bug"], "failed", "builtins.RuntimeError", StatusCode.ERROR, 1),
        ([3, 4], "invalid", "invalid_payload", StatusCode.UNSET, 0),
    ):
        before = len(spans.all("process / end"))
        assert "error" in await client.call("end", *arguments)
        await until(lambda before=before: len(spans.all("process / end")) > before, "its span")  # type: ignore[misc]  # bound now
        span = spans.all("process / end")[-1]
        says(span, windsock_outcome=outcome, error_type=kind)
        assert span.status.status_code is status
        assert len(span.events) == exceptions
    trouble.expect("the handler of 'end' in / failed")


async def test_who_is_refused_and_what_fails(host: Serve, way: Way, join: Join, spans: Spans, trouble: Trouble) -> None:
    site = await host(make_server(spans), way.lane)
    for auth in ({"stranger": True}, {"bug": True}):
        with pytest.raises(Refused):
            await join(site, auth=auth)
    with pytest.raises(Refused):
        await join(site, namespaces=("/nowhere",))
    await until(lambda: len(spans.all("connect /")) == 2, "both spans")
    refused, failed = spans.all("connect /")
    says(refused, windsock_outcome="refused", windsock_refusal="no strangers")
    assert refused.status.status_code is StatusCode.UNSET
    says(failed, windsock_outcome="failed", windsock_refusal="internal error", error_type="builtins.KeyError")
    assert failed.status.status_code is StatusCode.ERROR
    assert [event.name for event in failed.events] == ["exception"]
    assert "nowhere" not in " ".join(spans.names)
    trouble.expect("the connect handler of / failed")


async def test_all_that_match_a_rule_have_one_name(host: Serve, way: Way, join: Join, spans: Spans) -> None:
    site = await host(make_server(spans), way.lane)
    for name in ("/room-1", "/room-2"):
        client = await join(site, namespaces=(name,))
        await client.call("say", namespace=name)
    rule = r"^/room-\d+$"
    await until(lambda: len(spans.all(f"process {rule} say")) == 2, "both spans")
    for span, name in zip(spans.all(f"process {rule} say"), ("/room-1", "/room-2"), strict=True):
        says(span, messaging_destination_name=name, messaging_destination_template=rule)


async def test_a_client_s_answer_is_waited_for(host: Serve, way: Way, join: Join, spans: Spans) -> None:
    io = make_server(spans)

    @io.on("ask")
    async def ask(socket: Socket) -> Any:
        return await socket.timeout(5).emit_with_ack("question")

    site = await host(io, way.lane)
    client = await join(site, answers={"question": lambda: 42})
    assert await client.call("ask") == 42
    handler = await spans.one("process / ask")
    span = await spans.one("send / question")
    assert span.kind is SpanKind.CLIENT
    assert is_within(span, handler)
    says(span, messaging_client_id=client.id(), windsock_outcome="done", messaging_operation_name="send")


async def test_an_answer_that_does_not_come(host: Serve, way: Way, dial: Dial, spans: Spans) -> None:
    io = make_server(spans)
    sockets: list[Socket] = []
    io.on("here")(sockets.append)
    silent = await dial(await host(io, way.lane))
    await silent.connect()
    await silent.call("here")
    with pytest.raises(AckTimeout):
        await io.timeout(0.05).emit_with_ack("anybody?")
    span = await spans.one("send / anybody?")
    says(span, windsock_outcome="timeout", error_type="windsock.errors.AckTimeout")
    assert "messaging.client.id" not in (span.attributes or {})
    assert span.status.status_code is StatusCode.ERROR

    waiting = asyncio.ensure_future(sockets[0].emit_with_ack("you?"))
    await asyncio.sleep(0)
    sockets[0].disconnect()
    with pytest.raises(NotConnected):
        await soon(waiting)
    says(await spans.one("send / you?"), windsock_outcome="left")


async def test_what_belongs_to_no_trace_begins_none(host: Serve, way: Way, join: Join, spans: Spans) -> None:
    io = make_server(spans)
    client = await join(await host(io, way.lane))
    await spans.one("connect /")
    io.emit("said", "by nobody")
    assert await client.event("said") == ["by nobody"]
    assert not spans.all("send / said")


async def test_emits_may_go_without(host: Serve, way: Way, join: Join, spans: Spans) -> None:
    client = await join(await host(make_server(spans, emits=False), way.lane))
    await client.call("plain", "yes")
    await spans.one("process / plain")
    assert not spans.all("send / said")


async def test_a_middleware_sees_the_end_of_the_handler_s_span(host: Serve, way: Way, join: Join, spans: Spans) -> None:
    io = make_server(spans)
    after: list[Any] = []

    @io.use_event
    async def look(socket: Socket, event: str, arguments: Any, handle: Any) -> Any:
        value = await handle(*arguments)
        after.append(trace.get_current_span())
        return value

    client = await join(await host(io, way.lane))
    await client.call("slow")
    await spans.one("process / slow")
    assert after == [trace.INVALID_SPAN]


WHERE: dict[str, Callable[[str], dict[str, Any]]] = {
    "auth": lambda it: {"auth": {"traceparent": it, "tracestate": "vendor=1"}},
    "headers": lambda it: {"headers": {"traceparent": it, "tracestate": "vendor=1"}},
}


@pytest.mark.parametrize("where", WHERE)
async def test_a_trace_goes_on_where_the_client_says(
    host: Serve, way: Way, join: Join, spans: Spans, where: str
) -> None:
    client = await join(await host(make_server(spans, accept_traceparent=True), way.lane), **WHERE[where](TRACEPARENT))
    await client.call("plain", "yes")
    connection = await spans.one("connect /")
    assert connection.parent is not None
    assert f"{connection.parent.trace_id:032x}-{connection.parent.span_id:016x}" == f"{TRACE}-{PARENT}"
    assert connection.parent.trace_state == {"vendor": "1"}
    handler = await spans.one("process / plain")
    assert handler.parent is None
    assert [link.context.span_id for link in handler.links] == [id_of(connection)]


@pytest.mark.parametrize("where", WHERE)
async def test_nobody_is_believed_unless_asked_to(host: Serve, way: Way, join: Join, spans: Spans, where: str) -> None:
    await join(await host(make_server(spans), way.lane), **WHERE[where](TRACEPARENT))
    assert (await spans.one("connect /")).parent is None


@pytest.mark.parametrize("given", ["", "00-1-2-03", f"00-{'0' * 32}-{PARENT}-01", 7, ["x"], None, {"a": 1}])
async def test_a_traceparent_that_is_none(host: Serve, lane: Any, join: Join, spans: Spans, given: Any) -> None:
    site = await host(make_server(spans, accept_traceparent=True), lane)
    await join(site, transports=["websocket"], auth={"traceparent": given, "tracestate": given})
    assert (await spans.one("connect /")).parent is None


@pytest.mark.parametrize(("lengths", "kept"), [((253, 254), True), ((254, 254), False), ((200, 200, 200), False)])
async def test_a_long_tracestate_is_left_out(
    host: Serve, join: Join, spans: Spans, lengths: tuple[int, ...], kept: bool
) -> None:
    site = await host(make_server(spans, accept_traceparent=True))
    state = {name: "x" * length for name, length in zip("abc", lengths, strict=False)}
    auth = {"traceparent": TRACEPARENT, "tracestate": ",".join(f"{name}={value}" for name, value in state.items())}
    assert (len(auth["tracestate"]) <= 512) is kept  # as the specification has it
    await join(site, transports=["websocket"], auth=auth)
    connection = await spans.one("connect /")
    assert connection.parent is not None
    assert connection.parent.trace_state == (state if kept else {})


@pytest.mark.parametrize("accept_traceparent", [False, True])
async def test_what_is_current_around_the_server_is_not_its_connections_parent(
    host: Serve, way: Way, join: Join, spans: Spans, accept_traceparent: bool
) -> None:
    app = make_server(spans, accept_traceparent=accept_traceparent).asgi()
    tracer = spans.provider.get_tracer("the framework around")

    async def around(scope: Scope, receive: Receive, send: Send) -> None:
        with tracer.start_as_current_span("the request"):
            await app(scope, receive, send)

    await join(await host(around, way.lane))
    assert (await spans.one("connect /")).parent is None


@pytest.mark.parametrize("tracing_first", [True, False])
async def test_beside_prometheus(host: Serve, join: Join, spans: Spans, tracing_first: bool) -> None:
    io, registry = Server(), CollectorRegistry()
    if tracing_first:
        Tracing(io, spans.provider)
    Metrics(io, registry)
    if not tracing_first:
        Tracing(io, spans.provider)

    @io.on("double")
    async def double(socket: Socket, number: int) -> int:
        return 2 * number

    client = await join(await host(io), transports=["websocket"])
    assert await client.call("double", 4) == 8
    assert (await client.call("double", "x"))["error"]["code"] == "invalid_payload"
    labels = {"namespace": "/", "event": "double"}
    assert registry.get_sample_value("windsock_events_received_total", labels) == 2
    assert registry.get_sample_value("windsock_event_errors_total", {**labels, "kind": "invalid"}) == 1
    assert [span.attributes["windsock.outcome"] for span in spans.all("process / double") if span.attributes] == [
        "done",
        "invalid",
    ]


SCRIPT = """
import { io } from "socket.io-client";
const [url, transport, traceparent] = process.argv.slice(-3);
const socket = io(url, { transports: [transport], auth: { traceparent }, reconnection: false });
socket.on("question", (answer) => answer("yes"));
await new Promise((resolve, reject) => { socket.on("connect", resolve); socket.on("connect_error", reject); });
const answers = [await socket.timeout(5000).emitWithAck("ask"), await socket.timeout(5000).emitWithAck("plain", "x")];
console.log(JSON.stringify([socket.id, answers]));
socket.disconnect();
"""


async def test_the_official_client(host: Serve, way: Way, spans: Spans, javascript: None) -> None:
    io = make_server(spans, accept_traceparent=True)

    @io.on("ask")
    async def ask(socket: Socket) -> Any:
        return await socket.emit_with_ack("question")

    @io.on("disconnect")
    def disconnect(socket: Socket, reason: str) -> None:
        pass

    site = await host(io, way.lane)
    node = await asyncio.create_subprocess_exec(
        *("node", "--input-type=module", "-e", SCRIPT, site.url, way.transports[0], TRACEPARENT),
        cwd=DIRECTORY,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await asyncio.wait_for(node.communicate(), 30)
    sid, answers = json.loads(said)
    assert answers == ["yes", "x"]
    connection = await spans.one("connect /")
    assert connection.parent is not None
    assert f"{connection.parent.trace_id:032x}" == TRACE
    await spans.one("process / disconnect")
    for name in ("process / ask", "send / question", "process / plain", "process / disconnect"):
        says(await spans.one(name), messaging_client_id=sid, windsock_outcome="done")
