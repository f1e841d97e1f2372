"""Long-polling: a GET waits for packets, a POST brings some."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.server.fixtures import Serve
from tests.server.peer import PollingPeer, decode
from tests.server.site import Lane, Site, rest, soon, until
from windsock import HttpCompression, Server, SlowConsumer, Socket

Dialled = tuple[Server, Site, PollingPeer, "asyncio.Queue[str]"]


@pytest.fixture
async def dialled(host: Serve, lane: Lane, dial: Any) -> Dialled:
    """A server with small limits, one client in its main namespace, and why it leaves."""
    io = Server(max_http_buffer_size=1000, slow_consumer=SlowConsumer(max_bytes=20_000), cors_allowed_origins="*")
    left: asyncio.Queue[str] = asyncio.Queue()
    io.on("disconnect")(lambda socket, reason: left.put_nowait(reason))
    io.on("echo")(lambda socket, *arguments: arguments)
    site = await host(io, lane)
    peer = await dial(site, "polling")
    await peer.connect()
    return io, site, peer, left


async def stays(peer: PollingPeer) -> None:
    """The session is alive."""
    assert await peer.call("echo", 1) == [1]


async def waiting_get(io: Server, peer: PollingPeer) -> asyncio.Future[httpx.Response]:
    """A GET that has come to the server, which has nothing to say yet."""
    transport = io.engine.sessions[peer.sid].transport
    assert not transport.writable
    getting = asyncio.ensure_future(peer.get())
    await until(lambda: transport.writable, "the GET waits")
    return getting


async def ended(peer: PollingPeer) -> None:
    """The server knows the session no more."""
    response = await peer.get()
    assert (response.status_code, response.json()["code"]) == (400, 1)


# -- GET --


async def test_a_get_waits_for_what_is_sent(dialled: Dialled) -> None:
    io, _, peer, _ = dialled
    waiting = await waiting_get(io, peer)
    await peer.send('421["echo",1]')
    assert (await soon(waiting)).text == "431[1]"
    waiting = await waiting_get(io, peer)
    await peer.send("6")
    assert not waiting.done()
    io.emit("one")
    io.emit("two", b"\x01")
    response = await soon(waiting)
    assert response.status_code == 200
    # Whatever is sent in one turn of the event loop goes in one answer.
    assert response.text == '42["one"]\x1e451-["two",{"_placeholder":true,"num":0}]\x1ebAQ=='
    assert response.headers["content-type"] == "text/plain; charset=UTF-8"
    assert response.headers["content-length"] == str(len(response.content))
    assert response.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in response.headers


async def test_answers_tell_a_page_of_another_origin_that_it_may_read_them(dialled: Dialled) -> None:
    _, _, peer, _ = dialled
    peer.http.headers["origin"] = "https://elsewhere.example"
    posted = await peer.post(b'421["echo",1]')
    got = await peer.get()
    assert (posted.text, got.text) == ("ok", "431[1]")
    for response in (posted, got):
        assert response.headers["access-control-allow-origin"] == "*"
    assert posted.headers["content-type"] == "text/html"
    await peer.post(b"1")
    assert (await peer.get()).headers["access-control-allow-origin"] == "*"


async def test_a_second_get_ends_the_session(dialled: Dialled) -> None:
    io, _, peer, left = dialled
    first = await waiting_get(io, peer)
    second = await peer.get()
    assert (second.status_code, second.json()) == (400, {"code": 3, "message": "Bad request"})
    assert await soon(left.get()) == "transport error"
    assert (await soon(first)).status_code == 200, "the first is not left hanging"
    await ended(peer)


async def test_a_get_whose_client_leaves_ends_the_session(dialled: Dialled) -> None:
    _, _, peer, left = dialled
    await peer.close()
    assert await soon(left.get()) == "transport error"


async def test_what_waits_is_delivered_whole_and_in_order(dialled: Dialled) -> None:
    io, _, peer, _ = dialled
    for number in range(100):
        io.emit("n", number, "x" * 50)
    packets = decode((await peer.get()).text)
    assert packets == [f'42["n",{number},"{"x" * 50}"]' for number in range(100)]


async def test_a_client_that_does_not_fetch_is_given_up(dialled: Dialled, dial: Any) -> None:
    io, site, peer, left = dialled
    other = await dial(site, "polling")
    await other.connect()
    for number in range(60):
        io.emit("n", number, "x" * 1000)
        assert (await other.event("n"))[0] == number
        if not left.empty():
            break
    assert await soon(left.get()) == "transport error"
    assert number < 25, "the budget of 20,000 bytes was overdrawn"
    await ended(peer)
    await stays(other)


@pytest.mark.parametrize("waiting", [True, False])
async def test_the_server_closes(dialled: Dialled, waiting: bool) -> None:
    io, _, peer, _ = dialled
    if waiting:
        getting = await waiting_get(io, peer)
        io.disconnect_sockets(close=True)
        packets = decode((await soon(getting)).text)
    else:
        io.disconnect_sockets(close=True)
        packets = decode((await peer.get()).text)
    # A client acts on the close packet at once, and would lose what stands before it in the same payload.
    assert packets == ["41"]
    assert (await peer.get()).text == "1"
    await ended(peer)


# -- POST --


async def test_a_post_brings_packets(dialled: Dialled) -> None:
    _, _, peer, _ = dialled
    body = '421["echo",1]\x1e452-2["echo",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]\x1ebAQ==\x1eb'
    response = await peer.post(body.encode())
    assert (response.status_code, response.text) == (200, "ok")
    answer = '462-2[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
    assert decode((await peer.get()).text) == ["431[1]", answer, b"", b"\x01"]


async def test_a_chunked_post_brings_packets(dialled: Dialled) -> None:
    _, _, peer, _ = dialled

    async def body() -> AsyncIterator[bytes]:
        for piece in (b'421["ec', b'ho","\xc3', b'\xa9"]\x1e42', b'2["echo"]'):
            yield piece
            await rest()

    response = await peer.http.post(peer.target, content=body())
    assert (response.status_code, response.text) == (200, "ok")
    assert decode((await peer.get()).text) == ['431["é"]', "432[]"]


async def test_a_second_post_ends_the_session(dialled: Dialled) -> None:
    _, _, peer, left = dialled
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b'42["ec'
        begun.set()
        await go_on.wait()
        yield b'ho"]'

    first = asyncio.ensure_future(peer.http.post(peer.target, content=body()))
    await soon(begun.wait())
    codes = []
    while True:  # until the head of the first has come to the server
        second = await peer.post(b"6")
        codes.append(second.status_code)
        if second.status_code != 200:
            break
    assert second.json() == {"code": 3, "message": "Bad request"}
    assert await soon(left.get()) == "transport error"
    go_on.set()
    await soon(asyncio.wait([first]))
    if first.exception() is None:
        assert first.result().status_code in (200, 400)
    await ended(peer)


@pytest.mark.parametrize("chunked", [True, False])
async def test_bodies_are_bounded(dialled: Dialled, chunked: bool) -> None:
    _, _, peer, left = dialled

    async def pieces(body: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(body), 300):
            yield body[start : start + 300]

    def content(size: int) -> Any:
        body = b'42["echo","' + b"x" * (size - 13) + b'"]'
        assert len(body) == size
        return pieces(body) if chunked else body

    response = await peer.http.post(peer.target, content=content(1000))
    assert (response.status_code, response.text) == (200, "ok")
    assert left.empty()
    response = await peer.http.post(peer.target, content=content(1001))
    assert response.status_code == 413
    assert await soon(left.get()) == "transport error"
    await ended(peer)


@pytest.mark.parametrize(
    "body", [b"", b"9", b"4a\x1e", b"\xff", b"b!", "b€".encode()], ids=["empty", "type", "tail", "utf-8", "base64", "€"]
)
async def test_malformed_payloads_end_the_session(dialled: Dialled, body: bytes) -> None:
    _, _, peer, left = dialled
    response = await peer.post(body)
    assert (response.status_code, response.json()) == (400, {"code": 3, "message": "Bad request"})
    assert await soon(left.get()) == "parse error"
    await ended(peer)


async def test_raw_binary_is_not_spoken(dialled: Dialled) -> None:
    _, _, peer, left = dialled
    response = await peer.http.post(peer.target, content=b"\x04", headers={"content-type": "application/octet-stream"})
    assert (response.status_code, response.json()["code"]) == (400, 3)
    assert await soon(left.get()) == "transport error"


async def test_what_follows_a_close_packet_is_not_read(dialled: Dialled) -> None:
    _, _, peer, left = dialled
    response = await peer.post(b'1\x1e421["echo"]')
    assert response.status_code == 200
    assert await soon(left.get()) == "transport close"
    await ended(peer)


async def test_a_post_that_ends_the_session_answers_the_get_that_waits(dialled: Dialled) -> None:
    io, _, peer, left = dialled
    waiting = await waiting_get(io, peer)
    await peer.send("1")
    assert (await soon(waiting)).text == "6"
    assert await soon(left.get()) == "transport close"


async def test_a_post_cut_off_ends_the_session(dialled: Dialled) -> None:
    _, _, peer, left = dialled
    url = peer.http.base_url
    _, writer = await asyncio.open_connection(url.host, url.port)
    head = f"POST {peer.target} HTTP/1.1\r\nHost: {url.netloc.decode()}\r\nContent-Length: 100\r\n\r\n"
    writer.write(head.encode() + b'42["echo"')
    writer.close()
    await writer.wait_closed()
    assert await soon(left.get()) == "transport error"
    await ended(peer)


# -- compression --


@pytest.mark.parametrize(
    ("compression", "accepts", "size", "compressed"),
    [
        (True, "gzip, deflate, br", 3000, True),
        (True, "gzip", 1000, False),
        (True, "deflate, br", 3000, False),
        (True, None, 3000, False),
        (True, "br, gzip;q=0", 3000, False),
        (False, "gzip", 3000, False),
        (HttpCompression(threshold=10, level=9), "gzip", 100, True),
    ],
)
async def test_large_answers_are_compressed_for_who_asks(
    host: Serve, lane: Lane, dial: Any, compression: Any, accepts: str | None, size: int, compressed: bool
) -> None:
    io = Server(http_compression=compression)
    peer = await dial(await host(io, lane), "polling")
    await peer.connect()
    io.emit("e", "é" * (size // 2))
    request = httpx.Request("GET", str(peer.http.base_url).rstrip("/") + peer.target)
    if accepts is not None:
        request.headers["accept-encoding"] = accepts
    response = await peer.http.send(request, stream=True)
    body = b"".join([chunk async for chunk in response.aiter_raw()])
    await response.aclose()
    assert (response.headers.get("content-encoding") == "gzip") == compressed
    assert response.headers["content-length"] == str(len(body))
    if compressed:
        assert len(body) < 200
        body = gzip.decompress(body)
    assert body.decode() == f'42["e","{"é" * (size // 2)}"]'


# -- volatile, and the rest of a turn --


async def test_what_is_emitted_between_two_gets_is_kept(host: Serve, lane: Lane, dial: Any) -> None:
    io = Server()
    numbers: list[int] = []

    @io.on("go")
    async def go(socket: Socket) -> None:
        for number in range(300):
            socket.emit("n", number)
            if number % 7 == 0:
                await asyncio.sleep(0)

    peer = await dial(await host(io, lane), "polling")
    await peer.connect()
    await peer.emit("go")
    while len(numbers) < 300:
        numbers += await peer.event("n")
    assert numbers == list(range(300))


# -- several requests in one read --


def request(method: str, target: str, body: bytes = b"", *fields: str) -> bytes:
    head = [f"{method} {target} HTTP/1.1", "Host: a", *fields]
    if method == "POST":
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*head, "", "")).encode() + body


async def talk(site: Site, *segments: bytes, ends: bool) -> str:
    """All that the server answers to these segments; ``ends``: the client sends no more, and says so."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    for segment in segments:
        writer.write(segment)
    if ends:
        writer.write_eof()
    answers = await soon(reader.read())
    writer.close()
    return answers.decode()


