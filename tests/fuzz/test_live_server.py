"""Random and half-random traffic at a live server, from fixed seeds: it lives, serves others, and logs no error.

A failure names its seed; the same seed sends the same again.
"""

from __future__ import annotations

import base64
import random
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.attacks.conftest import Target
from tests.attacks.wire import (
    WEBSOCKET,
    Connection,
    ConnectionEnded,
    PollingSession,
    Refused,
    WebSocket,
    frame,
    upgrade_headers,
)
from tests.conformance.servers import Servers
from tests.protocol.wire import BINARY, CLOSE, CONTINUATION, PING, TEXT

ROUNDS = 150
"""Connections for each seed."""

METHODS = ["GET", "POST", "PUT", "OPTIONS", "HEAD", "DELETE", "GE T", "", "\x00", "PRI"]
FIELDS = [
    ("Host", "127.0.0.1"),
    ("Content-Length", "5"),
    ("Content-Length", "-1"),
    ("Transfer-Encoding", "chunked"),
    ("Transfer-Encoding", "gzip"),
    ("Expect", "100-continue"),
    ("Connection", "close"),
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Upgrade", "h2c"),
    ("Origin", "null"),
    ("Accept-Encoding", "gzip"),
    ("Content-Type", "application/octet-stream"),
    ("Cookie", "io=x; \xff"),
    ("X", "é".encode().decode("latin-1")),
]
QUERY = [
    "EIO=4",
    "EIO=3",
    "transport=polling",
    "transport=websocket",
    "transport=%00",
    "sid=x",
    "sid=",
    "t=1",
    "%",
    "&",
    "j=1",
    "b64=1",
]
PACKETS = [
    "0",
    "0/admin,",
    '0/admin,{"token":"secret"}',
    "0/dynamic-7,",
    "1",
    "1/admin,",
    '2["echo",1]',
    '21["echo-ack",[1,2]]',
    '2/admin,5["whoami"]',
    '2/dynamic-7,5["echo-ack",1]',
    "31[1]",
    "4{}",
    '51-["echo",{"_placeholder":true,"num":0}]',
    '52-["echo-ack",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]',
    '61-[{"_placeholder":true,"num":0}]',
    '2["join","a","b"]',
    '2["join",{"a":[]}]',
    '2["leave",null]',
    '2["publish",{"from":"socket","to":["a"],"event":"noise"}]',
    '2["publish",{}]',
    '2["move",{"room":"nobody"}]',
    '2["ask",1]',
    '2["disconnect-me",false]',
    '2["disconnect-me",true]',
    '2["echo","\\ud800"]',
    '2["volatile"]',
    '2["big",1000,true]',
    '2["connect"]',
]


