"""The JavaScript side of the tests: one Node process that runs scenarios on request."""

from __future__ import annotations

import fcntl
import json
import queue
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Self

DIRECTORY: Final = Path(__file__).parent / "js"
INSTALL_TIMEOUT: Final = 300.0


def install() -> None:
    """Installs the packages of ``package-lock.json`` unless they are there already.

    Raises:
        RuntimeError: npm is missing or failed.
    """
    lock = DIRECTORY / "package-lock.json"
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # processes that run tests side by side install them once
        _install(lock)


def _install(lock: Path) -> None:
    installed = DIRECTORY / "node_modules/.package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    try:
        subprocess.run(
            ["npm", "ci", "--ignore-scripts"],
            cwd=DIRECTORY,
            check=True,
            capture_output=True,
            timeout=INSTALL_TIMEOUT,
        )
    except FileNotFoundError:
        raise RuntimeError("the conformance tests need Node.js with npm") from None
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"npm ci failed:\n{error.stderr.decode(errors='replace')}") from None


class JavaScriptError(AssertionError):
    """A scenario saw something else than the protocol says; the text is its JavaScript stack."""


class Lines:
    """A child process that exchanges JSON lines.

    Args:
        script: file to run, relative to ``js/``.
    """

    def __init__(self, script: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            ["node", script, *arguments],
            cwd=DIRECTORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._received: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, message: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def receive(self, *, within: float) -> Any:
        """The next line.

        Raises:
            AssertionError: the process ended, or nothing came in time.
        """
        try:
            message = self._received.get(timeout=within)
        except queue.Empty:
            raise AssertionError(f"no line from Node within {within} s") from None
        assert message is not None, f"Node ended with {self._process.poll()}"
        return message

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._reader.join(10)
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._received.put(json.loads(line))
        self._received.put(None)


class Runner(Lines):
    """Runs the scenarios of ``js/scenarios.js``, ``js/engine.js`` and ``js/recovery.js``."""

    def __init__(self) -> None:
        super().__init__("runner.js")
        self.receive(within=60)
        self._last = 0

    def run(
        self,
        suite: str,
        scenario: str,
        url: str,
        transports: Sequence[str],
        *,
        parser: str = "json",
        where: str = "node",
        page: str | None = None,
        host: Callable[[str], None] | None = None,
        direct: str | None = None,
        limit: float = 120.0,
    ) -> None:
        """Runs one scenario.

        Args:
            suite: ``"socket"``, ``"engine"`` or ``"recovery"``.
            parser: ``"json"`` or, under Node, ``"msgpack"``.
            where: ``"node"`` or ``"chromium"``.
            page: origin of the page in Chromium, when it is not the server's.
            host: does what the scenario asks for.
            direct: the server's own URL, when ``url`` leads through a proxy.
            limit: seconds it may take.

        Raises:
            JavaScriptError: the scenario failed.
        """
        self._last += 1
        order = {
            "id": self._last,
            "suite": suite,
            "scenario": scenario,
            "url": url,
            "direct": direct,
            "transports": list(transports),
            "parser": parser,
            "where": where,
            "page": page,
            "limit": limit * 1000,
        }
        self.send(order)
        while True:
            message = self.receive(within=limit + 20)
            if "call" in message:
                self.send({"call": message["call"], **self._call(host, message["name"])})
            elif message.get("id") == self._last:
                if "error" in message:
                    raise JavaScriptError(message["error"])
                return

    @staticmethod
    def _call(host: Callable[[str], None] | None, name: str) -> dict[str, str]:
        if host is None:
            return {"error": f"nobody to do {name}"}
        try:
            host(name)
        except AssertionError as error:
            return {"error": str(error)}
        return {}


def scenarios() -> dict[str, list[str]]:
    """Names of the scenarios, by suite."""
    script = (
        "const suites = {socket: './scenarios.js', engine: './engine.js', recovery: './recovery.js'};"
        "const names = async ([suite, file]) => [suite, Object.keys((await import(file)).scenarios)];"
        "const all = await Promise.all(Object.entries(suites).map(names));"
        "console.log(JSON.stringify(Object.fromEntries(all)))"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script], cwd=DIRECTORY, capture_output=True, timeout=120, check=True
    )
    names: dict[str, list[str]] = json.loads(done.stdout)
    return names
