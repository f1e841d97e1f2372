"""A cluster of processes of one host, over Unix sockets in a folder of their user's own: no server stands between them.

Each node listens on a socket in the folder and connects to those of the others. What it says goes out on its own
connections, what the others say comes in on theirs. Who is there is known exactly: a process that ends, however it
does, ends its connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import secrets
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from windsock.adapters.cluster import Cluster
from windsock.adapters.driver import OtherNodes
from windsock.adapters.wire import MAX_MESSAGE_BYTES, decode, encode
from windsock.errors import MessageError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from windsock.adapters.driver import ClusterNode
    from windsock.adapters.messages import ClusterMessage, ClusterRequest, ClusterResponse

MAX_UNREAD: Final = 32 * 1024 * 1024
"""Bytes that wait for a node which does not read. Beyond it the connection ends, and what waited is lost, as in any
cluster for a node that is out of reach: one process that stands still may not take the memory of all."""

ACQUAINTANCE: Final = 2.0
"""Seconds in which those that are there have introduced themselves to a node that has come."""

FAREWELL: Final = 1.0
"""Seconds in which a node that leaves gets rid of what it has said."""

RETRY_AFTER: Final = 1.0
"""Seconds before a node is connected to again whose connection has ended, but which is still there."""

FOLDER_VARIABLE: Final = "WINDSOCK_WORKERS"
"""In the environment of a worker: the folder of the workers' sockets (see :mod:`windsock.workers`)."""

_SIZE: Final = struct.Struct(">I")
_MAX_FRAME: Final = MAX_MESSAGE_BYTES + 4 * 1024 * 1024
_HELLO, _JOIN, _LEAVE, _MESSAGE = range(4)

logger: logging.Logger = logging.getLogger("windsock.adapters")


