"""How long handlers take, and how they end."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from time import perf_counter
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from windsock.contrib.figures.outcome import OUTCOMES, Outcome, outcome_of
from windsock.errors import EventError

if TYPE_CHECKING:
    from windsock.arguments import EventHandler
    from windsock.contrib.figures.times import Times
    from windsock.server.handlers import Handler
    from windsock.server.socket import Socket

BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: the upper bounds of a histogram of them."""


class HandlerFigures:
    """Of one handler, or of several with the same labels.

    Args:
        times: for each outcome, where the seconds go from a call to its end, the waiting of a coroutine included.

    Attributes:
        started: calls.
        invalid: events whose arguments it does not take: it was not called.
        ended: calls, by how they ended.
    """

    __slots__ = ("_times", "ended", "invalid", "started")

    def __init__(self, times: Mapping[Outcome, Times]) -> None:
        self._times = times
        self.started: int = 0
        self.invalid: int = 0
        self.ended: dict[Outcome, int] = dict.fromkeys(OUTCOMES, 0)

    @property
    def in_flight(self) -> int:
        """Calls that have begun and not ended."""
        return self.started - sum(self.ended.values())

    def watch(self, handler: Handler) -> None:
        """Puts what measures around a handler."""
        handler.function = self._measure(handler.function)
        handler.bind = self._count_invalid(handler.bind)

    def _count_invalid(self, bind: Callable[[list[Any]], list[Any]]) -> Callable[[list[Any]], list[Any]]:
        def counted(arguments: list[Any]) -> list[Any]:
            try:
                return bind(arguments)
            except EventError:
                self.invalid += 1
                raise

        return counted

    def _measure(self, function: EventHandler) -> EventHandler:
        def measured(socket: Socket, *arguments: Any) -> Any:
            self.started += 1
            begun = perf_counter()
            try:
                outcome = function(socket, *arguments)
            except Exception as error:
                self._end(outcome_of(error, socket), begun)
                raise
            if type(outcome) is CoroutineType:
                return self._finish(socket, outcome, begun)
            self._end("done", begun)
            return outcome

        return measured

    async def _finish(self, socket: Socket, coroutine: Coroutine[Any, Any, Any], begun: float) -> Any:
        try:
            value = await coroutine
        except BaseException as error:
            self._end(outcome_of(error, socket), begun)
            raise
        self._end("done", begun)
        return value

    def _end(self, outcome: Outcome, begun: float) -> None:
        self.ended[outcome] += 1
        self._times[outcome].record(perf_counter() - begun)
