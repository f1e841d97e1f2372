"""Acknowledgements that are waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container
from typing import Any

from windsock.errors import AckTimeout, NotConnected

AckCallback = Callable[[list[Any]], None]


class Acks:
    """The answers a peer still owes. It holds what the application asked for, and nothing a peer sent.

    An answer to a question that was never put, or came too late, is ignored.
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[list[Any]]] = {}

    def expect(self, id: int) -> asyncio.Future[list[Any]]:
        """The arguments of the acknowledgement with this id, once it comes."""
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._waiting[id] = future
        future.add_done_callback(lambda _: self._waiting.pop(id, None))
        return future

    def resolve(self, id: int, arguments: list[Any]) -> None:
        """An acknowledgement came."""
        future = self._waiting.get(id)
        if future is not None and not future.done():
            future.set_result(arguments)

    def close(self, keep: Container[int] = ()) -> None:
        """No answer can come any more, but to the ids in ``keep``."""
        for id, future in list(self._waiting.items()):
            if id not in keep and not future.done():
                future.set_exception(NotConnected("disconnected before the acknowledgement came"))
                future.exception()  # nobody need be waiting still


async def wait_for_ack(future: asyncio.Future[list[Any]], timeout: float | None) -> Any:
    """The acknowledgement's value: one argument by itself, none as ``None``, several as a list.

    Raises:
        AckTimeout: it did not come in time.
        NotConnected: the peer disconnected before.
    """
    try:
        async with asyncio.timeout(timeout):
            arguments = await future
    except TimeoutError as error:
        if isinstance(error, AckTimeout):
            raise
        raise AckTimeout(f"no acknowledgement within {timeout} s") from None
    return ack_value(arguments)


def ack_value(arguments: list[Any]) -> Any:
    """One argument by itself, none as ``None``, several as a list."""
    if len(arguments) == 1:
        return arguments[0]
    return arguments or None