def cluster_of_workers(group: str) -> Cluster | None:
    """The cluster that the workers of one host are, in one of them; else ``None``.

    Args:
        group: of servers that belong together.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    return Cluster(LocalBus(Path(folder) / "rooms", group).driver) if folder else None


class LocalBus:
    """What the namespaces of one server have in common; ``Cluster(bus.driver)`` is the server's adapter.

    Args:
        folder: of all nodes' sockets; made, for its owner alone, when it is not there.
        group: of servers that belong together; others in the same folder do not hear of them.
    """

    def __init__(self, folder: Path, group: str = "") -> None:
        self._folder = folder
        self._group = hashlib.sha256(group.encode()).hexdigest()[:8] + "-"
        self._name = ""
        self._drivers: dict[str, LocalDriver] = {}
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Future[None] | None = None
        self._outlets: dict[str, _Outlet] = {}
        self._intakes: set[_Intake] = set()
        # Those of both kinds whose connections are not closed.
        self._open_ends: set[_End] = set()
        self._closed: asyncio.Future[None] | None = None
        self._arrived: asyncio.Event
        self._tasks: set[asyncio.Task[None]] = set()

    def driver(self, node: ClusterNode) -> LocalDriver:
        """See :data:`windsock.adapters.driver.DriverFactory`."""
        return LocalDriver(self, node)

    # -- the drivers' side --

    async def join(self, driver: LocalDriver) -> None:
        """A namespace is there."""
        self._drivers[driver.node.namespace] = driver
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open())
        await asyncio.shield(self._opening)
        self._write(_frame(_JOIN, driver.node.namespace, driver.node.uid))

    async def leave(self, driver: LocalDriver) -> None:
        """A namespace is not there any more; with the last one the bus closes."""
        namespace = driver.node.namespace
        if self._drivers.get(namespace) is not driver:
            return
        del self._drivers[namespace]
        self._write(_frame(_LEAVE, namespace, driver.node.uid))
        if not self._drivers:
            await self._close()

    def send(self, namespace: str, uid: str, pieces: Sequence[bytes]) -> None:
        """Sends a message to all, or to the node with this id."""
        frame = _frame(_MESSAGE, namespace, uid, *pieces)
        if uid:
            intake = next((each for each in self._intakes if each.nodes.get(namespace) == uid), None)
            outlet = None if intake is None else self._outlets.get(intake.name)
            if outlet is not None:
                outlet.write(frame)
        else:
            self._write(frame)

    @property
    def alone(self) -> bool:
        """Whether nobody would hear what is sent."""
        return not self._outlets

    def others(self, namespace: str) -> frozenset[str]:
        """Ids of the other nodes of a namespace."""
        return frozenset(each.nodes[namespace] for each in self._intakes if namespace in each.nodes)

    # -- the connections' side --

    def opened(self, end: _End) -> None:
        """A connection stands."""
        self._open_ends.add(end)

    def closed(self, end: _End) -> None:
        """A connection is gone."""
        self._open_ends.discard(end)
        if not self._open_ends and self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    def met(self, intake: _Intake) -> None:
        """A node has said its name: it is heard, and is to hear of this one."""
        self._intakes.add(intake)
        self._arrived.set()
        if intake.name not in self._outlets:
            self._start(self._connect(intake.name))

    def left(self, namespace: str, uid: str) -> None:
        """A node has gone."""
        driver = self._drivers.get(namespace)
        if driver is not None:
            driver.node.lose(uid)

    def ended(self, intake: _Intake) -> None:
        """A connection has ended, and with it everybody who was heard on it."""
        self._intakes.discard(intake)
        for namespace, uid in intake.nodes.items():
            self.left(namespace, uid)

    def take(self, namespace: str, uid: str, pieces: list[bytes]) -> None:
        """A message came."""
        driver = self._drivers.get(namespace)
        if driver is not None and (not uid or uid == driver.node.uid):
            driver.take(pieces)

    def lost(self, outlet: _Outlet) -> None:
        """The way to a node has ended: it has, or it did not read."""
        if self._outlets.get(outlet.name) is outlet:
            del self._outlets[outlet.name]
            if self._opening is not None:
                self._start(self._connect(outlet.name, RETRY_AFTER))

    # -- inside --

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()  # of this event loop
        self._name = self._group + secrets.token_hex(8)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._server = await loop.create_unix_server(lambda: _Intake(self), str(self._folder / self._name))
        # Whoever comes from now on finds this node; whoever came before is found by it.
        names = [name for name in os.listdir(self._folder) if name.startswith(self._group) and name != self._name]
        await asyncio.gather(*map(self._connect, names))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ACQUAINTANCE):
                while not {outlet.name for outlet in self._outlets.values()} <= {each.name for each in self._intakes}:
                    self._arrived.clear()
                    await self._arrived.wait()

    async def _connect(self, name: str, after: float = 0) -> None:
        if after:
            await asyncio.sleep(after)
        if name in self._outlets:
            return
        outlet = self._outlets[name] = _Outlet(self, name)
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: outlet, str(self._folder / name))
        except OSError as error:
            self._outlets.pop(name, None)
            if not isinstance(error, FileNotFoundError | ConnectionRefusedError) and self._opening is not None:
                self._start(self._connect(name, RETRY_AFTER))
            return
        introductions = [_frame(_JOIN, namespace, each.node.uid) for namespace, each in self._drivers.items()]
        outlet.write(b"".join([_frame(_HELLO, self._name, ""), *introductions]))

    def _write(self, frame: bytes) -> None:
        for outlet in list(self._outlets.values()):
            outlet.write(frame)

    async def _close(self) -> None:
        self._opening = None
        if self._server is not None:
            self._server.close()
            self._server = None
            (self._folder / self._name).unlink(missing_ok=True)
        for task in self._tasks:
            task.cancel()
        self._outlets.clear()
        for end in self._open_ends:
            end.close()
        if self._open_ends:
            self._closed = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(FAREWELL):
                    await self._closed
            except TimeoutError:
                for end in self._open_ends:
                    end.abort()

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class LocalDriver:
    """See :class:`windsock.adapters.driver.ClusterDriver`.

    Attributes:
        node: the adapter.
    """

    def __init__(self, bus: LocalBus, node: ClusterNode) -> None:
        self.node: ClusterNode = node
        self._bus = bus
        self._started = False

    @property
    def problem(self) -> str | None:
        """See :class:`windsock.adapters.driver.ClusterDriver`. There is nothing that could be away."""
        return None

    async def start(self) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        self._started = True
        await self._bus.join(self)

    def publish(self, message: ClusterRequest) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        if self._started and not self._bus.alone:
            self._bus.send(self.node.namespace, "", encode(self.node.namespace, message))

    def respond(self, uid: str, message: ClusterResponse) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        pieces = encode(self.node.namespace, message)
        if self._started:
            self._bus.send(self.node.namespace, uid, pieces)

    async def nodes(self) -> OtherNodes:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        uids = self._bus.others(self.node.namespace)
        return OtherNodes(len(uids), uids)

    async def close(self) -> None:
        """See :class:`windsock.adapters.driver.ClusterDriver`."""
        self._started = False
        await self._bus.leave(self)

    def take(self, pieces: list[bytes]) -> None:
        """A message came."""
        if not self._started:
            return
        try:
            message: ClusterMessage = decode(pieces)
        except MessageError as error:
            self.node.reject(str(error))
            return
        self.node.receive(message)


class _End(asyncio.Protocol):
    """This end of a connection.

    Args:
        bus: whose.
    """

    def __init__(self, bus: LocalBus) -> None:
        self.bus: LocalBus = bus
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.bus.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.bus.closed(self)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class _Outlet(_End):
    """The way to one node."""

    def __init__(self, bus: LocalBus, name: str) -> None:
        super().__init__(bus)
        self.name: str = name

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.bus.lost(self)

    def write(self, frame: bytes) -> None:
        transport = self.transport
        if transport is None:
            return  # not yet: the introduction follows, and what is said before it is for those who are there
        if transport.get_write_buffer_size() > MAX_UNREAD:
            logger.error("a process of this host does not read what the others say: it misses some of it")
            transport.abort()
            return
        transport.write(frame)


class _Intake(_End):
    """What one node says.

    Attributes:
        name: of its socket; empty until it has said it.
        nodes: its ids, by namespace.
    """

    def __init__(self, bus: LocalBus) -> None:
        super().__init__(bus)
        self.name: str = ""
        self.nodes: dict[str, str] = {}
        self._data = bytearray()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.bus.ended(self)

    def data_received(self, data: bytes) -> None:
        self._data += data
        start = 0
        available = len(self._data)
        while available - start >= _SIZE.size:
            (size,) = _SIZE.unpack_from(self._data, start)
            end = start + _SIZE.size + size
            if size > _MAX_FRAME:
                self._give_up()
                return
            if available < end:
                break
            try:
                self._take(_read(bytes(self._data[start + _SIZE.size : end])))
            except (IndexError, ValueError, struct.error):
                self._give_up()
                return
            start = end
        del self._data[:start]

    def _give_up(self) -> None:
        logger.error("a process of this host says what makes no sense: it is not listened to")
        self._data.clear()
        self.abort()

    def _take(self, pieces: list[bytes]) -> None:
        kind, namespace, uid = pieces[0][0], pieces[1].decode(), pieces[2].decode()
        if kind == _MESSAGE:
            self.bus.take(namespace, uid, pieces[3:])
        elif kind == _JOIN:
            self.nodes[namespace] = uid
        elif kind == _LEAVE:
            if self.nodes.get(namespace) == uid:
                del self.nodes[namespace]
            self.bus.left(namespace, uid)
        elif kind == _HELLO:
            self.name = namespace
            self.bus.met(self)


def _frame(kind: int, namespace: str, uid: str, *pieces: bytes) -> bytes:
    parts = (bytes((kind,)), namespace.encode(), uid.encode(), *pieces)
    sized = [part for piece in parts for part in (_SIZE.pack(len(piece)), piece)]
    body = b"".join(sized)
    return _SIZE.pack(len(body)) + body


def _read(body: bytes) -> list[bytes]:
    pieces = []
    start = 0
    while start < len(body):
        (size,) = _SIZE.unpack_from(body, start)
        start += _SIZE.size
        pieces.append(body[start : start + size])
        start += size
    return pieces
