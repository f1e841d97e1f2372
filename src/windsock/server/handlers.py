"""Event handlers: what their signatures say is read once, at registration."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Final

from pydantic import BaseModel, PydanticUserError, TypeAdapter, ValidationError

from windsock.errors import ConfigurationError, EventError
from windsock.server.dependencies import DependencyOverrides, Injection, check_default, hints_of, is_injected
from windsock.server.socket import Socket

EventHandler = Callable[..., Any]
"""A function of the socket and the event's arguments; plain or ``async``."""

MAX_REPORTED_ERRORS: Final = 20
"""Errors in one answer to a bad payload; a hostile one may contain a million."""

RAW: Final = (inspect.Parameter.empty, Any, object)
"""Annotations that say nothing: what comes passes as it is."""

_POSITIONAL: Final = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


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


@dataclass(frozen=True, slots=True)
class Signature:
    """What a handler declares by its parameters and annotations.

    Attributes:
        arguments: of the event, by position.
        rest: of further arguments, any number of them.
        injected: parameters that Windsock gives itself: each with its place in the call, the socket's being 0, and
            its annotation.
        answer: the return annotation; ``Signature.empty`` when there is none.
    """

    arguments: tuple[Argument, ...]
    rest: Argument | None
    injected: tuple[tuple[inspect.Parameter, int, Any], ...]
    answer: Any

    @classmethod
    def of(cls, event: str, function: EventHandler) -> Signature:
        """Reads it.

        Raises:
            ConfigurationError: nothing can be called so, or an annotation cannot be resolved.
        """
        arguments: list[Argument] = []
        rest: Argument | None = None
        injected: list[tuple[inspect.Parameter, int, Any]] = []
        hints = hints_of(function)
        parameters = list(inspect.signature(function).parameters.values())
        positional = [parameter for parameter in parameters if parameter.kind in _POSITIONAL]
        for place, parameter in enumerate(parameters):
            annotation = hints.get(parameter.name, parameter.annotation)
            check_default(parameter, f"the handler of {event!r}")
            required = parameter.default is inspect.Parameter.empty
            if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                rest = Argument(parameter.name, annotation, required=False)
            elif positional and parameter is positional[0]:
                if is_injected(annotation) and annotation is not Socket:
                    raise ConfigurationError(f"expected the handler of {event!r} to take the socket first")
            elif is_injected(annotation):
                if arguments and not arguments[-1].required and parameter.kind in _POSITIONAL:
                    raise ConfigurationError(
                        f"expected {parameter.name!r} before the optional arguments or after a * in the handler of "
                        f"{event!r}: where it stands, an argument of the event might take its place"
                    )
                injected.append((parameter, place, annotation))
            elif parameter.kind in _POSITIONAL:
                arguments.append(Argument(parameter.name, annotation, required))
            elif parameter.kind is inspect.Parameter.KEYWORD_ONLY and required:
                raise ConfigurationError(
                    f"expected arguments by position in the handler of {event!r}: nothing gives {parameter.name!r}"
                )
        if not positional and rest is None:
            raise ConfigurationError(f"expected the handler of {event!r} to take the socket first")
        return cls(tuple(arguments), rest, tuple(injected), hints.get("return", inspect.Signature.empty))


class Handler:
    """A handler and the shape of its arguments.

    Attributes:
        function: the handler itself; with dependencies, what makes them and calls it.
        asynchronous: whether it returns a coroutine, known beforehand.
        arity: arguments it takes after the socket.
        plain: how many arguments it takes if that is a fixed number and none is validated, else -1.
        signature: what it declares.
        description: its docstring.
    """

    __slots__ = ("_maximum", "_minimum", "_rest", "_validators", "arity", "asynchronous", "description", "function",
                 "plain", "signature")  # fmt: skip

    def __init__(self, event: str, function: EventHandler, overrides: DependencyOverrides | None = None) -> None:
        signature = Signature.of(event, function)
        self.signature: Signature = signature
        self.description: str = (inspect.getdoc(function) or "") if inspect.isroutine(function) else ""
        self.function: EventHandler = function
        self.asynchronous = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004  the method, not whether there is one
        )
        if signature.injected:
            stand_ins = DependencyOverrides() if overrides is None else overrides  # an empty one counts, too
            self.function = Injection(event, function, list(signature.injected), stand_ins)
            self.asynchronous = False  # it depends on what it depends on
        arguments = signature.arguments
        self.arity: int = len(arguments)
        self._minimum = sum(argument.required for argument in arguments)
        self._maximum = None if signature.rest is not None else len(arguments)
        self._validators = [_validator(event, argument) for argument in arguments]
        self._rest = None if signature.rest is None else _validator(event, signature.rest)
        fixed = self._minimum == self._maximum and not any(self._validators)
        self.plain: int = self.arity if fixed else -1

    def bind(self, arguments: list[Any]) -> list[Any]:
        """Checks an event's arguments, and makes of each what its annotation says.

        Raises:
            EventError: ``invalid_payload``, with pydantic's errors in ``details``.
        """
        count = len(arguments)
        if count < self._minimum or (self._maximum is not None and count > self._maximum):
            raise _wrong_count(self._minimum, self._maximum, count)
        bound = list(arguments)
        for index, validate in enumerate(chain(self._validators[:count], repeat(self._rest, count - self.arity))):
            if validate is not None:
                try:
                    bound[index] = validate(arguments[index])
                except ValidationError as error:
                    raise _invalid(index, error) from None
        return bound


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
    # Inputs are left out: what a client sent is not to be sent around, and may be large.
    details = error.errors(include_url=False, include_context=False, include_input=False)
    shown = [
        {"loc": [index, *detail["loc"]], "msg": detail["msg"], "type": detail["type"]}
        for detail in details[:MAX_REPORTED_ERRORS]
    ]
    return EventError("invalid_payload", f"argument {index + 1} is not valid", {"details": shown})
