"""Requests that the Engine.IO protocol forbids, and requests that it does not know."""

from __future__ import annotations

import time

import pytest

from tests.attacks.conftest import Target, on_the_original_too
from tests.attacks.wire import (
    POLLING,
    WEBSOCKET,
    WITHIN,
    Connection,
    PollingSession,
    Refused,
    WebSocket,
    assert_refused,
    frame,
    http,
    post_head,
)
from tests.protocol.wire import TEXT

MEGABYTE = 1_000_000


UNKNOWN_TRANSPORTS = [
    "__proto__",
    "constructor",
    "toString",
    "polling%00",
    "webtransport",
    "POLLING",
    "",
    "polling,websocket",
]


@pytest.mark.parametrize("transport", UNKNOWN_TRANSPORTS)
@on_the_original_too
def test_unknown_transport(target: Target, transport: str) -> None:
    assert_refused(http(target.port, "GET", f"/socket.io/?EIO=4&transport={transport}"), 0)
    assert_refused(http(target.port, "POST", f"/socket.io/?EIO=4&transport={transport}", body=b"40"), 0)
    with pytest.raises(Refused) as refusal:
        WebSocket(target.port, f"/socket.io/?EIO=4&transport={transport}")
    assert refusal.value.response.status == 400
    assert b"Transport unknown" in refusal.value.response.body


@pytest.mark.parametrize(
    ("method", "query", "code"),
    [
        ("GET", "", 0),
        ("GET", "?", 0),
        ("GET", "?EIO=4", 0),
        ("GET", "?transport=polling", 5),
        ("GET", "?EIO=3&transport=polling", 5),
        ("GET", "?EIO=5&transport=polling", 5),
        ("GET", "?EIO=&transport=polling", 5),
        ("GET", "?EIO=four&transport=polling", 5),
        ("GET", "?EIO=04&transport=polling", 5),
        ("GET", "?EIO=4&EIO=3&transport=polling", 5),
        ("GET", "?EIO=4&transport=websocket", 3),
        ("POST", "?EIO=4&transport=polling", 2),
        ("PUT", "?EIO=4&transport=polling", 2),
        ("DELETE", "?EIO=4&transport=polling", 2),
        ("PATCH", "?EIO=4&transport=polling", 2),
        ("GET", "?EIO=4&transport=polling&sid=unknown", 1),
        ("POST", "?EIO=4&transport=polling&sid=unknown", 1),
        ("GET", "?EIO=4&transport=polling&sid=__proto__", 1),
        ("GET", "?EIO=4&transport=polling&sid=hasOwnProperty", 1),
        ("GET", "?EIO=4&transport=polling&sid=%00", 1),
        ("GET", "?EIO=4&transport=polling&sid=" + "a" * 8000, 1),
        ("GET", "?EIO=4&transport=polling&sid=%F0%9F%98%80", 1),
        ("GET", "?EIO=4&transport=polling&sid=%ff%fe", 1),
    ],
)
@on_the_original_too
def test_handshake_refused(target: Target, method: str, query: str, code: int) -> None:
    assert_refused(http(target.port, method, "/socket.io/" + query, body=b"40" if method == "POST" else b""), code)


@pytest.mark.parametrize(
    "query",
    [
        "?%45IO=4&%74ransport=pollin%67",
        "?transport=polling&EIO=4&t=abc&b64=1",
        "?EIO=3&EIO=4&transport=polling",
        "?EIO=4&transport=polling&&&=&x",
        "?EIO=4&transport=polling&" + "&".join(f"p{number}=1" for number in range(20)),
        "?EIO=4&transport=polling&sid=",
    ],
)
@on_the_original_too
def test_odd_queries_that_are_well_formed(target: Target, query: str) -> None:
    response = http(target.port, "GET", "/socket.io/" + query)
    assert response.status == 200, response
    assert response.body.startswith(b'0{"sid":"')


def test_jsonp_is_not_spoken(target: Target) -> None:
    """The protocol's fourth version has no JSONP, although the original still answers it: no script comes back."""
    response = http(target.port, "GET", f"{POLLING}&j=0")
    assert response.body.startswith(b'0{"sid":"')
    assert response.headers["content-type"].lower().startswith("text/plain")


