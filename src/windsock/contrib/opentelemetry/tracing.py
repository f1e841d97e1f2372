"""What a server does, in spans."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakKeyDictionary

from opentelemetry import context, trace
from opentelemetry.trace import Link, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from windsock.contrib.figures.outcome import outcome_of
from windsock.contrib.figures.parser import ObservedParser
from windsock.contrib.opentelemetry import attributes
from windsock.errors import AckTimeout, EventError, NotConnected
from windsock.server.observer import Observer

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanContext, TracerProvider

    from windsock.arguments import EventHandler
    from windsock.errors import ConnectionRefused
    from windsock.protocol.socketio import Parser
    from windsock.server.handlers import Handler
    from windsock.server.namespace import Namespace
    from windsock.server.server import Server
    from windsock.server.socket import Socket

T = TypeVar("T")

MAX_TRACE_STATE: Final = 512
"""Characters of a client's ``tracestate``: what W3C Trace Context asks vendors to pass on. What is longer is not looked
at, since each span would carry it."""

_W3C: Final = TraceContextTextMapPropagator()


class Tracing(Observer):
    """Gives spans of connections, events and emits to OpenTelemetry.

    To be made before the first client connects.

    Args:
        io: the server.
        tracer_provider: that of the process by default, which may be set later.
        accept_traceparent: whether the trace of a connection goes on where the client's ``traceparent`` says, in its
            ``auth`` payload or else in the header of its handshake. For clients that are trusted: it decides, too,
            whether the trace is sampled.
        emits: whether what is emitted within a recorded span has one of its own.

    Raises:
        ConfigurationError: clients are connected.
    """

    def __init__(
        self,
        io: Server,
        tracer_provider: TracerProvider | None = None,
        *,
        accept_traceparent: bool = False,
        emits: bool = True,
    ) -> None:
        self._io = io
        self._tracer = trace.get_tracer("windsock", tracer_provider=tracer_provider)
        self._accept_traceparent = accept_traceparent
        self._emits = emits
        self._connections: WeakKeyDictionary[Socket, SpanContext] = WeakKeyDictionary()
        self._admission: ContextVar[Admission | None] = ContextVar("admission", default=None)
        io.observe(self)

    # -- connections --

    def admit(self, socket: Socket, admission: Coroutine[Any, Any, None]) -> Coroutine[Any, Any, None]:
        """See :meth:`windsock.Observer.admit`."""
        registered = socket.namespace.registry.name
        parent = self._parent(socket)
        span = self._tracer.start_span(
            f"connect {registered}",
            parent,
            SpanKind.SERVER,
            {**_of_namespace(registered, "connect"), **_of_socket(socket)},
        )
        self._connections[socket] = span.get_span_context()
        return self._admit(Admission(socket.namespace.name), span, parent, admission)

    def connected(self, socket: Socket) -> None:
        """See :meth:`windsock.Observer.connected`."""
        admission = self._admission.get()
        if admission is not None and admission.namespace == socket.namespace.name:
            admission.outcome = {
                attributes.OUTCOME: "done",
                attributes.CLIENT: socket.id,  # with connection state recovery, not the one that it began with
                attributes.RECOVERED: socket.recovered,
            }

    def refused(self, namespace: str, refusal: ConnectionRefused, cause: Exception | None) -> None:
        """See :meth:`windsock.Observer.refused`."""
        admission = self._admission.get()
        if admission is not None and admission.namespace == namespace:
            admission.cause = cause
            outcome = "refused" if cause is None else "failed"
            admission.outcome = {attributes.OUTCOME: outcome, attributes.REFUSAL: refusal.message}

    async def _admit(
        self, admission: Admission, span: Span, parent: Context, coroutine: Coroutine[Any, Any, None]
    ) -> None:
        self._admission.set(admission)
        token = context.attach(trace.set_span_in_context(span, parent))
        try:
            await coroutine
        finally:
            context.detach(token)
            span.set_attributes(admission.outcome)
            if admission.cause is not None:
                _record_failure(span, admission.cause)
            span.end()

    def _parent(self, socket: Socket) -> Context:
        """Where a connection belongs: what happened to be current has nothing to do with it."""
        root = trace.set_span_in_context(trace.INVALID_SPAN)
        if not self._accept_traceparent:
            return root
        for carrier in (socket.handshake.auth, socket.handshake.headers):
            found = {name: carrier[name] for name in _W3C.fields if isinstance(carrier.get(name), str)}
            if len(found.get("tracestate", "")) > MAX_TRACE_STATE:
                del found["tracestate"]
            if "traceparent" in found:
                return _W3C.extract(found, root)
        return root

    # -- events --

    def watch(self, namespace: str, handler: Handler) -> None:
        """See :meth:`windsock.Observer.watch`."""
        if handler.event == "connect":
            return  # the whole of the admission has a span
        traced = TracedHandler(self._tracer, self._connections, namespace, handler.event)
        handler.function = traced.around(handler.function)
        handler.bind = traced.around_bind(handler.bind)

    # -- emits --

    def parser(self, parser: Parser) -> Parser:
        """See :meth:`windsock.Observer.parser`."""
        return ObservedParser(parser, self._emitted) if self._emits else parser

    def ask(
        self, namespace: Namespace, socket: Socket | None, event: str, answer: Coroutine[Any, Any, T]
    ) -> Coroutine[Any, Any, T]:
        """See :meth:`windsock.Observer.ask`."""
        registered = namespace.registry.name
        described = {**_of_event(registered, "send", event), attributes.DESTINATION: namespace.name}
        if socket is not None:
            described |= _of_socket(socket)
        span = self._tracer.start_span(f"send {registered} {event}", None, SpanKind.CLIENT, described)
        return _ask(span, answer)

    def _emitted(self, namespace: str, event: str, id: int | None) -> None:
        if id is not None or not trace.get_current_span().is_recording():
            return  # whoever waits for an answer has a span already; what belongs to no trace begins none
        found = self._io.namespaces.get(namespace)
        registered = namespace if found is None else found.registry.name
        described = {**_of_event(registered, "send", event), attributes.DESTINATION: namespace}
        self._tracer.start_span(f"send {registered} {event}", None, SpanKind.PRODUCER, described).end()


class Admission:
    """How a client's way into a namespace ends.

    Attributes:
        namespace: its name.
        outcome: attributes.
        cause: what failed.
    """

    __slots__ = ("cause", "namespace", "outcome")

    def __init__(self, namespace: str) -> None:
        self.namespace: str = namespace
        self.outcome: dict[str, str | bool] = {attributes.OUTCOME: "left"}
        self.cause: Exception | None = None


class TracedHandler:
    """The spans of a handler's calls. Each begins a trace and is linked to its connection, which may last for days.

    Args:
        tracer: makes them.
        connections: the spans of the connections.
        namespace: its name, or that of the rule.
        event: of the handler.
    """

    __slots__ = ("_attributes", "_connections", "_name", "_tracer")

    def __init__(
        self, tracer: trace.Tracer, connections: Mapping[Socket, SpanContext], namespace: str, event: str
    ) -> None:
        self._tracer = tracer
        self._connections = connections
        self._name = f"process {namespace} {event}"
        self._attributes = {**_of_event(namespace, "process", event), attributes.OPERATION_TYPE: "process"}

    def around(self, function: EventHandler) -> EventHandler:
        """The handler's function, with a span around it that is current."""

        def traced(socket: Socket, *arguments: Any) -> Any:
            connection = self._connections.get(socket)
            span = self._tracer.start_span(
                self._name,
                trace.set_span_in_context(trace.INVALID_SPAN),
                SpanKind.CONSUMER,
                {**self._attributes, **_of_socket(socket)},
                [] if connection is None else [Link(connection)],
            )
            token = context.attach(trace.set_span_in_context(span))
            try:
                value = function(socket, *arguments)
            except Exception as error:
                _end(span, socket, error)
                raise
            finally:
                context.detach(token)
            if type(value) is CoroutineType:
                return _finish(span, socket, value)
            _end(span, socket, None)
            return value

        return traced

    def around_bind(self, bind: Callable[[list[Any]], list[Any]]) -> Callable[[list[Any]], list[Any]]:
        """What validates its arguments; if it refuses them, there is a span without a call."""

        def traced(arguments: list[Any]) -> list[Any]:
            try:
                return bind(arguments)
            except EventError as error:
                root = trace.set_span_in_context(trace.INVALID_SPAN)
                span = self._tracer.start_span(self._name, root, SpanKind.CONSUMER, self._attributes)
                span.set_attributes({attributes.OUTCOME: "invalid", attributes.ERROR_TYPE: error.code})
                span.end()
                raise

        return traced


