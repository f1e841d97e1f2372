"""A Redis server of a test's own: nothing is kept, nobody else is on it."""

from __future__ import annotations

import signal
import subprocess
from typing import Final

from tests.conformance.process import ServerProcess

COMMAND: Final = ["redis-server", "--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]


class RedisServer(ServerProcess):
    """A ``redis-server`` on a free port.

    Args:
        options: further ones.
    """

    def __init__(self, *options: str) -> None:
        super().__init__([*COMMAND, "--loglevel", "warning", *options])

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def command(self, *words: str) -> str:
        """Runs a command; what it says."""
        line = ["redis-cli", "-p", str(self.port), *words]
        return subprocess.run(line, capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    def at_once(self, *commands: str) -> None:
        """Runs commands of plain words, with nobody else's between them."""
        text = "".join(f"{command}\n" for command in ("MULTI", *commands, "EXEC"))
        line = ["redis-cli", "-e", "-p", str(self.port)]
        subprocess.run(line, input=text, capture_output=True, text=True, timeout=60, check=True)

    def freeze(self) -> None:
        """Stops it where it stands: connections stay, nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        self.process.send_signal(signal.SIGCONT)
