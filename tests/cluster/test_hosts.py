"""``windsock serve --redis``: hosts of several workers that share their rooms, with stock clients on all of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.cluster.conftest import Surroundings
from tests.cluster.redis_server import RedisServer
from tests.conformance.fixtures import javascript
from tests.conformance.process import ServerProcess, python, wait_until
from tests.workers.fixtures import Crowd, Workers
from windsock import ConfigurationError, Server
from windsock.adapters.environment import REDIS_VARIABLE
from windsock.cli import serve

__all__ = ["javascript"]

WITHIN: Final = 30.0
PASSWORD: Final = "s3cret/and@more"
QUOTED: Final = "s3cret%2Fand%40more"

TRANSPORTS: Final = {"polling": ["polling"], "upgrade": ["polling", "websocket"], "websocket": ["websocket"]}

IO: Final = "import windsock\nio = windsock.Server()\n"


@pytest.fixture(scope="module")
def hosts(surroundings: Surroundings) -> Iterator[list[ServerProcess]]:
    """Two hosts of two workers each, one of a single process, and a server on Node."""
    url = surroundings.redis.url
    with ExitStack() as stack:
        two = [stack.enter_context(Workers(2, "--redis", url)) for _ in range(2)]
        command = python("-m", "windsock.cli", "serve", "tests.workers.app:app", "--port", "{port}")
        one = stack.enter_context(ServerProcess(command, environment={REDIS_VARIABLE: url}))
        hosts = [*two, one, surroundings.nodes("pubsub")[0]]
        yield hosts
        for host in hosts:
            assert not host.trouble(), host.log()


def health(server: ServerProcess) -> tuple[int, dict[str, Any]]:
    response = httpx.get(f"{server.url}/healthz", timeout=WITHIN, trust_env=False)
    return response.status_code, json.loads(response.content)


@pytest.mark.parametrize("transports", TRANSPORTS.values(), ids=TRANSPORTS.keys())
def test_hosts_share_their_rooms(hosts: list[ServerProcess], javascript: None, transports: list[str]) -> None:
    with Crowd(",".join(host.url for host in hosts), 40, *transports) as crowd:
        crowd.do("connected")
        processes = crowd.do("ask")
        assert sum(processes.values()) == 40
        assert len(processes) >= 4, "each host has some of them"
        assert crowd.do("share") == {"each": 400, "count": 40}
        assert crowd.do("connected")["disconnects"] == {}


def test_and_go_on_sharing_them_when_workers_were_replaced(javascript: None) -> None:
    with RedisServer() as redis, Workers(2, "--redis", redis.url) as one, Workers(2, "--redis", redis.url) as other:
        with Crowd(f"{one.url},{other.url}", 20, "websocket") as crowd:
            crowd.do("connected")
            before = set(one.pids)
            one.process.send_signal(signal.SIGHUP)
            wait_until(lambda: not any(map(_runs, before)), "the old workers end", within=WITHIN)
            crowd.do("connected")
            assert crowd.do("share") == {"each": 200, "count": 20}
        assert not one.trouble(), one.log()
        assert not other.trouble(), other.log()


def test_redis_is_away_for_a_while(javascript: None) -> None:
    with RedisServer() as redis, Workers(1, "--redis", redis.url) as one, Workers(1, "--redis", redis.url) as other:
        assert health(one) == (200, {"status": "ok", "sessions": 0})
        redis.stop()
        degraded = {"status": "degraded", "sessions": 0, "problems": {"/": "no connection to Redis"}}
        for host in (one, other):
            wait_until(lambda host=host: health(host) == (200, degraded), "it says so", within=WITHIN)  # type: ignore[misc]  # mypy knows no type for such a lambda
        with Crowd(one.url, 4, "websocket") as crowd:
            crowd.do("connected")
            assert crowd.do("share") == {"each": 40, "count": 4}, "those of one process hear each other all the same"
        redis.start()
        for host in (one, other):
            wait_until(lambda host=host: health(host)[1]["status"] == "ok", "it is well", within=WITHIN)  # type: ignore[misc]  # likewise
        with Crowd(f"{one.url},{other.url}", 4, "websocket") as crowd:
            crowd.do("connected")
            assert crowd.do("share") == {"each": 40, "count": 4}


@pytest.mark.parametrize("given", ["argument", "environment"])
def test_a_password_is_told_to_nobody(given: str) -> None:
    with RedisServer("--requirepass", PASSWORD) as redis:
        url = redis.url.replace("redis://", f"redis://:{QUOTED}@")
        options, environment = (["--redis", url], {}) if given == "argument" else ([], {REDIS_VARIABLE: url})
        with Workers(2, "--log-level", "debug", *options, environment=environment) as workers:
            assert health(workers)[1]["status"] == "ok"
            pids = [workers.process.pid, *workers.pids]
            shown = "".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in pids)
            redis.stop()
            wait_until(lambda: health(workers)[1]["status"] == "degraded", "it says so", within=WITHIN)
            shown += str(health(workers))
            workers.stop()
            shown += workers.log()
        assert "windsock" in shown
        assert "s3cret" not in shown


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"http://:{QUOTED}@localhost", "expected a URL that begins with redis://, rediss://, unix://"),
        (f"redis://:{PASSWORD}@localhost", "expected the URL of a Redis server"),
        (f"redis://:{QUOTED}@localhost?no_such_option=1", "expected the URL of a Redis server"),
        ("", "expected a URL"),
    ],
)
@pytest.mark.parametrize("workers", [[], ["--workers", "2"]], ids=["one process", "workers"])
def test_what_is_no_url(tmp_path: Path, url: str, said: str, workers: list[str]) -> None:
    ended = run(tmp_path, IO, "--redis", url, *workers)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "s3cret" not in ended.stderr + ended.stdout
    assert "listening" not in ended.stderr


def test_an_adapter_of_the_application_s_own(tmp_path: Path) -> None:
    source = "import windsock.redis\nio = windsock.Server(adapter=windsock.redis.RedisPubSubAdapter())\n"
    ended = run(tmp_path, source, "--redis", "redis://localhost")
    assert ended.returncode == 2
    assert "expected no adapter beside --redis or WINDSOCK_REDIS" in ended.stderr


def test_what_speaks_to_redis_is_not_installed(tmp_path: Path) -> None:
    # As if: whoever asks for it finds nothing.
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['redis'] = None\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ended = run(tmp_path, IO, "--redis", "redis://localhost", environment=environment)
    assert ended.returncode == 2
    assert "expected windsock[redis]" in ended.stderr


def test_a_server_that_was_made_before() -> None:
    with pytest.raises(ConfigurationError, match="module:name"):
        serve(Server(), redis="redis://localhost")
    assert REDIS_VARIABLE not in os.environ


def run(
    folder: Path, source: str, *options: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """``windsock serve`` of something that it does not serve."""
    (folder / "web.py").write_text(source)
    command = python("-m", "windsock.cli", "serve", "web:io", "--port", "0", *options)
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=WITHIN, check=False
    )


def _runs(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")
