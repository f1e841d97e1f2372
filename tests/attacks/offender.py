"""A client of Socket.IO whose messages are not to be trusted, on either transport."""

from __future__ import annotations

import base64
import time

from tests.attacks.conftest import Target
from tests.attacks.wire import WEBSOCKET, WITHIN, ConnectionEnded, PollingSession, WebSocket, frame
from tests.protocol.wire import BINARY, TEXT


class Offender:
    """A connected client of either transport whose next messages are not to be trusted."""

    def __init__(self, target: Target, transport: str, *, connect: bool = True) -> None:
        self.websocket: WebSocket | None = None
        self.polling: PollingSession | None = None
        self._read: list[str] = []
        if transport == "websocket":
            self.websocket = WebSocket(target.port, WEBSOCKET)
            self.websocket.receive_text()
        else:
            self.polling = PollingSession(target.port)
        if connect:
            self.send("0")
            assert self.receive().startswith('0{"sid"')
            assert self.receive().startswith('2["welcome"')

    def __enter__(self) -> Offender:
        return self

    def __exit__(self, *_: object) -> None:
        if self.websocket is not None:
            self.websocket.close()

    def send(self, *messages: str | bytes) -> None:
        """Engine.IO messages, in one request or segment."""
        try:
            if self.websocket is not None:
                self.websocket.send(
                    b"".join(
                        frame(TEXT, b"4" + message.encode()) if isinstance(message, str) else frame(BINARY, message)
                        for message in messages
                    )
                )
            elif self.polling is not None:
                self.polling.post(
                    b"\x1e".join(
                        b"4" + message.encode() if isinstance(message, str) else b"b" + base64.b64encode(message)
                        for message in messages
                    )
                )
        except ConnectionEnded:
            return

    def receive(self) -> str:
        """The next message, text only."""
        if self.websocket is not None:
            text = self.websocket.receive_text()
            assert text[0] == "4", text
            return text[1:]
        assert self.polling is not None
        while not self._read:
            self._read = [packet for packet in self.polling.packets() if packet != "6"]
        text = self._read.pop(0)
        assert text[0] == "4", text
        return text[1:]

    def assert_ended(self) -> None:
        """The server has closed the connection."""
        if self.websocket is not None:
            self.websocket.close_code()
        elif self.polling is not None:
            self.polling.assert_gone()

    def assert_alive(self) -> None:
        """The connection works as before."""
        self.send('2900["echo-ack","alive"]')
        while not (text := self.receive()).startswith("3900"):
            pass
        assert text == '3900["alive"]'


def gone_after_rest(session: PollingSession) -> None:
    """The answers to the packets that were in order are still delivered."""
    deadline = time.monotonic() + WITHIN
    while session.get().status == 200:
        assert time.monotonic() < deadline
    session.assert_gone()
