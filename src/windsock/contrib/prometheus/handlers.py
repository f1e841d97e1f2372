"""How long handlers take, and how they end."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from time import perf_counter
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from windsock.contrib.prometheus.histogram import Histogram
from windsock.errors import ConnectionRefused, EventError

if TYPE_CHECKING:
    from windsock.arguments import EventHandler
    from windsock.server.handlers import Handler
    from windsock.server.socket import Socket

BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""


class HandlerFigures:
    """Of one handler, or of several with the same labels.

    Attributes:
        started: calls.
        invalid: events whose arguments it does not take: it was not called.
        refused: calls that ended with an error that the client is told (:class:`windsock.EventError`).
        failed: calls that ended with any other exception.
        times: seconds from the call to its end, the waiting of a coroutine included.
    """

    __slots__ = ("failed", "invalid", "refused", "started", "times")

    def __init__(self) -> None:
        self.started: int = 0
        self.invalid: int = 0
        self.refused: int = 0
        self.failed: int = 0
        self.times: Histogram = Histogram(BOUNDS)

    def watch(self, handler: Handler) -> None:
        """Puts what measures around a handler."""
        function = handler.function
        handler.function = self._measure_coroutine(function) if handler.asynchronous else self._measure(function)
        handler.bind = self._count_invalid(handler.bind)

    def _count_invalid(self, bind: Callable[[list[Any]], list[Any]]) -> Callable[[list[Any]], list[Any]]:
        def counted(arguments: list[Any]) -> list[Any]:
            try:
                return bind(arguments)
            except EventError:
                self.invalid += 1
                raise

        return counted

    def _measure_coroutine(self, function: EventHandler) -> EventHandler:
        async def measured(socket: Socket, *arguments: Any) -> Any:
            self.started += 1
            begun = perf_counter()
            try:
                return await function(socket, *arguments)
            except Exception as error:
                self._count(error)
                raise
            finally:
                self.times.record(perf_counter() - begun)

        return measured

    def _measure(self, function: EventHandler) -> EventHandler:
        def measured(socket: Socket, *arguments: Any) -> Any:
            self.started += 1
            begun = perf_counter()
            try:
                outcome = function(socket, *arguments)
            except Exception as error:
                self._count(error)
                self.times.record(perf_counter() - begun)
                raise
            if type(outcome) is CoroutineType:
                return self._finish(outcome, begun)
            self.times.record(perf_counter() - begun)
            return outcome

        return measured

    async def _finish(self, coroutine: Coroutine[Any, Any, Any], begun: float) -> Any:
        try:
            return await coroutine
        except Exception as error:
            self._count(error)
            raise
        finally:
            self.times.record(perf_counter() - begun)

    def _count(self, error: Exception) -> None:
        if isinstance(error, EventError | ConnectionRefused):
            self.refused += 1
        else:
            self.failed += 1
