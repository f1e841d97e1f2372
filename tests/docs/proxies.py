"""Real proxies."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.conformance.process import ServerProcess


class Proxy(ServerProcess):
    """A proxy, on the port that its configuration names."""

    def __init__(self, command: list[str], port: int) -> None:
        self._given = port
        super().__init__(command)

    def start(self) -> None:
        """Starts it."""
        self.port = self._given
        super().start()


def nginx_command(configuration: str, folder: Path) -> list[str]:
    """How to run nginx with what ``conf.d`` holds, in a folder of its own, whoever runs it."""
    (folder / "web.conf").write_text(configuration)
    places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in
                     ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))  # fmt: skip
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\npid {folder}/nginx.pid;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}include {folder}/web.conf;\n}}\n"
    )
    return ["/usr/sbin/nginx", "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def run_nginx(configuration: str, folder: Path, port: int) -> Proxy:
    """Runs it; the configuration names the port."""
    command = nginx_command(configuration, folder)
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stderr
    return Proxy(command, port)
