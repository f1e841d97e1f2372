"""HTTP that is malformed, endless, or slow, and what must be refused before any application sees it."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest

from tests.attacks.conftest import Target
from tests.attacks.wire import (
    POLLING,
    WEBSOCKET,
    WITHIN,
    Connection,
    ConnectionEnded,
    PollingSession,
    Refused,
    Response,
    WebSocket,
    http,
    upgrade_headers,
)
from tests.conformance.servers import Servers


def ask(target: Target, data: bytes, *, within: float = WITHIN) -> Response:
    """Sends these bytes and reads one response."""
    with Connection(target.port) as connection:
        connection.send(data)
        return connection.read_response(within=within)


HANDSHAKE = f"GET {POLLING} HTTP/1.1\r\n".encode()


@pytest.mark.parametrize(
    "host",
    [
        "a/b?x",
        "a b",
        "evil.example/..",
        "user@evil.example",
        "a,b",
        "[::1",
        "a\\b",
        "a#b",
        "<script>",
        "a:b:c",
        "a:99x",
    ],
)
def test_a_host_that_is_none(target: Target, host: str) -> None:
    """CVE-2026-48710: applications build addresses from it."""
    assert ask(target, HANDSHAKE + f"Host: {host}\r\n\r\n".encode()).status == 400


def test_no_host_and_two_hosts(target: Target) -> None:
    """RFC 9112, section 3.2."""
    assert ask(target, HANDSHAKE + b"\r\n").status == 400
    assert ask(target, HANDSHAKE + b"Host: a\r\nHost: b\r\n\r\n").status == 400


@pytest.mark.parametrize("host", ["example.org", "example.org:8000", "127.0.0.1", "[::1]:80", "a_b.local"])
def test_a_host_that_is_one(target: Target, host: str) -> None:
    assert ask(target, HANDSHAKE + f"Host: {host}\r\n\r\n".encode()).status == 200


@pytest.mark.parametrize(
    "line",
    [
        b"GET @evil.example HTTP/1.1",
        b"GET evil.example/socket.io/ HTTP/1.1",
        b"GET  /socket.io/ HTTP/1.1",
        b"GET /socket.io/",
        b"GET /socket.io/ HTTP/9.9",
        b"GET /socket.io/ HTTX/1.1",
        b"GET /socket.io/\x00 HTTP/1.1",
        b"GET /socket.io/\x7f HTTP/1.1",
        b"G\xc3\x89T / HTTP/1.1",
        b"CONNECT 127.0.0.1:22 HTTP/1.1",
        b"PRI * HTTP/2.0",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"40",
    ],
    ids=lambda line: repr(line[:24]),
)
def test_a_request_line_that_is_none(target: Target, line: bytes) -> None:
    """Refused, or closed; never served as something else."""
    try:
        response = ask(target, line + b"\r\nHost: a\r\n\r\n")
    except ConnectionEnded:
        return
    assert 400 <= response.status < 600, response


def test_an_absolute_target_reaches_no_other_host(target: Target) -> None:
    response = ask(target, b"GET http://evil.example/socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n")
    assert response.status in (200, 400, 404)
    assert b"evil" not in response.body


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 2\r\nTransfer-Encoding: chunked123\r\n",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
        b"Content-Length: 2\r\nContent-Length: 3\r\n",
        b"Content-Length: 2, 3\r\n",
        b"Content-Length : 2\r\n",
        b"Content-Length: -2\r\n",
        b"X-Split: a\r\n b\r\n",
        b"X\x00Y: 1\r\n",
        b"X: a\x00b\r\n",
        b"X: a\rb\r\n",
        b": nameless\r\n",
        b"no colon\r\n",
    ],
    ids=repr,
)
def test_fields_that_make_the_length_a_matter_of_opinion(target: Target, fields: bytes) -> None:
    """CVE-2023-47641 and its kind: two parsers in a row would cut the stream at different places."""
    session = PollingSession(target.port)
    response = ask(target, f"POST {session.target} HTTP/1.1\r\nHost: a\r\n".encode() + fields + b"\r\n40")
    assert response.status == 400


@pytest.mark.parametrize(
    "body",
    [
        b"2\r\n40XX0\r\n\r\n",
        b"2\r\n4040\r\n0\r\n\r\n",
        b"-2\r\n40\r\n0\r\n\r\n",
        b"0x2\r\n40\r\n0\r\n\r\n",
        b"zz\r\n40\r\n0\r\n\r\n",
        b"FFFFFFFFFFFFFFFFF\r\n40\r\n0\r\n\r\n",
        b"\r\n40\r\n0\r\n\r\n",
    ],
    ids=repr,
)
def test_chunks_that_are_none(target: Target, body: bytes) -> None:
    """CVE-2025-43859: what stands where the end of a chunk belongs is not skipped."""
    session = PollingSession(target.port)
    head = f"POST {session.target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    try:
        assert ask(target, head + body).status == 400
    except ConnectionEnded:
        return


def test_a_body_in_proper_chunks(target: Target) -> None:
    session = PollingSession(target.port)
    head = f"POST {session.target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    assert ask(target, head + b"1\r\n4\r\n1;ext=1\r\n0\r\n0\r\nX-Trailer: 1\r\n\r\n").body == b"ok"
    assert session.packets()[0].startswith('40{"sid"')


def many_fields(count: int) -> dict[str, str]:
    return {f"X-{number}": "1" for number in range(count)}


def test_too_many_fields(target: Target) -> None:
    """CVE-2024-37890, before an upgrade and without one."""
    with target.growth(2 * 2**20):
        with pytest.raises(Refused) as refusal:
            WebSocket(target.port, WEBSOCKET, headers=many_fields(2000))
        assert refusal.value.response.status == 431
        assert http(target.port, "GET", POLLING, headers=many_fields(2000)).status == 431


def test_a_usual_number_of_fields(target: Target) -> None:
    assert http(target.port, "GET", POLLING, headers=many_fields(60)).status == 200
    with WebSocket(target.port, WEBSOCKET, headers=many_fields(60)) as websocket:
        assert websocket.receive_text().startswith('0{"sid"')


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 300_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X" * 300_000 + b": 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"a" * 1000 + b"\r\n" + b"Y: b\r\n" * 50_000 + b"\r\n",
    ],
    ids=["target", "value", "name", "many"],
)
def test_a_head_that_is_too_long(target: Target, head: bytes) -> None:
    with target.growth(2 * 2**20), suppress(ConnectionEnded):
        assert ask(target, head).status in (400, 414, 431)


def test_a_head_that_is_too_long_behind_a_whole_request(target: Target) -> None:
    """Its beginning comes in the read that ends the request before it, its end in another."""
    fields = b"".join(b"X-%d: %b\r\n" % (number, b"a" * 1000) for number in range(80))
    with Connection(target.port) as connection:
        connection.send(b"GET /none HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n" + fields)
        connection.read_response()
        connection.send(b"\r\n")
        assert connection.read_response().status == 431


@pytest.mark.parametrize(
    "start", [b"GET /", b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"GET / HTTP/1.1\r\nHost: a\r\n", b""]
)
def test_a_head_without_end(target: Target, start: bytes) -> None:
    """64 MB of it."""
    more = {b"": b"\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n": b"X: y\r\n"}.get(start, b"a") * 10_000
    with Connection(target.port) as connection, target.growth(2 * 2**20):
        connection.send(start)
        times = 64_000_000 // len(more)
        assert connection.flood(more, times) < times


def test_heads_that_never_end_are_cut_off(servers: Servers) -> None:
    """Slowloris: each connection sends a byte now and then; all are closed in time, and others served meanwhile.

    Every other one sends a whole request first, with the beginning of the next behind it.
    """
    server = servers.get("windsock")
    target = Target(server)
    drips = [Connection(server.port) for _ in range(100)]
    try:
        for number, drip in enumerate(drips):
            whole = b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n" if number % 2 else b""
            drip.send(whole + b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        deadline = time.monotonic() + 90
        open_ = list(drips)
        while open_:
            assert time.monotonic() < deadline, f"{len(open_)} of 100 still open"
            target.check()
            still = []
            for drip in open_:
                try:
                    drip.send(b"a")
                    drip.read_to_end(within=0.02)
                except ConnectionEnded:
                    continue
                except TimeoutError:
                    still.append(drip)
            open_ = still
    finally:
        for drip in drips:
            drip.close()
        target.close()
    target.quiet()


@pytest.mark.parametrize(
    "path",
    [
        "/socket.io",
        "/socket.io/x",
        "/socket.io/../socket.io/",
        "/socket.io//",
        "//socket.io/",
        "/SOCKET.IO/",
        "/socket.io/%2e%2e/",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/scenarios.js/../app.py",
        "/page.html",
    ],
)
def test_other_paths_are_left_to_the_application(target: Target, path: str) -> None:
    response = http(target.port, "GET", f"{path}?EIO=4&transport=polling")
    assert response.status == 404, response
    assert b"root:" not in response.body
    with pytest.raises(Refused) as refusal:
        WebSocket(target.port, f"{path}?EIO=4&transport=websocket")
    assert 400 <= refusal.value.response.status < 500


def test_fifty_thousand_ranges(target: Target) -> None:
    """CVE-2025-62727, on a file that the application behind serves."""
    ranges = "bytes=" + ",".join(f"{number}-{number}" for number in range(50_000))
    with target.processor(0.1):
        assert http(target.port, "GET", "/", headers={"Range": ranges}).status in (200, 400, 416, 431)
    few = "bytes=" + ",".join("0-0" for _ in range(10_000))
    with target.processor(0.2):
        assert http(target.port, "GET", "/", headers={"Range": few}).status in (200, 400, 416)


def test_many_requests_in_one_segment(target: Target) -> None:
    with Connection(target.port) as connection:
        request = HANDSHAKE + b"Host: a\r\n\r\n"
        connection.send(request * 200)
        for _ in range(200):
            assert connection.read_response().body.startswith(b'0{"sid"')


def test_requests_without_end_whose_answers_nobody_reads(target: Target) -> None:
    with Connection(target.port, receive_buffer=4096) as connection, target.growth(8 * 2**20):
        row = b"GET /socket.io.js HTTP/1.1\r\nHost: a\r\n\r\n" * 500
        assert connection.flood(row, 10_000) < 10_000
        target.check()


@pytest.mark.parametrize("target", [("windsock", {"max_sessions": 200})], indirect=True)
def test_sessions_without_end(target: Target) -> None:
    """A handshake by long-polling holds no connection: their number is what bounds them."""
    opened: list[str] = []
    status = 200
    while status == 200:
        assert len(opened) <= 200
        response = http(target.port, "GET", POLLING)
        status = response.status
        if status == 200:
            opened.append(json.loads(response.body[1:])["sid"])
    assert status in (403, 429, 503)
    for sid in opened:
        assert http(target.port, "POST", f"{POLLING}&sid={sid}", body=b"1").status == 200


def test_connections_that_say_nothing(target: Target) -> None:
    with target.growth(4 * 2**20):
        silent = [Connection(target.port) for _ in range(500)]
        target.check()
        for connection in silent:
            connection.close()


def test_connections_that_go_at_once(target: Target) -> None:
    for number in range(300):
        connection = Connection(target.port)
        if number % 3:
            connection.send_request("GET", WEBSOCKET if number % 2 else POLLING, headers=upgrade_headers())
        connection.reset()


# -- who may come: the Origin rule (the original has none for WebSockets) --

OPTIONS = {"cors_allowed_origins": ["https://app.example"], "cors_credentials": True}
evil_and_others = pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://app.example",
        "https://app.example.evil.example",
        "https://app.example:444",
        "https://APP.EXAMPLE.",
        "null",
        "https://app.example, https://evil.example",
        "https://app.example/",
        "*",
    ],
)


@pytest.mark.parametrize("target", [("windsock", OPTIONS)], indirect=True)
@evil_and_others
def test_another_origin_gets_no_answer_that_a_page_may_read(target: Target, origin: str) -> None:
    """CVE-2020-28481."""
    cookies = {"Origin": origin, "Cookie": "session=1"}
    for method in ("GET", "OPTIONS"):
        response = http(target.port, method, POLLING, headers=cookies)
        assert "access-control-allow-origin" not in response.headers
        assert "access-control-allow-credentials" not in response.headers
    with pytest.raises(Refused) as refusal:
        WebSocket(target.port, WEBSOCKET, headers=cookies)
    assert refusal.value.response.status == 403


@pytest.mark.parametrize("target", [("windsock", OPTIONS)], indirect=True)
def test_the_allowed_origin(target: Target) -> None:
    headers = {"Origin": "https://app.example"}
    response = http(target.port, "GET", POLLING, headers=headers)
    assert response.status == 200
    assert response.headers["access-control-allow-origin"] == "https://app.example"
    assert response.headers["access-control-allow-credentials"] == "true"
    assert "origin" in response.headers["vary"].lower()
    preflight = http(
        target.port,
        "OPTIONS",
        POLLING,
        headers={**headers, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"},
    )
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "https://app.example"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    with WebSocket(target.port, WEBSOCKET, headers=headers) as websocket:
        assert websocket.receive_text().startswith('0{"sid"')


@pytest.mark.parametrize("target", ["windsock", "uvicorn", "hypercorn"], indirect=True)
@evil_and_others
def test_without_a_rule_only_the_same_origin_may_come(target: Target, origin: str) -> None:
    with pytest.raises(Refused) as refusal:
        WebSocket(target.port, WEBSOCKET, headers={"Origin": origin})
    assert refusal.value.response.status == 403
    response = http(target.port, "GET", POLLING, headers={"Origin": origin})
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("target", ["windsock", "uvicorn", "hypercorn"], indirect=True)
def test_without_a_rule_the_same_origin_may_come(target: Target) -> None:
    headers = {"Origin": f"http://127.0.0.1:{target.port}"}
    assert http(target.port, "GET", POLLING, headers=headers).status == 200
    with WebSocket(target.port, WEBSOCKET, headers=headers) as websocket:
        assert websocket.receive_text().startswith('0{"sid"')


@pytest.mark.parametrize("target", [("windsock", {"cors_allowed_origins": "*"})], indirect=True)
def test_any_origin_may_come_without_credentials(target: Target) -> None:
    response = http(target.port, "GET", POLLING, headers={"Origin": "https://evil.example"})
    assert response.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in response.headers
    with WebSocket(target.port, WEBSOCKET, headers={"Origin": "https://evil.example"}) as websocket:
        assert websocket.receive_text().startswith('0{"sid"')
