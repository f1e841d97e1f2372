"""Requests that the Engine.IO protocol forbids, and requests that it does not know."""

from __future__ import annotations

import base64
import time
from contextlib import suppress
from itertools import pairwise

import pytest

from tests.attacks.conftest import Target
from tests.attacks.wire import (
    BINARY,
    POLLING,
    TEXT,
    WEBSOCKET,
    WITHIN,
    Client,
    Connection,
    ConnectionEnded,
    PollingSession,
    Refused,
    Response,
    WebSocket,
    frame,
    http,
)

MEGABYTE = 1_000_000

ANSWERS = {
    0: "Transport unknown",
    1: "Session ID unknown",
    2: "Bad handshake method",
    3: "Bad request",
    5: "Unsupported protocol version",
}

on_the_original_too = pytest.mark.parametrize("target", ["windsock", "node"], indirect=True)
on_every_server = pytest.mark.parametrize("target", ["windsock", "uvicorn", "hypercorn"], indirect=True)

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


def assert_refused(response: Response, code: int, status: int = 400) -> None:
    assert response.status == status, response
    assert response.json() == {"code": code, "message": ANSWERS[code]}


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
        wait_for_poll(target, session)
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
        wait_for_poll(target, session)
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


def wait_for_poll(target: Target, session: PollingSession) -> None:
    """Returns when the server holds a GET of the session: a request for something else has been answered since."""
    assert http(target.port, "GET", "/").status == 200
    assert session.sid


def post_head(target: str, length: int | str) -> bytes:
    return f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n".encode()


# -- the session of another transport, or of somebody else --


@on_the_original_too
def test_polling_on_the_session_of_a_websocket(target: Target) -> None:
    with WebSocket(target.port, WEBSOCKET) as websocket:
        sid = websocket.receive_text().partition('"sid":"')[2].partition('"')[0]
        assert_refused(http(target.port, "GET", f"{POLLING}&sid={sid}"), 3)
        assert_refused(http(target.port, "POST", f"{POLLING}&sid={sid}", body=b"40"), 3)
        websocket.send_text("40")
        assert websocket.receive_text().startswith('40{"sid"')


def test_a_second_websocket_on_the_session_of_a_websocket(target: Target) -> None:
    """The original accepts such a handshake and closes it; either way the first connection is untouched."""
    with WebSocket(target.port, WEBSOCKET) as websocket:
        sid = websocket.receive_text().partition('"sid":"')[2].partition('"')[0]
        assert_cannot_probe(target, sid)
        websocket.send_text("40")
        assert websocket.receive_text().startswith('40{"sid"')


def test_the_id_of_a_socket_is_no_session(target: Target) -> None:
    """What other clients see of a client does not let them act for it."""
    with Client(target.port) as client:
        assert_refused(http(target.port, "GET", f"{POLLING}&sid={client.id}"), 1)
        with pytest.raises(Refused):
            WebSocket(target.port, f"{WEBSOCKET}&sid={client.id}")


def test_a_probe_by_a_stranger_takes_nothing_until_it_upgrades(target: Target) -> None:
    session = PollingSession(target.port)
    session.connect()
    with WebSocket(target.port, session.upgrade_target) as stranger:
        stranger.send_text("2probe")
        assert stranger.receive_text() == "3probe"
        session.post(b'42["echo","mine"]')
        seen = session.packets()
        while seen == ["6"]:
            seen = session.packets()
        assert seen == ['42["echo","mine"]']


def assert_cannot_probe(target: Target, sid: str) -> None:
    """The WebSocket of a probe is refused, or closed at once."""
    try:
        second = WebSocket(target.port, f"{WEBSOCKET}&sid={sid}")
    except Refused:
        return
    with second:
        with suppress(ConnectionEnded):
            second.send_text("2probe")
        second.close_code()


# -- the upgrade --


@pytest.mark.parametrize(
    "packets", [["5"], ["2"], ["4early"], ["2probe", "2probe"], ["2probe", "4early"], ["2probe", "6"], ["x"], [""]]
)
def test_a_wrong_upgrade_is_given_up_and_the_session_stays(target: Target, packets: list[str]) -> None:
    session = PollingSession(target.port)
    session.connect()
    with WebSocket(target.port, session.upgrade_target) as websocket:
        for packet in packets:
            websocket.send_text(packet)
        websocket.close_code()
    session.post(b'42["echo","still here"]')
    seen = session.packets()
    while seen == ["6"]:
        seen = session.packets()
    assert seen == ['42["echo","still here"]']


def test_binary_instead_of_a_probe(target: Target) -> None:
    session = PollingSession(target.port)
    session.connect()
    with WebSocket(target.port, session.upgrade_target) as websocket:
        websocket.send_frame(BINARY, b"2probe")
        websocket.close_code()
    session.post(b'42["echo",1]')
    assert session.packets()[-1] == '42["echo",1]'