async def other(scope: Any, receive: Any, send: Any) -> None:
    """What the engine leaves to the application."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"other"})


async def test_answers_come_in_the_order_of_the_requests(host: Serve, lane: Lane, dial: Any) -> None:
    io = Server()
    io.on("echo")(lambda socket, *arguments: arguments)
    site = await host(io.asgi(other), lane)
    peer = await dial(site, "polling")
    await peer.connect()
    target = f"/socket.io/?EIO=4&transport=polling&sid={peer.sid}"
    row = (
        request("POST", target, b'421["echo",1]'),
        request("GET", "/else"),
        request("GET", target),
        request("POST", target, b'422["echo",2]'),
        request("GET", target),
        request("GET", "/else", b"", "Connection: close"),
    )
    answers = await talk(site, b"".join(row), ends=False)
    bodies = [answer.rpartition("\r\n\r\n")[2] for answer in answers.split("HTTP/1.1 200 OK\r\n")[1:]]
    assert bodies == ["ok", "other", "431[1]", "ok", "432[2]", "other"]


async def test_a_client_that_sends_no_more_gets_its_answer(host: Serve, lane: Lane, dial: Any) -> None:
    io = Server()
    io.on("echo")(lambda socket, *arguments: arguments)
    site = await host(io, lane)
    peer = await dial(site, "polling")
    await peer.connect()
    target = f"/socket.io/?EIO=4&transport=polling&sid={peer.sid}"
    assert (await talk(site, request("POST", target, b'421["echo",1]'), ends=True)).endswith("\r\n\r\nok")
    assert await peer.acknowledgement(1) == [1]


async def test_an_answer_leaves_before_the_server_stops(host: Serve, lane: Lane, dial: Any) -> None:
    io = Server()
    site = await host(io, lane)
    io.on("stop")(lambda socket: site.ask_to_shut_down())
    peer = await dial(site, "polling")
    await peer.connect()
    target = f"/socket.io/?EIO=4&transport=polling&sid={peer.sid}"
    two = request("POST", target, b"6") + request("POST", target, b'42["stop"]')
    assert (await talk(site, two, ends=False)).count("\r\n\r\nok") >= 1
