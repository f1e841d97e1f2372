"""The client for scripts without an event loop: a thread runs one, and every call waits for it."""

from __future__ import annotations

import asyncio
import functools
import logging
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Self, TypeVar

from windsock.client.client import Client
from windsock.client.namespace import ClientNamespace
from windsock.errors import ConfigurationError

logger: logging.Logger = logging.getLogger("windsock.client")

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

MAX_RECEIVED: Final = 10_000
"""Events kept for :meth:`SyncClient.receive`: a script that never asks is not to fill the memory. The oldest go."""


class Worker:
    """An event loop in a thread, and one thread for handlers, so that these may call the client and wait."""

    def __init__(self) -> None:
        self.handlers: ThreadPoolExecutor = ThreadPoolExecutor(1, thread_name_prefix="windsock-handlers")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="windsock-client", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result; interrupted, it is cancelled."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Ends both threads."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.handlers.shutdown(wait=False, cancel_futures=True)


class SyncClient:
    """Wraps a :class:`windsock.Client` for code that is not ``async``.

    ``with SyncClient(Client(url)) as io:`` connects and, at the end, disconnects. It may be used from several threads.
    Handlers are plain functions; they run in a thread of their own, one after the other.

    Args:
        client: not connected yet.
        namespace: to stand for; got with :meth:`of`.
        owner: whose threads are used; likewise.
    """

    def __init__(
        self, client: Client, *, namespace: ClientNamespace | None = None, owner: SyncClient | None = None
    ) -> None:
        self._client = client
        self._target = namespace or client
        self._worker: Worker | None = None
        self._owner = owner or self
        self._received: queue.Queue[tuple[Any, ...]] = queue.Queue(MAX_RECEIVED)
        self._target.on_any(self._keep)

    def __enter__(self) -> Self:
        self._owner._worker = Worker()
        try:
            self.connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connected(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return self._target.connected

    @property
    def id(self) -> str | None:
        """Of the socket that the server has for this client."""
        return self._target.id

    def of(self, name: str) -> SyncClient:
        """Another namespace over the same connection; :meth:`connect` waits for it."""
        namespace = self._run(_of(self._client, name)) if self._owner._worker else self._client.of(name)
        return SyncClient(self._client, namespace=namespace, owner=self._owner)

    def connect(self, timeout: float | None = None) -> None:
        """Returns when it is connected; see :meth:`windsock.Client.connect`.

        Raises:
            TimeoutError: it is not, ``timeout`` seconds later.
        """
        if self._owner._worker is None:
            self._owner._worker = Worker()
        self._run(asyncio.wait_for(self._target.connect(), timeout))

    def close(self) -> None:
        """Ends the connection, for all namespaces, and the threads."""
        owner = self._owner
        if owner._worker is not None:
            try:
                self._run(self._client.close())
            finally:
                worker, owner._worker = owner._worker, None
                worker.close()

    def on(self, event: str) -> Callable[[F], F]:
        """Registers the handler of an event; see :meth:`windsock.Client.on`. It must be a plain function."""

        def register(function: F) -> F:
            @functools.wraps(function)
            async def run(*arguments: Any) -> Any:
                worker = self._owner._worker
                assert worker is not None, "events come while there is a connection"
                call = functools.partial(function, *arguments)
                return await asyncio.get_running_loop().run_in_executor(worker.handlers, call)

            if asyncio.iscoroutinefunction(function):
                raise ConfigurationError(f"expected a plain function as the handler of {event!r}, got a coroutine's")
            self._target.on(event)(run)
            return function

        return register

    def emit(self, event: str, *arguments: Any) -> None:
        """See :meth:`windsock.Client.emit`."""
        self._run(_emit(self._target, event, arguments))

    def send(self, *arguments: Any) -> None:
        """Sends the event ``message``; see :meth:`emit`."""
        self.emit("message", *arguments)

    def emit_with_ack(self, event: str, *arguments: Any, timeout: float | None = None) -> Any:
        """See :meth:`windsock.ClientOperator.emit_with_ack`.

        Raises:
            AckTimeout: the acknowledgement did not come, ``timeout`` seconds later.
        """
        sender = self._target if timeout is None else self._target.timeout(timeout)
        return self._run(sender.emit_with_ack(event, *arguments))

    def receive(self, timeout: float | None = None) -> tuple[Any, ...]:
        """The next event: its name and its arguments. Those with a handler are among them.

        Raises:
            TimeoutError: none has come, ``timeout`` seconds later.
        """
        try:
            return self._received.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(f"no event within {timeout} s") from None

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        worker = self._owner._worker
        if worker is None:
            coroutine.close()
            raise ConfigurationError("expected the client to be connected first: use `with`, or connect()")
        return worker.run(coroutine)

    def _keep(self, *event: Any) -> None:
        while True:
            try:
                self._received.put_nowait(event)
                return
            except queue.Full:
                self._received.get_nowait()
                logger.warning("an event was dropped: receive() has not been called for %d others", MAX_RECEIVED)


async def _of(client: Client, name: str) -> ClientNamespace:
    return client.of(name)


async def _emit(target: Client | ClientNamespace, event: str, arguments: tuple[Any, ...]) -> None:
    target.emit(event, *arguments)
