"""The end of a server whose clients others take: nothing of what it has begun is lost."""

from __future__ import annotations

import json
import re
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conformance.process import ServerProcess, python, wait_until
from tests.workers.fixtures import WITHIN, Connection, Crowd, Session, Workers

MOUNTED = """
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.workers.app import io

app = Starlette(routes=[Mount("/", io.asgi())])
"""


def serve(*options: str, **constants: float) -> ServerProcess:
    """One process; with other times than the library's, which are called as ``tests.workers.app`` has it."""
    command = python("-m", "windsock.cli", "serve", "tests.workers.app:app", "--port", "{port}", *options)
    return ServerProcess(command, environment={"CONSTANTS": json.dumps(constants)})


def slow(seconds: float) -> bytes:
    return f'42["slow",{seconds}]'.encode()


def wait(file: Path) -> bytes:
    """Begins what goes on until there is this file."""
    return f'42["wait","{file}"]'.encode()


@pytest.mark.parametrize("transports", [["polling"], ["websocket"]], ids=["polling", "websocket"])
def test_connections_are_closed_one_by_one(javascript: None, transports: list[str]) -> None:
    options = ("--graceful-timeout", "1000", "--drain-window", "500")
    # On a busy machine a client asks again later than within a second.
    constants = {"windsock.engine.drain.FAREWELL": WITHIN}
    with serve(*options, **constants) as server, Crowd(server.url, 100, *transports) as crowd:
        crowd.do("connected")
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(WITHIN) == 0, "a hundred sessions, fifty a second at the least"
        assert time.monotonic() - began > 1.5
        server.start()
        seen = crowd.do("connected")
        assert seen["disconnects"] == {"transport close": 100}
        assert not server.trouble(), server.log()


def test_an_interrupt_closes_them_at_once(javascript: None) -> None:
    options = ("--graceful-timeout", "1000", "--drain-window", "500")
    with serve(*options, **{"windsock.engine.drain.RATE": 0.1}) as server, Crowd(server.url, 20, "websocket") as crowd:
        crowd.do("connected")
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(WITHIN) == 0, "a signal that is no interrupt would take two hundred seconds"


def test_handlers_end_first() -> None:
    with serve() as server, Connection(server.port) as connection:
        session = Session(connection)
        assert connection.ask("POST", session.target, slow(1.5)) == (200, b"ok")
        assert server.stop() == 0
        assert "slow handler ended" in server.log()


def test_and_are_not_waited_for_without_end() -> None:
    with serve("--graceful-timeout", "1") as server, Connection(server.port) as connection:
        session = Session(connection)
        assert connection.ask("POST", session.target, slow(3600)) == (200, b"ok")
        assert server.stop() == 0
        assert "slow handler ended" not in server.log()


@pytest.mark.parametrize("mounted", [False, True], ids=["outermost", "mounted"])
def test_whoever_asks_meanwhile_is_told(tmp_path: Path, mounted: bool) -> None:
    (tmp_path / "mounting.py").write_text(MOUNTED)
    target = "mounting:app" if mounted else "tests.workers.app:app"
    command = python("-m", "windsock.cli", "serve", target, "--port", "{port}", "--graceful-timeout", "1000")
    environment = {"PYTHONPATH": f"{Path.cwd()}:{tmp_path}"}
    with (
        ServerProcess(command, environment=environment) as server,
        Connection(server.port) as connection,
        Connection(server.port) as other,
    ):
        session = Session(connection)
        connection.ask("POST", session.target, wait(tmp_path / "asked"))
        other.send(f"GET {session.target} HTTP/1.1\r\nhost: test\r\n\r\n".encode())
        third = Connection(server.port)
        with third:
            third.ask("GET", "/socket.io/?EIO=3&transport=polling")
            server.process.send_signal(signal.SIGTERM)
            assert other.answer()[1].endswith(b"1"), "the session is closed"
            status, body = third.ask("GET", "/socket.io/?EIO=4&transport=polling")
            assert (status, json.loads(body)["message"]) == (503, "Server is closing")
            if not mounted:
                status, body = third.ask("GET", "/healthz")
                assert (status, json.loads(body)["status"]) == (503, "closing")
        (tmp_path / "asked").touch()
        assert server.process.wait(WITHIN) == 0
        assert "waiting handler ended" in server.log()


@pytest.mark.parametrize("target", ["/pid", "/healthz", "/socket.io/?EIO=3&transport=polling"])
def test_a_connection_that_was_accepted_has_its_first_request_answered(target: str) -> None:
    # How long it waits for the request is another matter: a busy machine takes two seconds until nobody is accepted.
    constants = {"windsock.uvicorn.http.FIRST_REQUEST_TIMEOUT": WITHIN}
    with serve("--graceful-timeout", "1000", **constants) as server, Connection(server.port) as fresh:
        with Connection(server.port) as later:
            later.ask("GET", "/pid")  # the one before it has been accepted, too
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: _refuses(server.port), "nobody else is accepted", within=WITHIN)
        status, _ = fresh.ask("GET", target)
        assert status == {"/pid": 200, "/healthz": 503}.get(target, 400)
        assert b"connection: close" in fresh.head.lower()
        with pytest.raises(ConnectionError):
            fresh.ask("GET", target)
        assert server.process.wait(WITHIN) == 0


