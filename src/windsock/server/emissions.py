"""Events that the server emits, as the application declares them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, Final

from pydantic import PydanticUserError, TypeAdapter

from windsock.errors import ConfigurationError
from windsock.protocol.socketio import RESERVED_EVENTS

UNACKNOWLEDGED: Final[Any] = inspect.Signature.empty
"""Stands for the answer of an event that asks for none."""


@dataclass(frozen=True, slots=True)
class Emission:
    """One event that the server may emit in a namespace.

    Attributes:
        event: its name.
        arguments: the type of each.
        ack: the type that clients acknowledge it with; :data:`UNACKNOWLEDGED` when it asks for no answer.
        description: for readers of the contract.

    Raises:
        ConfigurationError: the name is reserved, or pydantic cannot describe a type.
    """

    event: str
    arguments: tuple[Any, ...]
    ack: Any = UNACKNOWLEDGED
    description: str = ""

    def __post_init__(self) -> None:
        if self.event in RESERVED_EVENTS:
            raise ConfigurationError(f"expected an event's name, got the reserved {self.event!r}")
        for kind in self.arguments if self.ack is UNACKNOWLEDGED else (*self.arguments, self.ack):
            try:
                TypeAdapter(kind)
            except PydanticUserError as error:
                raise ConfigurationError(
                    f"expected types that pydantic can describe for the event {self.event!r}: {error}"
                ) from error
