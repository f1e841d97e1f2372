"""What a session asks of a transport."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from windsock.protocol.engineio import Message
from windsock.types import TransportName


class Transport(Protocol):
    """One way to one server, for one session. Each method is called by one task at a time.

    Attributes:
        name: in the query of each request.
    """

    name: TransportName

    async def open(self, sid: str | None) -> None:
        """Makes ready to receive; ``sid``: of the session, if it has begun.

        Raises:
            ConnectionFailed: the server cannot be reached, or does not speak this transport.
        """

    async def receive(self) -> list[str | bytes]:
        """The next packets: text with its type digit, or a binary message.

        Raises:
            ConnectionFailed: nothing can come any more.
        """

    async def send(self, messages: Sequence[Message]) -> None:
        """Sends messages, in order; returns when more can be taken.

        Raises:
            ConnectionFailed: they may not have arrived.
        """

    async def close(self, *, graceful: bool) -> None:
        """Ends it within two seconds; ``graceful``: telling the server. It never fails, and may be called twice."""


def describe(error: BaseException) -> str:
    """What an exception says, or what it is if it says nothing."""
    return str(error) or type(error).__name__
