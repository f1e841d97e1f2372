"""Socket.IO packets as values."""

from __future__ import annotations

import pytest

from windsock.protocol.socketio import Packet, PacketType


def test_packets_are_compared_by_what_they_say() -> None:
    packet = Packet(PacketType.EVENT, "/chat", ["say", "hello"], 7)
    assert packet == Packet(PacketType.EVENT, "/chat", ["say", "hello"], 7, compress=False)
    assert packet != Packet(PacketType.EVENT, "/chat", ["say", "hello"], 8)
    assert packet != Packet(PacketType.EVENT, "/", ["say", "hello"], 7)
    assert packet != Packet(PacketType.ACK, "/chat", ["say", "hello"], 7)
    assert packet != Packet(PacketType.EVENT, "/chat", ["say"], 7)
    assert packet != "a packet"


def test_packets_have_no_hash() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Packet(PacketType.CONNECT))


def test_packets_tell_what_they_are() -> None:
    assert repr(Packet(PacketType.ACK, "/chat", [1], 7)) == "Packet(ACK, '/chat', [1], id=7)"
