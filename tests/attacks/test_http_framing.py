"""Requests and answers that end elsewhere than one of the two sides believes."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.attacks.conftest import Target
from tests.attacks.wire import POLLING, WITHIN, Connection, ConnectionEnded, PollingSession, post_head

HANDSHAKE = f"GET {POLLING} HTTP/1.1\r\nHost: a\r\n".encode()
CHUNKED = b"POST %b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("target", ["windsock", "uvicorn", "hypercorn"], indirect=True)
def test_an_answer_to_head_ends_with_its_head(target: Target) -> None:
    """RFC 9110, section 9.3.2: what followed would be taken for the answer to the next request."""
    session = PollingSession(target.port)
    with Connection(target.port) as connection:
        for path in (POLLING, session.target):
            connection.send(f"HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert connection.read_response(head=True).status in (400, 405)
        connection.send(HANDSHAKE + b"\r\n")
        assert connection.read_response().body.startswith(b'0{"sid":')


@pytest.mark.parametrize("target", ["windsock", "node"], indirect=True)
def test_a_client_that_waits_to_be_asked_for_its_body_is_asked(target: Target) -> None:
    """RFC 9110, section 10.1.1: it may wait for ever, and curl waits a second."""
    session = PollingSession(target.port)
    expecting = b"POST %b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    with Connection(target.port) as connection:
        for _ in range(2):
            connection.send(expecting % session.target.encode())
            assert connection.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.send(b"40")
            assert connection.read_response().body == b"ok"
            session = PollingSession(target.port)


def test_nobody_is_asked_for_a_body_that_is_refused(target: Target) -> None:
    session = PollingSession(target.port)
    head = post_head(session.target, 1_000_001)[:-2] + b"Expect: 100-continue\r\n\r\n"
    with Connection(target.port) as connection:
        connection.send(head)
        assert connection.read_response().status == 413


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (post_head(f"{POLLING}&sid=none", 2), b"40"),
        (CHUNKED % f"{POLLING}&sid=none".encode(), b"2\r\n40\r\n0\r\n\r\n"),
        (CHUNKED % f"{POLLING}&sid=none".encode(), b"0\r\nTrailer: 1\r\n\r\n"),
        (HANDSHAKE + b"Content-Length: 2\r\n\r\n", b"40"),
        (HANDSHAKE.replace(b"GET", b"OPTIONS") + b"Content-Length: 2\r\n\r\n", b"40"),
    ],
    ids=["length", "chunks", "trailer", "handshake", "preflight"],
)
def test_a_body_that_comes_after_the_answer_is_no_request(target: Target, begin: bytes, end: bytes) -> None:
    with Connection(target.port) as connection:
        connection.send(begin)
        assert connection.read_response().status in (200, 204, 400)
        connection.send(end)
        connection.send(HANDSHAKE + b"\r\n")
        assert connection.read_response().body.startswith(b'0{"sid":')


@pytest.mark.parametrize("path", [f"{POLLING}&sid=none", "/nowhere"])
def test_the_rest_of_an_answered_request_keeps_no_connection_open(target: Target, path: str) -> None:
    """It is no new request: who sends it byte by byte would hold a descriptor for as long as that takes."""
    with Connection(target.port) as connection:
        connection.send(post_head(path, 1_000_000))
        assert connection.read_response().status in (400, 404, 405)
        with pytest.raises(ConnectionEnded):
            trickle(connection, 1000)


def trickle(connection: Connection, size: int) -> None:
    """Sends a byte now and then, as long as the server takes them."""
    for _ in range(size):
        connection.send(b"4")
        with suppress(TimeoutError):
            connection.read(1, within=0.05)


def test_what_stands_behind_a_body_is_no_field_of_the_head(target: Target) -> None:
    """A proxy sets X-Forwarded-For among the fields of the head, and may pass on what a client writes behind the body.

    The engine reads fields of the head as an application does.
    """
    session = PollingSession(target.port)
    trailer = b"Content-Type: application/octet-stream\r\nOrigin: http://evil.example\r\n"
    with Connection(target.port) as connection:
        connection.send(CHUNKED % session.target.encode() + b"2\r\n40\r\n0\r\n" + trailer + b"\r\n")
        answer = connection.read_response()
    assert (answer.status, answer.body) == (200, b"ok")


@pytest.mark.parametrize("path", ["session", "/"])
@pytest.mark.parametrize(
    "piece", [b"X: " + b"a" * 65_000, b"a" * 65_000, b"a: b\r\n" * 10_000], ids=["new", "one", "many"]
)
def test_fields_without_end_behind_a_body(target: Target, path: str, piece: bytes) -> None:
    """The parser keeps a field until it ends."""
    where = PollingSession(target.port).target if path == "session" else path
    with target.growth(16 * 1024 * 1024), target.processor(2.0), Connection(target.port) as connection:
        connection.send(CHUNKED % where.encode() + b"2\r\n40\r\n0\r\nX: ")
        assert connection.flood(piece, 1000, within=WITHIN) < 1000


def test_a_body_in_chunks_with_long_extensions_is_taken(target: Target) -> None:
    """What is counted between the pieces of a body starts anew with each."""
    session = PollingSession(target.port)
    with Connection(target.port) as connection:
        connection.send(CHUNKED % session.target.encode())
        for character in '40{"auth":"slow"}':
            connection.send(b"1;x=" + b"x" * 30_000 + b"\r\n" + character.encode() + b"\r\n")
        connection.send(b"0\r\n\r\n")
        assert connection.read_response().body == b"ok"
    assert session.packets()[0].startswith("40")


@pytest.mark.parametrize("framing", [b"Content-Length: %d\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n%x\r\n"])
@pytest.mark.parametrize("upgrade", [b"h2c", b"websocket, h2c", b"websocket"])
@pytest.mark.parametrize("path", [b"/", b"/socket.io/?EIO=4&transport=polling&sid=none"])
def test_the_body_of_a_request_that_asks_for_an_upgrade_is_no_request(
    target: Target, path: bytes, upgrade: bytes, framing: bytes
) -> None:
    """A proxy that passes ``Upgrade`` on, as it must for WebSocket, would see one request where two are answered."""
    body = b"GET /second HTTP/1.1\r\nHost: a\r\n\r\n"
    framing = framing % len(body)
    with Connection(target.port) as connection:
        connection.send(
            b"POST %b HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: %b\r\n%b" % (path, upgrade, framing)
        )
        assert connection.read_response().status == 400
        with suppress(ConnectionEnded):
            connection.send(body)
        assert b"HTTP/1.1" not in connection.read_to_end()


@pytest.mark.parametrize("path", [b"/nowhere", POLLING.encode()])
def test_an_upgrade_that_is_not_spoken_here_is_ignored(target: Target, path: bytes) -> None:
    """RFC 9110, section 7.8. What comes behind such a request in one segment is answered, too."""
    fields = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nContent-Length: 0\r\n"
    expected = 404 if path == b"/nowhere" else 200
    with Connection(target.port) as connection:
        for _ in range(2):
            connection.send(b"GET %b HTTP/1.1\r\nHost: a\r\n%b\r\n" % (path, fields) * 3)
            assert [connection.read_response().status for _ in range(3)] == [expected] * 3
