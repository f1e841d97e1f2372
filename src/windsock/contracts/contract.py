"""What a server and its clients may say to each other, read from the server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

from windsock.contracts.schema import Schema, Schemas, Way
from windsock.server.emissions import UNACKNOWLEDGED, Emission
from windsock.server.handlers import Handler

if TYPE_CHECKING:
    from windsock.server.namespace import Registry
    from windsock.server.server import Server

LIFE: Final = frozenset({"connect", "disconnecting", "disconnect"})
"""Handlers of what no client sends as an event."""

_NONE: Final = (None, type(None), UNACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class Value:
    """An argument of an event or of its acknowledgement.

    Attributes:
        name: for readers; on the wire its place counts.
        schema: in JSON Schema, draft 2020-12; named types are ``#/$defs/…``.
        required: whether it may be left out, being one of the last.
    """

    name: str
    schema: Schema
    required: bool = True


@dataclass(frozen=True, slots=True)
class Event:
    """An event and its acknowledgement.

    Attributes:
        name: of the event.
        arguments: in their order.
        rest: of what may follow them, any number of times.
        answer: the arguments of the acknowledgement; ``None`` when none is declared.
        description: for readers.
    """

    name: str
    arguments: tuple[Value, ...]
    rest: Value | None
    answer: tuple[Value, ...] | None
    description: str


@dataclass(frozen=True, slots=True)
class NamespaceContract:
    """What is said in a namespace, or in all of those that match a rule.

    Attributes:
        name: with its leading slash; or the rule's pattern.
        auth: what clients say when they connect, if the handler of ``connect`` asks for it.
        received: events that clients send, by name; the server may answer each with an error.
        sent: events that the server emits, by name.
    """

    name: str
    auth: Value | None
    received: tuple[Event, ...]
    sent: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Contract:
    """All that a server and its clients may say.

    Attributes:
        namespaces: by name.
        definitions: the types that several places share, by name.
    """

    namespaces: tuple[NamespaceContract, ...]
    definitions: dict[str, Schema]


def describe(io: Server) -> Contract:
    """Reads a server's contract from its handlers' annotations and from what it says that it emits.

    A handler without a return annotation, or with ``-> None``, declares no acknowledgement.

    Raises:
        ConfigurationError: a type cannot be described in JSON Schema.
    """
    schemas = Schemas()
    registries = [registry for registry in io.registries if registry.handlers or registry.emissions]
    readers = [_read(registry, schemas) for registry in sorted(registries, key=lambda registry: registry.name)]
    found, definitions = schemas.generate()
    return Contract(tuple(read(found) for read in readers), definitions)


# The schemas are known once all types are: until then, what is made of them is a function of them.
Found = dict[int | None, Schema]
ValueOf = Callable[[Found], Value]


def _read(registry: Registry, schemas: Schemas) -> Callable[[Found], NamespaceContract]:
    received = [
        _received(handler, event, schemas) for event, handler in sorted(registry.handlers.items()) if event not in LIFE
    ]
    sent = [_sent(emission, schemas) for _, emission in sorted(registry.emissions.items())]
    connect = registry.handlers.get("connect")
    auth = None
    if connect is not None and connect.signature.arguments:
        argument = connect.signature.arguments[0]
        auth = _value(schemas, argument.name, argument.annotation, "validation", "connect", argument.required)
    return lambda found: NamespaceContract(
        registry.name,
        None if auth is None else auth(found),
        tuple(event(found) for event in received),
        tuple(event(found) for event in sent),
    )


def _received(handler: Handler, event: str, schemas: Schemas) -> Callable[[Found], Event]:
    signature = handler.signature
    arguments = [
        _value(schemas, argument.name, argument.annotation, "validation", event, argument.required)
        for argument in signature.arguments
    ]
    rest = signature.rest
    more = None if rest is None else _value(schemas, rest.name, rest.annotation, "validation", event, False)
    answer = _answer(schemas, signature.answer, "serialization", event)
    return _event(event, arguments, more, answer, handler.description)


def _sent(emission: Emission, schemas: Schemas) -> Callable[[Found], Event]:
    event = emission.event
    arguments = _values(schemas, emission.arguments, "serialization", event, "payload")
    return _event(event, arguments, None, _answer(schemas, emission.ack, "validation", event), emission.description)


def _event(
    name: str, arguments: list[ValueOf], rest: ValueOf | None, answer: list[ValueOf] | None, description: str
) -> Callable[[Found], Event]:
    return lambda found: Event(
        name,
        tuple(argument(found) for argument in arguments),
        None if rest is None else rest(found),
        None if answer is None else tuple(value(found) for value in answer),
        description,
    )


def _answer(schemas: Schemas, annotation: Any, way: Way, event: str) -> list[ValueOf] | None:
    if annotation in _NONE:
        return None
    if get_origin(annotation) is tuple and Ellipsis not in get_args(annotation):
        return _values(schemas, get_args(annotation), way, event, "answer")  # each is an argument of its own
    return _values(schemas, [annotation], way, event, "answer")


def _values(schemas: Schemas, annotations: Iterable[Any], way: Way, event: str, name: str) -> list[ValueOf]:
    kinds = list(annotations)
    names = [name] if len(kinds) == 1 else [f"{name}{number}" for number in range(1, len(kinds) + 1)]
    return [_value(schemas, each, kind, way, event, True) for each, kind in zip(names, kinds, strict=True)]


def _value(schemas: Schemas, name: str, annotation: Any, way: Way, event: str, required: bool) -> ValueOf:
    ticket = schemas.add(annotation, way, f"{name!r} of {event!r}")
    return lambda found: Value(name, found[ticket], required)
