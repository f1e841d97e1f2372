"""A plain ASGI WebSocket endpoint served by ``windsock serve``, and the same by uvicorn's own WebSocket class."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.attacks.wire import ConnectionEnded, WebSocket, frame, http
from tests.conformance.process import ServerProcess, python
from tests.protocol.wire import BINARY, CLOSE, TEXT

WITHIN = 60.0

COMMANDS = {
    "windsock": python("-m", "windsock.cli", "serve", "tests.conformance.endpoints:app", "--port", "{port}"),
    "uvicorn": python("-m", "uvicorn", "tests.conformance.endpoints:app", "--port", "{port}", "--no-server-header"),
}


@pytest.fixture(scope="module", params=COMMANDS)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def server(kind: str) -> Iterator[ServerProcess]:
    with ServerProcess(COMMANDS[kind]) as running:
        yield running
        assert running.alive


@pytest.fixture
def quiet(server: ServerProcess) -> Iterator[None]:
    """Nothing is logged as an error."""
    since = server.mark()
    yield
    assert not server.trouble(since), server.log()


def dial(server: ServerProcess, path: str, **options: Any) -> ClientConnection:
    uri = f"ws://127.0.0.1:{server.port}{path}"
    connection: ClientConnection = connect(uri, open_timeout=WITHIN, close_timeout=WITHIN, max_size=None, **options)
    return connection


def ended(server: ServerProcess, name: str) -> Any:
    """How the endpoint saw the connection of that name end."""
    deadline = time.monotonic() + WITHIN
    while (response := http(server.port, "GET", f"/ends/{name}")).status == 404:
        assert time.monotonic() < deadline, f"{name} has not ended"
    return response.json()


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("compression", ["deflate", None])
def test_text_and_binary(server: ServerProcess, compression: str | None) -> None:
    with dial(server, "/echo", compression=compression) as websocket:
        for message in ("", "a", "é🎉\0\x1e", "x" * 125, "x" * 126, "x" * 65_535, "x" * 65_536, "é" * 500_000):
            websocket.send(message)
            assert websocket.recv(WITHIN) == message
        for data in (b"", b"\0", bytes(range(256)), bytes(1_000_000)):
            websocket.send(data)
            assert websocket.recv(WITHIN) == data
        assert bool(websocket.protocol.extensions) == (compression is not None)


@pytest.mark.usefixtures("quiet")
def test_fragments_and_control_frames(server: ServerProcess) -> None:
    with dial(server, "/echo", ping_interval=None) as websocket:
        websocket.send(iter(["a", "b", "", "cé"]))
        assert websocket.recv(WITHIN) == "abcé"
        websocket.send(iter([b"\0", b"\1"]))
        assert websocket.recv(WITHIN) == b"\0\1"
        assert websocket.ping(b"payload").wait(WITHIN)
        websocket.pong(b"unasked")
        websocket.send("after")
        assert websocket.recv(WITHIN) == "after"


@pytest.mark.usefixtures("quiet")
def test_many_messages_in_a_row_keep_their_order(server: ServerProcess) -> None:
    with dial(server, "/echo") as websocket:
        for number in range(2000):
            websocket.send(str(number))
        assert [websocket.recv(WITHIN) for _ in range(2000)] == [str(number) for number in range(2000)]


@pytest.mark.usefixtures("quiet")
def test_subprotocol_and_headers(server: ServerProcess) -> None:
    with dial(server, "/subprotocol", subprotocols=["first", "second"]) as websocket:
        assert json.loads(websocket.recv(WITHIN)) == {"offered": ["first", "second"]}
        assert websocket.subprotocol == "second"
        assert websocket.response is not None
        assert websocket.response.headers["X-Number"] == "1"
        assert websocket.response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    with dial(server, "/subprotocol") as websocket:
        assert json.loads(websocket.recv(WITHIN)) == {"offered": []}
        assert websocket.subprotocol is None


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "away"), (1011, "é"), (3000, "x" * 123), (4999, "")])
def test_close_by_the_endpoint(server: ServerProcess, code: int, reason: str) -> None:
    with dial(server, f"/close?code={code}&reason={reason}") as websocket:
        with pytest.raises(ConnectionClosed):
            websocket.recv(WITHIN)
        assert (websocket.close_code, websocket.close_reason) == (code, reason)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "away"), (3000, "é"), (4000, "x" * 123)])
def test_close_by_the_client(server: ServerProcess, code: int, reason: str) -> None:
    name = uuid4().hex
    with dial(server, f"/echo?name={name}") as websocket:
        websocket.close(code, reason)
        assert websocket.close_code == code
    assert ended(server, name) == {"code": code, "reason": reason}


@pytest.mark.usefixtures("quiet")
def test_close_by_the_client_without_a_code(server: ServerProcess) -> None:
    name = uuid4().hex
    with WebSocket(server.port, f"/echo?name={name}") as websocket:
        websocket.send_frame(CLOSE)
        assert websocket.close_code() in (1000, 1005)
    assert ended(server, name)["code"] == 1005


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("how", ["reset", "close", "half-close"])
def test_a_client_that_goes_without_a_word(server: ServerProcess, kind: str, how: str) -> None:
    name = uuid4().hex
    with WebSocket(server.port, f"/echo?name={name}") as websocket:
        if how == "reset":
            websocket.reset()
        elif how == "close":
            websocket.close()
        else:
            websocket.finish_sending()
        # RFC 6455, section 7.1.5; uvicorn's own class says 1005.
        assert ended(server, name)["code"] == (1005 if kind == "uvicorn" else 1006)


@pytest.mark.usefixtures("quiet")
def test_a_close_before_the_handshake_is_403(server: ServerProcess) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        dial(server, "/refuse")
    assert refusal.value.response.status_code == 403


def test_a_denial_with_a_response(server: ServerProcess, kind: str) -> None:
    since = server.mark()
    with pytest.raises(InvalidStatus) as refusal:
        dial(server, "/deny")
    response = refusal.value.response
    assert (response.status_code, response.headers["X-Why"], response.body) == (451, "because", b"not here")
    # uvicorn's own class takes a denial for an endpoint that never answered.
    assert kind == "uvicorn" or not server.trouble(since)


def test_an_unknown_path_is_403_or_404(server: ServerProcess) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        dial(server, "/no-such-endpoint")
    assert refusal.value.response.status_code in (403, 404)


@pytest.mark.parametrize("path", ["/fail-first", "/give-up-first"])
def test_an_endpoint_that_fails_before_the_handshake_is_500(server: ServerProcess, path: str) -> None:
    since = server.mark()
    with pytest.raises(InvalidStatus) as refusal:
        dial(server, path)
    assert refusal.value.response.status_code == 500
    assert server.trouble(since)


def test_an_endpoint_that_fails_later_closes_with_1011(server: ServerProcess, kind: str) -> None:
    since = server.mark()
    with dial(server, "/fail-later") as websocket:
        websocket.send("go")
        with pytest.raises(ConnectionClosedError):
            websocket.recv(WITHIN)
        assert websocket.close_code == 1011 or kind == "uvicorn"
    assert server.trouble(since)


def test_an_endpoint_that_returns_without_closing(server: ServerProcess) -> None:
    with dial(server, "/give-up-later") as websocket:
        with pytest.raises(ConnectionClosed):
            websocket.recv(WITHIN)
        assert websocket.close_code in (1000, 1006)


@pytest.mark.usefixtures("quiet")
def test_sending_and_receiving_at_once(server: ServerProcess) -> None:
    with dial(server, "/concurrent") as websocket:
        for number in range(200):
            websocket.send(f"mine {number}")
        received = [websocket.recv(WITHIN) for _ in range(400)]
        assert [each for each in received if str(each).startswith("mine")] == [f"mine {n}" for n in range(200)]
        assert [each for each in received if not str(each).startswith("mine")] == [str(n) for n in range(200)]


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("how", ["reset", "close frame"])
def test_sending_to_a_client_that_has_gone_raises_oserror(server: ServerProcess, kind: str, how: str) -> None:
    """ASGI specification, version 2.4, "Disconnected Client"."""
    name = uuid4().hex
    with WebSocket(server.port, f"/outlive?name={name}") as websocket:
        assert websocket.receive_text() == "still there?"
        if how == "reset":
            websocket.reset()
        else:
            websocket.send_frame(CLOSE, b"\x03\xe8")
            websocket.close_code()
    facts = ended(server, name)
    assert facts["oserror"], facts


@pytest.mark.usefixtures("quiet")
def test_a_client_that_does_not_read_stops_the_endpoint(server: ServerProcess) -> None:
    name = uuid4().hex
    before = server.resident()
    with WebSocket(server.port, f"/pour?name={name}", receive_buffer=4096) as websocket:
        readings = [0]
        # It stands still when a row of requests, each of which lets it run, finds the same number.
        deadline = time.monotonic() + WITHIN
        while readings[-1] == 0 or len(set(readings[-30:])) > 1:
            assert time.monotonic() < deadline, f"{readings[-1]} bytes taken"
            readings.append(http(server.port, "GET", f"/sent/{name}").json())
        taken = readings[-1]
        assert taken < 16 * 2**20
        assert server.resident() - before < 8 * 2**20
        for _ in range(taken // 65_536):
            websocket.receive_frame()
        assert http(server.port, "GET", f"/sent/{name}").json() >= taken
    ended(server, name)


@pytest.mark.usefixtures("quiet")
def test_an_endpoint_that_does_not_read_stops_the_client(server: ServerProcess) -> None:
    name = uuid4().hex
    before = server.resident()
    with WebSocket(server.port, f"/ignore?name={name}") as websocket:
        one = frame(BINARY, bytes(100_000))
        sent = 0
        data = memoryview(one)
        position = 0
        websocket._socket.settimeout(1.0)
        try:
            while sent < 1000:
                position += websocket._socket.send(data[position:])
                if position == len(data):
                    position = 0
                    sent += 1
        except TimeoutError:
            pass
        assert sent < 500, "the server took 50 MB that nobody read"
        assert server.resident() - before < 16 * 2**20
        assert http(server.port, "PUT", f"/tell/{name}").status == 204
        websocket.send(bytes(data[position:]) if position else b"")
        websocket.send(frame(BINARY, b"end"))
        total = json.loads(websocket.receive_text())
        assert total == (sent + (position > 0)) * 100_000


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("compression", ["deflate", None])
def test_an_endpoint_that_does_not_read_keeps_few_large_messages(
    server: ServerProcess, kind: str, compression: str | None
) -> None:
    """What it has not read is bounded in bytes, too; compressed, twelve megabytes are twelve kilobytes to send."""
    if kind == "uvicorn":
        return  # whose own class this is about
    name = uuid4().hex
    before = server.resident()

    def send_all() -> None:
        for _ in range(12):
            websocket.send(bytes(12_000_000))
        websocket.send(b"end")

    with dial(server, f"/ignore?name={name}", compression=compression) as websocket, ThreadPoolExecutor(1) as sending:
        done = sending.submit(send_all)
        if compression is not None:
            done.result(30)  # all of it is in the connection's buffers
        else:
            with suppress(TimeoutError):
                done.result(3)  # the server reads no more
        assert server.resident() - before < 60 * 2**20
        assert http(server.port, "PUT", f"/tell/{name}").status == 204
        assert json.loads(websocket.recv(30)) == 12 * 12_000_000
        done.result(30)


@pytest.mark.usefixtures("quiet")
def test_the_scope(server: ServerProcess) -> None:
    with dial(
        server, "/scope/a%20b/%C3%A9?q=1&q=%20", additional_headers={"X-Test": "é".encode().decode("latin-1")}
    ) as websocket:
        scope = json.loads(websocket.recv(WITHIN))
    headers = dict(scope.pop("headers"))
    assert scope == {
        "type": "websocket",
        "asgi": ["spec_version", "version"],
        "http_version": "1.1",
        "scheme": "ws",
        "path": "/scope/a b/é",
        "raw_path": "/scope/a%20b/%C3%A9",
        "query_string": "q=1&q=%20",
        "root_path": "",
        "client": "127.0.0.1",
        "server": ["127.0.0.1", server.port],
        "subprotocols": [],
        "denial": True,
        "state": "by the lifespan",
    }
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert headers["x-test"] == "é"
    assert headers["upgrade"] == "websocket"


@pytest.mark.usefixtures("quiet")
def test_a_message_too_large_closes_with_1009(server: ServerProcess) -> None:
    name = uuid4().hex
    with WebSocket(server.port, f"/echo?name={name}") as websocket:
        websocket.send_frame(TEXT, length=17 * 2**20)
        assert websocket.close_code() == 1009
    assert ended(server, name)["code"] in (1006, 1009)


def test_what_the_rfc_forbids_closes_and_the_endpoint_hears_of_it(server: ServerProcess, kind: str) -> None:
    since = server.mark()
    for data, code in (
        (frame(TEXT, b"x", masked=False), 1002),
        (frame(TEXT, b"\xff"), 1007),
        (frame(0x3, b"x"), 1002),
        (frame(CLOSE, b"\x03\xed"), 1002),
    ):
        name = uuid4().hex
        with WebSocket(server.port, f"/echo?name={name}") as websocket:
            websocket.send(data)
            assert websocket.close_code() == code
        assert ended(server, name)["code"] in (code, 1006)
    assert kind == "uvicorn" or not server.trouble(since)


@pytest.mark.usefixtures("quiet")
def test_socket_io_beside_it(server: ServerProcess) -> None:
    with WebSocket(server.port, "/socket.io/?EIO=4&transport=websocket") as websocket:
        assert websocket.receive_text().startswith('0{"sid"')
        websocket.send_text("40")
        assert websocket.receive_text().startswith('40{"sid"')


def test_sigterm_closes_what_is_open(kind: str) -> None:
    """Endpoints and Socket.IO clients are told to come back: 1001 or 1012, and no Socket.IO disconnect."""
    with ServerProcess(COMMANDS[kind]) as stopped:
        with (
            dial(stopped, "/echo") as plain,
            WebSocket(stopped.port, "/socket.io/?EIO=4&transport=websocket") as socket_io,
        ):
            plain.send("hello")
            assert plain.recv(WITHIN) == "hello"
            socket_io.receive_text()
            socket_io.send_text("40")
            socket_io.receive_text()
            stopped.process.terminate()
            with pytest.raises(ConnectionClosed):
                plain.recv(WITHIN)
            assert plain.close_code in (1001, 1012)
            with suppress(ConnectionEnded):
                assert socket_io.close_code() in (1000, 1001, 1012)
        stopped.process.wait(WITHIN)
