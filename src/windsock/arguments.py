"""The arguments of an event: what a handler's signature says of them is read once, at registration."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Final, Self, get_type_hints

from pydantic import BaseModel, PydanticUserError, TypeAdapter, ValidationError

from windsock.errors import ConfigurationError, EventError

EventHandler = Callable[..., Any]
"""A function of the event's arguments, on a server after the socket; plain or ``async``."""

MAX_REPORTED_ERRORS: Final = 20
"""Errors in one answer to a bad payload; a hostile one may contain a million."""

MAX_LISTED_ERRORS: Final = 10_000
"""Errors of one argument of which those are taken. Pydantic lists all or none, and a million would keep everybody
waiting for a second: of more there is but the number."""

MAX_PLACE_LENGTH: Final = 100
"""Characters of a key in the place of an error. It is the client's, and stands in each error below it."""

RAW: Final = (inspect.Parameter.empty, Any, object)
"""Annotations that say nothing: what comes passes as it is."""

POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
"""Kinds of parameters that an event's arguments fill one by one."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an event, as a signature declares it.

    Attributes:
        name: the parameter's.
        annotation: ``Parameter.empty`` when there is none.
        required: whether it has no default.
    """

    name: str
    annotation: Any
    required: bool


class Arguments:
    """The arguments that a handler takes, and how each is checked.

    Args:
        event: its name.
        arguments: by position.
        rest: further ones, any number of them.

    Attributes:
        arity: how many the handler names.
        minimum: how many of them it insists on.
        plain: how many it takes if that is a fixed number and none is validated, else -1.
    """

    __slots__ = ("_maximum", "_rest", "_validators", "arity", "minimum", "plain")

    def __init__(self, event: str, arguments: tuple[Argument, ...], rest: Argument | None) -> None:
        self.arity: int = len(arguments)
        self.minimum: int = sum(argument.required for argument in arguments)
        self._maximum = None if rest is not None else len(arguments)
        self._validators = [_validator(event, argument) for argument in arguments]
        self._rest = None if rest is None else _validator(event, rest)
        fixed = self.minimum == self._maximum and not any(self._validators)
        self.plain: int = self.arity if fixed else -1

    @classmethod
    def of(cls, event: str, function: EventHandler) -> Self:
        """Those of a handler whose parameters are all the event's.

        Raises:
            ConfigurationError: nothing can be called so, or an annotation cannot be resolved or validated.
        """
        hints = hints_of(function)
        arguments: list[Argument] = []
        rest: Argument | None = None
        for parameter in inspect.signature(function).parameters.values():
            required = parameter.default is inspect.Parameter.empty
            argument = Argument(parameter.name, hints.get(parameter.name, parameter.annotation), required)
            if parameter.kind in POSITIONAL:
                arguments.append(argument)
            elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                rest = argument
            elif parameter.kind is inspect.Parameter.KEYWORD_ONLY and required:
                raise ConfigurationError(
                    f"expected arguments by position in the handler of {event!r}: nothing gives {parameter.name!r}"
                )
        return cls(event, tuple(arguments), rest)

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


def is_asynchronous(function: EventHandler) -> bool:
    """Whether a handler is known beforehand to return a coroutine."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  the method, not whether there is one
    )


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function, of a class's ``__init__``, or of a callable object, resolved.

    Raises:
        ConfigurationError: a name in them cannot be resolved.
    """
    target: Any = function
    while isinstance(target, functools.partial):
        target = target.func
    if inspect.isclass(target):
        target = target.__init__
    elif not inspect.isroutine(target):
        target = type(target).__call__
    try:
        return get_type_hints(target, include_extras=True)
    except NameError as error:
        raise ConfigurationError(f"expected annotations that can be resolved at registration: {error}") from error


def _validator(event: str, argument: Argument) -> Callable[[Any], Any] | None:
    annotation = argument.annotation
    if annotation in RAW:
        return None
    try:
        if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
            return annotation.model_validate
        return TypeAdapter(annotation).validate_python
    except PydanticUserError as error:
        raise ConfigurationError(
            f"expected an annotation that pydantic can validate for {argument.name!r} of {event!r}: {error}"
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
    count = error.error_count()
    if count > MAX_LISTED_ERRORS:
        shown = [{"loc": [index], "msg": f"{count} errors", "type": "too_many_errors"}]
    else:
        # Inputs are left out: what a client sent is not to be sent around, and may be large.
        details = error.errors(include_url=False, include_context=False, include_input=False)
        shown = [
            {"loc": [index, *map(_place, detail["loc"])], "msg": detail["msg"], "type": detail["type"]}
            for detail in details[:MAX_REPORTED_ERRORS]
        ]
    return EventError("invalid_payload", f"argument {index + 1} is not valid", {"details": shown})


def _place(part: int | str) -> int | str:
    return part[:MAX_PLACE_LENGTH] if isinstance(part, str) else part