class Fuzzer:
    """Sends what its random numbers say."""

    def __init__(self, seed: int, port: int) -> None:
        self.random = random.Random(seed)
        self.port = port

    def octets(self, limit: int = 200) -> bytes:
        return self.random.randbytes(self.random.randrange(limit))

    def spoiled(self, data: bytes) -> bytes:
        """The data, often with a few octets changed, cut out or put in."""
        choose = self.random.random
        if choose() < 0.5:
            return data
        changed = bytearray(data)
        for _ in range(self.random.randrange(1, 4)):
            position = self.random.randrange(len(changed) + 1)
            changed[position : position + self.random.randrange(3)] = self.octets(4)
        return bytes(changed)

    def message(self) -> str | bytes:
        """A Socket.IO message, more or less."""
        if self.random.random() < 0.15:
            return self.octets(20)
        return self.spoiled(self.random.choice(PACKETS).encode()).decode(errors="replace")

    def packet(self) -> bytes:
        """An Engine.IO packet for a payload."""
        message = self.message()
        if isinstance(message, bytes):
            return b"b" + base64.b64encode(message)
        kind = self.random.choice("44444444440123567x")
        return kind.encode() + message.encode()

    def frames(self) -> Iterator[bytes]:
        for _ in range(self.random.randrange(1, 12)):
            message = self.message()
            content = message if isinstance(message, bytes) else b"4" + message.encode()
            opcode = BINARY if isinstance(message, bytes) else TEXT
            dice = self.random.random()
            if dice < 0.6:
                yield frame(opcode, content)
            elif dice < 0.75:
                cut = self.random.randrange(len(content) + 1)
                yield frame(opcode, content[:cut], final=False) + frame(CONTINUATION, content[cut:])
            elif dice < 0.85:
                yield frame(PING, self.octets(120))
            elif dice < 0.9:
                yield frame(CLOSE, struct.pack("!H", self.random.randrange(65536)) + self.octets(20))
            else:
                yield frame(
                    self.random.randrange(16),
                    content,
                    final=self.random.random() < 0.7,
                    reserved=self.random.choice([0, 0, 4, 2]),
                    masked=self.random.random() < 0.9,
                    length=self.random.choice([None, None, 0, 126, 70_000, 2**63]),
                )

    def http(self) -> None:
        """Requests that are hardly any."""
        with Connection(self.port) as connection:
            for _ in range(self.random.randrange(1, 4)):
                query = "&".join(self.random.choices(QUERY, k=self.random.randrange(6)))
                target = self.random.choice(["/socket.io/", "/", "/socket.io", "*", ""]) + "?" + query
                fields = self.random.choices(FIELDS, k=self.random.randrange(6))
                lines = [f"{self.random.choice(METHODS)} {target} HTTP/1.1", "Host: a"]
                lines += [f"{name}: {value}" for name, value in fields]
                data = "\r\n".join([*lines, "", ""]).encode("latin-1") + self.octets(20)
                connection.send(self.spoiled(data))
            self.leave(connection)

    def polling(self) -> None:
        """Payloads, some on top of each other."""
        session = PollingSession(self.port)
        for _ in range(self.random.randrange(1, 5)):
            body = b"\x1e".join(self.packet() for _ in range(self.random.randrange(1, 6)))
            if self.random.random() < 0.3:
                body = self.spoiled(body)
            if self.random.random() < 0.2:
                with Connection(self.port) as connection:
                    connection.send_request("GET", session.target)
                    self.leave(connection)
            session.post(body)
        session.post(b"1")

    def websocket(self) -> None:
        """Frames, and what is none."""
        with WebSocket(self.port, WEBSOCKET) as websocket:
            if self.random.random() < 0.7:
                websocket.send_text("40")
            for data in self.frames():
                websocket.send(self.spoiled(data))
            self.leave(websocket)

    def upgrade(self) -> None:
        """Probes with something else between."""
        session = PollingSession(self.port)
        session.post(b"40")
        headers = upgrade_headers()
        with Connection(self.port) as connection:
            connection.send_request("GET", session.upgrade_target, headers=headers)
            steps = [frame(TEXT, b"2probe"), frame(TEXT, b"5"), frame(TEXT, b'42["echo",1]'), frame(PING, b"x")]
            if self.random.random() < 0.3:
                self.random.shuffle(steps)
            for step in steps[: self.random.randrange(5)]:
                connection.send(self.spoiled(step))
                if self.random.random() < 0.3:
                    session.post(self.packet())
            self.leave(connection)
        session.post(b"1")

    def leave(self, connection: Connection) -> None:
        """Ends a connection in one of the ways there are."""
        dice = self.random.random()
        if dice < 0.3:
            connection.reset()
        elif dice < 0.6:
            with suppress(OSError):  # the server was quicker
                connection.finish_sending()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["http", "polling", "websocket", "upgrade"])
@pytest.mark.parametrize("server", ["windsock", "uvicorn"])
def test_noise(servers: Servers, server: str, kind: str, seed: int) -> None:
    target = Target(servers.get(server))
    fuzzer = Fuzzer(seed, target.port)
    act: Callable[[], None] = getattr(fuzzer, kind)
    try:
        with target.growth(24 * 2**20):
            for _ in range(ROUNDS):
                with suppress(ConnectionEnded, Refused):
                    act()
        target.check()
    finally:
        target.close()
    if server == "windsock":
        target.quiet()


def test_the_fuzzer_reaches_the_handlers(servers: Servers) -> None:
    """Of the traffic a good part is understood: noise that is refused at the door would prove little."""
    target = Target(servers.get("windsock"))
    fuzzer = Fuzzer(0, target.port)
    answers = 0
    try:
        for _ in range(120):
            with suppress(ConnectionEnded, Refused), WebSocket(target.port, WEBSOCKET) as websocket:
                websocket.send_text("40")
                for data in fuzzer.frames():
                    websocket.send(fuzzer.spoiled(data))
                websocket.finish_sending()  # the server answers what came before, and ends the connection
                while True:
                    websocket.receive_frame()
                    answers += 1
    finally:
        target.close()
    # Of some 400: what a slow machine has not read of a connection that is reset is lost.
    assert answers > 100
