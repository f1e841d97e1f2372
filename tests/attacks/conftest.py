from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.attacks.wire import WITHIN, Client, MsgpackClient, PollingSession
from tests.conformance.fixtures import javascript, servers
from tests.conformance.process import ServerProcess, slowness
from tests.conformance.servers import Servers

__all__ = ["javascript", "servers", "target"]

on_the_original_too = pytest.mark.parametrize("target", ["windsock", "node"], indirect=True)
"""The answer expected is the original's as well."""

on_every_server = pytest.mark.parametrize("target", ["windsock", "uvicorn", "hypercorn"], indirect=True)
"""What the engine does itself must not depend on who runs it."""


class Target:
    """A server under attack, and clients that were connected before the attack began.

    Args:
        server: the process.
        parser: that it has, and its clients.
        bystanders: ``False`` where pings come so often that clients which nobody attends would be lost.

    Attributes:
        server: the process.
        port: where it listens.
    """

    def __init__(self, server: ServerProcess, *, parser: str = "json", bystanders: bool = True) -> None:
        self.server = server
        self._client = {"json": Client, "msgpack": MsgpackClient}[parser]
        self.port = server.port
        self._since = server.mark()
        self._pulse = 0
        self._bystanders: list[Client] = []
        self._polling: PollingSession | None = None
        if bystanders:
            self._bystanders.append(self._client(server.port))
            if parser == "json":
                self._polling = PollingSession(server.port)
                self._polling.connect()

    def check(self, *, within: float = WITHIN) -> None:
        """The server lives, a new client is let in, and who was connected before still gets its events."""
        assert self.server.alive, self.server.log()
        self._pulse += 1
        with self._client(self.server.port) as newcomer:
            order = {"from": "server", "event": "pulse", "arguments": [self._pulse]}
            assert newcomer.call("publish", order, within=within) == [True]
        for bystander in self._bystanders:
            assert bystander.event("pulse", within=within) == [self._pulse]
        if self._polling is not None:
            while (polled := self._polling.packets(within=within)) == ["2"]:
                self._polling.post(b"3")
            assert f'42["pulse",{self._pulse}]' in polled, polled

    def quiet(self) -> None:
        """Nothing was logged as an error since the attack began."""
        assert not self.server.trouble(self._since), self.server.log()[-4000:]

    @contextmanager
    def growth(self, limit: int) -> Iterator[None]:
        """The attack inside must not leave or reach more than ``limit`` bytes of memory above the start."""
        before = self.server.resident()
        yield
        grown = self.server.resident() - before
        assert grown <= limit, f"{grown} bytes more resident, {limit} allowed"

    @contextmanager
    def processor(self, limit: float) -> Iterator[None]:
        """The attack inside may cost the server ``limit`` seconds of a usual processor's time."""
        before = self.server.cpu_seconds()
        yield
        used = self.server.cpu_seconds() - before
        allowed = limit * slowness()
        assert used <= allowed, f"{used:.2f} s of processor time, {allowed:.2f} allowed"

    def close(self) -> None:
        for bystander in self._bystanders:
            bystander.close()


@pytest.fixture
def target(servers: Servers, request: pytest.FixtureRequest) -> Iterator[Target]:
    """The server that ``request.param`` names (a kind, or a kind and options), with bystanders.

    After the test the server must live, serve everybody else, and have logged no error.
    """
    wanted = getattr(request, "param", "windsock")
    kind, options = (wanted, None) if isinstance(wanted, str) else wanted
    options = options or {}
    attacked = Target(
        servers.get(kind, options),
        parser=options.get("parser", "json"),
        bystanders="ping_interval" not in options,
    )
    try:
        yield attacked
        attacked.check()
        if kind != "uvicorn":
            # Its WebSocket class logs every denied handshake as an error of the application.
            attacked.quiet()
    finally:
        attacked.close()
