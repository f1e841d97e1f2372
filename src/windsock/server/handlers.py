"""Event handlers: what their signatures say is read once, at registration."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any

from windsock.arguments import POSITIONAL, Argument, Arguments, EventHandler, hints_of, is_asynchronous
from windsock.errors import ConfigurationError
from windsock.server.dependencies import DependencyOverrides, Injection, check_default, is_injected
from windsock.server.socket import Socket


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
        positional = [parameter for parameter in parameters if parameter.kind in POSITIONAL]
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
                if arguments and not arguments[-1].required and parameter.kind in POSITIONAL:
                    raise ConfigurationError(
                        f"expected {parameter.name!r} before the optional arguments or after a * in the handler of "
                        f"{event!r}: where it stands, an argument of the event might take its place"
                    )
                injected.append((parameter, place, annotation))
            elif parameter.kind in POSITIONAL:
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
        event: its name.
        function: the handler itself; with dependencies, what makes them and calls it.
        asynchronous: whether it returns a coroutine, known beforehand.
        arity: arguments it takes after the socket.
        plain: how many arguments it takes if that is a fixed number and none is validated, else -1.
        bind: see :meth:`windsock.arguments.Arguments.bind`.
        signature: what it declares.
        description: its docstring.
    """

    __slots__ = ("arity", "asynchronous", "bind", "description", "event", "function", "plain", "signature")

    def __init__(self, event: str, function: EventHandler, overrides: DependencyOverrides | None = None) -> None:
        signature = Signature.of(event, function)
        self.event: str = event
        self.signature: Signature = signature
        self.description: str = (inspect.getdoc(function) or "") if inspect.isroutine(function) else ""
        self.function: EventHandler = function
        self.asynchronous: bool = is_asynchronous(function)
        if signature.injected:
            stand_ins = DependencyOverrides() if overrides is None else overrides  # an empty one counts, too
            self.function = Injection(event, function, list(signature.injected), stand_ins)
            self.asynchronous = False  # it depends on what it depends on
        arguments = Arguments(event, signature.arguments, signature.rest)
        self.arity: int = arguments.arity
        self.plain: int = arguments.plain
        self.bind: Callable[[list[Any]], list[Any]] = arguments.bind

    def within(self, function: EventHandler) -> Handler:
        """The same, but a call goes to ``function``, with the arguments as they came."""
        other = copy(self)
        other.function = function
        other.asynchronous = False  # it depends on what the function does
        other.plain = -1
        other.bind = _as_they_are
        return other


def _as_they_are(arguments: list[Any]) -> list[Any]:
    return arguments
