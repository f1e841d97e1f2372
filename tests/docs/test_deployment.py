"""The proxies' configurations of the documentation, in a real nginx and a real HAProxy."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.conformance.process import ServerProcess, free_port, python
from tests.docs.blocks import Block, blocks_titled, titled

HERE: Final = Path(__file__).parent
PAGE: Final = "docs/deployment.md"
NGINX: Final = "/etc/nginx/conf.d/web.conf"
HAPROXY: Final = "/etc/haproxy/haproxy.cfg"
EXPECTED: Final = [
    {"transport": transport, "size": 900_000, "address": "127.0.0.2", "secure": True}
    for transport in ("polling", "websocket", "websocket")
    for _ in range(4)
]
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
    subprocess.run(command, capture_output=True, timeout=30, check=True)
    both = tmp_path / "both.pem"
    both.write_text(certificate.read_text() + key.read_text())
    return both


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
    done = subprocess.run(command, capture_output=True, text=True, timeout=40, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def variants(title: str) -> list[str]:
    """A configuration, and the same with the part that the page changes for several processes."""
    whole, part = blocks_titled(PAGE, title)
    return [whole.source, _replaced(whole, part)]


def _replaced(whole: Block, part: Block) -> str:
    head = part.source.splitlines()[0]
    end = "^}\n" if head.endswith("{") else r"\Z"
    text, count = re.subn(
        rf"^{re.escape(head)}\n.*?{end}", lambda _: part.source, whole.source, flags=re.DOTALL | re.MULTILINE
    )
    assert count == 1, f"{head} is not in the whole configuration"
    return text


@pytest.mark.parametrize("configuration", variants(NGINX), ids=["one process", "two processes"])
def test_nginx(configuration: str, tmp_path: Path, certificate: Path, backends: Callable[[str], str]) -> None:
    for name in ("crt", "key"):
        configuration = configuration.replace(f"/etc/ssl/web.example.{name}", str(certificate))
    listening = configuration.replace("listen 443 ssl", "listen 127.0.0.1:{port} ssl")
    assert listening != configuration
    listening = backends(listening.replace("127.0.0.1:{port}", "{address}"))
    port = free_port()
    (tmp_path / "web.conf").write_text(listening.replace("{address}", f"127.0.0.1:{port}"))
    places = "".join(f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in
                     ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))  # fmt: skip
    user = "user root;\n" if os.geteuid() == 0 else ""
    (tmp_path / "nginx.conf").write_text(
        f"{user}daemon off;\npid {tmp_path}/nginx.pid;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}include {tmp_path}/web.conf;\n}}\n"
    )
    command = ["/usr/sbin/nginx", "-p", str(tmp_path), "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=20, check=False)
    assert checked.returncode == 0, checked.stderr
    with Proxy(command, port):
        assert ask(port, certificate) == EXPECTED


@pytest.mark.parametrize("configuration", variants(HAPROXY), ids=["one process", "two processes"])
def test_haproxy(configuration: str, tmp_path: Path, certificate: Path, backends: Callable[[str], str]) -> None:
    configuration = backends(configuration.replace("/etc/haproxy/web.example.pem", str(certificate)))
    port = free_port()
    # As many as the descriptors that a machine for tests allows.
    configuration = configuration.replace("maxconn 100000", "maxconn 100")
    listening = configuration.replace("bind :443", f"bind 127.0.0.1:{port}")
    assert listening != configuration
    file = tmp_path / "haproxy.cfg"
    file.write_text(listening)
    command = ["/usr/sbin/haproxy", "-db", "-f", str(file)]
    checked = subprocess.run([*command, "-c"], capture_output=True, text=True, timeout=20, check=False)
    assert checked.returncode == 0, checked.stderr
    with Proxy(command, port):
        assert ask(port, certificate) == EXPECTED


class Proxy(ServerProcess):
    """A proxy, on the port that its configuration names."""

    def __init__(self, command: list[str], port: int) -> None:
        self._given = port
        super().__init__(command)

    def start(self) -> None:
        """Starts it."""
        self.port = self._given
        super().start()
