"""``windsock serve``: what it runs, what it says, how it ends."""

from __future__ import annotations

import importlib
import json
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.workers.fixtures import Connection, Session
from windsock.cli import main
from windsock.serving import load

WITHIN = 60.0

APPLICATION = """
    from windsock import Server

    io = Server()
    io.on("echo")(lambda socket, *arguments: arguments)
    @io.on("disconnect")
    def disconnect(socket, reason):
        print("left:", reason, flush=True)

    class holder:
        io = io

    app = io.asgi()

    async def page(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            print("lifespan ended", flush=True)
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a page"})

    both = io.asgi(page)
    number = 5
"""


class Process:
    """``windsock serve`` in a folder, its output gathered line by line."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "windsock.cli", "serve", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: list[str] = []
        self._new = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(WITHIN)
        self._reader.join(WITHIN)
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def output(self) -> str:
        with self._new:
            return "".join(self._lines)

    def says(self, text: str) -> str:
        """Waits for a line with this text, and returns it."""
        with self._new:
            found = self._new.wait_for(
                lambda: next((line for line in self._lines if text in line), None) or self.process.poll() is not None,
                WITHIN,
            )
            assert isinstance(found, str), f"expected {text!r}, got:\n{''.join(self._lines)}"
            return found.strip()

    def url(self) -> str:
        return self.says("listening on ").split("listening on ")[1]

    def end(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal; the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """The exit code; everything it said is in ``output`` then."""
        code = self.process.wait(WITHIN)
        self._reader.join(WITHIN)
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._new:
                self._lines.append(line)
                self._new.notify_all()
        with self._new:
            self._new.notify_all()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an application in it."""
    (tmp_path / "application.py").write_text(textwrap.dedent(APPLICATION))
    return tmp_path


@contextmanager
def client(url: str) -> Iterator[ClientConnection]:
    """A client in the main namespace."""
    target = url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
    with connect(target, open_timeout=WITHIN, close_timeout=1, proxy=None) as websocket:
        assert str(websocket.recv(WITHIN)).startswith("0{")
        websocket.send("40")
        assert str(websocket.recv(WITHIN)).startswith("40{")
        yield websocket


def ask(websocket: ClientConnection) -> None:
    websocket.send('421["echo",1]')
    assert websocket.recv(WITHIN) == "431[1]"


@pytest.mark.parametrize("target", ["holder.io", "both"])
def test_it_serves_a_server_or_an_application(folder: Path, target: str) -> None:
    with Process(folder, f"application:{target}", "--port", "0") as server:
        url = server.url()
        with client(url) as websocket:
            ask(websocket)
        page = httpx.get(url, timeout=WITHIN)
        assert page.status_code == (200 if target == "both" else 404)
        polling = httpx.get(f"{url}/socket.io/?EIO=4&transport=polling", timeout=WITHIN)
        assert json.loads(polling.text[1:])["upgrades"] == ["websocket"]
        assert "server" not in polling.headers, "what runs here is nobody's business"
        assert server.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_it_ends_gracefully(folder: Path, number: int) -> None:
    with Process(folder, "application:both", "--port", "0") as server, ExitStack() as stack:
        url = server.url()
        websocket = stack.enter_context(client(url))
        polling = stack.enter_context(Connection(int(url.rpartition(":")[2])))
        session = Session(polling)
        polling.send(f"GET {session.target} HTTP/1.1\r\nhost: test\r\n\r\n".encode())
        ask(websocket)
        code = server.end(number)
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv(WITHIN)
        assert closed.value.rcvd is not None, "the connection was torn"
        assert closed.value.rcvd.code in (1000, 1001)
        # A client that reads a close packet, or loses its transport, comes back by itself; one that was told to
        # disconnect would stay away.
        assert polling.answer() == (200, b"1")
        assert server.output.count("left: server shutting down") == 2
        assert server.output.index("left:") < server.output.index("lifespan ended")
        assert "Traceback" not in server.output
        assert code == 0


def test_a_client_that_is_not_there_any_more_does_not_hold_up_the_end(folder: Path) -> None:
    with Process(folder, "application:io", "--port", "0", "--graceful-timeout", "1000") as server:
        url = server.url()
        address = url.removeprefix("http://").split(":")
        with socket.create_connection((address[0], int(address[1])), WITHIN) as idle:
            head = f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {address[0]}\r\nConnection: Upgrade"
            key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
            idle.sendall(f"{head}\r\nUpgrade: websocket\r\n{key}\r\n\r\n".encode())
            assert idle.recv(1000).startswith(b"HTTP/1.1 101 ")
            assert server.end() == 0  # it never answers the close frame