@on_the_original_too
def test_head_of_a_handshake(target: Target) -> None:
    response = http(target.port, "HEAD", POLLING)
    assert response.status == 400


@on_the_original_too
def test_websocket_with_an_unknown_session(target: Target) -> None:
    with pytest.raises(Refused) as refusal:
        WebSocket(target.port, f"{WEBSOCKET}&sid=unknown")
    assert refusal.value.response.status == 400
    assert b"Session ID unknown" in refusal.value.response.body


@on_the_original_too
def test_websocket_with_an_unknown_session_and_reset(target: Target) -> None:
    """CVE-2022-41940: the answer meets a connection that is gone."""
    for _ in range(50):
        connection = Connection(target.port)
        connection.send_request(
            "GET",
            f"{WEBSOCKET}&sid=unknown",
            headers={
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            },
        )
        connection.reset()


@on_the_original_too
def test_protocol_version_changed_within_a_session(target: Target) -> None:
    session = PollingSession(target.port)
    assert_refused(http(target.port, "GET", f"/socket.io/?EIO=3&transport=polling&sid={session.sid}"), 3)
    session.connect()


# -- two requests at once --


@on_the_original_too
def test_two_gets_at_once(target: Target) -> None:
    session = PollingSession(target.port)
    session.connect()
    with Connection(target.port) as first, Connection(target.port) as second:
        first.send_request("GET", session.target)
        session.wait_for_poll()
        assert second.request("GET", session.target).status == 400
        ended = first.read_response()
        assert (ended.status, ended.body) in [(200, b"1"), (200, b"6"), (400, ended.body)]
    session.assert_gone()


def test_two_gets_at_once_lose_nothing_that_came_before(target: Target) -> None:
    session = PollingSession(target.port)
    session.connect()
    session.post(b'42["echo",1]\x1e42["echo",2]')
    assert session.packets() == ['42["echo",1]', '42["echo",2]']
    with Connection(target.port) as first, Connection(target.port) as second:
        first.send_request("GET", session.target)
        session.wait_for_poll()
        assert second.request("GET", session.target).status == 400
    session.assert_gone()


@on_the_original_too
def test_two_posts_at_once(target: Target) -> None:
    session = PollingSession(target.port)
    with Connection(target.port) as first:
        first.send(post_head(session.target, 10) + b"42[")
        # The first request is being read once the second is refused; before that it is answered.
        deadline = time.monotonic() + WITHIN
        while (answer := session.post(b"6")).status == 200:
            assert time.monotonic() < deadline
        assert answer.status == 400
    session.assert_gone()


# -- heartbeat --


@pytest.mark.parametrize("target", [("windsock", {"ping_interval": 0.3, "ping_timeout": 5})], indirect=True)
def test_silence_ends_a_session(target: Target) -> None:
    """Of both at the same time, for what is tested takes long: a busy machine is to have asked for the ping by then."""
    with WebSocket(target.port, WEBSOCKET) as websocket:
        session = PollingSession(target.port)
        assert session.packets() == ["2"]
        websocket.receive_text()
        assert websocket.receive_text() == "2"
        websocket.close_code()
    deadline = time.monotonic() + WITHIN
    while http(target.port, "POST", session.target, body=b"6").status == 200:
        assert time.monotonic() < deadline


@pytest.mark.parametrize("target", [("windsock", {"ping_interval": 0.3, "ping_timeout": 20})], indirect=True)
def test_unasked_pongs_start_no_second_heartbeat(target: Target) -> None:
    """10,000 of them, after which pings still come one at a time."""
    one_pong = frame(TEXT, b"3")
    since = time.monotonic()
    with WebSocket(target.port, WEBSOCKET) as websocket:
        websocket.receive_text()
        with target.growth(2 * 2**20):
            for _ in range(100):
                websocket.send(one_pong * 100)
            for _ in range(3):
                assert websocket.receive_text() == "2"
                websocket.send_text("3")
        # However late each of them comes, three take three intervals.
        assert time.monotonic() - since > 0.85
