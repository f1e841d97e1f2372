"""Connections that go from one worker to another, over Unix sockets in a folder of their user's own."""

from __future__ import annotations

import array
import asyncio
import errno
import logging
import os
import re
import socket
import struct
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path
from typing import Final

MAX_WAITING: Final = 4096
"""Connections that wait for a worker which does not take them, beside what its socket holds. Each is a descriptor."""

MAX_WAITING_BYTES: Final = 16 * 1024 * 1024
"""Bytes read from them."""

MAX_FRAME: Final = 1024 * 1024
"""Bytes of a request that go with its connection: one read of the event loop, and the part of a head before it."""

NAME: Final = re.compile("[0-9a-f]{6}")
"""Of a worker, and of its socket."""

_HEAD: Final = struct.Struct(">I?")
_READ: Final = 256 * 1024
_READS: Final = 64
"""In one iteration of the event loop: each gives one connection, and the clients of this worker are waiting, too."""
RETRY_AFTER: Final = 0.05
"""Seconds; when the system has as many descriptors on their way as it allows."""

_DESCRIPTORS: Final = 16
_DESCRIPTOR_SPACE: Final = socket.CMSG_SPACE(_DESCRIPTORS * array.array("i").itemsize)
_CLOSE_ON_EXEC: Final = getattr(socket, "MSG_CMSG_CLOEXEC", 0)

logger: logging.Logger = logging.getLogger("uvicorn.error")

Adopt = Callable[[socket.socket, bytes, bool], None]
"""Takes a connection, what was read from it, and whether its request is to be answered here in any case."""


class Outcome(Enum):
    """Of handing a connection over."""

    TAKEN = auto()
    """The other worker has it, or will; it is not to be used any more."""
    GONE = auto()
    """There is no such worker."""
    BUSY = auto()
    """The worker does not take what it has been given."""


class Link:
    """The way to one other worker.

    Args:
        connection: to its socket.
        lost: called with what could not be given when the worker has ended.
    """

    def __init__(self, connection: socket.socket, lost: Callable[[list[tuple[int, bytes]]], None]) -> None:
        self._connection = connection
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._rest = b""
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._waiting_bytes = 0
        self._open = True
        # Nothing comes from there but its end.
        self._loop.add_reader(connection, self._read)

    @property
    def idle(self) -> bool:
        """Whether nothing waits."""
        return not self._rest and not self._waiting

    def send(self, descriptor: int, frame: bytes) -> bool:
        """Gives a connection, whose descriptor is closed here then; ``False`` when too many wait."""
        if len(self._waiting) >= MAX_WAITING or self._waiting_bytes > MAX_WAITING_BYTES:
            return False
        self._waiting.append((descriptor, frame))
        self._waiting_bytes += len(frame)
        if len(self._waiting) == 1 and not self._rest:
            self._write()
        return True

    def close(self) -> None:
        """Gives up what waits."""
        self._end()
        while self._waiting:
            os.close(self._waiting.popleft()[0])

    def _write(self) -> None:
        if not self._open:
            return
        try:
            while not self.idle:
                self._write_some()
        except BlockingIOError:
            self._loop.add_writer(self._connection, self._write)
        except OSError as error:
            if error.errno == errno.ETOOMANYREFS:
                self._loop.remove_writer(self._connection)
                self._loop.call_later(RETRY_AFTER, self._write)
            else:
                self._fail()
        else:
            self._loop.remove_writer(self._connection)

    def _write_some(self) -> None:
        if self._rest:
            self._rest = self._rest[self._connection.send(self._rest) :]
            return
        descriptor, frame = self._waiting[0]
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
        sent = self._connection.sendmsg([frame], rights)
        self._waiting.popleft()
        self._waiting_bytes -= len(frame)
        self._rest = frame[sent:]
        os.close(descriptor)

    def _read(self) -> None:
        try:
            self._connection.recv(1)
        except BlockingIOError:
            return
        except OSError:
            pass
        self._fail()

    def _fail(self) -> None:
        self._end()
        waiting, self._waiting = list(self._waiting), deque()
        self._lost(waiting)

    def _end(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._connection)
            self._loop.remove_writer(self._connection)
            self._connection.close()