# -- what it cannot do --


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder as the working one, with modules in it that cannot be imported."""
    (folder / "needs_missing.py").write_text("import missing_library\n")
    (folder / "parrots.py").write_text("import parrot\n")
    (folder / "raises.py").write_text("raise RuntimeError('no database')\n")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere:io"], "a module that can be imported, got 'nowhere'"),
        (["nowhere.deeper:io"], "'nowhere.deeper'"),
        (["application.deeper:io"], "'application.deeper'"),
        (["application:nothing"], "expected 'nothing' in 'application'"),
        (["application:holder.nothing"], "expected 'holder.nothing' in 'application'"),
        (["application"], "expected module:name, got 'application'"),
        (["application:"], "expected module:name"),
        ([":io"], "expected module:name"),
        (["application:io", "--port", "http"], "port"),
        (["application:io", "--log-level", "loud"], "loud"),
        ([], "module:name"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["serve", *arguments])
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("windsock")]
    assert caught.value.code == 2
    assert len(errors) == 1
    assert "error: " in errors[0]
    assert message in errors[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["application:nothing"], "expected 'nothing' in 'application'"),
        (["application:number"], "an ASGI application"),
        (["application:io", "--port", "99999"], "port"),
        (["application:io", "--port", "-1"], "port"),
    ],
)
def test_nothing_is_served_by_mistake(folder: Path, arguments: list[str], message: str) -> None:
    with Process(folder, *arguments) as server:
        assert server.wait() == 2
    assert "Traceback" not in server.output
    assert message in server.output.splitlines()[-1]


@pytest.mark.parametrize(
    ("module", "cause"),
    [("raises", "no database"), ("needs_missing", "missing_library"), ("parrots", "No module named 'parrot'")],
)
def test_a_module_that_fails_shows_where(here: Path, module: str, cause: str) -> None:
    with pytest.raises((RuntimeError, ModuleNotFoundError), match=cause) as caught:
        main(["serve", f"{module}:io"])
    assert f"{module}.py" in str(caught.traceback[-1].path)


@pytest.mark.parametrize("target", ["io", "holder.io", "app", "both"])
def test_what_a_target_names(here: Path, target: str) -> None:
    sys.path.insert(0, str(here))
    found: object = importlib.import_module("application")
    for part in target.split("."):
        found = getattr(found, part)
    assert load(f"application:{target}") is found


def test_a_port_that_is_taken(folder: Path) -> None:
    with Process(folder, "application:io", "--port", "0") as first:
        port = first.url().rpartition(":")[2]
        with Process(folder, "application:io", "--port", port) as second:
            code = second.wait()
        assert code != 0
        assert "address already in use" in second.output
        assert "Traceback" not in second.output
        assert first.end() == 0


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"]])
def test_it_tells_its_options(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    said = capsys.readouterr().out
    for option in ("--host", "--port", "--log-level") if "serve" in arguments else ("serve",):
        assert option in said


def test_a_server_says_that_it_takes_clients(folder: Path) -> None:
    with Process(folder, "application:io", "--port", "0") as server:
        assert httpx.get(f"{server.url()}/healthz", timeout=WITHIN).json() == {"status": "ok", "sessions": 0}
    with Process(folder, "application:io", "--port", "0", "--health-path", "/up") as server:
        assert httpx.get(f"{server.url()}/up", timeout=WITHIN).json() == {"status": "ok", "sessions": 0}
        assert httpx.get(f"{server.url()}/healthz", timeout=WITHIN).status_code == 404
    with Process(folder, "application:io", "--port", "0", "--health-path", "") as server:
        assert httpx.get(f"{server.url()}/healthz", timeout=WITHIN).status_code == 404


def test_an_application_says_so_itself(folder: Path) -> None:
    with Process(folder, "application:both", "--port", "0") as server:
        assert httpx.get(f"{server.url()}/healthz", timeout=WITHIN).text == "a page"
    with Process(folder, "application:both", "--health-path", "/up") as server:
        assert server.wait() == 2
        assert "use io.asgi(app, health_path=" in server.output
