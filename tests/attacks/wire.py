"""Clients that can misbehave byte by byte: blocking sockets, nothing checked, every wait bounded."""

from __future__ import annotations

import base64
import errno
import json
import os
import re
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any, Final, Self

from ormsgpack import packb, unpackb

from tests.protocol.wire import BINARY, CLOSE, TEXT, client_frame

WITHIN: Final = 30.0
"""Seconds to wait for an answer that comes at once when it comes."""

NO_CLOSE_FRAME: Final = 1006
"""What ``WebSocket.close_code`` gives when the connection ended without a close frame (RFC 6455, 7.1.5)."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response. Header names are in lower case; of repeated ones the last counts."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class ConnectionEnded(Exception):
    """The server closed the connection, orderly or not."""


class Connection:
    """One TCP connection to the server.

    Args:
        port: on the loopback interface.
        receive_buffer: bytes the kernel keeps for us, for a client that does not read.
    """

    def __init__(self, port: int, *, receive_buffer: int | None = None) -> None:
        self._port = port
        self._buffer = bytearray()
        self._socket = socket.socket()
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(WITHIN)
        self._socket.connect(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes, *, within: float = WITHIN) -> None:
        """Writes everything.

        Raises:
            ConnectionEnded: the server closed or reset the connection.
            TimeoutError: it reads nothing more.
        """
        self._socket.settimeout(within)
        try:
            self._socket.sendall(data)
        except (ConnectionResetError, BrokenPipeError) as error:
            raise ConnectionEnded(str(error)) from None

    def flood(self, data: bytes, times: int, *, within: float = 2.0) -> int:
        """Writes the same again and again, until the server closes the connection or reads nothing more.

        Returns:
            How often it was written; ``times`` when the server took it all.
        """
        for number in range(times):
            try:
                self.send(data, within=within)
            except (ConnectionEnded, TimeoutError):
                return number
        return times

    def close(self) -> None:
        self._socket.close()

    def reset(self) -> None:
        """Ends the connection with a TCP RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def finish_sending(self) -> None:
        """Closes our half, unless the server has ended the connection already."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise

    def read(self, size: int, *, within: float = WITHIN) -> bytes:
        """Exactly ``size`` bytes."""
        self._fill(size, within)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def read_until(self, end: bytes, *, within: float = WITHIN) -> bytes:
        """Everything up to and including ``end``."""
        deadline = time.monotonic() + within
        while (position := self._buffer.find(end)) < 0:
            self._receive(deadline)
        size = position + len(end)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def read_response(self, *, within: float = WITHIN, head: bool = False) -> Response:
        """The next HTTP response; ``head`` says that it has no body whatever its headers say."""
        deadline = time.monotonic() + within
        lines = self.read_until(b"\r\n\r\n", within=within).decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        body = b""
        left = max(0.1, deadline - time.monotonic())
        if head or status in (101, 204, 304):
            pass
        elif headers.get("transfer-encoding") == "chunked":
            while size := int(self.read_until(b"\r\n", within=left), 16):
                body += self.read(size, within=left)
                self.read(2, within=left)
            self.read(2, within=left)
        elif "content-length" in headers:
            body = self.read(int(headers["content-length"]), within=left)
        else:
            body = self.read_to_end(within=left)
        return Response(status, headers, body)

    def read_to_end(self, *, within: float = WITHIN) -> bytes:
        """Everything until the server closes the connection.

        Raises:
            TimeoutError: it stays open.
        """
        deadline = time.monotonic() + within
        try:
            while True:
                self._receive(deadline)
        except ConnectionEnded:
            data = bytes(self._buffer)
            self._buffer.clear()
            return data

    def request(
        self,
        method: str,
        target: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        within: float = WITHIN,
    ) -> Response:
        """Sends a well-formed request and reads its response."""
        self.send_request(method, target, headers=headers, body=body)
        return self.read_response(within=within, head=method == "HEAD")

    def send_request(
        self, method: str, target: str, *, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> None:
        lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{self._port}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body or method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def _fill(self, size: int, within: float) -> None:
        deadline = time.monotonic() + within
        while len(self._buffer) < size:
            self._receive(deadline)

    def _receive(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("nothing came in time")
        self._socket.settimeout(left)
        try:
            data = self._socket.recv(262_144)
        except ConnectionResetError as error:
            raise ConnectionEnded(str(error)) from None
        if not data:
            raise ConnectionEnded("closed by the server")
        self._buffer += data


def frame(opcode: int, payload: bytes = b"", **options: Any) -> bytes:
    """One frame as :func:`tests.protocol.wire.client_frame` makes it, masked with zeros.

    A mask of zeros is a mask: the payload stays readable in a dump.
    """
    return client_frame(opcode, payload, key=bytes(4), **options)


class WebSocket(Connection):
    """A WebSocket client after its opening handshake.

    Raises:
        Refused: the server answered something else than 101.
    """

    def __init__(
        self,
        port: int,
        target: str,
        *,
        headers: dict[str, str] | None = None,
        receive_buffer: int | None = None,
    ) -> None:
        super().__init__(port, receive_buffer=receive_buffer)
        try:
            self.response = self.request("GET", target, headers={**upgrade_headers(), **(headers or {})})
        except BaseException:
            self.close()
            raise
        if self.response.status != 101:
            self.close()
            raise Refused(self.response)

    def send_frame(self, opcode: int, payload: bytes = b"", **options: Any) -> None:
        self.send(frame(opcode, payload, **options))

    def send_text(self, text: str) -> None:
        self.send_frame(TEXT, text.encode())

    def receive_frame(self, *, within: float = WITHIN) -> tuple[int, bytes]:
        """Opcode and payload of the next frame, which must be final, unmasked and uncompressed."""
        first, second = self.read(2, within=within)
        assert first & 0xF0 == 0x80, f"expected a final frame without reserved bits, got {first:#x}"
        assert second < 128, "a server must not mask"
        length = second
        if length == 126:
            (length,) = struct.unpack("!H", self.read(2, within=within))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.read(8, within=within))
        return first & 0x0F, self.read(length, within=within)

    def receive_text(self, *, within: float = WITHIN) -> str:
        opcode, payload = self.receive_frame(within=within)
        assert opcode == TEXT, f"expected text, got opcode {opcode} {payload[:100]!r}"
        return payload.decode()

    def close_code(self, *, within: float = WITHIN) -> int:
        """Reads until the connection ends; the code of the close frame, 1005 when it had none.

        The close frame is answered, as the closing handshake asks (RFC 6455, section 5.5.1).

        Raises:
            TimeoutError: it stays open.
        """
        deadline = time.monotonic() + within
        code = NO_CLOSE_FRAME
        try:
            while True:
                opcode, payload = self.receive_frame(within=max(0.01, deadline - time.monotonic()))
                if opcode == CLOSE:
                    code = struct.unpack("!H", payload[:2])[0] if payload else 1005
                    self.send_frame(CLOSE, payload[:2])
                    break
            self.read_to_end(within=max(0.01, deadline - time.monotonic()))
        except ConnectionEnded:
            pass
        return code


class Refused(Exception):
    """The opening handshake was answered with an HTTP response."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"{response.status} {response.body[:200]!r}")
        self.response = response


