"""Starting coroutines without waiting for the event loop to come round, and without a task for each."""

from __future__ import annotations

import asyncio
import sys
from asyncio import Task, current_task
from asyncio.tasks import _enter_task, _leave_task  # documented: "Extending asyncio", "Task lifetime support"
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from types import GeneratorType
from types import coroutine as generator_coroutine
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

EAGER: Final = sys.version_info >= (3, 12)
"""Whether asyncio's own tasks can run up to their first suspension when they are made."""


def start(coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> Task[T]:
    """A task for a coroutine, which has run up to its first suspension; the task may be done already.

    Before Python 3.12 it is never done before the next iteration of the event loop, whatever the coroutine is. The
    event loop keeps only a weak reference to it.
    """
    if EAGER:
        return Task(coroutine, loop=loop, eager_start=True)  # type: ignore[call-arg,unused-ignore]  # not on 3.11
    begun: Begun[T] = Begun(coroutine, copy_context())
    task: Task[T] = loop.create_task(begun)
    running = current_task(loop)
    if running is not None:
        _leave_task(loop, running)
    _enter_task(loop, task)
    try:
        begun.step()
    finally:
        _leave_task(loop, task)
        if running is not None:
            _enter_task(loop, running)
    return task


class Begun(Coroutine[Any, Any, T]):
    """A coroutine that took its first step before the task it runs in: the task is told of that step's outcome later.

    Args:
        coroutine: not begun, or suspended.
        context: in which it runs, whatever that of the task is.
        yielded: what it waits for, if it is suspended.
    """

    __slots__ = ("_context", "_coroutine", "_outcome")

    def __init__(
        self, coroutine: Coroutine[Any, Any, T] | Generator[Any, Any, T], context: Context, yielded: Any = None
    ) -> None:
        self._coroutine = coroutine
        self._context = context
        # Of the step that the task has not seen: what is awaited, or how it ended.
        self._outcome: tuple[Any, BaseException | None] | None = (yielded, None)
        _mark_as_awaited(yielded, False)

    def step(self) -> None:
        """Takes the first step; what it raises is kept for the task."""
        try:
            yielded = self._context.run(self._coroutine.send, None)
            _mark_as_awaited(yielded, False)
            self._outcome = (yielded, None)
        except (KeyboardInterrupt, SystemExit) as error:
            self._outcome = (None, error)
            raise
        except BaseException as error:  # noqa: BLE001  StopIteration with the result, a cancellation, a failure
            self._outcome = (None, error)

    def send(self, value: Any) -> Any:
        """See ``collections.abc.Coroutine``."""
        outcome, self._outcome = self._outcome, None
        if outcome is None:
            return self._context.run(self._coroutine.send, value)
        yielded, error = outcome
        if error is not None:
            raise error
        _mark_as_awaited(yielded, True)
        return yielded

    def throw(self, *exception: Any) -> Any:
        """See ``collections.abc.Coroutine``; one that is over already is not to be cancelled."""
        outcome, self._outcome = self._outcome, None
        if outcome is not None and outcome[1] is not None:
            raise outcome[1]
        return self._context.run(self._coroutine.throw, *exception)

    def close(self) -> None:
        """See ``collections.abc.Coroutine``."""
        self._outcome = None
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, T]:
        """Goes on with it in the task of whoever awaits."""
        return self

    def __iter__(self) -> Begun[T]:
        """What ``await`` iterates over is itself."""
        return self

    def __next__(self) -> Any:
        """See ``send``."""
        return self.send(None)


def _mark_as_awaited(future: Any, mark: bool) -> None:
    """Sets the mark that a future which is awaited shows to the task of whoever does.

    Until the task is told of it, another coroutine may begin to wait for the same future.
    """
    if getattr(future, "_asyncio_future_blocking", None) is not None:
        future._asyncio_future_blocking = mark


class Turn:
    """One iteration of the event loop, whose coroutines share a task as long as none of them leaves a trace in it.

    A coroutine must run in a task: ``asyncio.timeout``, anyio and SQLAlchemy ask for the current one. A task for each
    would cost more than all else that a short handler takes, and most end without having waited for anything. Here it
    is theirs together until one of them **suspends**: then it is that one's alone. One that **cancels** the task is the
    last to use it. Whoever comes after these has a task of its own (:func:`start`). Each runs in a context of its own,
    as it would in a task.

    Attributes:
        ready: whether a coroutine may be run in the shared task now.
        run: runs one up to its end, and returns its result, or raises what it raises; or up to its first suspension,
            and returns what it waits for. :attr:`ready` is false then, and :meth:`adopt` is to be asked.
        suspended: the one to which the task belongs now; nothing may be run before the task has got to wait for it.
        task: the shared one.
    """

    __slots__ = ("_suspensions", "_worker", "ready", "run", "suspended", "task")

    def __init__(self) -> None:
        self.ready: bool = False
        self.task: Task[Any] | None = None
        self.run: Callable[[Coroutine[Any, Any, Any]], Any]
        self._worker: GeneratorType[Any, Any, Any] | None = None
        self._suspensions = 0
        self.suspended: Begun[Any] | None = None

    def begin(self) -> bool:
        """The running task is to be shared from now on; ``False`` if another one is."""
        if self.task is not None:
            return False
        self.task = current_task()
        if self._worker is None:
            self._renew()
        self.ready = True
        return True

    def end(self) -> Begun[Any] | None:
        """It is shared no more. Returns what has suspended in it, for the task to go on with."""
        self.ready = False
        self.task = None
        suspended, self.suspended = self.suspended, None
        return suspended

    def adopt(self, yielded: Any, context: Context) -> Task[Any] | None:
        """Gives the shared task to the coroutine that :attr:`run` just ran, if that is suspended, and returns it.

        Args:
            yielded: what ``run`` returned.
            context: in which it was run.
        """
        worker = self._worker
        if worker is None or worker.gi_yieldfrom is None:
            return None  # it is over, and left a trace
        self._worker = None
        self._suspensions += 1
        self.suspended = Begun(worker, context, yielded)
        return self.task

    def _renew(self) -> None:
        worker = self._worker = cast("GeneratorType[Any, Any, Any]", self._work())
        next(worker)
        self.run = worker.send

    @generator_coroutine
    def _work(self) -> Generator[Any, Any, Any]:
        # A coroutine that ends within a generator costs no StopIteration, which is half of what running it would cost.
        suspensions = self._suspensions
        result = None
        while True:
            coroutine = yield result
            self.ready = False
            try:
                result = yield from coroutine
            except BaseException:
                if suspensions == self._suspensions:
                    self._renew()
                    self.ready = self._is_unharmed()
                raise
            if suspensions != self._suspensions:
                return result  # to whoever waits for the task that was adopted
            task = self.task
            if task is not None and not task.cancelling():
                self.ready = True

    def _is_unharmed(self) -> bool:
        return self.task is not None and not self.task.cancelling()
