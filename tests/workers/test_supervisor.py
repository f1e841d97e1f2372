"""The process that keeps workers running."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conformance.process import ROOT, python, wait_until
from tests.workers.fixtures import WITHIN, Connection, Workers
from windsock import ConfigurationError, Server
from windsock.cli import serve

PAGE = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": b"one"})
"""

# Of another length: what Python has compiled, it knows again by the file's size and its time in whole seconds.
OTHER_PAGE = PAGE.replace("one", "two") + "\n"

FAILS = """
async def app(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
"""


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = python("-m", "windsock.cli", "serve", *arguments, "--port", "0", "--workers", "2")
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=WITHIN, check=False)


@pytest.mark.parametrize(
    ("source", "said", "code"),
    [
        ("number = 5", "expected 'app' in 'broken', found no such name", 2),
        ("app = 5", "expected a windsock.Server or an ASGI application as 'broken:app', got int", 2),
        ("raise ValueError('no database')", "no database", 1),
        (FAILS, "no database", 3),
    ],
    ids=["no such name", "no application", "an error", "a start that fails"],
)
def test_what_never_worked_is_not_tried_again(tmp_path: Path, source: str, said: str, code: int) -> None:
    (tmp_path / "broken.py").write_text(source)
    ended = run("broken:app", cwd=tmp_path)
    assert ended.returncode == code
    assert said in ended.stderr
    assert "listening" not in ended.stderr


def test_workers_import_what_they_run() -> None:
    with pytest.raises(ConfigurationError, match="module:name"):
        serve(Server(), workers=2)
    for count in (0, 257):
        with pytest.raises(ConfigurationError, match="1 to 256 workers"):
            serve("tests.workers.app:app", workers=count)


def test_a_worker_that_ends_again_and_again_waits_longer_each_time(tmp_path: Path) -> None:
    marker = tmp_path / "broken"
    (tmp_path / "page.py").write_text(f"import os\nif os.path.exists({str(marker)!r}):\n    os._exit(9)\n{PAGE}")
    with Workers(1, target="page:app", cwd=tmp_path) as workers:
        marker.touch()
        began = time.monotonic()
        os.kill(workers.pids[0], signal.SIGKILL)
        workers.wait_for("did not start: it ended with 9", 3)
        assert time.monotonic() - began > 0.5 + 1 + 2
        marker.unlink()
        with Connection(workers.port) as connection:  # which waits until somebody answers
            assert connection.ask("GET", "/") == (200, b"one")


def test_hangup_keeps_the_old_workers_when_new_ones_do_not_start(tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text(PAGE)
    with Workers(2, target="page:app", cwd=tmp_path) as workers:
        before = workers.pids
        (tmp_path / "page.py").write_text("raise ValueError('not this time')")
        workers.process.send_signal(signal.SIGHUP)
        workers.wait_for("the other workers stay as they are")
        with Connection(workers.port) as connection:
            assert connection.ask("GET", "/") == (200, b"one")
        (tmp_path / "page.py").write_text(OTHER_PAGE)
        workers.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not set(before) & set(workers.pids), "both are replaced", within=WITHIN)
        wait_until(lambda: _answer(workers) == b"two", "the new page", within=WITHIN)


def hold(folder: Path) -> None:
    """A page whose import says that it began, and goes on when there is a file ``go``."""
    (folder / "text").write_text("one")
    (folder / "go").touch()
    held = "import pathlib, time\ntext = pathlib.Path('text').read_bytes()\npathlib.Path('began').touch()\n"
    held += "while not pathlib.Path('go').exists():\n    time.sleep(0.01)\n"
    (folder / "page.py").write_text(held + PAGE.replace('b"one"', "text"))


def test_a_worker_that_was_on_its_way_at_a_hangup_is_replaced(tmp_path: Path) -> None:
    """It may have read what has changed since."""
    hold(tmp_path)
    with Workers(1, target="page:app", cwd=tmp_path) as workers:
        assert _answer(workers) == b"one"
        (tmp_path / "go").unlink()
        (tmp_path / "began").unlink()
        os.kill(workers.pids[0], signal.SIGKILL)
        wait_until((tmp_path / "began").exists, "another one is on its way", within=30)
        (tmp_path / "text").write_text("two")
        workers.process.send_signal(signal.SIGHUP)
        workers.wait_for("replacing the workers")
        (tmp_path / "go").touch()
        wait_until(lambda: _answer(workers) == b"two", "the new text", within=30)


