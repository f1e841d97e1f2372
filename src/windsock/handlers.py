"""Event handlers: what their signatures say is read once, at registration."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from itertools import chain, repeat
from typing import Any, Final, get_type_hints

from pydantic import BaseModel, PydanticUserError, TypeAdapter, ValidationError

from windsock.errors import ConfigurationError, EventError

EventHandler = Callable[..., Any]
"""A function of the event's arguments, on a server after the socket; plain or ``async``."""

MAX_REPORTED_ERRORS: Final = 20
"""Errors in one answer to a bad payload; a hostile one may contain a million."""

_RAW: Final = (inspect.Parameter.empty, Any, object)
_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Handler:
    """A handler and the shape of its arguments.

    Args:
        event: its name.
        function: the handler itself.
        subject: whether it takes the socket first, as a server's handlers do.

    Attributes:
        function: the handler itself.
        asynchronous: whether it returns a coroutine.
        arity: arguments of the event that it takes.
        minimum: how many of them it insists on.
        plain: how many arguments it takes if that is a fixed number and none is validated, else -1.
    """

    __slots__ = ("_maximum", "_rest", "_validators", "arity", "asynchronous", "function", "minimum", "plain")

    def __init__(self, event: str, function: EventHandler, *, subject: bool = True) -> None:
        self.function = function
        self.asynchronous = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004  the method, not whether there is one
        )
        parameters = list(inspect.signature(function).parameters.values())
        hints = _hints(function)
        positional = [parameter for parameter in parameters if parameter.kind in _POSITIONAL]
        rest = next((each for each in parameters if each.kind is inspect.Parameter.VAR_POSITIONAL), None)
        open_ended = rest is not None
        for parameter in parameters:
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY and parameter.default is inspect.Parameter.empty:
                raise ConfigurationError(
                    f"expected arguments by position in the handler of {event!r}: nothing gives {parameter.name!r}"
                )
        if subject and not positional and not open_ended:
            raise ConfigurationError(f"expected the handler of {event!r} to take the socket first")
        arguments = positional[1:] if subject else positional
        self.arity = len(arguments)
        self.minimum = sum(parameter.default is inspect.Parameter.empty for parameter in arguments)
        self._maximum = None if open_ended else len(arguments)
        self._validators = [_validator(event, parameter, hints) for parameter in arguments]
        self._rest = None if rest is None else _validator(event, rest, hints)
        fixed = self.minimum == self._maximum and not any(self._validators)
        self.plain = self.arity if fixed else -1

    def bind(self, arguments: list[Any]) -> list[Any]:
        """Checks an event's arguments, and makes of each what its annotation says.

        Raises:
            EventError: ``invalid_payload``, with pydantic's errors in ``details``.
        """
        count = len(arguments)
        if count < self.minimum or (self._maximum is not None and count > self._maximum):
            raise _wrong_count(self.minimum, self._maximum, count)
        bound = list(arguments)
        for index, validate in enumerate(chain(self._validators[:count], repeat(self._rest, count - self.arity))):
            if validate is not None:
                try:
                    bound[index] = validate(arguments[index])
                except ValidationError as error:
                    raise _invalid(index, error) from None
        return bound


def _hints(function: EventHandler) -> dict[str, Any]:
    target = function if inspect.isroutine(function) else type(function).__call__
    try:
        return get_type_hints(target, include_extras=True)
    except NameError as error:
        raise ConfigurationError(f"expected annotations that can be resolved at registration: {error}") from error


def _validator(event: str, parameter: inspect.Parameter, hints: dict[str, Any]) -> Callable[[Any], Any] | None:
    annotation = hints.get(parameter.name, parameter.annotation)
    if annotation in _RAW:
        return None
    try:
        if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
            return annotation.model_validate
        return TypeAdapter(annotation).validate_python
    except PydanticUserError as error:
        raise ConfigurationError(
            f"expected an annotation that pydantic can validate for {parameter.name!r} of {event!r}: {error}"
        ) from error


def _wrong_count(minimum: int, maximum: int | None, count: int) -> EventError:
    if maximum is None:
        expected = f"at least {minimum}"
    elif minimum == maximum:
        expected = str(minimum)
    else:
        expected = f"{minimum} to {maximum}"
    return EventError("invalid_payload", f"expected {expected} arguments, got {count}")


def _invalid(index: int, error: ValidationError) -> EventError:
    # Inputs are left out: what a client sent is not to be sent around, and may be large.
    details = error.errors(include_url=False, include_context=False, include_input=False)
    shown = [
        {"loc": [index, *detail["loc"]], "msg": detail["msg"], "type": detail["type"]}
        for detail in details[:MAX_REPORTED_ERRORS]
    ]
    return EventError("invalid_payload", f"argument {index + 1} is not valid", {"details": shown})
