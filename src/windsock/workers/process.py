"""A worker, as its supervisor sees it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Final

from windsock.adapters.local import FOLDER_VARIABLE
from windsock.engine.registry import OWNER_VARIABLE

READY: Final = b"+"
"""What a worker says once it takes clients."""

BEAT: Final = b"."
"""What it says every second from then on."""

RETIRE: Final = b"r"
"""What it is told when another worker has taken its place."""


class WorkerProcess:
    """One worker.

    Args:
        name: with which the ids of its sessions begin.
        slot: whose work it does; for people.
        process: that runs.
        control: the way to it; its end tells the worker that it is alone.

    Attributes:
        silence: seconds since it was heard, once it takes clients.
    """

    def __init__(self, name: str, slot: int, process: asyncio.subprocess.Process, control: socket.socket) -> None:
        self.name: str = name
        self.slot: int = slot
        self.ready: asyncio.Event = asyncio.Event()
        self._process = process
        self._control = control
        self.silence: int = 0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(control, self._hear)
        self.ended: asyncio.Task[int] = self._loop.create_task(self._wait())

    @classmethod
    async def start(
        cls, name: str, slot: int, slots: int, folder: Path, listener: socket.socket, serving: dict[str, Any]
    ) -> WorkerProcess:
        """Starts one.

        Args:
            name: no other worker of the supervisor has had it.
            slot: whose work it does.
            slots: how many there are.
            folder: of the workers' sockets.
            listener: for clients, shared by all workers.
            serving: fields of :class:`windsock.serving.Serving`.

        Raises:
            OSError: the system starts no more processes.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        order = {
            "slot": slot,
            "slots": slots,
            "folder": str(folder),
            "listener": listener.fileno(),
            "control": theirs.fileno(),
            "path": sys.path,
            "serving": serving,
        }
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "windsock.workers",
                json.dumps(order),
                env={**os.environ, OWNER_VARIABLE: name, FOLDER_VARIABLE: str(folder)},
                pass_fds=(listener.fileno(), theirs.fileno()),
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(name, slot, process, ours)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def tick(self) -> None:
        """A second has passed."""
        # Counted and not measured: when the machine slept, nobody was heard.
        if self.ready.is_set():
            self.silence += 1

    def retire(self) -> None:
        """Has it hand what is new to the others, and end once its clients have gone."""
        if not self.ended.done():
            try:
                self._control.send(RETIRE)
            except OSError:
                self.terminate()

    def terminate(self) -> None:
        """Asks it to end."""
        if not self.ended.done():
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it."""
        if not self.ended.done():
            self._process.send_signal(signal.SIGKILL)

    async def end(self, within: float) -> None:
        """Waits for its end, and ends it if that does not come ``within`` seconds."""
        _, pending = await asyncio.wait([self.ended], timeout=within)
        if pending:
            self.kill()
            await asyncio.wait([self.ended])

    def _hear(self) -> None:
        try:
            said = self._control.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        self.silence = 0
        if READY in said:
            self.ready.set()
        if not said:
            self._loop.remove_reader(self._control)

    async def _wait(self) -> int:
        code = await self._process.wait()
        self._loop.remove_reader(self._control)
        self._control.close()
        return code