@pytest.mark.parametrize("cut", range(14))
def test_an_upgrade_that_breaks_at_any_byte_loses_nothing(target: Target, cut: int) -> None:
    """The connection ends after so many bytes of the frame ``2probe``; what was sent meanwhile comes by polling."""
    session = PollingSession(target.port)
    session.connect()
    with WebSocket(target.port, session.upgrade_target) as websocket:
        websocket.send((frame(TEXT, b"2probe") + frame(TEXT, b"5"))[:cut])
        session.post(b'42["echo",1]')
        websocket.reset()
    session.post(b'42["echo",2]')
    seen: list[str] = []
    while len(seen) < 2:
        seen += [packet for packet in session.packets() if packet != "6"]
    assert seen == ['42["echo",1]', '42["echo",2]']


@on_the_original_too
def test_what_no_poll_took_comes_over_the_websocket_first(target: Target) -> None:
    session = PollingSession(target.port)
    session.connect()
    session.post(b'42["echo",1]')
    session.post(b'42["echo",2]\x1e451-["echo",{"_placeholder":true,"num":0}]\x1ebAP8=')
    with WebSocket(target.port, session.upgrade_target) as websocket:
        websocket.send_text("2probe")
        assert websocket.receive_text() == "3probe"
        session.post(b'42["echo",3]')
        websocket.send(frame(TEXT, b"5") + frame(TEXT, b'42["echo",4]'))
        received = [websocket.receive_frame() for _ in range(6)]
    assert received == [
        (TEXT, b'42["echo",1]'),
        (TEXT, b'42["echo",2]'),
        (TEXT, b'451-["echo",{"_placeholder":true,"num":0}]'),
        (BINARY, b"\x00\xff"),
        (TEXT, b'42["echo",3]'),
        (TEXT, b'42["echo",4]'),
    ]


@pytest.mark.parametrize("target", [("windsock", {"upgrade_timeout": 0.3})], indirect=True)
def test_an_upgrade_that_stops_half_way_times_out(target: Target) -> None:
    session = PollingSession(target.port)
    session.connect()
    for packets in [[], ["2probe"]]:
        with WebSocket(target.port, session.upgrade_target) as websocket:
            for packet in packets:
                websocket.send_text(packet)
            websocket.close_code(within=2)
    session.post(b'42["echo",1]')
    seen = session.packets()
    while seen == ["6"]:
        seen = session.packets()
    assert seen == ['42["echo",1]']


def test_two_upgrades_at_once(target: Target) -> None:
    session = PollingSession(target.port)
    session.connect()
    with WebSocket(target.port, session.upgrade_target) as first:
        first.send_text("2probe")
        assert first.receive_text() == "3probe"
        assert_cannot_probe(target, session.sid)
        first.send_text("5")
        first.send_text('42["echo",1]')
        assert first.receive_text() == '42["echo",1]'
        assert_refused(session.get(), 3)


@pytest.mark.parametrize("target", [("windsock", {"allow_upgrades": False})], indirect=True)
def test_upgrades_switched_off(target: Target) -> None:
    session = PollingSession(target.port)
    assert session.parameters["upgrades"] == []
    session.connect()
    assert_cannot_probe(target, session.sid)
    session.post(b'42["echo",1]')
    assert session.packets() == ['42["echo",1]']


# -- bodies --


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
    wait_for_poll(target, session)
    connection.reset()
    deadline = time.monotonic() + WITHIN
    while session.post(b"6").status == 200:
        assert time.monotonic() < deadline


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "TRACE", "CONNECTX", "GETT"])
def test_other_methods_on_a_session(target: Target, method: str) -> None:
    session = PollingSession(target.port)
    session.connect()
    response = http(target.port, method, session.target, within=2)
    assert 400 <= response.status < 600, response
    session.post(b'42["echo",1]')
    assert session.packets() == ['42["echo",1]']


# -- heartbeat --


@pytest.mark.parametrize("target", [("windsock", {"ping_interval": 0.3, "ping_timeout": 0.3})], indirect=True)
def test_silence_ends_a_session(target: Target) -> None:
    with WebSocket(target.port, WEBSOCKET) as websocket:
        websocket.receive_text()
        assert websocket.receive_text(within=2) == "2"
        websocket.close_code(within=2)
    session = PollingSession(target.port)
    assert session.packets(within=2) == ["2"]
    deadline = time.monotonic() + 3
    while http(target.port, "POST", session.target, body=b"6").status == 200:
        assert time.monotonic() < deadline


@pytest.mark.parametrize("target", [("windsock", {"ping_interval": 0.3, "ping_timeout": 0.3})], indirect=True)
def test_unasked_pongs_start_no_second_heartbeat(target: Target) -> None:
    """10,000 of them, after which pings still come one at a time."""
    one_pong = frame(TEXT, b"3")
    with WebSocket(target.port, WEBSOCKET) as websocket:
        websocket.receive_text()
        with target.growth(2 * 2**20):
            for _ in range(100):
                websocket.send(one_pong * 100)
            pings = []
            for _ in range(3):
                assert websocket.receive_text(within=2) == "2"
                pings.append(time.monotonic())
                websocket.send_text("3")
        gaps = [later - earlier for earlier, later in pairwise(pings)]
        assert all(gap > 0.2 for gap in gaps), gaps
