"""One Engine.IO session as a client has it: handshake, heartbeat, upgrade, and what waits to be sent."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from windsock.client.handshake import Handshake
from windsock.client.signal import Signal
from windsock.client.transports.base import Transport
from windsock.errors import BufferFull, ConnectionFailed, NotConnected
from windsock.protocol.engineio import Message
from windsock.types import TransportName

logger: logging.Logger = logging.getLogger("windsock.client")

Connector = Callable[[TransportName], Transport]

MESSAGE_OVERHEAD: Final = 256
"""Bytes that a waiting message costs beside its content: without them, empty ones would be free."""

MAX_BATCH: Final = 1000
"""Messages given to a WebSocket at once, between two looks at what else there is to do."""

MAX_POSTED_PACKETS: Final = 16
"""Packets in one body of long-polling: python-socketio's server refuses more."""

DRAIN_TIMEOUT: Final = 2.0
"""Seconds that closing waits for what was emitted before it."""

_PING: Final = "2"
_PROBE: Final = Message(b"2probe")
_PROBE_ANSWER: Final = "3probe"
_PONG: Final = Message(b"3")
_UPGRADE: Final = Message(b"5")


class Session:
    """From the handshake to the end; never opened twice.

    Args:
        connect: makes a transport.
        transports: to open it with: the first, and with ``try_all`` the others when that fails.
        try_all: see ``transports``.
        upgrade: whether to change to WebSocket when the server offers it and ``transports`` names it.
        timeout: seconds that an upgrade may take.
        max_buffered_bytes: that wait to be sent.
        receive: called with each message: text from index 1 on, or bytes. It may raise nothing.
        tell: called with the name of what happens, ``ping`` or ``upgrade``, and with what there is to say of it.
    """

    def __init__(
        self,
        connect: Connector,
        *,
        transports: Sequence[TransportName],
        try_all: bool,
        upgrade: bool,
        timeout: float,
        max_buffered_bytes: int,
        receive: Callable[[str | bytes], None],
        tell: Callable[..., None],
    ) -> None:
        self._connect = connect
        self._transports = transports
        self._try_all = try_all
        self._may_upgrade = upgrade
        self._timeout = timeout
        self._max_buffered_bytes = max_buffered_bytes
        self._receive = receive
        self._tell = tell
        self._transport: Transport | None = None
        self._handshake: Handshake | None = None
        self._first: list[str | bytes] = []
        self._queue: deque[Message] = deque()
        self._queued_bytes = 0
        self._pong_due = False
        self._writing = False
        self._written = Signal()
        self._wake = asyncio.Event()
        self._sending = asyncio.Lock()
        self._reading = asyncio.Event()
        self._reading.set()
        self._pausing = False
        self._paused = asyncio.Event()
        self._resumed = asyncio.Event()
        self._closing = False
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def transport(self) -> TransportName | None:
        """The one in use, once it is open."""
        return None if self._transport is None else self._transport.name

    @property
    def writable(self) -> bool:
        """Whether what is sent now leaves now; a volatile event is dropped otherwise."""
        return not self._sending.locked() and not self._ended.done()

    async def open(self) -> None:
        """Opens a transport and makes the handshake.

        Raises:
            ConnectionFailed: no transport could.
        """
        last = len(self._transports) - 1 if self._try_all else 0
        for index, name in enumerate(self._transports):
            transport = self._connect(name)
            try:
                await transport.open(None)
                packets = await transport.receive()
                self._handshake = Handshake.parse(packets[0])
            except ConnectionFailed as error:
                await transport.close(graceful=False)
                if index == last:
                    raise
                logger.info("%s; trying %s", error, self._transports[index + 1])
            except BaseException:
                await transport.close(graceful=False)
                raise
            else:
                self._transport = transport
                self._first = packets[1:]
                return

    async def run(self) -> str:
        """Carries messages until the session ends; returns the word for why."""
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(self._write()), loop.create_task(self._read())]
        if self._wants_upgrade():
            tasks.append(loop.create_task(self._upgrade()))
        self._watch_heartbeat()
        reason = "forced close"
        try:
            reason = await self._ended
        finally:
            if self._deadline is not None:
                self._deadline.cancel()
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    logger.error("a session failed", exc_info=outcome)
            assert self._transport is not None
            await self._transport.close(graceful=reason == "forced close")
        return reason

    def send(self, message: Message) -> None:
        """Queues a message; nothing happens when the session has ended.

        Raises:
            BufferFull: too much waits already.
        """
        if self._ended.done() or self._closing:
            return
        size = message.size + MESSAGE_OVERHEAD
        if self._queue and self._queued_bytes + size > self._max_buffered_bytes:
            raise BufferFull(f"expected at most {self._max_buffered_bytes} bytes unsent, got {size} more")
        self._queue.append(message)
        self._queued_bytes += size
        self._wake.set()

    def fail(self, reason: str) -> None:
        """Ends the session at once."""
        if not self._ended.done():
            self._ended.set_result(reason)
            self._written.notify()

    async def drain(self) -> None:
        """Returns when all that was sent has been given to the network.

        Raises:
            NotConnected: the session ended before.
        """
        while self._queue or self._writing:
            if self._ended.done():
                raise NotConnected("the connection was lost before all was sent")
            await self._written.wait()

    def close(self) -> None:
        """Ends the session when what was sent has left, or after two seconds."""
        if not self._closing:
            self._closing = True
            self._wake.set()
            asyncio.get_running_loop().call_later(DRAIN_TIMEOUT, self.fail, "forced close")

    def hold(self) -> None:
        """Reads no further; what was read is still delivered."""
        self._reading.clear()

    def release(self) -> None:
        """Reads again."""
        self._reading.set()

    # -- reading --

    async def _read(self) -> None:
        packets = self._first
        self._first = []
        try:
            while True:
                for packet in packets:
                    self._take(packet)
                await self._reading.wait()
                if self._pausing:
                    self._paused.set()
                    await self._resumed.wait()
                assert self._transport is not None
                packets = await self._transport.receive()
        except ConnectionFailed as error:
            logger.debug("%s", error)
            self.fail(error.reason)

    def _take(self, packet: str | bytes) -> None:
        if isinstance(packet, bytes):
            self._receive(packet)
            return
        kind = packet[:1]
        if kind == "4":
            self._receive(packet)
        elif kind == _PING:
            self._pong_due = True
            self._wake.set()
            self._watch_heartbeat()
            self._tell("ping")
        elif kind == "1":
            raise ConnectionFailed("the server closed the session", "transport close")
        elif kind not in ("6", "3"):
            raise ConnectionFailed(f"expected an Engine.IO packet, got {packet[:40]!r}")

    def _watch_heartbeat(self) -> None:
        assert self._handshake is not None
        if self._deadline is not None:
            self._deadline.cancel()
        within = (self._handshake.ping_interval + self._handshake.ping_timeout) / 1000
        self._deadline = asyncio.get_running_loop().call_later(within, self.fail, "ping timeout")

    # -- writing --

    async def _write(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._queue or self._pong_due:
                    self._writing = True
                    async with self._sending:
                        assert self._transport is not None
                        await self._transport.send(self._batch(self._transport.name))
                self._writing = False
                self._written.notify()
                if self._closing:
                    self.fail("forced close")
                    return
        except ConnectionFailed as error:
            logger.debug("%s", error)
            self.fail(error.reason)

    def _batch(self, transport: TransportName) -> list[Message]:
        """What goes next, as much of it as one body of long-polling may hold."""
        assert self._handshake is not None
        polling = transport == "polling"
        limit = self._handshake.max_payload
        batch = []
        size = packets = 0
        if self._pong_due:
            self._pong_due = False
            batch.append(_PONG)
            size, packets = len(_PONG.text), 1
        while self._queue and len(batch) < MAX_BATCH:
            message = self._queue[0]
            if polling:
                size += len(message.payload) + 1
                packets += 1 + len(message.attachments)
                if batch and (packets > MAX_POSTED_PACKETS or (limit and size > limit)):
                    break
            self._queue.popleft()
            self._queued_bytes -= message.size + MESSAGE_OVERHEAD
            batch.append(message)
        return batch

    # -- the upgrade (Engine.IO protocol, "Upgrade") --

    def _wants_upgrade(self) -> bool:
        assert self._handshake is not None
        return (
            self._may_upgrade
            and self.transport == "polling"
            and "websocket" in self._transports
            and "websocket" in self._handshake.upgrades
        )

    async def _upgrade(self) -> None:
        assert self._handshake is not None
        polling = self._transport
        assert polling is not None
        candidate = self._connect("websocket")
        try:
            async with asyncio.timeout(self._timeout):
                await candidate.open(self._handshake.sid)
                await candidate.send([_PROBE])
                answer = await candidate.receive()
                if answer != [_PROBE_ANSWER]:
                    raise ConnectionFailed(f"expected the probe's answer, got {answer[0][:40]!r}")
                # The server ends the pending poll with a NOOP; what is posted must have arrived.
                self._pausing = True
                await self._paused.wait()
                async with self._sending:
                    await candidate.send([_UPGRADE])
                    self._transport = candidate
        except (ConnectionFailed, TimeoutError) as error:
            logger.info("staying with long-polling: %s", str(error) or "the upgrade took too long")
            await candidate.close(graceful=False)
            return
        except BaseException:
            await candidate.close(graceful=False)
            raise
        finally:
            self._pausing = False
            self._resumed.set()
        self._tell("upgrade", candidate.name)
        await polling.close(graceful=False)