async def _finish(span: Span, socket: Socket, coroutine: Coroutine[Any, Any, Any]) -> Any:
    token = context.attach(trace.set_span_in_context(span))
    try:
        value = await coroutine
    except BaseException as error:
        _end(span, socket, error)
        raise
    finally:
        context.detach(token)
    _end(span, socket, None)
    return value


async def _ask(span: Span, answer: Coroutine[Any, Any, T]) -> T:
    outcome = "done"
    try:
        return await answer
    except AckTimeout as error:
        outcome = "timeout"
        _record_failure(span, error)
        raise
    except (NotConnected, asyncio.CancelledError):
        outcome = "left"
        raise
    except Exception as error:
        outcome = "failed"
        _record_failure(span, error)
        raise
    finally:
        span.set_attribute(attributes.OUTCOME, outcome)
        span.end()


def _end(span: Span, socket: Socket, error: BaseException | None) -> None:
    outcome = "done" if error is None else outcome_of(error, socket)
    span.set_attribute(attributes.OUTCOME, outcome)
    if isinstance(error, EventError):
        span.set_attribute(attributes.ERROR_TYPE, error.code)
    elif error is not None and outcome == "failed":
        _record_failure(span, error)
    span.end()


def _record_failure(span: Span, error: BaseException) -> None:
    kind = type(error)
    name = f"{kind.__module__}.{kind.__qualname__}"
    span.set_attribute(attributes.ERROR_TYPE, name)
    span.set_status(StatusCode.ERROR, name)
    span.record_exception(error)


def _of_namespace(registered: str, operation: str) -> dict[str, str]:
    return {
        attributes.SYSTEM: attributes.SOCKET_IO,
        attributes.OPERATION: operation,
        attributes.DESTINATION_TEMPLATE: registered,
    }


def _of_event(registered: str, operation: str, event: str) -> dict[str, str]:
    return {**_of_namespace(registered, operation), attributes.EVENT: event}


def _of_socket(socket: Socket) -> dict[str, str]:
    return {
        attributes.DESTINATION: socket.namespace.name,
        attributes.CLIENT: socket.id,
        attributes.TRANSPORT: socket.transport,
    }
