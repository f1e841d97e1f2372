"""The chat as a process of its own."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Self

import httpx

from chat.tests.devices import Device, NetworkDevice
from tests.conformance.process import ServerProcess, python

PASSWORD: Final = "correct horse battery"

# Cheap hashes and wide limits, for what is not about either; a short grace, so that departures come soon.
SETTINGS: Final = {
    "WINDSOCK_CHAT_PASSWORD_PASSES": "1",
    "WINDSOCK_CHAT_PASSWORD_MEMORY_KIB": "8",
    "WINDSOCK_CHAT_PASSWORD_LANES": "1",
    "WINDSOCK_CHAT_RATE_FACTOR": "1000",
    "WINDSOCK_CHAT_PRESENCE_GRACE_SECONDS": "0.2",
    "WINDSOCK_CHAT_LOG_FORMAT": "json",
    "PYTHONWARNINGS": "error",
}


def query(data: Path, sql: str) -> list[Any]:
    """Rows of the database in a data folder."""
    with closing(sqlite3.connect(data / "chat.db")) as database:
        return database.execute(sql).fetchall()


class ChatServer:
    """`windsock-chat serve` on a free port; its first account is `root`, the administrator,
    unless the data has one.

    `settings` are those of the chat, in lower case and without their prefix.
    """

    def __init__(self, data: Path, *, root: bool = True, **settings: object) -> None:
        self.data = data
        self.web = Path(str(settings.get("web", "")))
        self._environment = SETTINGS | {f"WINDSOCK_CHAT_{key.upper()}": str(value) for key, value in settings.items()}
        command = python("-m", "windsock_chat", "serve", "--port", "{port}", "--data", str(data))
        self._process = ServerProcess(command, environment=self._environment)
        if root:
            self._sign_up_root()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            if self._process.alive:
                self._process.stop()
            assert not (errors := self.errors()), f"the server logged errors: {errors}"

    @property
    def url(self) -> str:
        return f"http://localhost:{self._process.port}"

    @property
    def port(self) -> int:
        return self._process.port

    def transport(self) -> httpx.AsyncBaseTransport | None:
        """See :class:`chat.tests.people.Place`."""
        return None

    def device(self, token: object, transport: str) -> Device:
        """See :class:`chat.tests.people.Place`."""
        return NetworkDevice(self.url, token, transport)

    def restart(self) -> None:
        """Stop it, as an upgrade does, and start it on the same port and data."""
        self._process.stop()
        self._process.start()

    def crash(self) -> None:
        """Kill it without a word, and start it again."""
        self._process.kill()
        self._process.start()

    def cpu_seconds(self) -> float:
        """Processor time that it has used."""
        return self._process.cpu_seconds()

    def query(self, sql: str) -> list[Any]:
        """Rows of its database."""
        return query(self.data, sql)

    def log(self) -> list[dict[str, Any]]:
        """What it has logged."""
        lines = self._process.log().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def errors(self) -> list[dict[str, Any]]:
        """What it has logged as an error, or printed as a traceback; a warning may be about what a test did to it."""
        found = [line for line in self.log() if line["level"] in {"error", "critical"}]
        stray = [line for line in self._process.log().splitlines() if line.startswith("Traceback")]
        return [*found, *({"event": line} for line in stray)]

    def _sign_up_root(self) -> None:
        body = {"username": "root", "display_name": "Root", "password": PASSWORD}
        httpx.post(f"{self.url}/api/v1/auth/sign-up", json=body, timeout=60).raise_for_status()
