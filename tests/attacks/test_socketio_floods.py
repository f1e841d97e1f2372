"""Socket.IO packets that are too many, and clients that never join or never read."""

from __future__ import annotations

import json

import pytest

from tests.attacks.conftest import Target
from tests.attacks.offender import Offender, gone_after_rest
from tests.attacks.wire import WEBSOCKET, Client, PollingSession, WebSocket, frame
from tests.protocol.wire import TEXT

on_both_transports = pytest.mark.parametrize("transport", ["websocket", "polling"])


def test_attachments_that_never_come(target: Target) -> None:
    """One packet a connection can wait for, and no timer for it; when the connection ends it is forgotten."""
    with target.growth(4 * 2**20):
        for _ in range(3):
            offenders = [Offender(target, "websocket") for _ in range(100)]
            for offender in offenders:
                offender.send(
                    "510-" + json.dumps(["echo", *({"_placeholder": True, "num": number} for number in range(10))])
                )
                offender.send(*[b"x"] * 9)
            for offender in offenders:
                offender.__exit__()


@on_both_transports
def test_a_namespace_of_64_kilobytes(target: Target, transport: str) -> None:
    with Offender(target, transport) as offender, target.growth(2 * 2**20):
        for _ in range(50):
            offender.send("0/" + "n" * 65_536 + ",")
    target.check()


@on_both_transports
def test_a_flood_of_unknown_namespaces(target: Target, transport: str) -> None:
    """Refused one by one until the connection is; nothing is kept of any."""
    with Offender(target, transport) as offender, target.growth(2 * 2**20):
        for start in range(0, 100_000, 2000):
            offender.send(*(f"0/flood-{number}," for number in range(start, start + 2000)))
        if offender.websocket is not None:
            offender.websocket.close_code()
        elif offender.polling is not None:
            gone_after_rest(offender.polling)


def test_a_flood_of_dynamic_namespaces(target: Target) -> None:
    """Namespaces made by a pattern go with their last socket."""

    def flood() -> None:
        for round_ in range(20):
            with Client(target.port) as client:
                client.send(b"".join(frame(TEXT, f"40/dynamic-{round_}{number},".encode()) for number in range(100)))
                assert client.call("echo-ack", 1) == [1]

    flood()
    with target.growth(2 * 2**20):
        flood()


def test_joining_and_leaving_without_end(target: Target) -> None:
    with Client(target.port) as client:
        client.call("echo-ack", 1)
        with target.growth(2 * 2**20):
            for start in range(0, 2000, 100):
                rooms = [f"room-{number}" for number in range(start, start + 100)]
                client.call("join", *rooms)
                assert client.call("leave", *rooms) == [[]]


def test_very_many_rooms_and_arguments(target: Target) -> None:
    with Client(target.port) as client:
        assert len(client.call("join", *(str(number) for number in range(5000)))[0]) == 5000
        assert len(client.call("echo-ack", *range(50_000))) == 50_000
    with target.growth(4 * 2**20):
        for _ in range(5):
            with Client(target.port) as client:
                client.call("join", *(f"r{number}" for number in range(5000)))


# Whoever joins has some seconds for it, on a busy machine too.
soon_closed = pytest.mark.parametrize("target", [("windsock", {"connect_timeout": 3})], indirect=True)


@soon_closed
@on_both_transports
def test_a_connection_that_never_joins_is_closed(target: Target, transport: str) -> None:
    with Offender(target, transport, connect=False) as silent, Offender(target, transport, connect=False) as astray:
        astray.send("0/nowhere,")
        assert astray.receive().startswith("4/nowhere,")
        for offender in (silent, astray):
            if offender.websocket is not None:
                offender.websocket.close_code()
            elif offender.polling is not None:
                gone_after_rest(offender.polling)


@soon_closed
def test_many_idle_connections_that_never_join(target: Target) -> None:
    _, before = target.server.threads_and_descriptors()
    idle = [WebSocket(target.port, WEBSOCKET) for _ in range(300)]
    sessions = [PollingSession(target.port) for _ in range(300)]
    for websocket in idle:
        websocket.close_code()
        websocket.close()
    for session in sessions:
        session.assert_gone()
    target.check()
    _, after = target.server.threads_and_descriptors()
    assert after <= before + 20


def test_a_client_that_does_not_read_is_closed_and_the_rest_is_not(target: Target) -> None:
    """5,000 broadcasts of 20 KB to a client that stopped reading: its budget is used up, nobody else's."""
    with Client(target.port, receive_buffer=4096) as sleeper, Client(target.port) as publisher:
        sleeper.call("join", "crowd")
        publisher.call("watch")
        order = {"from": "server", "to": ["crowd"], "event": "news", "arguments": ["x" * 20_000]}
        with target.growth(24 * 2**20):
            for number in range(5000):
                publisher.send_text(f"42{number}" + json.dumps(["publish", order]))
                while (text := publisher.receive_text()).startswith('42["left"'):
                    if json.loads(text[2:])[1]["id"] == sleeper.id:
                        return
                assert text == f"43{number}[true]"
        pytest.fail("the sleeper was not closed")


def test_requests_without_end_whose_answers_nobody_reads(target: Target) -> None:
    """Every message asks for 100 KB: the server stops reading, or closes; its memory stays."""
    with Client(target.port, receive_buffer=4096) as client, target.growth(24 * 2**20):
        row = b"".join(frame(TEXT, b'42%d["big",100000,false]' % number) for number in range(100))
        assert client.flood(row, 100_000) < 100_000
        target.check()


def test_slow_handlers_without_end(target: Target) -> None:
    """Each waits; the server reads on only as they end."""
    with Client(target.port) as client, target.growth(16 * 2**20):
        row = frame(TEXT, b'42["answer-late"]') * 1000
        assert client.flood(row, 2000, within=1) < 2000
        target.check()
