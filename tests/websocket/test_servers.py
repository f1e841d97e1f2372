"""The same endpoint under each ASGI server that Windsock is run with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.conformance.process import ServerProcess, python
from tests.server.site import WITHIN

APPLICATION: Final = "tests.websocket.app:app"
COMMANDS: Final = {
    "windsock": python("-m", "windsock.cli", "serve", APPLICATION, "--host", "127.0.0.1", "--port", "{port}"),
    "uvicorn": python("-m", "uvicorn", APPLICATION, "--host", "127.0.0.1", "--port", "{port}"),
    "hypercorn": python("-m", "hypercorn", APPLICATION, "--bind", "127.0.0.1:{port}"),
    "granian": python("-m", "granian", "--interface", "asgi", "--port", "{port}", APPLICATION),
}
PADDING: Final = "x" * 50_000
TOTAL: Final = 400


@pytest.fixture(scope="module", params=COMMANDS)
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    running = ServerProcess(COMMANDS[request.param])
    yield running
    # uvicorn's own class says so of every handshake that is answered with a response.
    trouble = [line for line in running.trouble() if "ERROR" in line and "without completing handshake" not in line]
    running.kill()  # not each of them ends while it has clients
    running.__exit__()
    assert not trouble, "\n".join(trouble)


def dial(server: ServerProcess, path: str = "/") -> ClientConnection:
    url = f"ws://127.0.0.1:{server.port}{path}"
    return connect(
        url, subprotocols=[Subprotocol("test")], compression=None, open_timeout=WITHIN, close_timeout=1, max_size=None
    )


def test_messages_groups_and_close_codes(server: ServerProcess) -> None:
    with dial(server) as first, dial(server) as second:
        assert first.subprotocol == "test"
        first.send(b"\0binary")
        assert first.recv(WITHIN) == b"\0binary"
        for connection in (first, second):
            connection.send("+both")
            assert connection.recv(WITHIN) == "joined"
        for number in range(100):
            first.send(f"both:{number}")
        for connection in (first, second):
            assert [connection.recv(WITHIN) for _ in range(100)] == [str(number) for number in range(100)]
        second.send("close 4008")
        with pytest.raises(ConnectionClosed):
            second.recv(WITHIN)
        assert (second.close_code, second.close_reason) == (4008, "asked to")
        first.send("both:still here")
        assert first.recv(WITHIN) == "still here"


def test_a_refusal(server: ServerProcess) -> None:
    with pytest.raises(InvalidStatus) as caught:
        dial(server, "/?refuse=1")
    assert caught.value.response.status_code == 403


def test_a_member_that_does_not_read(server: ServerProcess) -> None:
    with dial(server) as slow, dial(server) as healthy:
        for connection in (slow, healthy):
            connection.send("+all")
            assert connection.recv(WITHIN) == "joined"
        for number in range(TOTAL):
            healthy.send(f"all:{number} {PADDING}")
            assert healthy.recv(WITHIN) == f"{number} {PADDING}"
        healthy.send("all:last")
        received = []
        while (text := str(slow.recv(WITHIN))) != "last":
            received.append(int(text.split(maxsplit=1)[0]))
        assert received == sorted(set(received)), "in order, each once"
        latest = 1_000_000 // (len(PADDING) + 10)
        assert received[-latest:] == list(range(TOTAL - latest, TOTAL))
        assert len(received) < TOTAL, "or the test sends too little"
