"""The process that keeps workers running."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import json
import logging
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import uvicorn

from windsock.errors import ConfigurationError
from windsock.serving import Serving, announce
from windsock.workers.loads import Loads
from windsock.workers.process import WorkerProcess
from windsock.workers.reload import Changes

MAX_WORKERS: Final = 256
"""Processes: more than any machine has cores for, and each has a socket for each other."""

START_TIMEOUT: Final = 60.0
"""Seconds in which a worker must take clients."""

KILL_AFTER: Final = 5.0
"""Seconds beyond the graceful time-out in which a worker must have ended."""

BACKLOG: Final = 2048
"""Connections that nobody has taken: while a worker starts, and when all clients come back at once."""

FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 30.0
"""Seconds before a worker that ended is started again; twice as long each time, unless it ran for longer than that."""

logger: logging.Logger = logging.getLogger("uvicorn.error")


class Slot:
    """The place of one worker, who may change.

    Attributes:
        index: for people.
        worker: that takes new clients; ``None`` while there is none.
        delay: seconds before the next attempt.
        starting: whether one is on its way.
        outdated: whether that may have read what has changed meanwhile.
        due: set when the next attempt is not to wait.
    """

    __slots__ = ("delay", "due", "index", "outdated", "starting", "worker")

    def __init__(self, index: int) -> None:
        self.index: int = index
        self.worker: WorkerProcess | None = None
        self.delay: float = 0.0
        self.starting: bool = False
        self.outdated: bool = False
        self.due: asyncio.Event = asyncio.Event()

    async def pause(self) -> None:
        """Waits until the next attempt."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.delay):
                await self.due.wait()
        self.due.clear()


