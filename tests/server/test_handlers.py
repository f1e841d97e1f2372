"""What a handler's signature says about its event's arguments."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from windsock import ConfigurationError, EventError, Server, Socket
from windsock.arguments import EventHandler
from windsock.server.handlers import Handler


class Say(BaseModel):
    model_config = ConfigDict(extra="forbid")

    room: str
    text: str = Field(max_length=10)


@dataclass
class Point:
    x: int
    y: int = 0


class Order(TypedDict):
    colour: Literal["red", "blue"]


Short = Annotated[str, Field(max_length=3)]


def bind(function: Any, *arguments: Any) -> list[Any]:
    return Handler("test", function).bind(list(arguments))


def refusal(function: Any, *arguments: Any) -> dict[str, Any]:
    """The error of an acknowledgement."""
    with pytest.raises(EventError) as caught:
        bind(function, *arguments)
    error: dict[str, Any] = caught.value.payload()["error"]
    assert error["code"] == "invalid_payload"
    return error


# -- how many --


def none(socket: Socket) -> None: ...


def one(socket: Socket, a: Any) -> None: ...


def one_or_two(socket: Socket, a: Any, b: Any = None) -> None: ...


def any_number(socket: Socket, *rest: Any) -> None: ...


def one_and_more(socket: Socket, a: Any, *rest: Any) -> None: ...


def all_of_it(*everything: Any) -> None: ...


def positional_only(socket: Socket, a: Any, /, b: Any = 1) -> None: ...


def with_options(socket: Socket, a: Any, *, option: int = 1) -> None: ...


@pytest.mark.parametrize(
    ("function", "allowed", "refused"),
    [
        (none, [0], {1: "expected 0 arguments, got 1"}),
        (one, [1], {0: "expected 1 arguments, got 0", 2: "expected 1 arguments, got 2"}),
        (one_or_two, [1, 2], {0: "expected 1 to 2 arguments, got 0", 3: "expected 1 to 2 arguments, got 3"}),
        (any_number, [0, 1, 5], {}),
        (one_and_more, [1, 5], {0: "expected at least 1 arguments, got 0"}),
        (all_of_it, [0, 5], {}),
        (positional_only, [1, 2], {0: "expected 1 to 2 arguments, got 0"}),
        (with_options, [1], {2: "expected 1 arguments, got 2"}),
    ],
)
def test_number_of_arguments(function: Any, allowed: list[int], refused: dict[int, str]) -> None:
    for count in allowed:
        assert bind(function, *range(count)) == list(range(count))
    for count, message in refused.items():
        assert refusal(function, *range(count))["message"] == message


def test_arity_counts_what_follows_the_socket() -> None:
    functions: list[EventHandler] = [none, one, one_or_two, any_number, one_and_more, all_of_it]
    assert [Handler("test", function).arity for function in functions] == [0, 1, 2, 0, 1, 0]


# -- of what kind --


def say(socket: Socket, message: Say) -> None: ...


def mixed(socket: Socket, raw: Any, bare, count: int, short: Short = "abc") -> None: ...  # type: ignore[no-untyped-def]  # that it may lack an annotation is the point


def nested(socket: Socket, says: list[Say], point: Point, order: Order, perhaps: Say | None = None) -> None: ...


def test_models_are_made() -> None:
    assert bind(say, {"room": "a", "text": "b"}) == [Say(room="a", text="b")]


def test_what_has_no_annotation_passes_as_it_is() -> None:
    raw: dict[str, Any] = {"any": "thing"}
    bound = bind(mixed, raw, raw, 3, "abc")
    assert bound == [raw, raw, 3, "abc"]
    assert bound[0] is raw


def test_whatever_pydantic_can_validate() -> None:
    bound = bind(nested, [{"room": "a", "text": "b"}], {"x": "1"}, {"colour": "red"}, None)
    assert bound == [[Say(room="a", text="b")], Point(1, 0), {"colour": "red"}, None]


def test_defaults_stay_the_handler_s() -> None:
    assert bind(mixed, 1, 2, 3) == [1, 2, 3]


def test_errors_say_where() -> None:
    error = refusal(say, {"room": 5, "text": "x" * 11, "colour": "red"})
    assert error["message"] == "argument 1 is not valid"
    found = {(*detail["loc"],): detail["type"] for detail in error["details"]}
    assert found == {
        (0, "room"): "string_type",
        (0, "text"): "string_too_long",
        (0, "colour"): "extra_forbidden",
    }
    assert all(set(detail) == {"loc", "msg", "type"} for detail in error["details"])


def test_errors_say_which_argument() -> None:
    error = refusal(mixed, None, None, "three", "abc")
    assert error["message"] == "argument 3 is not valid"
    assert error["details"][0]["loc"] == [2]
    assert refusal(nested, [], {"x": 1}, {"colour": "green"})["details"][0]["loc"] == [2, "colour"]


def test_errors_do_not_repeat_what_was_sent() -> None:
    secret = "correct horse battery staple"
    assert secret not in str(refusal(say, {"room": [secret], "text": secret, secret: 1})["details"][0])
    assert secret not in refusal(say, secret)["message"]


def test_errors_are_not_without_end() -> None:
    def many(socket: Socket, numbers: list[int]) -> None: ...

    assert len(refusal(many, ["x"] * 10_000)["details"]) == 20
    assert refusal(many, ["x"] * 10_001)["details"] == [{"loc": [0], "msg": "10001 errors", "type": "too_many_errors"}]


def test_where_an_error_is_has_an_end() -> None:
    def many(socket: Socket, numbers: dict[str, list[int]]) -> None: ...

    details = refusal(many, {"k" * 100_000: ["x"] * 50})["details"]
    assert [detail["loc"] for detail in details] == [[0, "k" * 100, number] for number in range(20)]


def test_the_rest_of_the_arguments_is_validated_too() -> None:
    def add(socket: Socket, first: int, *rest: int) -> None: ...

    assert bind(add, 1, 2, 3) == [1, 2, 3]
    assert refusal(add, 1, 2, "three")["details"][0]["loc"] == [2]


# -- of what form --


async def asynchronous(socket: Socket, a: int) -> None: ...


class Service:
    async def method(self, socket: Socket, a: int) -> None: ...

    def plain(self, socket: Socket, a: int) -> None: ...

    async def __call__(self, socket: Socket, a: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "is_async"),
    [
        (one, False),
        (asynchronous, True),
        (Service().method, True),
        (Service().plain, False),
        (Service(), True),
        (functools.partial(asynchronous), True),
        (lambda socket, a: None, False),
    ],
)
def test_any_callable_may_be_a_handler(function: Any, is_async: bool) -> None:
    handler = Handler("test", function)
    assert (handler.asynchronous, handler.arity) == (is_async, 1)
    assert handler.bind([5]) == [5]


@pytest.mark.parametrize("function", [asynchronous, Service().method, Service().plain, Service()])
def test_annotations_of_any_callable_are_read(function: Any) -> None:
    assert refusal(function, "five")["details"][0]["loc"] == [0]


def test_annotations_of_a_partial_are_read() -> None:
    assert refusal(functools.partial(asynchronous), "five")["details"][0]["loc"] == [0]


# -- at registration --


class Opaque:
    """Nothing pydantic knows how to make."""


def without_socket() -> None: ...


def opaque(socket: Socket, value: Opaque) -> None: ...


def unresolvable(socket: Socket, value: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821  that it is missing is the point


def unfillable(socket: Socket, *, option: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (without_socket, "the handler of 'test' to take the socket first"),
        (opaque, "an annotation that pydantic can validate for 'value' of 'test'"),
        (unresolvable, "annotations that can be resolved at registration"),
        (unfillable, "option"),
    ],
)
def test_handlers_that_cannot_work_are_refused(function: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Server().on("test")(function)


def test_an_event_has_one_handler() -> None:
    io = Server()
    io.on("say")(say)
    io.of("/other").on("say")(say)
    io.on("connection")(none)
    with pytest.raises(ConfigurationError, match="one handler for 'say' in '/', got a second"):
        io.on("say")(say)
    with pytest.raises(ConfigurationError, match="one handler for 'connect'"):
        io.on("connect")(none)


def test_registration_gives_the_function_back() -> None:
    io = Server()
    assert io.on("say")(say) is say
    assert io.use(none) is none
