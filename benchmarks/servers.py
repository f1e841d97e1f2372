"""The servers under test: how each is started on its core, and ended whatever happens."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.machine import choose_cores, find_node_versions, find_versions
from benchmarks.scenarios import Transport
from benchmarks.toolchain import NODE, ROOT, build_reference

START_SECONDS = 20.0
STOP_SECONDS = 5.0
OUTPUT_BYTES = 64 * 1024
PYTHON_PACKAGES = ("uvicorn", "uvloop", "httptools", "websockets")


class ServerFailed(Exception):
    """A server did not start, or ended before it was asked to; the message has the end of what it printed."""


@dataclass(frozen=True, slots=True)
class Server:
    """One implementation of the benchmark's application, or of the plain one beside it.

    ``commands``: how it is started on a port, by what it is to speak.
    """

    name: str
    title: str
    commands: Mapping[Transport, Callable[[int], list[str]]]
    find_versions: Callable[[], dict[str, str]]


def choose_servers(python: str, reference_python: str) -> dict[str, Server]:
    """All servers by name. ``python`` serves Windsock, ``reference_python`` serves python-socketio."""

    def serve_windsock(port: int, app: str = "benchmarks.apps.windsock_app:io") -> list[str]:
        return [python, "-m", "windsock.cli", "serve", app, "--host", "127.0.0.1", "--port", str(port)]

    def serve_deflating_windsock(port: int) -> list[str]:
        return serve_windsock(port, "benchmarks.apps.deflating_windsock_app:io")

    def serve_plain_windsock(port: int) -> list[str]:
        return serve_windsock(port, "benchmarks.apps.plain_windsock_app:app")

    def serve_node(port: int) -> list[str]:
        return ["node", str(NODE / "server.js"), str(port)]

    def serve_deflating_node(port: int) -> list[str]:
        return [*serve_node(port), "deflating"]

    def serve_ws(port: int) -> list[str]:
        return ["node", str(NODE / "plain.js"), str(port)]

    def serve_websockets(port: int) -> list[str]:
        return [reference_python, "-m", "benchmarks.apps.plain_websockets_app", str(port)]

    def serve_python_socketio(port: int) -> list[str]:
        options = ["--host", "127.0.0.1", "--port", str(port), "--loop", "uvloop", "--http", "httptools"]
        quiet = ["--log-level", "warning", "--no-access-log"]
        return [reference_python, "-m", "uvicorn", "benchmarks.apps.python_socketio_app:app", *options, *quiet]

    return {
        server.name: server
        for server in (
            Server(
                "windsock",
                "Windsock",
                {
                    "websocket": serve_windsock,
                    "deflated": serve_deflating_windsock,
                    "polling": serve_windsock,
                    "plain": serve_plain_windsock,
                },
                lambda: find_versions(python, "windsock", "orjson", *PYTHON_PACKAGES),
            ),
            Server(
                "node",
                "Socket.IO on Node",
                {
                    "websocket": serve_node,
                    "deflated": serve_deflating_node,
                    "polling": serve_node,
                    "plain": serve_ws,
                },
                find_node_versions,
            ),
            Server(
                "python-socketio",
                "python-socketio",
                {
                    "websocket": serve_python_socketio,
                    "deflated": serve_python_socketio,  # uvicorn's default
                    "polling": serve_python_socketio,
                    "plain": serve_websockets,
                },
                lambda: find_versions(reference_python, "python-socketio", "python-engineio", *PYTHON_PACKAGES),
            ),
            Server(
                "forced",
                "C, what the kernel forces",
                {"websocket": lambda port: [str(build_reference()), str(port)]},
                dict,
            ),
        )
    }


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server's process, its port on 127.0.0.1, and the descriptor of what it prints."""

    server: Server
    process: psutil.Process
    port: int
    output: int

    def wait_until_printed(self, text: str) -> None:
        """Wait until the server has said something. Raises ServerFailed when it does not."""
        deadline = time.monotonic() + START_SECONDS
        # Read where it stands: the server writes at the position of the same file.
        while text.encode() not in os.pread(self.output, OUTPUT_BYTES, 0):
            if time.monotonic() > deadline:
                raise ServerFailed(f"did not print {text!r} within {START_SECONDS:.0f} s")
            time.sleep(0.05)

    def measure_memory(self) -> int:
        """Resident bytes, of the process and of any that it started."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(_read_resident(member.pid) for member in family)


def _read_resident(process: int) -> int:
    # Walked page by page; the counter in statm may be a few hundred KB behind.
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == "Rss":
            return int(value.split()[0]) * 1024
    raise ServerFailed("the kernel tells no resident memory")


def pin(*cores: int) -> list[str]:
    """The words before a command that keep it on some cores, and end it with this process even when that is killed."""
    return ["setpriv", "--pdeathsig", "KILL", "taskset", "--cpu-list", ",".join(map(str, cores))]


@contextlib.contextmanager
def running(server: Server, transport: Transport, cores: Sequence[int] = ()) -> Iterator[RunningServer]:
    """Start a server, wait until it listens, and end it. It has the first core, or those given.

    Raises ServerFailed when it does not come up.
    """
    port = _find_free_port()
    cores = cores or choose_cores()[:1]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [*pin(*cores), *server.commands[transport](port)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            try:
                _wait_until_listening(process, port)
                yield RunningServer(server, psutil.Process(process.pid), port, output.fileno())
            except Exception as error:
                output.seek(0)
                printed = output.read()[-4000:].decode(errors="replace").strip()
                raise ServerFailed(f"{server.name}: {error}\n{printed}".strip()) from error
        finally:
            _end(process)


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerFailed(f"ended with code {process.returncode} at its start")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise ServerFailed(f"did not listen within {START_SECONDS:.0f} s")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)
