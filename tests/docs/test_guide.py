"""The guide from nothing to two workers, done as it says, on a machine that is a folder: what needs the system's own
services or its package archive is done by other means, all else as it is written."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.cluster.redis_server import RedisServer
from tests.conformance.process import ServerProcess, free_port
from tests.docs.blocks import ROOT, Block, read
from tests.docs.proxies import Proxy, nginx_command
from tests.docs.story import Story

GUIDE: Final = ROOT / "docs/deploying.md"
UNIT: Final = "etc/systemd/system/web.service"
PROVIDED: Final = {"nginx": "/usr/sbin/nginx", "redis-server": "/usr/bin/redis-server", "curl": "/usr/bin/curl"}

TWO_HOSTS: Final = """
const [one, two] = [io("http://127.0.0.1:{}"), io("http://127.0.0.1:{}")];
await Promise.all([one, two].map((socket) => new Promise((resolve) => socket.on("connect", resolve))));
const heard = new Promise((resolve) => two.on("said", resolve));
one.emit("say", "ahoy");
await heard;    // {{ text: "ahoy", …
"""


class Machine(Story):
    """Does what the guide says below a folder.

    Args:
        folder: its root.
        stack: ends what it started.
    """

    limit = 200.0

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        super().__init__(GUIDE, folder, stack)
        self.web: ServerProcess | None = None
        self.proxy: Proxy | None = None
        self.redis: RedisServer = stack.enter_context(RedisServer())
        self._port, self._outer = free_port(), free_port()
        for name in ("srv", "nginx"):
            (folder / name).mkdir()
        self._commands: dict[str, Callable[[list[str]], str]] = {
            "apt-get": self._apt_get,
            "useradd": lambda _: "",
            "mkdir": self._anything,
            "cd": self._cd,
            "python3": lambda command: self._finish([sys.executable, *command[1:]]),
            ".venv/bin/pip": self._pip,
            "systemctl": self._systemctl,
            "nginx": lambda command: self._finish([*self._nginx(), *command[1:]]),
            "redis-cli": lambda command: self._finish(["redis-cli", "-p", str(self.redis.port), *command[1:]]),
            "curl": self._anything,
            "sed": self._anything,
        }

    def _here(self, text: str) -> str:
        text = re.sub(r"(?<![\w.])/(etc|srv)/", rf"{self.folder}/\1/", text)
        text = re.sub(r"(localhost|127\.0\.0\.1):8000\b|(?<=--port )8000\b", lambda found: (
            f"127.0.0.1:{self._port}" if found[1] else str(self._port)), text)  # fmt: skip
        text = text.replace("localhost:6379", f"127.0.0.1:{self.redis.port}")
        text = text.replace("listen 80;", f"listen 127.0.0.1:{self._outer};")
        return re.sub(r"http://localhost(?=[/\"]|$)", f"http://127.0.0.1:{self._outer}", text)

    def _command(self, command: list[str]) -> str:
        if command[0] == "sudo":
            command = command[1:]
        assert command[0] in self._commands, f"no way to run {shlex.join(command)}"
        return self._commands[command[0]](command)

    def _anything(self, command: list[str]) -> str:
        return self._finish([self._here(part) for part in command])

    def _apt_get(self, command: list[str]) -> str:
        packages = command[3:] if command[1] == "install" else []
        for package in packages:
            # Which is a part of Python here.
            assert package == "python3-venv" or os.access(PROVIDED[package], os.X_OK), package
        return ""

    def _cd(self, command: list[str]) -> str:
        self.cwd = Path(self._here(f"{command[1]}/"))
        return ""

    def _pip(self, command: list[str]) -> str:
        """Installs this checkout; what it needs is where the tests have it."""
        assert command[1:] == ["install", "windsock[redis]"]
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(self.folder / "wheel")]
        subprocess.run(build, cwd=ROOT, capture_output=True, timeout=self.limit, check=True)
        (wheel,) = (self.folder / "wheel").iterdir()
        (packages,) = (self.cwd / ".venv/lib").glob("python3.*/site-packages")
        (packages / "tests.pth").write_text(sysconfig.get_path("purelib"))
        self._finish([".venv/bin/pip", "install", "--no-index", "--quiet", f"{wheel}[redis]"])
        return ""

    def _nginx(self) -> list[str]:
        return nginx_command((self.folder / "etc/nginx/conf.d/web.conf").read_text(), self.folder / "nginx")

    def _systemctl(self, command: list[str]) -> str:
        match command[1:]:
            case ["daemon-reload"]:
                check_unit(self.folder / UNIT)
            case ["enable", "--now", "web"]:
                self._use_file("/srv/web/web.py")
                self.web = self._stack.enter_context(start(read_unit(self.folder / UNIT), self._port))
            case ["reload", "web"]:
                assert self.web is not None
                reload = read_unit(self.folder / UNIT)["ExecReload"]
                subprocess.run(
                    shlex.split(reload.replace("$MAINPID", str(self.web.process.pid))), timeout=60, check=True
                )
            case ["stop", "web"]:
                assert self.web is not None
                assert self.web.stop() == 0
            case ["reload", "nginx"]:
                self.proxy = self._stack.enter_context(Proxy(self._nginx(), self._outer))
            case _:
                raise AssertionError(f"no way to run {shlex.join(command)}")
        return ""

    def second_host(self) -> None:
        """What is told of a second host, with two services on this one."""
        configured = dict(line.split(" ", 1) for line in self._files["/etc/redis/redis.conf"].splitlines())
        assert configured["bind"].endswith("10.0.0.1")
        redis = self._stack.enter_context(RedisServer("--requirepass", configured["requirepass"]))
        name, _, url = self._files["/etc/web.env"].strip().partition("=")
        service = read_unit(self.folder / UNIT, self.folder / "etc/systemd/system/web.service.d/redis.conf")
        assert service["EnvironmentFile"] == str(self.folder / "etc/web.env")
        environment = {name: url.replace("10.0.0.1:6379", f"127.0.0.1:{redis.port}")}
        ports = []
        for _ in range(2):
            ports.append(free_port())
            moved = service["ExecStart"].replace(str(self._port), str(ports[-1])).replace("0.0.0.0", "127.0.0.1")
            self._stack.enter_context(start({**service, "ExecStart": moved}, ports[-1], environment))
        self.run(Block("js", None, TWO_HOSTS.format(*ports), 0))


def read_unit(*files: Path) -> dict[str, str]:
    """The section of a service, with what further files say instead."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as the library's manual has it
    assert parser.read(files) == [str(file) for file in files]
    return dict(parser["Service"])