def test_a_worker_that_ends_while_it_is_replaced_has_one_successor(tmp_path: Path) -> None:
    hold(tmp_path)
    with Workers(1, target="page:app", cwd=tmp_path) as workers:
        (tmp_path / "go").unlink()
        (tmp_path / "began").unlink()
        workers.process.send_signal(signal.SIGHUP)
        wait_until((tmp_path / "began").exists, "one is on its way", within=30)
        (tmp_path / "began").unlink()
        os.kill(workers.pids[0], signal.SIGKILL)
        wait_until((tmp_path / "began").exists, "another one is", within=30)
        (tmp_path / "go").touch()
        workers.wait_for("takes clients", 3)
        pids = [int(pid) for pid in re.findall(r"\[(\d+)\] takes clients", workers.log())]
        wait_until(lambda: sum(os.path.exists(f"/proc/{pid}") for pid in pids) == 1, "one stays", within=30)
        assert _answer(workers) == b"one"


def test_a_hangup_starts_at_once_what_did_not_start(tmp_path: Path) -> None:
    """Whoever has mended it need not wait until it is tried again: for half a minute, in the end."""
    broken = tmp_path / "broken"
    (tmp_path / "page.py").write_text(f"import os\nif os.path.exists({str(broken)!r}):\n    os._exit(9)\n{PAGE}")
    with Workers(1, target="page:app", cwd=tmp_path) as workers:
        broken.touch()
        os.kill(workers.pids[0], signal.SIGKILL)
        for attempt in range(1, 9):
            workers.wait_for("did not start: it ended with 9", attempt)
            workers.process.send_signal(signal.SIGHUP)
        broken.unlink()
        workers.process.send_signal(signal.SIGHUP)
        workers.wait_for("takes clients", 2)


def test_a_port_that_is_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        command = python("-m", "windsock.cli", "serve", "tests.workers.app:app", "--workers", "2")
        command += ["--port", str(other.getsockname()[1])]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "cannot listen on 127.0.0.1" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_signals_that_come_twice_and_early(tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text(f"import time\ntime.sleep(0.5)\n{PAGE}")
    with Workers(2, target="page:app", cwd=tmp_path) as workers:
        for _ in range(3):
            workers.process.send_signal(signal.SIGHUP)
        workers.wait_for("replacing the workers")
        # In the midst of it: those that have just been started are ended, too.
        for _ in range(2):
            workers.process.send_signal(signal.SIGTERM)
        assert workers.process.wait(30) == 0
        assert "Traceback" not in workers.log()
        children = Path(f"/proc/{workers.process.pid}/task")
        assert not children.exists()


def test_reload(tmp_path: Path) -> None:
    (tmp_path / "page.py").write_text(PAGE)
    with Workers(1, "--reload", target="page:app", cwd=tmp_path) as workers:
        assert _answer(workers) == b"one"
        wait_until(lambda: _change(tmp_path / "page.py", workers) == b"two", "the new page", within=WITHIN)
        (tmp_path / "page.py").write_text("a mistake")
        workers.wait_for("the other workers stay as they are")
        assert _answer(workers) == b"two"


def test_nobody_is_refused_while_workers_are_replaced(tmp_path: Path) -> None:
    # A busy machine may take more than two seconds from a connection to its request.
    patience = f"import windsock.uvicorn.http\nwindsock.uvicorn.http.FIRST_REQUEST_TIMEOUT = {WITHIN}\n"
    (tmp_path / "page.py").write_text(patience + PAGE)
    with Workers(2, target="page:app", cwd=tmp_path) as workers:
        before = set(workers.pids)
        workers.process.send_signal(signal.SIGHUP)
        asked = 0
        while set(workers.pids) & before or asked < 100:
            assert _answer(workers) == b"one"
            asked += 1


def test_workers_end_with_their_supervisor() -> None:
    with Workers(2) as workers:
        pids = workers.pids
        os.kill(workers.process.pid, signal.SIGKILL)
        workers.process.wait(WITHIN)
        workers.wait_for_end(pids)


def test_the_sockets_are_the_user_s_own_and_go_with_the_server() -> None:
    # Not where pytest has its folders: the path of a Unix socket is short.
    with TemporaryDirectory() as temporary, Workers(2, environment={"TMPDIR": temporary}) as workers:
        (folder,) = Path(temporary).iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert sockets(folder) == ["000001", "000002"]
        os.kill(workers.pids[0], signal.SIGKILL)
        workers.wait_for("takes clients", 3)
        assert "000003" in sockets(folder)
        assert len(sockets(folder)) == 2, "nobody is sent to one that has ended"
        assert workers.stop() == 0
        assert not folder.exists()


def sockets(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_socket())


def _answer(workers: Workers) -> bytes:
    with Connection(workers.port) as connection:
        return connection.ask("GET", "/")[1]


def _change(path: Path, workers: Workers) -> bytes:
    # Again and again: a watcher may not have begun to watch yet.
    path.write_text(OTHER_PAGE)
    return _answer(workers)
