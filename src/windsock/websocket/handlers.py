"""What an endpoint calls: which messages a handler takes is read from its signature once, at registration."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from windsock.arguments import MAX_LISTED_ERRORS, POSITIONAL, RAW, hints_of, is_asynchronous
from windsock.errors import ConfigurationError
from windsock.protocol.closing import CloseCode

EVENTS: Final = {"connect": 1, "message": 2, "session": 1, "disconnect": 3}
"""What can be handled, with the number of arguments that are offered, the socket first."""

Convert = Callable[[str | bytes], Any]


class Unacceptable(Exception):
    """A message that its handler does not take.

    Attributes:
        code: that the connection is closed with.
        reason: for the client.
    """

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Handler:
    """A function of the application.

    Attributes:
        function: itself.
        arity: how many of the arguments offered it takes.
        asynchronous: whether it returns a coroutine, known beforehand.
        convert: of ``message``: makes of one what the annotation says; ``None`` where it passes as it is.
        only: of ``message``: the type of those it takes, if it takes one alone.
    """

    __slots__ = ("arity", "asynchronous", "convert", "function", "only")

    def __init__(self, event: str, function: Callable[..., Any]) -> None:
        parameters = list(inspect.signature(function).parameters.values())
        positional = [parameter for parameter in parameters if parameter.kind in POSITIONAL]
        required = [parameter for parameter in parameters if _is_required(parameter)]
        offered = EVENTS[event]
        takes_rest = any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters)
        arity = offered if takes_rest else min(len(positional), offered)
        if arity < 1 or len(required) > arity or (event == "message" and arity < 2):
            raise ConfigurationError(f"expected the handler of {event!r} to take {_EXPECTED[event]}")
        self.function: Callable[..., Any] = function
        self.arity: int = arity
        self.asynchronous: bool = is_asynchronous(function)
        self.convert: Convert | None = None
        self.only: type | None = None
        if event == "message" and len(positional) > 1:
            parameter = positional[1]
            annotation = hints_of(function).get(parameter.name, parameter.annotation)
            self.convert = _converter(annotation)
            self.only = annotation if annotation is str or annotation is bytes else None


_EXPECTED: Final = {
    "connect": "the socket",
    "message": "the socket and the message",
    "session": "the socket",
    "disconnect": "the socket, the code and the reason, or the first of them",
}


def _is_required(parameter: inspect.Parameter) -> bool:
    by_itself = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return parameter.default is inspect.Parameter.empty and parameter.kind not in by_itself


def _converter(annotation: Any) -> Convert | None:
    if annotation in RAW or annotation in (str, bytes, str | bytes):
        return None
    try:
        validate = TypeAdapter(annotation).validate_json
    except PydanticUserError as error:
        raise ConfigurationError(
            f"expected an annotation of the message that pydantic can validate: {error}"
        ) from error

    def convert(message: str | bytes) -> Any:
        try:
            return validate(message)
        except ValidationError as error:
            if error.error_count() > MAX_LISTED_ERRORS:
                raise Unacceptable(CloseCode.INVALID_DATA, f"{error.error_count()} errors") from None
            # Inputs are left out: what a client sent may be large.
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise Unacceptable(CloseCode.INVALID_DATA, f"{place}: {first['msg']}" if place else first["msg"]) from None

    return convert


def refuse_type(only: type) -> None:
    """Refuses a message of the other type.

    Raises:
        Unacceptable: always.
    """
    reason = "expected text, got binary" if only is str else "expected binary, got text"
    raise Unacceptable(CloseCode.UNSUPPORTED_DATA, reason)