def check_unit(file: Path) -> None:
    """Has systemd look at it, where there is one."""
    if shutil.which("systemd-analyze") is not None:
        # Of what else is on the machine it may say whatever it wants.
        command = ["systemd-analyze", "verify", "--man=no", str(file)]
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stderr
        assert not [line for line in said.splitlines() if file.name in line], said


def start(service: dict[str, str], port: int, environment: dict[str, str] | None = None) -> Service:
    """Starts a service; it listens on a port."""
    return Service(shlex.split(service["ExecStart"]), Path(service["WorkingDirectory"]), port, environment)


class Service(ServerProcess):
    """A service, on the port that its unit names."""

    def __init__(self, command: list[str], cwd: Path, port: int, environment: dict[str, str] | None) -> None:
        self._given = port
        super().__init__(command, cwd=cwd, environment={"PYTHONPATH": "", **(environment or {})})

    def start(self) -> None:
        """Starts it."""
        self.port = self._given
        super().start()


@pytest.mark.timeout(400)
def test_the_guide_does_what_it_says(tmp_path: Path) -> None:
    with ExitStack() as stack:
        machine = Machine(tmp_path, stack)
        for block in read(GUIDE):
            machine.run(block)
        machine.check_all_used()
        machine.second_host()
        assert machine.web is not None
        assert not machine.web.trouble(), machine.web.log()