class Intake:
    """What one other worker hands over.

    Args:
        connection: from it.
        adopt: gets each.
        ended: called when the other worker has ended.
    """

    def __init__(self, connection: socket.socket, adopt: Adopt, ended: Callable[[Intake], None]) -> None:
        self._connection = connection
        self._adopt = adopt
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._data = b""
        self._descriptors: deque[int] = deque()
        self._loop.add_reader(connection, self._read)

    def close(self) -> None:
        """Takes no more."""
        self._loop.remove_reader(self._connection)
        self._connection.close()
        while self._descriptors:
            os.close(self._descriptors.popleft())

    def _read(self) -> None:
        for _ in range(_READS):
            if not self._read_one():
                return

    def _read_one(self) -> bool:
        try:
            data, ancillary, flags, _ = self._connection.recvmsg(_READ, _DESCRIPTOR_SPACE, _CLOSE_ON_EXEC)
        except BlockingIOError:
            return False
        except OSError:
            data, ancillary, flags = b"", [], 0
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors = array.array("i")
                descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
                self._descriptors.extend(descriptors)
        # Cut ancillary data: this process may open no more descriptors, and which came for whom is lost.
        if data and not flags & socket.MSG_CTRUNC:
            self._data += data
            if self._take():
                return True
            logger.error("a process that is no worker, or a broken one, hands connections over: it is not listened to")
        self.close()
        self._ended(self)
        return False

    def _take(self) -> bool:
        """Takes whole frames; returns whether they make sense."""
        while len(self._data) >= _HEAD.size:
            size, settled = _HEAD.unpack_from(self._data)
            # The descriptor comes with the first byte.
            if size > MAX_FRAME or not self._descriptors:
                return False
            end = _HEAD.size + size
            if len(self._data) < end:
                break
            request, self._data = self._data[_HEAD.size : end], self._data[end:]
            descriptor = self._descriptors.popleft()
            try:
                connection = _socket(descriptor)
            except OSError:
                os.close(descriptor)  # it is no socket
                return False
            self._adopt(connection, request, settled)
        return len(self._descriptors) <= _DESCRIPTORS


class Links:
    """A worker's ways to the others, and their ways to it.

    Args:
        folder: where the workers' sockets are; nobody but their user may look into it.
        name: of this worker.
        adopt: takes a connection that comes from another worker.
    """

    def __init__(self, folder: Path, name: str, adopt: Adopt) -> None:
        self.name: str = name
        self.retiring: bool = False
        self._folder = folder
        self._adopt = adopt
        self._links: dict[str, Link] = {}
        self._intakes: set[Intake] = set()
        self._listener = socket.socket(socket.AF_UNIX)

    def listen(self) -> None:
        """Has the others find this worker; what they hand over waits until :meth:`open`.

        Raises:
            OSError: the folder has gone, or its name is too long for a Unix socket.
        """
        self._listener.setblocking(False)
        self._listener.bind(str(self._folder / self.name))
        self._listener.listen(128)

    def open(self) -> None:
        """Takes what the others hand over."""
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def stop_taking(self) -> None:
        """Takes nothing any more; what clients still ask here for others is handed over."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listener)
        self._listener.close()
        (self._folder / self.name).unlink(missing_ok=True)
        for intake in list(self._intakes):
            intake.close()

    def close(self) -> None:
        """Ends the ways to the others, when no client is left."""
        for link in self._links.values():
            link.close()
        self._links.clear()

    def hand_over(self, owner: str, connection: int, request: bytes, *, settled: bool = False) -> Outcome:
        """Gives a connection to another worker.

        Args:
            owner: its name.
            connection: descriptor, of which this makes another one.
            request: what was read.
            settled: whether the request is to be answered there in any case.
        """
        if len(request) > MAX_FRAME:
            return Outcome.BUSY
        try:
            link = self._links.get(owner) or self._connect(owner)
        except BlockingIOError:
            return Outcome.BUSY  # more workers than its listener holds wait for it
        except OSError:
            return Outcome.GONE
        descriptor = os.dup(connection)
        if not link.send(descriptor, _HEAD.pack(len(request), settled) + request):
            os.close(descriptor)
            return Outcome.BUSY
        return Outcome.TAKEN

    def successor(self) -> str | None:
        """The worker that was started last, unless it is this one."""
        try:
            newest = max(filter(NAME.fullmatch, os.listdir(self._folder)), default=self.name)
        except OSError:
            return None
        return newest if newest != self.name else None

    def _connect(self, owner: str) -> Link:
        connection = socket.socket(socket.AF_UNIX)
        connection.setblocking(False)
        try:
            connection.connect(str(self._folder / owner))
        except OSError:
            connection.close()
            raise
        link = self._links[owner] = Link(connection, lambda waiting: self._lose(owner, waiting))
        return link

    def _lose(self, owner: str, waiting: list[tuple[int, bytes]]) -> None:
        """Answers here what its owner will not answer any more."""
        del self._links[owner]
        for descriptor, frame in waiting:
            self._adopt(_socket(descriptor), frame[_HEAD.size :], True)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:
            logger.exception("a worker cannot be heard")
            return
        connection.setblocking(False)
        self._intakes.add(Intake(connection, self._adopt, self._intakes.discard))


def _socket(descriptor: int) -> socket.socket:
    connection = socket.socket(fileno=descriptor)
    connection.setblocking(False)
    return connection
