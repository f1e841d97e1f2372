"""Requests that reach another worker than their session's."""

from __future__ import annotations

import array
import json
import os
import select
import signal
import socket
import struct
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conformance.process import wait_until
from tests.workers.fixtures import WITHIN, Connection, Session, Workers

UNKNOWN = (400, {"code": 1, "message": "Session ID unknown"})


def sessions_of_two(stack: ExitStack, workers: Workers) -> tuple[Session, Session]:
    """Sessions that two different workers have."""
    first = Session(stack.enter_context(Connection(workers.port)))
    for _ in range(50):
        other = Session(stack.enter_context(Connection(workers.port)))
        if other.owner != first.owner:
            return first, other
    raise AssertionError("one worker takes all")


def readable(connections: list[Connection], within: float) -> list[Connection]:
    """Those that have an answer, as soon as one has."""
    poll = select.poll()  # whatever the numbers of their descriptors
    by_descriptor = {each.socket.fileno(): each for each in connections}
    for descriptor in by_descriptor:
        poll.register(descriptor, select.POLLIN)
    return [by_descriptor[descriptor] for descriptor, _ in poll.poll(within * 1000)]


def test_one_connection_goes_to_and_fro(four: Workers) -> None:
    with ExitStack() as stack:
        one, two = sessions_of_two(stack, four)
        connection = stack.enter_context(Connection(four.port))
        pids = {one.who(connection)["pid"], two.who(connection)["pid"]}
        assert len(pids) == 2
        for _ in range(20):
            assert {one.who(connection)["pid"], two.who(connection)["pid"]} == pids
        assert int(connection.ask("GET", "/pid")[1]) in pids, "what is for anybody is answered where it is"


def test_a_request_that_comes_in_pieces(four: Workers) -> None:
    with ExitStack() as stack:
        for session in sessions_of_two(stack, four):
            with Connection(four.port) as connection:
                request = f"GET {session.target} HTTP/1.1\r\nhost: test\r\n\r\n".encode()
                connection.ask("POST", session.target, b'420["echo",1]')
                for position in range(len(request)):
                    connection.send(request[position : position + 1])
                assert b"1" in connection.answer()[1]


def test_a_body_larger_than_one_read(four: Workers) -> None:
    with ExitStack() as stack:
        for session in sessions_of_two(stack, four):
            with Connection(four.port) as connection:
                text = "x" * 900_000
                assert connection.ask("POST", session.target, f'420["echo","{text}"]'.encode()) == (200, b"ok")
                assert text.encode() in connection.ask("GET", session.target)[1]


def test_the_address_stays_the_client_s(four: Workers) -> None:
    with ExitStack() as stack:
        sessions = sessions_of_two(stack, four)
        connection = stack.enter_context(Connection(four.port))
        for session in sessions:
            assert session.who(connection)["address"] == "127.0.0.1"


def test_ids_that_nobody_gave_out(four: Workers) -> None:
    with ExitStack() as stack:
        known, _ = sessions_of_two(stack, four)
        connection = stack.enter_context(Connection(four.port))
        random = "A" * 20
        for sid in (known.owner + random, "ffffff" + random, "000000" + random, random, "../../../../etc/passwd"):
            status, body = connection.ask("GET", f"/socket.io/?EIO=4&transport=polling&sid={sid}")
            assert (status, json.loads(body)) == UNKNOWN


def test_a_session_whose_worker_has_ended(javascript: None) -> None:
    with ExitStack() as stack, Workers(2) as workers:
        one, two = sessions_of_two(stack, workers)
        connection = stack.enter_context(Connection(workers.port))
        os.kill(one.who(connection)["pid"], signal.SIGKILL)
        workers.wait_for("takes clients", 3)
        with Connection(workers.port) as another:
            status, body = another.ask("GET", one.target)
            assert (status, json.loads(body)) == UNKNOWN
            assert two.who(another)


