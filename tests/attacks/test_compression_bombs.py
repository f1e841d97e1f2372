"""Messages that are a thousand times as large as what was sent of them (RFC 7692)."""

from __future__ import annotations

import zlib

import pytest

from tests.attacks.conftest import Target
from tests.attacks.wire import WEBSOCKET, WITHIN, WebSocket, frame
from tests.protocol.wire import CLOSE, TEXT

COMPRESSING = pytest.mark.parametrize("target", [("windsock", {"per_message_deflate": True})], indirect=True)
RSV1 = 4
MEGABYTES = 200
PADDING = " " * 990_000
"""White space within JSON: whatever is made of the message is small."""


def bomb(message: str) -> bytes:
    """A frame with the message, compressed."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = compressor.compress(message.encode()) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return frame(TEXT, data.removesuffix(b"\x00\x00\xff\xff"), reserved=RSV1)


def compressing(target: Target) -> WebSocket:
    """A connected client that may compress, and will not be sent anything compressed."""
    websocket = WebSocket(target.port, WEBSOCKET, headers={"Sec-WebSocket-Extensions": "permessage-deflate"})
    assert "permessage-deflate" in websocket.response.headers["sec-websocket-extensions"]
    websocket.receive_text()
    websocket.send_text("40")
    websocket.receive_text()
    websocket.receive_text()
    return websocket


@COMPRESSING
def test_what_is_inflated_beyond_the_limit_closes_with_1009(target: Target) -> None:
    with target.growth(16 * 2**20), target.processor(2.0), compressing(target) as websocket:
        websocket.send(bomb("x" * 200_000_000))
        assert websocket.close_code() == 1009


@COMPRESSING
def test_very_many_bombs_do_not_stand_in_memory_together(target: Target) -> None:
    """None is too large; but a few reads hold hundreds, and the handlers of this client are all busy."""
    busy = bomb(f'42["answer-never"{PADDING}]')
    with target.growth(32 * 2**20), compressing(target) as websocket:
        websocket.send(frame(TEXT, b'42["answer-never"]') * 256)
        websocket.send(busy * MEGABYTES)
        target.check()


@COMPRESSING
def test_very_many_bombs_are_read_one_after_the_other(target: Target) -> None:
    """And nothing that came with them is lost, or out of turn."""
    with target.growth(32 * 2**20), compressing(target) as websocket:
        counts = []
        for number in range(0, MEGABYTES, 2):
            counts += [bomb(f'42["count",{number}{PADDING}]'), frame(TEXT, f'42["count",{number + 1}]'.encode())]
        websocket.send(b"".join(counts) + frame(TEXT, b'427["counted"]'))
        while not (answer := websocket.receive_text(within=2 * WITHIN)).startswith("437"):
            assert answer == "2"
            websocket.send_text("3")
        assert answer == f'437[{{"counted":{MEGABYTES},"gap":null}}]'


@COMPRESSING
def test_a_close_frame_behind_bombs_is_answered(target: Target) -> None:
    with compressing(target) as websocket:
        websocket.send(bomb(f'42["echo-ack"{PADDING}]') * 20 + frame(CLOSE, b"\x03\xe8"))
        assert websocket.close_code() == 1000