def _refuses(port: int) -> bool:
    try:
        Connection(port).socket.close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_replaced_worker_waits_for_its_handlers() -> None:
    with Workers(2) as workers, Connection(workers.port) as connection:
        session = Session(connection)
        assert connection.ask("POST", session.target, slow(1.5)) == (200, b"ok")
        workers.process.send_signal(signal.SIGHUP)
        workers.wait_for("slow handler ended")


def test_a_replaced_worker_hands_on_what_is_new() -> None:
    """A connection that is kept alive, as a proxy's, goes to its successor: nobody is told that a server is closing."""
    with (
        Workers(1, "--graceful-timeout", "120") as workers,
        Connection(workers.port) as connection,
        Connection(workers.port) as kept,
    ):
        old = kept.ask("GET", "/pid")[1]
        session = Session(connection)
        assert connection.ask("POST", session.target, b'42["slow",100]') == (200, b"ok")
        workers.process.send_signal(signal.SIGHUP)
        workers.wait_for("takes clients", 2)
        wait_until(lambda: kept.ask("GET", "/pid")[1] != old, "the new worker answers", within=30)
        assert Session(kept).who(kept)["pid"] == workers.pids[0]
        workers.kill()  # nobody waits for the handler


@pytest.mark.parametrize(
    ("allowed", "seen"), [("127.0.0.0/8", "203.0.113.7"), ("10.0.0.0/8,192.0.2.1", "127.0.0.1")], ids=["yes", "no"]
)
@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_the_address_that_a_proxy_tells(workers: tuple[str, ...], allowed: str, seen: str) -> None:
    with (
        serve("--proxy-headers", "--forwarded-allow-ips", allowed, *workers) as server,
        Connection(server.port) as connection,
    ):
        connection.header = "x-forwarded-for: 203.0.113.7\r\n"
        session = Session(connection)
        assert session.who(connection)["address"] == seen


def test_the_addresses_that_proxies_tell() -> None:
    """The last one that is no proxy's: what stands before it is what somebody says of himself."""
    with (
        serve("--proxy-headers", "--forwarded-allow-ips", "127.0.0.1,10.0.0.0/8") as server,
        Connection(server.port) as connection,
    ):
        for told, seen in {
            "198.51.100.1, 203.0.113.7": "203.0.113.7",
            "198.51.100.1,203.0.113.7, 10.1.2.3": "203.0.113.7",
            "198.51.100.1\r\nx-forwarded-for: 203.0.113.7": "203.0.113.7",
            "203.0.113.7:4711": "203.0.113.7",
            "2001:db8::1": "2001:db8::1",
            "[2001:db8::1]:4711, 10.1.2.3": "2001:db8::1",
            "": "127.0.0.1",
        }.items():
            connection.header = f"x-forwarded-for: {told}\r\n"
            assert Session(connection).who(connection)["address"] == seen


def test_a_crowd_comes_back_at_the_rate_that_is_allowed(javascript: None, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("from windsock import Server\nio = Server(handshake_rate=20)\n")
    command = python("-m", "windsock.cli", "serve", "slow:io", "--port", "{port}")
    with ServerProcess(command, cwd=tmp_path) as server:
        for count, refused in (60, False), (300, True):
            began = time.monotonic()
            with Crowd(server.url, count, "websocket") as crowd:
                seen = crowd.do("connected")
                assert time.monotonic() - began > (count - 20) / 20 - 1
                assert seen["disconnects"] == {}
                assert bool(seen["errors"]) == refused, "those who would wait for longer than five seconds"
        assert not server.trouble(), server.log()


def test_who_is_refused_is_told_when_to_try_again(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("from windsock import Server\nio = Server(handshake_rate=1)\n")
    command = python("-m", "windsock.cli", "serve", "slow:io", "--port", "{port}")
    with ServerProcess(command, cwd=tmp_path) as server, ExitStack() as stack:
        waiting = [stack.enter_context(Connection(server.port)) for _ in range(60)]
        for connection in waiting:
            connection.send(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: test\r\n\r\n")
        answers = [connection.answer() for connection in waiting]
        assert sorted(status for status, _ in answers)[:2] == [200, 200]
        refused = [connection for connection, (status, _) in zip(waiting, answers, strict=True) if status == 503]
        assert refused
        assert all(re.search(rb"(?i)\r\nretry-after: [1-9]\d*\r\n", connection.head) for connection in refused)