def upgrade_headers() -> dict[str, str]:
    """Headers of an opening handshake (RFC 6455, section 4.1)."""
    return {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }


POLLING: Final = "/socket.io/?EIO=4&transport=polling"
WEBSOCKET: Final = "/socket.io/?EIO=4&transport=websocket"


def http(port: int, method: str, target: str, **options: Any) -> Response:
    """One request on a connection of its own."""
    with Connection(port) as connection:
        return connection.request(method, target, **options)


class PollingSession:
    """An Engine.IO session over long-polling, one connection for each request."""

    def __init__(self, port: int, query: str = "", headers: dict[str, str] | None = None) -> None:
        self.port = port
        response = http(port, "GET", POLLING + query, headers=headers)
        assert response.status == 200, response
        assert response.body[:1] == b"0", response
        self.parameters = json.loads(response.body[1:])
        self.sid: str = self.parameters["sid"]
        self.response = response

    @property
    def target(self) -> str:
        return f"{POLLING}&sid={self.sid}"

    @property
    def upgrade_target(self) -> str:
        return f"{WEBSOCKET}&sid={self.sid}"

    def get(self, *, within: float = WITHIN) -> Response:
        return http(self.port, "GET", self.target, within=within)

    def post(self, body: bytes, *, within: float = WITHIN, headers: dict[str, str] | None = None) -> Response:
        return http(self.port, "POST", self.target, body=body, within=within, headers=headers)

    def packets(self, *, within: float = WITHIN) -> list[str]:
        """The packets of one GET."""
        response = self.get(within=within)
        assert response.status == 200, response
        return response.body.decode().split("\x1e")

    def wait_for_poll(self) -> None:
        """Returns when the server holds a GET sent before: it has answered a later request for something else."""
        assert http(self.port, "GET", "/").status == 200

    def connect(self, namespace: str = "") -> None:
        """Joins a namespace and reads what the application greets with."""
        assert self.post(f"40{namespace}".encode()).status == 200
        seen = ""
        while '["welcome",' not in seen:
            seen += "\x1e".join(self.packets())

    def assert_gone(self) -> None:
        """The server must not know the session any more; first it may deliver what is left, and the close."""
        response = self.get()
        while response.status == 200 and response.body != b"1":
            response = self.get()
        if response.status == 200:
            response = self.get()
        assert (response.status, response.json()) == (400, {"code": 1, "message": "Session ID unknown"})


