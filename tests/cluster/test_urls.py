"""Ways to a Redis server, as its URL has them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cluster.adapters import ADAPTERS
from tests.cluster.members import Gathering, Windsock
from tests.cluster.redis_server import RedisServer
from windsock.adapters.redis.speech import AdapterName
from windsock.redis import Emitter, SyncEmitter

LONG = "x" * 3_000_000
"""More than one read, and one record of TLS, takes."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a server, in a file that has the key, too."""
    path = tmp_path_factory.mktemp("tls") / "redis.pem"
    request = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=test -addext subjectAltName=IP:127.0.0.1"
    command = [*request.split(), "-keyout", f"{path}.key", "-out", f"{path}.crt"]
    subprocess.run(command, capture_output=True, timeout=60, check=True)
    return path


def url_of(redis: RedisServer, scheme: str = "redis", user: str = "", rest: str = "") -> str:
    return redis.url.replace("redis://", f"{scheme}://{user}") + rest


@pytest.mark.parametrize("kind", ADAPTERS)
async def test_tls(kind: AdapterName, certificate: Path) -> None:
    tls = ("--port", "0", "--tls-port", "{port}", "--tls-auth-clients", "no")
    with RedisServer(*tls, "--tls-cert-file", f"{certificate}.crt", "--tls-key-file", f"{certificate}.key") as redis:
        await assert_reached(redis, kind, url_of(redis, "rediss", rest=f"?ssl_ca_certs={certificate}.crt"))
        # The certificate is looked at.
        async with Gathering(redis, (), [ADAPTERS[kind](url_of(redis, "rediss"))]) as cluster:
            (member,) = cluster.members
            assert isinstance(member, Windsock)
            assert member.io.health.problems["/"] == "no connection to Redis"


@pytest.mark.parametrize("kind", ADAPTERS)
async def test_a_user_and_a_database(kind: AdapterName) -> None:
    acl = ("--user", "ada", "on", ">le&t", "allchannels", "allkeys", "allcommands", "--user", "default", "off")
    with RedisServer(*acl) as redis:
        await assert_reached(redis, kind, url_of(redis, user="ada:le%26t@", rest="/3"))


@pytest.mark.parametrize("kind", ADAPTERS)
async def test_a_unix_socket(kind: AdapterName, tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    with RedisServer("--unixsocket", str(path)) as redis:
        await assert_reached(redis, kind, f"unix://{path}?db=1")


@pytest.mark.parametrize("kind", ADAPTERS)
async def test_a_password_that_is_wrong(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    with RedisServer("--requirepass", "s3cret") as redis:
        async with Gathering(redis, (), [ADAPTERS[kind](url_of(redis, user=":wr0ng@"))]) as cluster:
            (member,) = cluster.members
            assert isinstance(member, Windsock)
            assert member.io.health.problems["/"] == "no connection to Redis"
            member.io.emit("here")
            await cluster.guests[0].got(["here"])
    assert [record.message for record in caplog.records] == [
        "the connection to Redis is lost: invalid username-password pair or user is disabled."
    ]


async def assert_reached(redis: RedisServer, kind: AdapterName, url: str) -> None:
    """Two servers reach each other, and who only emits reaches both."""
    async with Gathering(redis, (), [ADAPTERS[kind](url) for _ in range(2)]) as cluster:
        for member in cluster.members:
            await member.do("emit", "long", LONG)
        for guest in cluster.guests:
            await guest.got(["long", LONG], ["long", LONG])
        async with Emitter(url, adapter=kind) as emitter:
            with SyncEmitter(url, adapter=kind) as sync:
                await emitter.emit("emitted", 1)
                sync.emit("emitted", 2)
        for guest in cluster.guests:
            await guest.got(["emitted", 1], ["emitted", 2])
        assert len(await cluster.members[0].do("fetch")) == 2
