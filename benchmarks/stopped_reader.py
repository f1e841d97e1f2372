"""``python -m benchmarks.stopped_reader``: does a client that has stopped reading slow down one that has not?

One client sends a message of 4 KB to everybody and waits until it has it itself, again and again; three other processes
read. Then one of these is stopped (SIGSTOP), and the same is measured while its messages pile up; then it is killed,
since one reader less is less work, too.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time

from websockets.sync.client import ClientConnection, connect

from benchmarks.scenarios import Transport
from benchmarks.servers import Server, running
from benchmarks.toolchain import ROOT

READERS = 3
SIZE = 4096
MESSAGES = 8000
"""For each phase: 32 MB, several times what the buffers of a connection hold."""

READER = """
import sys
from websockets.sync.client import connect
with connect(sys.argv[1], compression=None, max_size=None, ping_interval=None) as connection:
    print("ready", flush=True)
    for _ in connection:
        pass
"""


def main() -> int:
    """Measure both, and print a table."""
    transport: Transport = "plain"
    with running(Server("windsock", "Windsock", {transport: _serve}, dict), transport) as server:
        url = f"ws://127.0.0.1:{server.port}"
        readers = [_start_reader(url) for _ in range(READERS)]
        try:
            with connect(url, compression=None, max_size=None, ping_interval=None) as connection:
                _measure(connection)  # warms up
                rows = [("all read", _measure(connection), server.measure_memory())]
                os.kill(readers[0].pid, signal.SIGSTOP)
                _measure(connection)  # until its buffers are full
                rows.append(("one has stopped", _measure(connection), server.measure_memory()))
                readers[0].kill()
                rows.append(("one is gone", _measure(connection), server.measure_memory()))
        finally:
            for reader in readers:
                reader.kill()
                reader.wait()
    _print(rows)
    return 0


def _serve(port: int) -> list[str]:
    app = "benchmarks.apps.stopped_reader_app:app"
    return [sys.executable, "-m", "windsock.cli", "serve", app, "--host", "127.0.0.1", "--port", str(port)]


def _start_reader(url: str) -> subprocess.Popen[str]:
    reader = subprocess.Popen([sys.executable, "-c", READER, url], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert reader.stdout
    reader.stdout.readline()
    return reader


def _measure(connection: ClientConnection) -> list[float]:
    """Microseconds from sending to receiving, sorted."""
    text = "x" * SIZE
    times = []
    for _ in range(MESSAGES):
        begin = time.perf_counter()
        connection.send(text)
        connection.recv(10)
        times.append((time.perf_counter() - begin) * 1e6)
    return sorted(times)


def _print(rows: list[tuple[str, list[float], int]]) -> None:
    print("| | p50 | p99 | p99.9 | memory of the server |\n| --- | --- | --- | --- | --- |")
    for title, times, memory in rows:
        cells = (statistics.median(times), times[int(len(times) * 0.99)], times[int(len(times) * 0.999)])
        print(f"| {title} | {' | '.join(f'{cell:.0f} µs' for cell in cells)} | {memory / 1024**2:.1f} MiB |")


if __name__ == "__main__":
    sys.exit(main())
