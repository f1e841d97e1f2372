"""``windsock serve --redis``: hosts of several workers that share their rooms, with stock clients on all of them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.cluster.conftest import Surroundings
from tests.cluster.redis_server import RedisServer
from tests.conformance.fixtures import javascript
from tests.conformance.process import ServerProcess, python, wait_until
from tests.workers.fixtures import WITHIN, Crowd, Workers
from windsock import Cluster, ConfigurationError, Server
from windsock.adapters.environment import ADAPTER_VARIABLE, ADAPTERS, REDIS_VARIABLE, sharing_over
from windsock.cli import serve
from windsock.redis import RedisPubSubAdapter, RedisStreamsAdapter

__all__ = ["javascript"]

PASSWORD: Final = "s3cret/and@more"  # told to nobody
QUOTED: Final = "s3cret%2Fand%40more"

TRANSPORTS: Final = {"polling": ["polling"], "upgrade": ["polling", "websocket"], "websocket": ["websocket"]}

IO: Final = "import windsock\nio = windsock.Server()\n"


class Hosts:
    """Two hosts and a server on Node, with one kind of adapter.

    Attributes:
        workers: one of two workers.
        one: one of a single process.
        node: the server on Node.
    """

    def __init__(self, surroundings: Surroundings, stack: ExitStack, kind: str) -> None:
        url = surroundings.redis(kind).url
        self.workers: Workers = stack.enter_context(Workers(2, "--redis", url, "--redis-adapter", kind))
        self.one: ServerProcess = stack.enter_context(single({REDIS_VARIABLE: url, ADAPTER_VARIABLE: kind}))
        self.node: ServerProcess = surroundings.nodes(kind)[0]

    @property
    def urls(self) -> str:
        return ",".join(server.url for server in (self.workers, self.one, self.node))


@pytest.fixture(scope="module")
def hosts(surroundings: Surroundings) -> Iterator[Hosts]:
    with ExitStack() as stack:
        hosts = Hosts(surroundings, stack, "pubsub")
        yield hosts
        for server in (hosts.workers, hosts.one):
            assert not server.trouble(), server.log()


def single(environment: dict[str, str] | None = None, *options: str) -> ServerProcess:
    command = python("-m", "windsock.cli", "serve", "tests.workers.app:app", "--port", "{port}", *options)
    return ServerProcess(command, environment=environment)


def health(server: ServerProcess) -> tuple[int, dict[str, Any]]:
    response = httpx.get(f"{server.url}/healthz", timeout=WITHIN, trust_env=False)
    return response.status_code, json.loads(response.content)


@pytest.mark.parametrize("transports", TRANSPORTS.values(), ids=TRANSPORTS.keys())
def test_hosts_share_their_rooms(hosts: Hosts, javascript: None, transports: list[str]) -> None:
    with Crowd(hosts.urls, 30, *transports) as crowd:
        crowd.do("connected")
        assert len(crowd.do("ask")) >= 3, "each host has some of them"
        assert crowd.do("share") == {"each": 300, "count": 30}
        assert crowd.do("connected")["disconnects"] == {}


@pytest.mark.parametrize("kind", ["sharded", "streams"])
def test_by_another_adapter(surroundings: Surroundings, javascript: None, kind: str) -> None:
    with ExitStack() as stack:
        hosts = Hosts(surroundings, stack, kind)
        with Crowd(hosts.urls, 12, "websocket") as crowd:
            crowd.do("connected")
            assert crowd.do("share") == {"each": 120, "count": 12}
        assert not hosts.workers.trouble(), hosts.workers.log()


def test_and_go_on_sharing_them_when_workers_were_replaced(hosts: Hosts, javascript: None) -> None:
    with Crowd(hosts.urls, 12, "websocket") as crowd:
        crowd.do("connected")
        before = set(hosts.workers.pids)
        hosts.workers.process.send_signal(signal.SIGHUP)
        hosts.workers.wait_for_end(before)
        crowd.after_losing(4)  # a third of them
        assert crowd.do("share") == {"each": 120, "count": 12}


def test_redis_is_away_for_a_while(javascript: None) -> None:
    with RedisServer() as redis, single(None, "--redis", redis.url) as one, single(None, "--redis", redis.url) as two:
        assert health(one) == (200, {"status": "ok", "sessions": 0})
        redis.stop()
        degraded = {"status": "degraded", "sessions": 0, "problems": {"/": "no connection to Redis"}}
        wait_until(lambda: health(one) == health(two) == (200, degraded), "they say so", within=WITHIN)
        with Crowd(one.url, 4, "websocket") as crowd:
            crowd.do("connected")
            assert crowd.do("share") == {"each": 40, "count": 4}, "those of one process hear each other all the same"
        redis.start()
        wait_until(lambda: health(one)[1]["status"] == health(two)[1]["status"] == "ok", "they are well", within=WITHIN)
        with Crowd(f"{one.url},{two.url}", 4, "websocket") as crowd:
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
        ("", "expected a URL that begins with redis://, rediss://, unix://"),
        (f"http://:{QUOTED}@localhost", "expected a URL that begins with redis://, rediss://, unix://"),
        (f"redis://:{PASSWORD}@localhost", "expected the URL of a Redis server"),
        (f"redis://:{QUOTED}@localhost?no_such_option=1", "expected the URL of a Redis server"),
    ],
    ids=["nothing", "another scheme", "a password that is not quoted", "an option that redis-py does not know"],
)
def test_what_is_no_url(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught, sharing_over(url):
        Server()
    shown = "".join(traceback.format_exception(caught.value))
    assert said in shown
    assert "s3cret" not in shown


def test_workers_are_told_once(tmp_path: Path) -> None:
    ended = run(tmp_path, IO, "--redis", f"http://:{QUOTED}@localhost", "--workers", "2")
    assert ended.returncode == 2
    assert ended.stderr.count("expected a URL that begins with") == 1
    assert "s3cret" not in ended.stderr + ended.stdout


def test_an_adapter_of_the_application_s_own() -> None:
    with sharing_over("redis://localhost"), pytest.raises(ConfigurationError, match="no adapter beside --redis"):
        Server(adapter=RedisPubSubAdapter())


@asynccontextmanager
async def started(*servers: Server) -> AsyncIterator[None]:
    for io in servers:
        await io.start()
    yield
    for io in servers:
        await io.close()


async def see(*expected: tuple[Server, int]) -> None:
    """Waits until each server sees so many, itself among them."""
    for io, number in expected:
        cluster = io.of("/").cluster
        assert cluster is not None
        found = 0
        end = asyncio.get_running_loop().time() + WITHIN
        while found != number and asyncio.get_running_loop().time() < end:
            found = await cluster.server_count()
            await asyncio.sleep(0.01)
        assert found == number


@pytest.mark.parametrize(
    ("recovery", "kind"), [(False, RedisPubSubAdapter), (True, RedisStreamsAdapter)], ids=["pubsub", "streams"]
)
async def test_the_adapter_that_suits_the_server(recovery: bool, kind: type[Cluster]) -> None:
    with RedisServer() as redis:
        with sharing_over(redis.url):
            one = Server(connection_state_recovery=recovery)
        other = Server(adapter=kind(redis.url))  # type: ignore[arg-type]  # those of these two
        async with started(one, other):
            await see((one, 2), (other, 2))


@pytest.mark.parametrize("kind", ADAPTERS)
async def test_servers_of_two_paths_are_two_clusters(kind: str) -> None:
    with RedisServer() as redis:
        with sharing_over(redis.url, kind):
            alone, *two = [Server(path=path) for path in ("/socket.io/", "/chat/", "/chat/")]
        async with started(alone, *two):
            await see(*((io, 2) for io in two), (alone, 1))


def test_what_is_no_adapter() -> None:
    with pytest.raises(ConfigurationError, match="one of pubsub, sharded, streams"), sharing_over("redis://h", "best"):
        Server()
    with pytest.raises(ConfigurationError, match="expected --redis"), sharing_over(None, "streams"):
        pass
    assert Server().of("/").cluster is None


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
