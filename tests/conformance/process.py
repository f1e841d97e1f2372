"""Servers as separate processes: started, watched, measured, and stopped, all within bounds."""

from __future__ import annotations

import fcntl
import functools
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

ROOT: Final = Path(__file__).resolve().parents[2]
START_TIMEOUT: Final = 60.0
STOP_TIMEOUT: Final = 30.0

_TROUBLE: Final = re.compile(
    r"\bERROR\b|\bCRITICAL\b|Traceback \(most recent call last\)|never retrieved|was never awaited"
    r"|UnhandledPromiseRejection|Uncaught"
)
_CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")


PORTS: Final = range(10_000, 32_000)
"""Below those that a kernel gives to whoever asks for any: no connection of another test takes one in the meantime."""

# Not the module's own numbers: hypothesis seeds those, and processes side by side would all choose the same ports.
_RANDOM: Final = random.SystemRandom()
# Some servers take seconds to listen, and tests that want nobody to answer want that for their whole time.
_CLAIMS: Final = Path(tempfile.gettempdir()) / f"windsock-test-ports-{os.getuid()}"
_claimed: set[int] = set()


def free_port() -> int:
    """A port nothing listens on, which no other process that runs tests is given before this one has ended."""
    while True:
        port = _RANDOM.choice(PORTS)
        if port in _claimed or not _claim(port):
            continue
        _claimed.add(port)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@functools.cache
def _claims() -> int:
    """A file of which each process locks the bytes at the numbers of its ports; the locks end with the process."""
    return os.open(_CLAIMS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _claim(port: int) -> bool:
    try:
        fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


def wait_until(condition: Callable[[], bool], what: str, *, within: float) -> None:
    """Polls ``condition``; fails with ``what`` when it does not hold ``within`` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.01)


def slowness() -> float:
    """How many times as long as on a usual machine this one needs at the moment; at least 1.

    What may cost some processor time may cost a slow machine so much more of it, where a defect would cost it a
    hundred times as much.
    """
    before = time.process_time()
    total = 0
    for number in range(500_000):
        total += number * number % 7
    return max(1.0, (time.process_time() - before) / 0.04)


class ServerProcess:
    """A server under test.

    Args:
        command: what to run; every ``{port}`` is replaced with the port, which is also in the environment's ``PORT``.
        environment: variables added to those of this process.
        cwd: working directory.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: dict[str, str] | None = None,
        cwd: Path = ROOT,
    ) -> None:
        self.port = free_port()
        self._command = [part.replace("{port}", str(self.port)) for part in command]
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PORT": str(self.port), **(environment or {})}
        self._cwd = cwd
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed by __exit__
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            self._log.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was not started"
        return self._process

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def start(self) -> None:
        """Starts the process and returns when it accepts connections."""
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=self._cwd,
            env=self._environment,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._accepts():
            assert self.alive, f"the server ended with {self.process.returncode}:\n{self.log()}"
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"no server on port {self.port}:\n{self.log()}")
            time.sleep(0.01)

    def stop(self) -> int:
        """Ends the process with SIGTERM, which it must obey within the bound; returns its exit status."""
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"SIGTERM did not end {' '.join(self._command)}:\n{self.log()}") from None
        return self.process.returncode

    def kill(self) -> None:
        """Ends the process and its children at once, as a crash of the machine would."""
        if self.alive:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(STOP_TIMEOUT)

    def log(self) -> str:
        """What the process has written so far."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    def mark(self) -> int:
        """A position in the log, for ``trouble``."""
        return os.fstat(self._log.fileno()).st_size

    def trouble(self, since: int = 0) -> list[str]:
        """Lines of the log that report an error or an unhandled exception, from ``since`` on."""
        text = os.pread(self._log.fileno(), max(0, self.mark() - since), since).decode(errors="replace")
        return text.splitlines() if _TROUBLE.search(text) else []

    def resident(self) -> int:
        """Bytes of memory held by the process and its children."""
        return sum(_resident(pid) for pid in self._pids())

    def cpu_seconds(self) -> float:
        """Processor time used by the process and its children so far."""
        return sum(_cpu_seconds(pid) for pid in self._pids())

    def threads_and_descriptors(self) -> tuple[int, int]:
        """Threads and open file descriptors of the process and its children."""
        pids = self._pids()
        return (
            sum(len(os.listdir(f"/proc/{pid}/task")) for pid in pids),
            sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids),
        )

    def _pids(self) -> list[int]:
        found = [self.process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").iterdir():
                with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended meanwhile
                    found += map(int, (task / "children").read_text().split())
        return found

    def _accepts(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False


def runs(pid: int) -> bool:
    """Whether a process has not ended. Of one that has, an entry may be left until its parent looks."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def _resident(pid: int) -> int:
    match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(match[1]) * 1024 if match else 0


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS


def python(*arguments: str) -> list[str]:
    """A command that runs the interpreter of the tests."""
    return [sys.executable, *arguments]