def test_a_worker_that_stands_still_costs_the_others_nothing() -> None:
    with ExitStack() as stack, Workers(2, "--hang-timeout", "1000") as workers:
        one, two = sessions_of_two(stack, workers)
        with Connection(workers.port) as connection:
            pid = one.who(connection)["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            waiting = []
            for _ in range(100):
                waiting.append(of_the_other(stack, workers, two))
                waiting[-1].send(f"POST {one.target} HTTP/1.1\r\nhost: test\r\ncontent-length: 1\r\n\r\n6".encode())
            of_the_other(stack, workers, two)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert [each.answer()[0] for each in waiting] == [200] * 100
        with Connection(workers.port) as connection:
            assert one.who(connection)["pid"] == pid


def test_what_waits_for_a_worker_that_stands_still_has_a_bound() -> None:
    """Beyond sixteen megabytes, clients are told so, and what waited is answered when the worker goes on."""
    with ExitStack() as stack, Workers(2, "--hang-timeout", "1000") as workers:
        one, two = sessions_of_two(stack, workers)
        with Connection(workers.port) as connection:
            pid = one.who(connection)["pid"]
        size = 200_000
        part = f"POST {one.target} HTTP/1.1\r\nhost: test\r\ncontent-length: {size + 1}\r\n\r\n".encode() + b"6" * size
        os.kill(pid, signal.SIGSTOP)
        try:
            waiting: list[Connection] = []
            refused: list[Connection] = []
            began = time.monotonic()
            while not refused:
                assert time.monotonic() < began + 2 * WITHIN, f"{len(waiting)} wait"
                waiting.append(of_the_other(stack, workers, two))
                waiting[-1].send(part)
                refused = readable(waiting, within=0)
            assert waiting[0] not in refused
            for each in refused:
                assert each.answer()[0] == 503
                assert each.socket.recv(1) == b"", "an end, and no reset, which takes answers along"
            of_the_other(stack, workers, two)
        finally:
            os.kill(pid, signal.SIGCONT)
        waiting = [each for each in waiting if each not in refused]
        found: Counter[tuple[int, int]] = Counter()
        while len(waiting) > 1:
            answered = readable(waiting, within=WITHIN)
            assert answered, f"{len(waiting)} wait"
            for each in answered:
                waiting.remove(each)
                status, body = each.answer()
                found[status, json.loads(body)["code"] if status == 400 else 0] += 1
        # Whose request is the session's has not sent all of it; another one came beside it, which ended the session.
        (left,) = waiting
        assert found.pop((400, 3)) == 1
        assert set(found) - {(503, 0)} == {(400, 1)}
        left.send(b"6")
        left.answer()


@pytest.mark.parametrize(
    ("frame", "descriptors"),
    [
        (struct.pack(">I?", 2**32 - 1, True), 1),
        (struct.pack(">I?", 3, False) + b"abc", 0),
        (struct.pack(">I?", 3, False) + b"abc", 1),
        (b"\0", 100),
    ],
    ids=["endless", "of no connection", "of what is no connection", "of many connections"],
)
def test_what_no_worker_hands_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frame: bytes, descriptors: int
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Workers(2) as workers, ExitStack() as stack:
        before = workers.open_descriptors()
        path = next(tmp_path.glob("windsock-*")) / "000001"
        peer = stack.enter_context(socket.socket(socket.AF_UNIX))
        peer.settimeout(30)
        peer.connect(str(path))
        reader, writer = os.pipe()
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [reader] * descriptors))
        peer.sendmsg([frame], [rights] if descriptors else [])
        os.close(reader)
        os.close(writer)
        assert peer.recv(1) == b"", "nobody listens any more"
        wait_until(lambda: workers.open_descriptors() <= before, "none is kept", within=30)
        with Connection(workers.port) as connection:
            for session in sessions_of_two(stack, workers):
                assert session.who(connection)
        assert "Traceback" not in workers.log()


def test_what_waits_for_a_worker_that_is_killed_is_answered_by_another() -> None:
    with ExitStack() as stack, Workers(2) as workers, Connection(workers.port) as connection:
        one, two = sessions_of_two(stack, workers)
        pid = one.who(connection)["pid"]
        two.who(connection)  # which is where the connection is now
        size = 200_000
        part = f"POST {one.target} HTTP/1.1\r\nhost: test\r\ncontent-length: {size}\r\n\r\n".encode() + b"6" * size
        os.kill(pid, signal.SIGSTOP)
        waiting: list[Connection] = []
        try:
            for _ in range(20):
                waiting.append(stack.enter_context(Connection(workers.port)))
                two.who(waiting[-1])  # where this one is, too
                waiting[-1].send(part)
                two.who(connection)
        finally:
            os.kill(pid, signal.SIGKILL)
        answers = []
        for each in waiting:
            try:
                answers.append(each.answer()[0])
            except ConnectionError:
                continue  # it had been handed over
        assert set(answers) == {UNKNOWN[0]}


def of_the_other(stack: ExitStack, workers: Workers, session: Session) -> Connection:
    """A connection that the worker of this session has."""
    connection = stack.enter_context(Connection(workers.port))
    session.who(connection)
    return connection
