"""A parser belongs to a server: two servers of one process each have their own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from windsock import Server, Socket
from windsock.parsers import JsonParser, Message, MsgpackParser, PacketType
from windsock.testing import Harness

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


class Marked(JsonParser):
    """One of one's own: every event's last argument says who wrote it."""

    def encode(
        self, type: PacketType, namespace: str, data: Any, id: int | None = None, compress: bool = True
    ) -> Message:
        if type is PacketType.EVENT:
            data = [*data, "marked"]
        return super().encode(type, namespace, data, id, compress)


def make_server(**options: Any) -> Server:
    io = Server(**options)

    @io.on("say")
    def say(socket: Socket, *said: Any) -> Any:
        io.emit("said", *said)
        return said

    return io


async def test_each_server_has_its_own(windsock_harness: Harness) -> None:
    msgpack, marked, plain = make_server(parser=MsgpackParser()), make_server(parser=Marked()), make_server()
    for io, said, answer, heard in (
        (msgpack, NOON, NOON, [NOON]),
        (plain, {"a": b"\x00"}, {"a": b"\x00"}, [{"a": b"\x00"}]),
        (marked, "hello", ["hello", "marked"], ["hello", "marked", "marked"]),
        (msgpack, b"\x00", b"\x00", [b"\x00"]),
        (plain, "hello", "hello", ["hello"]),
    ):
        peer = await windsock_harness.connect(io)
        assert await peer.emit_with_ack("say", said) == answer
        await peer.assert_emitted("said", *heard)