class Client(WebSocket):
    """A well-behaved Socket.IO client, on a WebSocket, in the main namespace.

    Args:
        auth: sent with CONNECT.
    """

    def __init__(self, port: int, auth: Any = None, *, receive_buffer: int | None = None) -> None:
        super().__init__(port, WEBSOCKET, receive_buffer=receive_buffer)
        self._last_id = 0
        self.parameters = json.loads(self.receive_text()[1:])
        self.send_packet(0, auth)
        kind, answer, _ = self.receive_packet(within=WITHIN)
        assert kind == 0, answer
        self.id: str = answer["sid"]
        assert self.event("welcome")[0]["id"] == self.id

    def emit(self, event: str, *arguments: Any) -> None:
        self.send_packet(2, [event, *arguments])

    def event(self, name: str, *, within: float = WITHIN) -> list[Any]:
        """Arguments of the next event, which must be ``name``; pings are answered on the way."""
        kind, data, _ = self.receive_packet(within=within)
        assert (kind, data[0]) == (2, name), data
        arguments: list[Any] = data[1:]
        return arguments

    def call(self, event: str, *arguments: Any, within: float = WITHIN) -> list[Any]:
        """Emits and waits for the acknowledgement; events that come first are dropped."""
        self._last_id += 1
        self.send_packet(2, [event, *arguments], self._last_id)
        deadline = time.monotonic() + within
        while True:
            kind, data, id = self.receive_packet(within=deadline - time.monotonic())
            if (kind, id) == (3, self._last_id):
                answer: list[Any] = data
                return answer

    def reason_of(self, id: str, *, within: float = WITHIN) -> str:
        """Why that socket left; asked for with ``call("watch")`` before. Clients of earlier tests may leave first."""
        deadline = time.monotonic() + within
        while True:
            [left] = self.event("left", within=deadline - time.monotonic())
            if left["id"] == id:
                reason: str = left["reason"]
                return reason

    def send_packet(self, kind: int, data: Any = None, id: int | None = None) -> None:
        self.send_text(f"4{kind}" + ("" if id is None else str(id)) + ("" if data is None else json.dumps(data)))

    def receive_packet(self, *, within: float) -> tuple[int, Any, int | None]:
        """Type, data and id of the next packet of the main namespace."""
        deadline = time.monotonic() + within
        match = None
        while match is None:
            text = self.receive_text(within=deadline - time.monotonic())
            if text == "2":
                self.send_text("3")
            elif not re.match(r"4[0-4]/", text):  # else: of another namespace
                match = re.fullmatch(r"4([0-4])(\d*)(.*)", text, re.DOTALL)
                assert match is not None, text
        kind, id, data = match.groups()
        return int(kind), json.loads(data) if data else None, int(id) if id else None


class MsgpackClient(Client):
    """The same with packets in MessagePack."""

    def send_packet(self, kind: int, data: Any = None, id: int | None = None) -> None:
        fields = {"type": kind, "nsp": "/", "data": data, "id": id}
        self.send_frame(BINARY, packb({name: value for name, value in fields.items() if value is not None}))

    def receive_packet(self, *, within: float) -> tuple[int, Any, int | None]:
        while (received := self.receive_frame(within=within)) == (TEXT, b"2"):
            self.send_text("3")
        opcode, payload = received
        assert opcode == BINARY, payload
        fields = unpackb(payload)
        return fields["type"], fields.get("data"), fields.get("id")


ANSWERS: Final = {
    0: "Transport unknown",
    1: "Session ID unknown",
    2: "Bad handshake method",
    3: "Bad request",
    5: "Unsupported protocol version",
}
"""Bodies of refusals, by code, as the original words them."""


def assert_refused(response: Response, code: int, status: int = 400) -> None:
    """The answer is the refusal with this code."""
    assert response.status == status, response
    assert response.json() == {"code": code, "message": ANSWERS[code]}


def post_head(target: str, length: int | str) -> bytes:
    """The head of a POST request that says its body has this length."""
    return f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n".encode()
