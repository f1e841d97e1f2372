"""Stock clients and several workers, without a balancer that knows which is whose."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.process import runs, wait_until
from tests.workers.fixtures import PATIENT, WITHIN, Connection, Crowd, Session, Workers

TRANSPORTS = {"polling": ["polling"], "upgrade": ["polling", "websocket"], "websocket": ["websocket"]}
LOST = {"transport close", "transport error"}

each_transport = pytest.mark.parametrize("transports", TRANSPORTS.values(), ids=TRANSPORTS.keys())


@pytest.fixture
def two(javascript: None) -> Iterator[Workers]:
    """A server of two workers for one test."""
    with Workers(2, environment=PATIENT) as workers:
        yield workers


@each_transport
def test_two_hundred_at_once(four: Workers, javascript: None, transports: list[str]) -> None:
    with Crowd(four.url, 200, *transports) as crowd:
        assert crowd.do("connected") == {"disconnects": {}, "errors": [], "transports": {transports[-1]: 200}}
        answering = crowd.do("ask")
        assert len(answering) == 4, "each worker has some of them"
        assert crowd.do("connected")["disconnects"] == {}
    wait_until(lambda: four.open_descriptors() < 200, "every descriptor is closed", within=WITHIN)


@each_transport
def test_a_worker_that_is_killed(two: Workers, transports: list[str]) -> None:
    with Crowd(two.url, 40, *transports) as crowd:
        crowd.do("connected")
        victim, other = two.pids
        theirs = crowd.do("ask")[str(victim)]
        os.kill(victim, signal.SIGKILL)
        two.wait_for("takes clients", 3)
        seen = crowd.after_losing(theirs)
        lost = sum(seen["disconnects"].values())
        # A request of somebody else may have been on its way through there.
        assert lost == theirs if transports[-1] == "websocket" else lost >= theirs
        assert set(seen["disconnects"]) <= LOST
        assert set(map(int, crowd.do("ask"))) <= {other, two.pids[0]}
    assert victim not in two.pids


@each_transport
def test_a_worker_that_hangs(javascript: None, transports: list[str]) -> None:
    with Workers(2, "--hang-timeout", "5") as workers, Crowd(workers.url, 20, *transports) as crowd:
        crowd.do("connected")
        crowd.do("ask")
        with Connection(workers.port) as connection:
            session = Session(connection)
            victim = session.who(connection)["pid"]
            connection.send(
                f'POST {session.target} HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n42["hang"]'.encode()
            )
            workers.wait_for("has not come round for 6 s")
        workers.wait_for(f"[{victim}] ended with -9")
        workers.wait_for("takes clients", 3)
        seen = crowd.do("connected")
        assert set(seen["disconnects"]) <= LOST
        assert victim not in map(int, crowd.do("ask"))


@each_transport
def test_hangup_replaces_the_workers(two: Workers, transports: list[str]) -> None:
    with Crowd(two.url, 40, *transports) as crowd:
        crowd.do("connected")
        before = set(two.pids)
        two.process.send_signal(signal.SIGHUP)
        two.wait_for_end(before)
        seen = crowd.after_losing(40)
        assert set(seen["disconnects"]) == {"transport close"}
        assert seen["errors"] == [], "nobody was refused on the way"
        answering = set(map(int, crowd.do("ask")))
        assert answering <= set(two.pids)
        assert not answering & before
    assert not two.trouble(), two.log()


@each_transport
def test_termination(two: Workers, transports: list[str]) -> None:
    with Crowd(two.url, 40, *transports) as crowd:
        crowd.do("connected")
        pids = set(two.pids)
        assert two.stop() == 0
        assert not any(map(runs, pids))
        two.start()
        assert set(crowd.after_losing(40)["disconnects"]) <= LOST


@each_transport
def test_workers_share_their_rooms(four: Workers, javascript: None, transports: list[str]) -> None:
    with Crowd(four.url, 40, *transports) as crowd:
        crowd.do("connected")
        assert len(crowd.do("ask")) == 4
        assert crowd.do("share") == {"each": 400, "count": 40}
        assert crowd.do("connected")["disconnects"] == {}


def test_and_go_on_sharing_them_when_one_was_replaced(two: Workers) -> None:
    with Crowd(two.url, 20, "websocket") as crowd:
        crowd.do("connected")
        assert crowd.do("share") == {"each": 200, "count": 20}
        theirs = crowd.do("ask")[str(two.pids[0])]
        os.kill(two.pids[0], signal.SIGKILL)
        two.wait_for("takes clients", 3)
        crowd.after_losing(theirs)
        assert crowd.do("share") == {"each": 200, "count": 20}
        two.process.send_signal(signal.SIGHUP)
        two.wait_for("takes clients", 5)
        wait_until(lambda: len(_children(two)) == 2, "the old ones end", within=WITHIN)
        crowd.after_losing(theirs + 20)
        assert crowd.do("share") == {"each": 200, "count": 20}


def _children(workers: Workers) -> list[str]:
    return Path(f"/proc/{workers.process.pid}/task/{workers.process.pid}/children").read_text().split()
