"""Event handlers of the client."""

from __future__ import annotations

import inspect

from windsock.arguments import POSITIONAL, Argument, Arguments, EventHandler, hints_of, is_asynchronous
from windsock.errors import ConfigurationError


class Handler:
    """A handler and the arguments it takes.

    Args:
        event: its name.
        function: the handler itself.

    Attributes:
        function: the handler itself.
        asynchronous: whether it returns a coroutine.
        arguments: those of the event.
    """

    __slots__ = ("arguments", "asynchronous", "function")

    def __init__(self, event: str, function: EventHandler) -> None:
        self.function: EventHandler = function
        self.asynchronous: bool = is_asynchronous(function)
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
        self.arguments: Arguments = Arguments(event, tuple(arguments), rest)
