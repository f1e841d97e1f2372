"""Packets in MessagePack that are malformed, out of turn, or made to cost."""

from __future__ import annotations

import struct
from base64 import b64decode
from typing import Any

import pytest
from ormsgpack import Ext, packb, unpackb

from tests.attacks.conftest import Target
from tests.attacks.offender import Offender, gone_after_rest
from tests.attacks.wire import WITHIN, MsgpackClient, WebSocket, frame
from tests.protocol.wire import BINARY

on_both_transports = pytest.mark.parametrize("transport", ["websocket", "polling"])
pytestmark = pytest.mark.parametrize("target", [("windsock", {"parser": "msgpack"})], indirect=True, ids=["windsock"])


def packet(kind: Any = 2, nsp: Any = "/", data: Any = ("echo", 1), **others: Any) -> bytes:
    return packb({"type": kind, "nsp": nsp, "data": data, **others})


def event(argument: bytes) -> bytes:
    """An event whose argument is these bytes."""
    return b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa4echo" + argument


def join(target: Target, transport: str) -> Offender:
    """A client in the main namespace, greeted by the application."""
    offender = Offender(target, transport, connect=False)
    offender.send(packb({"type": 0, "nsp": "/"}))
    answers: list[bytes] = []
    while len(answers) < 2:
        if offender.websocket is not None:
            answers.append(offender.websocket.receive_frame()[1])
        elif offender.polling is not None:
            answers += [b64decode(text[1:]) for text in offender.polling.packets() if text[0] == "b"]
    assert [unpackb(answer)["type"] for answer in answers] == [0, 2]
    return offender


MALFORMED: dict[str, str | bytes] = {
    "text": '2["echo",1]',
    "nothing": b"",
    "a byte that begins nothing": b"\xc1",
    "no map": packb([2, "/", ["echo"]]),
    "an empty map": packb({}),
    "a packet and a byte more": packet() + b"\xc0",
    "two packets": packet() * 2,
    "a packet cut off": packet()[:-1],
    "no type": packb({"nsp": "/", "data": ["echo"]}),
    "a type that is text": packet("2"),
    "a type that is a fraction": packet(2.5),
    "a type that is true": packet(True),
    "an unknown type": packet(7),
    "a type of JSON's binary packets": packet(5),
    "no namespace": packb({"type": 2, "data": ["echo"]}),
    "a namespace that is a list": packet(nsp=["/"]),
    "a namespace without its slash": packet(nsp="admin"),
    "a namespace of 64 KB": packet(0, nsp="/" + "n" * 65_536, data=None),
    "an event without data": packet(data=None),
    "an event with an object": packet(data={"0": "echo"}),
    "an event with text": packet(data="echo"),
    "an event without a name": packet(data=[]),
    "an event named by null": packet(data=[None]),
    "an event named by binary": packet(data=[b"echo"]),
    "an event named connect": packet(data=["connect"]),
    "an event named disconnecting": packet(data=["disconnecting", "x"]),
    "an event named newListener": packet(data=["newListener"]),
    "a negative id": packet(id=-1),
    "an id of 16 digits": packet(id=10**15),
    "an id of 64 bits": packet(id=2**64 - 1),
    "an id that is a fraction": packet(id=1.5),
    "an id that is text": packet(id="1"),
    "an acknowledgement that is no list": packet(3, data={"a": 1}, id=1),
    "a disconnect with data": packet(1, data=["x"]),
    "an error of a server": packet(4, data={"message": "no"}),
    "text that is not UTF-8": event(b"\xa1\xff"),
    "a lone surrogate": event(b"\xa3\xed\xa0\x80"),
    "a key that is a number": event(b"\x81\x05\x01"),
    "a key that is binary": event(b"\x81\xc4\x01a\x01"),
    "a key that is a list": event(b"\x81\x90\x01"),
    "an extension of an unknown type": event(b"\xd4\x05a"),
    "a timestamp": event(b"\xd6\xff\0\0\0\1"),
    "an array of 2^32 - 1": event(b"\xdd\xff\xff\xff\xff"),
    "a map of 2^32 - 1": event(b"\xdf\xff\xff\xff\xff"),
    "text of 2^32 - 1": event(b"\xdb\xff\xff\xff\xff"),
    "binary of 2^31": event(b"\xc6\x80\0\0\0"),
    "an extension of 2^32 - 1": event(b"\xc9\xff\xff\xff\xff\0"),
    "text one byte longer than the packet": event(b"\xa2a"),
    "nesting without an end": event(b"\x91" * 5000),
    "nesting of 2000": event(b"\x91" * 2000 + b"\xc0"),
    "maps nested 2000 deep": event(b"\x81\xa1a" * 2000 + b"\xc0"),
}


