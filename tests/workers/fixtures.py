"""A server of several workers, a crowd of stock clients, and connections by hand."""

from __future__ import annotations

import json
import os
import queue
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final, Self

from tests.conformance.process import ROOT, ServerProcess, python, runs, wait_until
from windsock.adapters.local import FOLDER_VARIABLE
from windsock.workers.loads import Loads

HERE: Final = Path(__file__).parent
WITHIN: Final = 60.0
"""Seconds that anything may take: a worker starts in a second, four of them one after the other; a busy machine needs
ten times as long."""

PATIENT: Final = {
    "CONSTANTS": json.dumps({"windsock.workers.acceptor.PATIENCE": WITHIN, "windsock.workers.loads.SILENT": WITHIN})
}
"""Environment of workers each of which is to have clients: nobody takes those of a worker that a busy machine does not
let come round for a second."""

_WORKER: Final = re.compile(r"worker (\d+) \[(\d+)\] takes clients")


class Workers(ServerProcess):
    """``windsock serve --workers``; ready when all workers are."""

    def __init__(
        self,
        count: int,
        *options: str,
        target: str = "tests.workers.app:app",
        cwd: Path = ROOT,
        environment: dict[str, str] | None = None,
    ) -> None:
        command = python("-m", "windsock.cli", "serve", target, "--workers", str(count), "--port", "{port}", *options)
        super().__init__(command, cwd=cwd, environment=environment)

    def start(self) -> None:
        super().start()
        self.wait_for("listening on")

    def wait_for(self, text: str, times: int = 1) -> None:
        """Waits until the log has this text so many times."""
        wait_until(
            lambda: self.log().count(text) >= times or not self.alive,
            f"{times} times {text!r}:\n{self.log()}",
            within=WITHIN,
        )
        assert self.log().count(text) >= times, self.log()

    @property
    def pids(self) -> list[int]:
        """Of the workers, the newest one of each slot."""
        newest = {slot: int(pid) for slot, pid in _WORKER.findall(self.log())}
        return list(newest.values())

    def open_descriptors(self) -> int:
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.pids)

    def wait_for_end(self, pids: Collection[int]) -> None:
        """Waits until none of these processes runs."""
        wait_until(lambda: not any(map(runs, pids)), f"{pids} end:\n{self.log()}", within=WITHIN)

    def connections(self) -> int:
        """Those of clients that no worker has closed yet."""
        rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        # proc(5): the second column is our end's address; established is 01, closed by the client alone 08.
        return sum(row[1].endswith(f":{self.port:04X}") and row[3] in ("01", "08") for row in rows)

    def rest(self) -> None:
        """Waits until no client is connected, and each worker has told the others so."""
        wait_until(lambda: self.connections() == 0, "every connection is closed", within=WITHIN)
        closed, pids = time.monotonic(), self.pids
        variables = Path(f"/proc/{pids[0]}/environ").read_text().split("\0")
        folder = dict(each.split("=", 1) for each in variables if each)[FOLDER_VARIABLE]
        loads = Loads(Path(folder), len(pids))
        wait_until(lambda: (loads.behind(sys.maxsize) or 0) > closed, "each worker says what it has", within=WITHIN)


class Clients:
    """Stock clients in a process of Node's, which is asked by lines and answers by lines of JSON.

    Args:
        script: beside this file.
        arguments: its own.
    """

    def __init__(self, script: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            ["node", str(HERE / script), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait(10)
        self._reader.join(10)
        self._process.stdin.close()
        self._process.stdout.close()

    def do(self, command: str, within: float = WITHIN) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        try:
            answer: dict[str, Any] = json.loads(self._lines.get(timeout=within))
        except queue.Empty:
            raise AssertionError(f"no answer to {command!r} within {within} s") from None
        assert "error" not in answer, answer["error"]
        return answer

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)


class Crowd(Clients):
    """Of one server or of several between commas; see ``crowd.mjs``."""

    def __init__(self, url: str, count: int, *transports: str, delay: int = 0) -> None:
        super().__init__("crowd.mjs", url, str(count), ",".join(transports), *([str(delay)] if delay else []))

    def after_losing(self, count: int) -> dict[str, Any]:
        """Waits until so many connections were lost, and all clients are back."""

        def lost() -> int:
            return sum(self.do("connected")["disconnects"].values())

        wait_until(lambda: lost() >= count, f"{count} connections are lost", within=WITHIN)
        return self.do("connected")


class Connection:
    """One HTTP connection, kept alive."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WITHIN)
        self.header = ""
        self.head = b""
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
        """Sends a request; its answer."""
        length = f"content-length: {len(body)}\r\n" if body else ""
        self.send(f"{method} {target} HTTP/1.1\r\nhost: test\r\n{self.header}{length}\r\n".encode() + body)
        return self.answer()

    def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer."""
        while b"\r\n\r\n" not in self._rest:
            self._receive()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        self.head = head + b"\r\n"
        found = re.search(rb"(?i)content-length: (\d+)", head)
        length = int(found[1]) if found else 0
        while len(self._rest) < length:
            self._receive()
        body, self._rest = self._rest[:length], self._rest[length:]
        return int(head.split()[1]), body

    def _receive(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError(f"the connection ended within {self._rest!r}")
        self._rest += data


class Session:
    """A Socket.IO client over long-polling, by hand: each request on the connection that it is given."""

    def __init__(self, connection: Connection) -> None:
        status, body = connection.ask("GET", "/socket.io/?EIO=4&transport=polling")
        assert status == 200, body
        self.sid: str = json.loads(body[1:])["sid"]
        self.target = f"/socket.io/?EIO=4&transport=polling&sid={self.sid}"
        assert connection.ask("POST", self.target, b"40") == (200, b"ok")
        assert connection.ask("GET", self.target)[1].startswith(b"40{")

    @property
    def owner(self) -> str:
        """The worker, as the id names it."""
        return self.sid[:6]

    def who(self, connection: Connection) -> dict[str, Any]:
        """Asks who answers."""
        assert connection.ask("POST", self.target, b'420["who"]') == (200, b"ok")
        while True:
            status, body = connection.ask("GET", self.target)
            assert status == 200, body
            packets = [packet for packet in body.split(b"\x1e") if packet not in (b"2", b"6")]
            if packets:
                found: dict[str, Any] = json.loads(packets[0].removeprefix(b"430"))[0]
                return found
            assert connection.ask("POST", self.target, b"3")[0] == 200
