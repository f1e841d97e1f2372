"""Upgrades that break, stop, or are somebody else's; sessions asked for on the wrong transport."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.attacks.conftest import Target, on_the_original_too
from tests.attacks.wire import (
    POLLING,
    WEBSOCKET,
    Client,
    ConnectionEnded,
    PollingSession,
    Refused,
    WebSocket,
    assert_refused,
    frame,
    http,
)
from tests.protocol.wire import BINARY, TEXT


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
            websocket.close_code()
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
