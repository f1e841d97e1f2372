"""The proxies' configurations of the documentation, in a real nginx and a real HAProxy."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.cluster.redis_server import RedisServer
from tests.conformance.process import ServerProcess, free_port, python
from tests.docs.blocks import ROOT, Block, blocks_titled, titled
from tests.docs.proxies import Proxy, run_nginx
from tests.workers.fixtures import Crowd

HERE: Final = Path(__file__).parent
PAGE: Final = "docs/deployment.md"
NGINX: Final = "/etc/nginx/conf.d/web.conf"
HAPROXY: Final = "/etc/haproxy/haproxy.cfg"
EXPECTED: Final = [
    {"transport": transport, "size": 900_000, "address": "127.0.0.2", "secure": True}
    for transport in ("polling", "websocket", "websocket")
    for _ in range(4)
]
WHOLE: Final = "X-Forwarded-Proto"
"""Only in a configuration that is whole."""

CASES: Final = ["one host", "by a cookie", "by the client's address"]
SIZE: Final = """
@io.on("size")
def size(socket: Socket, text: str) -> int:
    return len(text)
"""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate of this host in one file, as HAProxy wants them."""
    request = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=test -addext subjectAltName=IP:127.0.0.1"
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [*request.split(), "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, capture_output=True, timeout=60, check=True)
    both = tmp_path / "both.pem"
    both.write_text(certificate.read_text() + key.read_text())
    return both


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with RedisServer() as redis:
        yield redis


@pytest.fixture
def backends(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Starts the servers that a configuration names, and puts their ports into it."""
    (tmp_path / "web.py").write_text(titled(PAGE, "web.py") + SIZE, encoding="utf-8")
    with ExitStack() as stack:

        def start(configuration: str) -> str:
            for port in sorted(set(re.findall(r"127\.0\.0\.1:(\d+)", configuration))):
                command = python("-m", "windsock.cli", "serve", "web:app", "--proxy-headers", "--port", "{port}")
                server = stack.enter_context(ServerProcess(command, cwd=tmp_path))
                configuration = configuration.replace(f"127.0.0.1:{port}", f"127.0.0.1:{server.port}")
            return configuration

        yield start


def ask(port: int, certificate: Path) -> list[dict[str, object]]:
    """What servers see of the stock client behind the proxy."""
    command = ["node", str(HERE / "proxied.mjs"), f"https://127.0.0.1:{port}", str(certificate)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def variants(title: str) -> list[str]:
    """A configuration; for several hosts by a cookie, which is whole or a part; and by the client's address."""
    whole, cookie, address = blocks_titled(PAGE, title)
    return [
        whole.source,
        *(each.source if WHOLE in each.source else _replaced(whole, each) for each in (cookie, address)),
    ]


def _replaced(whole: Block, part: Block) -> str:
    head = part.source.splitlines()[0]
    end = "^}\n" if head.endswith("{") else r"\Z"
    text, count = re.subn(
        rf"^{re.escape(head)}\n.*?{end}", lambda _: part.source, whole.source, flags=re.DOTALL | re.MULTILINE
    )
    assert count == 1, f"{head} is not in the whole configuration"
    return text


def nginx(configuration: str, folder: Path, certificate: Path) -> Proxy:
    """A real one with a configuration of the page."""
    for name in ("crt", "key"):
        configuration = configuration.replace(f"/etc/ssl/web.example.{name}", str(certificate))
    port = free_port()
    listening = configuration.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    assert listening != configuration
    return run_nginx(listening, folder, port)


def haproxy(configuration: str, folder: Path, certificate: Path) -> Proxy:
    """Likewise."""
    configuration = configuration.replace("/etc/haproxy/web.example.pem", str(certificate))
    port = free_port()
    # As many as the descriptors that a machine for tests allows.
    configuration = configuration.replace("maxconn 100000", "maxconn 1000")
    listening = configuration.replace("bind :443", f"bind 127.0.0.1:{port}")
    assert listening != configuration
    file = folder / "haproxy.cfg"
    file.write_text(listening)
    command = ["/usr/sbin/haproxy", "-db", "-f", str(file)]
    checked = subprocess.run([*command, "-c"], capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stderr
    return Proxy(command, port)


@pytest.mark.parametrize("configuration", variants(NGINX), ids=CASES)
def test_nginx(configuration: str, tmp_path: Path, certificate: Path, backends: Callable[[str], str]) -> None:
    with nginx(backends(configuration), tmp_path, certificate) as proxy:
        assert ask(proxy.port, certificate) == EXPECTED


@pytest.mark.parametrize("configuration", variants(HAPROXY), ids=CASES)
def test_haproxy(configuration: str, tmp_path: Path, certificate: Path, backends: Callable[[str], str]) -> None:
    with haproxy(backends(configuration), tmp_path, certificate) as proxy:
        assert ask(proxy.port, certificate) == EXPECTED


BY_COOKIE: Final = {
    "nginx": (nginx, variants(NGINX)[1], ""),
    "haproxy": (haproxy, variants(HAPROXY)[1], ""),
    "haproxy and the server's own": (
        haproxy,
        variants(HAPROXY)[1].replace("insert indirect nocache httponly secure", "prefix nocache"),
        "cookie=True",
    ),
}


@pytest.mark.parametrize("transports", [["polling"], ["polling", "websocket"]], ids=["polling", "upgrade"])
@pytest.mark.parametrize(("start", "configuration", "options"), BY_COOKIE.values(), ids=BY_COOKIE.keys())
def test_hosts_by_a_cookie(
    start: Callable[[str, Path, Path], Proxy], configuration: str, options: str, transports: list[str],
    tmp_path: Path, certificate: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Clients of one address are on both hosts, and share their rooms."""
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(certificate))
    source = (ROOT / "tests/workers/app.py").read_text()
    (tmp_path / "crowded.py").write_text(source.replace("Server(", f"Server({options}, " if options else "Server("))
    with ExitStack() as stack:
        for port in ("8000", "8001"):
            command = python("-m", "windsock.cli", "serve", "crowded:app", "--proxy-headers", "--port", "{port}")
            host = stack.enter_context(ServerProcess([*command, "--redis", redis.url], cwd=tmp_path))
            configuration = configuration.replace(f"127.0.0.1:{port}", f"127.0.0.1:{host.port}")
        proxy = stack.enter_context(start(configuration, tmp_path, certificate))
        crowd = stack.enter_context(Crowd(f"https://127.0.0.1:{proxy.port}", 20, *transports))
        assert crowd.do("connected")["errors"] == []
        assert len(crowd.do("ask")) == 2, "each host has some of them"
        assert crowd.do("share") == {"each": 200, "count": 20}
        assert crowd.do("connected")["disconnects"] == {}


EXAMPLES: Final = {
    "haproxy-hosts.cfg": variants(HAPROXY)[1],
    "nginx-hosts.conf": variants(NGINX)[1],
    "nginx.conf": titled("docs/deploying.md", NGINX),
    "web.py": titled("docs/deploying.md", "/srv/web/web.py"),
    "web.service": titled("docs/deploying.md", "/etc/systemd/system/web.service"),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_are_what_the_pages_say(name: str) -> None:
    assert (ROOT / "examples/deployment" / name).read_text(encoding="utf-8") == EXAMPLES[name]
