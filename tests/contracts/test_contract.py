"""What is read from a server's registrations."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from windsock import ConfigurationError, Depends, Server, Socket
from windsock.contracts import describe
from windsock.contracts.names import distinct


class Said(BaseModel):
    text: str = ""


class Opaque:
    """Nothing that pydantic knows."""


def test_dependencies_and_the_socket_are_no_arguments() -> None:
    io = Server()

    @io.on("say")
    def say(
        socket: Socket, user: Annotated[int, Depends(lambda: 1)], text: Annotated[str, Field(max_length=3)]
    ) -> None: ...

    (namespace,) = describe(io).namespaces
    (event,) = namespace.received
    assert [(argument.name, argument.schema) for argument in event.arguments] == [
        ("text", {"type": "string", "maxLength": 3})
    ]
    assert event.answer is None


def test_life_is_no_event() -> None:
    io = Server()
    for event in ("connect", "disconnecting", "disconnect"):
        io.on(event)(lambda socket: None)
    (namespace,) = describe(io).namespaces
    assert namespace.received == ()
    assert namespace.auth is None


def test_a_type_read_otherwise_than_it_is_written_is_two() -> None:
    io = Server()
    io.emits("said", Said)

    @io.on("say")
    def say(socket: Socket, said: Said) -> None: ...

    contract = describe(io)
    assert list(contract.definitions) == ["Said-Input", "Said-Output"]
    assert "required" not in contract.definitions["Said-Input"]
    assert contract.definitions["Said-Output"]["required"] == ["text"]


def test_namespaces_by_name_and_by_rule() -> None:
    io = Server()

    def tenants(name: str, auth: dict[str, Any]) -> bool:
        return name.startswith("/t")

    io.of("/b").emits("one", int)
    io.of("/unused")
    io.of(re.compile("^/a")).emits("two", int)
    io.of(tenants).on("three")(lambda socket: None)
    names = [namespace.name for namespace in describe(io).namespaces]
    assert names == ["/b", "^/a", "test_namespaces_by_name_and_by_rule.<locals>.tenants"]


def test_what_cannot_be_declared() -> None:
    io = Server()
    io.emits("said", Said)
    with pytest.raises(ConfigurationError, match="expected one declaration of 'said' in '/', got a second"):
        io.emits("said", int)
    with pytest.raises(ConfigurationError, match="got the reserved 'connect'"):
        io.of("/other").emits("connect")
    with pytest.raises(ConfigurationError, match="expected types that pydantic can describe for the event 'odd'"):
        io.emits("odd", Opaque)
    with pytest.raises(ConfigurationError, match="for the event 'odd'"):
        io.emits("odd", int, ack=Opaque)


def test_what_json_schema_cannot_say_is_told_with_its_place() -> None:

    io = Server()
    io.emits("call", Callable[[], int])
    with pytest.raises(ConfigurationError, match="in 'payload' of 'call'"):
        describe(io)


def test_names_are_distinct_and_stable() -> None:
    assert distinct(["a-b", "a_b", "/", "1x"], ["AB"]) == {"a-b": "AB2", "a_b": "AB3", "/": "", "1x": "N1x"}