@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED.keys())
@on_both_transports
def test_a_malformed_packet_ends_the_connection(target: Target, transport: str, message: str | bytes) -> None:
    with join(target, transport) as offender:
        offender.send(message)
        offender.assert_ended()


OUT_OF_TURN: dict[str, tuple[bool, bytes]] = {
    "an event before CONNECT": (False, packet()),
    "an acknowledgement before CONNECT": (False, packet(3, data=[], id=1)),
    "a disconnect before CONNECT": (False, packet(1, data=None)),
    "an event in a namespace not joined": (True, packet(nsp="/admin")),
    "CONNECT twice": (True, packet(0, data=None)),
    "CONNECT with a list": (False, packet(0, data=[])),
    "CONNECT with text": (False, packet(0, data="token")),
}


@pytest.mark.parametrize(("joined", "message"), OUT_OF_TURN.values(), ids=OUT_OF_TURN.keys())
@on_both_transports
def test_a_packet_out_of_turn_ends_the_connection(target: Target, transport: str, joined: bool, message: bytes) -> None:
    with join(target, transport) if joined else Offender(target, transport, connect=False) as offender:
        offender.send(message)
        if offender.websocket is not None:
            offender.assert_ended()
        elif offender.polling is not None:
            gone_after_rest(offender.polling)


def test_what_is_only_odd_is_answered(target: Target) -> None:
    """Values at the ends of their ranges, and events that nobody handles, cost nobody the connection."""
    with MsgpackClient(target.port) as client:
        odd: list[Any] = [[[]] * 1000, 2**64 - 1, -(2**63), "", b"", {"": None}, b"\xc7\1\0", 5e-324]
        for value in odd:
            assert client.call("echo-ack", value) == [value]
        far = Ext(0, struct.pack(">q", 8_640_000_000_000_000))
        [refusal] = client.call("echo-ack", {"until": far})
        assert refusal["error"]["code"] == "invalid_payload"
        [refusal] = client.call("__class__", 1)
        assert refusal["error"]["code"] == "unknown_event"
        client.send_packet(3, ["never asked for"], 999)
        client.emit("move", {"room": 5})
        deep: Any = 1
        for _ in range(200):
            deep = [deep]
        assert client.call("echo-ack", deep) == [deep]
        for depth in (201, 240, 300, 1000):
            # Too deep to be sent on.
            client.send_frame(
                BINARY, b"\x84\xa4type\x02\xa3nsp\xa1/\xa2id\x63\xa4data\x92\xa8echo-ack" + b"\x91" * depth + b"\x01"
            )
            assert client.receive_packet(within=WITHIN)[1][0]["error"]["code"] == "invalid_payload"


def test_lengths_that_are_not_there_cost_no_memory(target: Target) -> None:
    with target.growth(2 * 2**20):
        for head in (b"\xdd", b"\xdf", b"\xdb", b"\xc6"):
            for _ in range(20):
                with join(target, "websocket") as offender:
                    offender.send(event((head + b"\x7f\xff\xff\xff") * 500))
                    offender.assert_ended()


def test_a_megabyte_of_empty_lists(target: Target) -> None:
    """The costliest that a message can be made of; what it took is given back, and no second one waits beside it."""
    count = 990_000
    message = (
        b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\xdd" + struct.pack(">I", count + 1) + b"\xa5count" + b"\x90" * count
    )
    with MsgpackClient(target.port) as client, target.processor(5.0), target.growth(160 * 2**20):
        for _ in range(5):
            client.send(frame(BINARY, message))
        assert client.call("echo-ack", 1) == [1]


def test_a_client_of_another_parser(target: Target) -> None:
    """It is refused, and told nothing that it could not read."""
    with WebSocket(target.port, "/socket.io/?EIO=4&transport=websocket") as websocket:
        websocket.receive_text()
        websocket.send_text("40")
        assert websocket.close_code() == 1000
