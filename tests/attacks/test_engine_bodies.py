"""Bodies of long-polling requests: malformed, endless, cut off, or too many packets at once."""

from __future__ import annotations

import base64
import time
from contextlib import suppress

import pytest

from tests.attacks.conftest import Target, on_every_server, on_the_original_too
from tests.attacks.wire import (
    WITHIN,
    Connection,
    ConnectionEnded,
    PollingSession,
    http,
    post_head,
)

MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x1e",
        b"4a\x1e",
        b"\x1e4a",
        b"7",
        b"x",
        b"\xff\xfe",
        b"4\xed\xa0\x80",
        b"4\xc0\xaf",
        b"bnot base64!",
        b"b=",
        b"bAAA",
        b"bA\x00AA",
        b"b\xef\xbc\x94\xef\xbc\x92",
    ],
    ids=repr,
)
def test_a_malformed_payload_ends_the_session(target: Target, body: bytes) -> None:
    session = PollingSession(target.port)
    assert session.post(body).status == 400
    session.assert_gone()


@pytest.mark.parametrize(
    "body",
    [b"0", b"0{}", b"2", b"2probe", b"5", b"40\x1e2"],
    ids=["open", "open with data", "ping", "probe", "upgrade", "connect, then ping"],
)
def test_a_packet_that_only_a_server_sends_ends_the_session(target: Target, body: bytes) -> None:
    session = PollingSession(target.port)
    assert session.post(body).status in (200, 400)
    session.assert_gone()


@on_the_original_too
def test_binary_content_is_refused(target: Target) -> None:
    """The third version of the protocol posted octets; the fourth has base64."""
    session = PollingSession(target.port)
    response = session.post(b"\x00\x01\xff4hello", headers={"Content-Type": "application/octet-stream"})
    assert response.status == 400
    session.assert_gone()


@on_every_server
def test_a_body_one_byte_too_long(target: Target) -> None:
    session = PollingSession(target.port)
    session.connect()
    longest = b'42["echo-ack","' + b"x" * (MEGABYTE - 17) + b'"]'
    assert len(longest) == MEGABYTE
    assert session.post(longest).status == 200
    with Connection(target.port) as connection, suppress(ConnectionEnded):
        connection.send(post_head(session.target, MEGABYTE + 1))
        assert connection.read_response().status == 413
    session.assert_gone()


@pytest.mark.parametrize("length", ["-1", "1e18", "0x10", "+5", "5,5", "5;6", "٣", "1 0", ""])
def test_a_length_that_is_no_number(target: Target, length: str) -> None:
    session = PollingSession(target.port)
    with Connection(target.port) as connection:
        head = f"POST {session.target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n"
        connection.send(head.encode() + b"40")
        assert connection.read_response().status == 400


@on_every_server
def test_a_length_beyond_all_bounds(target: Target) -> None:
    session = PollingSession(target.port)
    for length in (10**18, 2**63, 2**64, 10**30):
        session = PollingSession(target.port)
        with Connection(target.port) as connection:
            connection.send(post_head(session.target, length) + b"40")
            assert connection.read_response().status in (400, 413)


@on_every_server
def test_an_endless_body_without_length(target: Target) -> None:
    """200 MB in chunks: refused soon after the limit, and never held."""
    piece = b"10000\r\n" + b"4" * 65_536 + b"\r\n"
    session = PollingSession(target.port)
    with target.growth(2 * 2**20), Connection(target.port) as connection:
        head = f"POST {session.target} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.send(head.encode())
        times = 200_000_000 // 65_536
        assert connection.flood(piece, times) < times
    session.assert_gone()


@on_every_server
def test_the_answer_to_an_endless_body(target: Target) -> None:
    session = PollingSession(target.port)
    with Connection(target.port) as connection:
        head = f"POST {session.target} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.send(head.encode())
        connection.send(b"F4241\r\n" + b"4" * (MEGABYTE + 1) + b"\r\n")
        assert connection.read_response().status in (400, 413)
    session.assert_gone()


def test_very_many_packets_in_one_body(target: Target) -> None:
    """CVE-2020-36048."""
    for body in (b"4\x1e" * 500_000, b'42["x"]\x1e' * 125_000, b"6\x1e" * 500_000):
        session = PollingSession(target.port)
        with target.processor(0.1):
            assert session.post(body[:-1]).status == 400
        session.assert_gone()


def test_a_body_that_comes_byte_by_byte(target: Target) -> None:
    session = PollingSession(target.port)
    session.connect()
    body = b'42["echo","slow"]'
    with Connection(target.port) as connection:
        connection.send(post_head(session.target, len(body)))
        for octet in body:
            connection.send(bytes([octet]))
        assert connection.read_response().body == b"ok"
    assert session.packets() == ['42["echo","slow"]']


def test_a_body_cut_off(target: Target) -> None:
    session = PollingSession(target.port)
    with Connection(target.port) as connection:
        connection.send(post_head(session.target, 100) + b"40")
    deadline = time.monotonic() + WITHIN
    while session.get().status == 200:
        assert time.monotonic() < deadline


def test_binary_in_base64(target: Target) -> None:
    session = PollingSession(target.port)
    session.connect()
    data = bytes(range(256))
    header = b'451-["echo",{"_placeholder":true,"num":0}]'
    assert session.post(header + b"\x1eb" + base64.b64encode(data)).status == 200
    assert session.packets() == [header.decode(), "b" + base64.b64encode(data).decode()]


@on_the_original_too
def test_a_poll_that_is_reset(target: Target) -> None:
    session = PollingSession(target.port)
    session.connect()
    connection = Connection(target.port)
    connection.send_request("GET", session.target)
    session.wait_for_poll()
    connection.reset()
    deadline = time.monotonic() + WITHIN
    while session.post(b"6").status == 200:
        assert time.monotonic() < deadline


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "TRACE", "CONNECTX", "GETT"])
def test_other_methods_on_a_session(target: Target, method: str) -> None:
    session = PollingSession(target.port)
    session.connect()
    response = http(target.port, method, session.target)
    assert 400 <= response.status < 600, response
    session.post(b'42["echo",1]')
    assert session.packets() == ['42["echo",1]']


@pytest.mark.parametrize("target", [("windsock", {"ping_interval": 1.5, "ping_timeout": 1.5})], indirect=True)
def test_a_body_that_never_ends_is_not_kept_longer_than_its_session(target: Target) -> None:
    """Each such connection would hold as much as a message may have, for as long as its client likes."""
    session = PollingSession(target.port)
    with Connection(target.port) as connection:
        connection.send(post_head(session.target, 900_000) + b"4" * 800_000)
        assert connection.read_response().status == 408
        connection.read_to_end()
    session.assert_gone()
