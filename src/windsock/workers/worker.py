"""What runs in a worker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from pathlib import Path
from typing import Any, cast

from windsock.engine.registry import OWNER_VARIABLE
from windsock.serving import ServeLoop, Serving
from windsock.workers.acceptor import AHEAD, Acceptor
from windsock.workers.http import RoamingHttpProtocol
from windsock.workers.links import Links
from windsock.workers.loads import Loads
from windsock.workers.process import BEAT, READY, RETIRE


class Worker(ServeLoop):
    """Serves on a socket that it shares with others, and keeps its supervisor informed.

    Args:
        serving: what to run.
        folder: of the workers' sockets.
        slot: whose work it does.
        slots: how many there are.
        listener: for clients.
        control: the way to the supervisor.
    """

    def __init__(
        self,
        serving: Serving,
        folder: Path,
        slot: int,
        slots: int,
        listener: socket.socket,
        control: socket.socket,
    ) -> None:
        app = serving.application()
        links = self._links = Links(folder, os.environ[OWNER_VARIABLE], self._adopt)

        class Protocol(RoamingHttpProtocol):
            pass

        Protocol.links = links
        super().__init__(serving, app, Protocol)
        self._slot = slot
        self._loads = Loads(folder, slots)
        self._listener = listener
        self._acceptor: Acceptor | None = None
        self._control = control
        self._control.setblocking(False)
        self._arriving: set[asyncio.Task[Any]] = set()

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Takes clients, and says so."""
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a terminal sends them to all; they are the supervisor's
        self._links.listen()  # before the first session that another worker may hear of
        await super().startup([])
        self._links.open()
        self._acceptor = Acceptor(self._listener, self._adopt, self._behind)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._control, self._hear)
        self._say(READY)
        self._beat()

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """Ends; a worker that was replaced leaves what is new to the others at once."""
        if self._links.retiring:
            self._stop_accepting()
        try:
            await super().shutdown([])
        finally:
            self._links.close()

    async def drain(self, within: float) -> None:
        """Closes the sessions; what the others hand over of them is answered until then."""
        try:
            await super().drain(within)
        finally:
            self._stop_accepting()
            self._links.stop_taking()

    def _stop_accepting(self) -> None:
        acceptor, self._acceptor = self._acceptor, None
        if acceptor is not None:
            acceptor.close()

    def _adopt(self, connection: socket.socket, request: bytes = b"", settled: bool = False) -> None:
        make = cast("type[RoamingHttpProtocol]", self.config.http_protocol_class)
        protocol = make(self.config, self.server_state, self.lifespan.state)
        if request:
            protocol.arrived = request, settled
        loop = asyncio.get_running_loop()
        task = loop.create_task(_attach(loop, protocol, connection))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)

    def _behind(self) -> float | None:
        connections = len(self.server_state.connections) + len(self._arriving)
        self._loads.report(self._slot, connections)
        return self._loads.behind(connections - AHEAD)

    def _hear(self) -> None:
        try:
            said = self._control.recv(16)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if not said:
            asyncio.get_running_loop().remove_reader(self._control)
        self._links.retiring = RETIRE in said
        self.should_exit = True  # or the supervisor has gone, which nobody would replace this worker for

    def _beat(self) -> None:
        self._say(BEAT)
        if not self.should_exit:
            self._behind()
        asyncio.get_running_loop().call_later(1, self._beat)

    def _say(self, word: bytes) -> None:
        with contextlib.suppress(OSError):  # it hears enough as it is, or has gone
            self._control.send(word)


async def _attach(loop: asyncio.AbstractEventLoop, protocol: RoamingHttpProtocol, connection: socket.socket) -> None:
    try:
        await loop.connect_accepted_socket(lambda: protocol, connection)
    except OSError:
        connection.close()  # its client has gone