class Supervisor:
    """Starts workers, starts them again when they end, and replaces or ends them when it is told to.

    SIGHUP replaces the workers one after the other: the new one takes clients before the old one lets go of its own.
    SIGTERM and SIGINT end all of them gracefully, a second one at once.

    Args:
        serving: what each runs.
        count: of workers.
        reload: whether to replace them when a file changes.

    Raises:
        ConfigurationError: workers cannot run what is not to be imported.
    """

    def __init__(self, serving: Serving, count: int, *, reload: bool = False) -> None:
        if sys.platform == "win32":
            raise ConfigurationError("expected a system with Unix sockets for workers, got Windows")
        if not 1 <= count <= MAX_WORKERS:
            raise ConfigurationError(f"expected 1 to {MAX_WORKERS} workers, got {count}")
        if not isinstance(serving.target, str):
            raise ConfigurationError(f"expected module:name for workers to import, got {serving.target!r}")
        fields = {field.name: getattr(serving, field.name) for field in dataclasses.fields(serving)}
        try:
            json.dumps(fields)
        except TypeError as error:
            raise ConfigurationError(
                f"expected a log_config that can be written as JSON for workers: {error}"
            ) from None
        self._serving = serving
        self._fields: dict[str, Any] = fields
        self._slots = [Slot(index) for index in range(count)]
        self._reload = reload
        self._names = itertools.count(1)
        self._workers: set[WorkerProcess] = set()
        self._retiring: set[asyncio.Task[None]] = set()
        self._stop: asyncio.Event = asyncio.Event()
        self._roll: asyncio.Event = asyncio.Event()
        self._complete = False
        self._code = 0
        self._folder: Path
        self._loads: Loads
        self._listener: socket.socket

    def run(self) -> None:
        """Runs until it is told to end.

        Raises:
            SystemExit: it cannot listen, or a worker did not start; with its code.
        """
        # What configures the log configures it here, too.
        uvicorn.Config("", log_level=self._serving.log_level, log_config=self._serving.log_config)
        host, port = self._serving.host, self._serving.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            logger.error("cannot listen on %s, port %d: %s", host, port, error)
            sys.exit(1)
        with self._listener:
            self._listener.setblocking(False)
            self._folder = Path(tempfile.mkdtemp(prefix="windsock-"))  # which nobody else may look into
            self._loads = Loads(self._folder, len(self._slots))
            try:
                asyncio.run(self._run())
            finally:
                shutil.rmtree(self._folder, ignore_errors=True)
        if self._code:
            sys.exit(self._code)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ask_to_stop)
        loop.add_signal_handler(signal.SIGHUP, self._roll.set)
        keepers = [loop.create_task(self._keep(slot)) for slot in self._slots]
        others = [loop.create_task(each) for each in (self._watch_silence(), self._replace())]
        changes = Changes(self._roll.set) if self._reload else None
        try:
            await self._stop.wait()
        finally:
            if changes is not None:
                changes.stop()
            self._listener.close()
            for worker in self._workers:
                worker.terminate()
            for task in (*keepers, *others):
                task.cancel()
            await asyncio.gather(*keepers, *others, return_exceptions=True)
            within = self._serving.graceful_timeout + KILL_AFTER
            await asyncio.gather(*[self._end(worker, within) for worker in list(self._workers)])

    def _ask_to_stop(self) -> None:
        if self._stop.is_set():
            for worker in self._workers:
                worker.kill()
        self._stop.set()

    # -- one slot --

    async def _keep(self, slot: Slot) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await slot.pause()
            began = loop.time()
            slot.starting, slot.outdated = True, False
            worker = slot.worker = await self._start(slot)
            slot.starting = False
            if worker is None:
                slot.delay = min(max(FIRST_DELAY, 2 * slot.delay), LONGEST_DELAY)
                continue
            if not self._complete and all(each.worker is not None for each in self._slots):
                self._complete = True
                announce([self._listener])
            if slot.outdated:
                self._roll.set()
            while slot.worker is not None:
                worker = slot.worker
                code = await asyncio.shield(worker.ended)
                self._forget(worker)
                if slot.worker is worker:
                    logger.error("worker %d [%d] ended with %d", slot.index, worker.pid, code)
                    slot.worker = None
                    self._loads.clear(slot.index)
            longer = loop.time() - began > max(FIRST_DELAY, 2 * slot.delay)
            slot.delay = FIRST_DELAY if longer else min(max(FIRST_DELAY, 2 * slot.delay), LONGEST_DELAY)

    async def _start(self, slot: Slot) -> WorkerProcess | None:
        """A worker that takes clients, or ``None`` when it did not come to that."""
        name = f"{next(self._names):06x}"
        try:
            worker = await WorkerProcess.start(
                name, slot.index, len(self._slots), self._folder, self._listener, self._fields
            )
        except OSError as error:
            logger.error("worker %d cannot be started: %s", slot.index, error)
            return None
        self._workers.add(worker)
        ready = asyncio.ensure_future(worker.ready.wait())
        try:
            await asyncio.wait([ready, worker.ended], timeout=START_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if worker.ready.is_set():
            logger.info("worker %d [%d] takes clients", slot.index, worker.pid)
            return worker
        await self._end(worker, 0)
        code = worker.ended.result()
        logger.error("worker %d [%d] did not start: it ended with %d", slot.index, worker.pid, code)
        if code > 0 and not self._complete and not self._reload:
            # What has never worked is not tried again: whoever started it is still looking.
            self._code = code
            self._stop.set()
        return None

    async def _end(self, worker: WorkerProcess, within: float) -> None:
        await worker.end(within)
        self._forget(worker)

    def _forget(self, worker: WorkerProcess) -> None:
        self._workers.discard(worker)
        # One that was killed leaves its socket, and nobody is to be sent there.
        (self._folder / worker.name).unlink(missing_ok=True)

    # -- all of them --

    async def _watch_silence(self) -> None:
        while True:
            await asyncio.sleep(1)
            for worker in self._workers:
                worker.tick()
                if worker.silence > self._serving.hang_timeout:
                    logger.error("worker %d [%d] has not come round for %d s", worker.slot, worker.pid, worker.silence)
                    worker.kill()

    async def _replace(self) -> None:
        while True:
            await self._roll.wait()
            self._roll.clear()
            logger.info("replacing the workers")
            for slot in self._slots:
                old = slot.worker
                if old is None:
                    slot.outdated = slot.starting
                    slot.due.set()
                    continue  # what is started next is new anyway
                new = await self._start(slot)
                if new is None:
                    logger.error("the other workers stay as they are")
                    break
                if slot.worker is not old:
                    new.retire()  # the old one ended meanwhile, and was started again
                    continue
                slot.worker = new
                old.retire()
                await self._end(old, self._serving.graceful_timeout + KILL_AFTER)
