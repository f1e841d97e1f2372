"""``windsock connect`` and ``windsock emit``."""

from __future__ import annotations

import contextlib
import os
import pty
import socket
import subprocess
import sys
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as serve_websockets

from tests.conformance.process import free_port, wait_until
from tests.conftest import Serve
from windsock.terminal import parse_line, show

WITHIN = 60.0


def windsock(*arguments: str, input: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "windsock.cli", *arguments],
        input=input,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )


@pytest.fixture
def url(serve: Serve) -> str:
    return serve("tests.conformance.app:io").url


def test_emit_shows_the_acknowledgement(url: str) -> None:
    done = windsock("emit", url, "echo-ack", '{"a": [1, null]}', "plain text", "5", "--transport", "websocket")
    assert (done.returncode, done.stdout) == (0, '[{"a": [1, null]}, "plain text", 5]\n'), done.stderr
    done = windsock("emit", f"{url}/admin", "whoami", "--auth", '{"token": "secret"}')
    assert (done.returncode, done.stdout) == (0, '"admin"\n')
    done = windsock("emit", url, "handshake", "--header", "X-Conformance: yes")
    assert '"header": "yes"' in done.stdout
    done = windsock("emit", url, "echo", "--no-ack")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["echo-ack", "--auth", "{"], "JSON", 2),
        (["echo-ack", "--auth", "5"], "object", 2),
        (["echo-ack", "--header", "nothing"], "NAME:VALUE", 2),
        (["echo-ack", "--auth", '{"refuse": "you"}'], 'refused by the handler {"code": 42, "details": ["you"]}', 1),
        (["connect"], "reserved", 1),
        (["answer-never", "--timeout", "10"], "no acknowledgement within 10.0 s", 1),
    ],
)
def test_emit_says_what_is_wrong(url: str, arguments: list[str], message: str, code: int) -> None:
    done = windsock("emit", url, *arguments)
    assert done.returncode == code
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_nobody_is_there() -> None:
    for command in (["emit", "echo"], ["connect"]):
        done = windsock(command[0], f"http://127.0.0.1:{free_port()}", *command[1:], "--timeout", "1")
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        lines = done.stderr.splitlines()
        assert len(lines) == 1 or command[0] == "connect", "it is said once"
        assert all("expected" in line or "in time" in line for line in lines)


def test_a_server_that_would_move_the_cursor() -> None:
    server = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 400 No\r\nContent-Length: 9\r\nConnection: close\r\n\r\n\x1b[2J\x07oops")

    thread = threading.Thread(target=refuse, daemon=True)
    thread.start()
    try:
        done = windsock("emit", f"http://127.0.0.1:{server.getsockname()[1]}", "echo")
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
    assert done.returncode == 1
    assert "oops" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x07" not in done.stdout + done.stderr


def test_what_a_server_says_moves_no_cursor_either() -> None:
    """Its socket's id, and the names of its events, which may be numbers; an acknowledgement may have no arguments."""

    def say(connection: ServerConnection) -> None:
        connection.send('0{"sid":"a","upgrades":[],"pingInterval":60000,"pingTimeout":60000}')
        connection.recv()
        connection.send('40{"sid":"\\u001b[2J\\u202ename"}')
        connection.send('42["\\u001b]0;title\\u0007",{"\\u009b":1}]')
        connection.send("42[5,6]")
        connection.recv()
        connection.send("430")
        with contextlib.suppress(ConnectionClosed):
            connection.recv()

    with serve_websockets(say, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
            done = windsock("connect", url, "--transport", "websocket", input="?question\n")
        finally:
            server.shutdown()
            thread.join()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "connected as \\u001b[2J\\u202ename over websocket"
    assert {'< \\u001b]0;title\\u0007 {"\\u009b": 1}', "< 5 6", "= null"} <= set(lines)
    assert all(line.isprintable() for line in lines)


def test_connect_in_a_pipe(url: str) -> None:
    done = windsock("connect", url, input='?echo-ack {"a": 1} 2\n?echo-ack some text\n\n?connect\n/quit\n?never')
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert lines[0].startswith(("connected as ", "< welcome"))
    assert [line for line in lines if line.startswith("=")] == ['= [{"a": 1}, 2]', '= "some text"']
    assert "reserved" in done.stderr


def test_connect_at_a_terminal(url: str, tmp_path: Any) -> None:
    ours, theirs = pty.openpty()
    # Nobody is there who would say where the cursor stands; it is not to be waited for, nor complained of.
    environment = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "XDG_STATE_HOME": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "windsock.cli", "connect", url], stdin=theirs, stdout=theirs, stderr=theirs,
        env=environment,
    )  # fmt: skip
    os.close(theirs)
    os.set_blocking(ours, False)
    said = bytearray()

    def says(text: bytes) -> bool:
        with contextlib.suppress(OSError):  # nothing yet, or nobody there any more
            said.extend(os.read(ours, 65536))
        return text in said

    try:
        wait_until(lambda: says(b"connected as"), "it connects", within=WITHIN)
        os.write(ours, b"?echo-ack 42\r")
        # While an answer is being shown, nobody listens to the keys; the prompt says that somebody does again.
        wait_until(lambda: says(b"= 42") and b">" in said.partition(b"= 42")[2], "it asks again", within=WITHIN)
        os.write(ours, b"\x04")
        # What it says goodbye with has to be read, too.
        wait_until(lambda: says(b"\0") or process.poll() is not None, "Ctrl-D ends it", within=WITHIN)
        assert process.wait(WITHIN) == 0
    finally:
        process.kill()
        process.wait(WITHIN)
        os.close(ours)
    assert "?echo-ack 42" in (tmp_path / "windsock" / "history").read_text()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("say", ("say", [])),
        ('  say {"a": 1} 2 "x"', ("say", [{"a": 1}, 2, "x"])),
        ("say hello there", ("say", ["hello there"])),
        ("say 5 apples", ("say", ["5 apples"])),
        ("say 5apples", ("say", ["5apples"])),
        ("say null", ("say", [None])),
        ("", ("", [])),
    ],
)
def test_what_a_line_says(line: str, expected: tuple[str, list[Any]]) -> None:
    assert parse_line(line) == expected


@given(st.text() | st.binary() | st.lists(st.text()))
def test_what_is_shown_moves_no_cursor(value: Any) -> None:
    assert show(value).isprintable()
