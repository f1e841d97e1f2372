"""Plain connections that are lost in real ways, and when a client comes back."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable

import pytest
from websockets.asyncio.server import ServerConnection

from tests.client.proxy import Proxy
from tests.client.websocket.conftest import Begin, Make, Speak
from tests.client.websocket.servers import PlainServer
from tests.conformance.process import free_port
from tests.server.site import Trouble, pass_time_until, rest, soon, until
from windsock import BufferFull, ConnectionFailed, NotConnected, WebSocketClosure, WebSocketState
from windsock.testing import Clock

COMES_BACK = [1001, 1006, 1011, 1012, 1013, 1014]
STAYS_AWAY = [1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 4000, 4999]


async def test_a_server_that_was_killed(begin: Begin, make: Make, kind: str) -> None:
    server = begin(kind)
    ws, seen = make(server.url)
    await soon(ws.connect())
    server.kill()
    lost = await seen.state("reconnecting")
    assert lost.attempt == 1
    assert lost.closure is not None
    assert lost.closure.code == 1006
    await seen.state("reconnecting", 3)
    ws.send("meanwhile")
    ws.send_json({"also": True})
    sending = asyncio.ensure_future(ws.send_file(io.BytesIO(b"a file")))
    await asyncio.to_thread(server.start)
    back = await seen.state("open", 2)
    assert [await soon(ws.receive()) for _ in range(3)] == ["meanwhile", '{"also":true}', b"a file"]
    assert await sending == 6
    lost_states = [state for state in seen.states if state.name == "reconnecting"]
    assert [state.attempt for state in lost_states] == list(range(1, back.attempt + 1))
    assert all(0 < state.delay <= 0.1 for state in lost_states)
    assert seen.names == ["connecting", "open", *["reconnecting", "connecting"] * back.attempt, "open"]


@pytest.mark.parametrize("kind", ["endpoint", "starlette"])
async def test_a_server_that_was_stopped(begin: Begin, make: Make, kind: str) -> None:
    server = begin(kind)
    ws, seen = make(server.url)
    await soon(ws.connect())
    assert await asyncio.to_thread(server.stop) == 0
    closure = (await seen.state("reconnecting")).closure
    assert closure is not None
    assert closure.code in (1001, 1012)
    await asyncio.to_thread(server.start)
    await seen.state("open", 2)
    ws.send("back")
    assert await soon(ws.receive()) == "back"


async def test_a_connection_that_was_torn(server: PlainServer, make: Make, proxy: Proxy) -> None:
    ws, seen = make(proxy.to(server.port))
    await soon(ws.connect())
    for number in range(2, 5):
        proxy.cut()
        await seen.state("open", number)
        ws.send(str(number))
        assert await soon(ws.receive()) == str(number)


async def test_a_network_that_is_silent(server: PlainServer, make: Make, proxy: Proxy) -> None:
    ws, seen = make(proxy.to(server.port), ping_interval=12, ping_timeout=10, timeout=20)
    await soon(ws.connect())
    proxy.silence()
    asking = asyncio.ensure_future(ws.ping())
    with Clock() as clock:
        since = clock.time()
        lost = await pass_time_until(clock, seen.state("reconnecting"), 1)
        assert 20 < clock.time() - since < 24
        assert lost.closure == WebSocketClosure(1006, "expected an answer to a ping within 10 s")
        with pytest.raises(NotConnected):
            await soon(asking)
        refused = await pass_time_until(clock, seen.state("reconnecting", 2), 1)
        assert refused.closure == WebSocketClosure(1006, "expected an answer within 20 s")
    proxy.resume()
    await seen.state("open", 2)
    ws.send("back")
    assert await soon(ws.receive()) == "back"


async def test_a_network_that_is_silent_when_much_is_to_be_sent(server: PlainServer, make: Make, proxy: Proxy) -> None:
    """A ping finds no room among what the network does not take: that it cannot be sent is noticed, too."""
    ws, seen = make(proxy.to(server.port), ping_interval=12, ping_timeout=10, compression=False)
    await soon(ws.connect())
    proxy.silence()
    ws.send(b"x" * 15_000_000)
    sending = asyncio.ensure_future(ws.send_file(io.BytesIO(bytes(15_000_000))))
    with Clock() as clock:
        await pass_time_until(clock, seen.state("reconnecting"), 1)
    proxy.resume()
    await seen.state("open", 2)
    # The message was given to the network that lost it; the file had not begun, and is sent now.
    assert await soon(sending) == 15_000_000
    assert await soon(ws.receive()) == bytes(15_000_000)


async def test_a_heartbeat_keeps_the_connection(server: PlainServer, make: Make) -> None:
    ws, seen = make(server.url, ping_interval=20, ping_timeout=20)
    with Clock() as clock:
        await soon(ws.connect())
        for _ in range(5):
            await clock.advance(20)
            await soon(ws.ping())  # what came before has an answer, too
    assert seen.names == ["connecting", "open"]


async def test_a_slow_reader_is_not_taken_for_dead(make: Make, speak: Speak) -> None:
    """The pong comes late, behind all that was sent before; but what is sent is taken all the while."""

    async def script(connection: ServerConnection) -> None:
        received = 0
        while received < 20_000_000:
            received += len(await connection.recv())
            await asyncio.sleep(0.02)
        await connection.send("all")
        await connection.wait_closed()

    async def send() -> None:
        for _ in range(200):
            ws.send(bytes(100_000))
            await ws.drain()

    # Sixteen messages wait at the server, and as many again in the system's buffers: a pong takes longer than its time.
    ws, seen = make(await speak(script), ping_interval=1, ping_timeout=0.5, compression=False)
    with Clock() as clock:
        await soon(ws.connect())
        await pass_time_until(clock, send(), 0.02)
        assert await pass_time_until(clock, ws.receive(), 0.02) == "all"
    assert seen.names == ["connecting", "open"]


@pytest.mark.parametrize("code", [code for code in COMES_BACK if code != 1006])
async def test_close_codes_after_which_it_comes_back(server: PlainServer, make: Make, code: int) -> None:
    ws, seen = make(server.url)
    await soon(ws.connect())
    ws.send(f"!close {code} why")
    assert (await seen.state("reconnecting")).closure == WebSocketClosure(code, "why")
    await seen.state("open", 2)


@pytest.mark.parametrize("code", STAYS_AWAY)
async def test_close_codes_after_which_it_stays_away(server: PlainServer, make: Make, code: int) -> None:
    ws, seen = make(server.url)
    await soon(ws.connect())
    ws.send(f"!close {code} why")
    assert (await seen.state("closed")).closure == WebSocketClosure(code, "why")
    assert seen.names == ["connecting", "open", "closed"]
    await soon(ws.connect())
    assert ws.connected


async def test_a_close_without_a_code(speak: Speak, make: Make) -> None:
    async def script(connection: ServerConnection) -> None:
        connection.protocol.send_close()
        connection.transport.write(b"".join(connection.protocol.data_to_send()))
        await connection.wait_closed()

    ws, seen = make(await speak(script))
    await soon(ws.connect())
    assert (await seen.state("closed")).closure == WebSocketClosure(1005)
    assert [message async for message in ws] == []


@pytest.mark.parametrize(
    ("code", "answer", "expected"),
    [(4001, True, "reconnecting"), (1001, False, "closed"), (1001, None, "reconnecting")],
)
async def test_the_application_decides(
    server: PlainServer, make: Make, trouble: Trouble, code: int, answer: bool | None, expected: str
) -> None:
    asked: list[WebSocketClosure] = []

    def decide(closure: WebSocketClosure) -> bool:
        asked.append(closure)
        if answer is None:
            raise RuntimeError("undecided")
        return answer

    ws, seen = make(server.url, reconnect_after=decide)
    await soon(ws.connect())
    ws.send(f"!close {code}")
    await seen.state(expected)
    assert asked == [WebSocketClosure(code)]
    if answer is None:
        trouble.expect("reconnect_after failed")


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404])
async def test_a_server_that_refuses(server: PlainServer, make: Make, status: int) -> None:
    ws, seen = make(f"{server.url}/refuse/{status}" if status != 200 else f"{server.url}/page")
    with pytest.raises(ConnectionFailed, match="HTTP"):
        await soon(ws.connect())
    closure = ws.state.closure
    assert closure is not None
    # What has no such endpoint answers as it likes.
    assert closure.status == status or (status == 200 and closure.status in (403, 404))
    assert (closure.code, closure.transient) == (1006, False)
    assert seen.names == ["connecting", "closed"]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
async def test_a_server_that_cannot_now(server: PlainServer, make: Make, status: int) -> None:
    ws, seen = make(f"{server.url}/refuse/{status}", reconnection_attempts=2)
    with pytest.raises(ConnectionFailed, match=str(status)):
        await soon(ws.connect())
    assert seen.names == ["connecting", "reconnecting", "connecting", "reconnecting", "connecting", "closed"]


async def test_attempts_that_are_counted(make: Make) -> None:
    ws, seen = make(f"ws://127.0.0.1:{free_port()}", reconnection_attempts=3)
    for _ in range(2):
        with pytest.raises(ConnectionFailed):
            await soon(ws.connect())
    assert [state.attempt for state in seen.states if state.name == "connecting"] == [0, 1, 2, 3] * 2
    other, seen = make(f"ws://127.0.0.1:{free_port()}", reconnection=False)
    with pytest.raises(ConnectionFailed):
        await soon(other.connect())
    assert seen.names == ["connecting", "closed"]


async def test_a_server_that_fails_everybody_is_asked_ever_less_often(speak: Speak, make: Make) -> None:
    async def script(connection: ServerConnection) -> None:
        await connection.close(1011)

    ws, seen = make(await speak(script), reconnection_delay=5, reconnection_delay_max=1000, randomization_factor=0)
    with Clock() as clock:
        await soon(ws.connect())
        for number, delay in enumerate([5, 10, 20, 40, 80], 1):
            assert (await seen.state("reconnecting", number)).delay == delay
            await clock.advance(delay if number < 5 else 0)
    assert seen.names.count("open") == 5


async def test_a_connection_that_stood_begins_anew(server: PlainServer, make: Make, proxy: Proxy) -> None:
    ws, seen = make(proxy.to(server.port), reconnection_delay=2, reconnection_delay_max=9, randomization_factor=0)
    with Clock() as clock:
        await soon(ws.connect())
        for number in range(1, 4):
            await clock.advance(2)
            proxy.cut()
            lost = await seen.state("reconnecting", number)
            assert (lost.attempt, lost.delay) == (1, 2)
            await clock.advance(2)
            await seen.state("open", number + 1)


async def test_what_waits_has_a_bound(make: Make) -> None:
    ws, _ = make(f"ws://127.0.0.1:{free_port()}", max_buffered_bytes=10_000)
    for _ in range(3):
        ws.send("x" * 2500)
    sends: list[Callable[[], None]] = [
        lambda: ws.send("x" * 2500),
        lambda: ws.send(b"x" * 2500),
        lambda: ws.send_json("x" * 2500),
    ]
    for send in sends:
        with pytest.raises(BufferFull, match="10000"):
            send()
    ws.send("a small one has room")


async def test_a_slow_server_is_bounded_alike(server: PlainServer, make: Make, proxy: Proxy) -> None:
    ws, _ = make(proxy.to(server.port), max_buffered_bytes=1_000_000, compression=False)
    await soon(ws.connect())
    proxy.silence()
    sent = 0

    async def pour() -> None:
        nonlocal sent
        while sent < 1000:
            ws.send(bytes(100_000))
            sent += 1
            await asyncio.sleep(0)

    with pytest.raises(BufferFull):
        await pour()
    proxy.resume()
    for _ in range(sent):
        assert await soon(ws.receive()) == bytes(100_000)


async def test_no_message_comes_twice_or_out_of_order(speak: Speak, make: Make, proxy: Proxy) -> None:
    got: list[int] = []

    async def script(connection: ServerConnection) -> None:
        async for message in connection:
            got.append(int(message))  # noqa: PERF401  each counts as soon as it is there

    url = await speak(script)
    ws, seen = make(proxy.to(int(url.rpartition(":")[2])))
    await soon(ws.connect())
    for number in range(3000):
        ws.send(str(number))
        if number % 500 == 250:
            opened = seen.names.count("open")
            proxy.cut()
            await seen.state("open", opened + 1)
        elif number % 10 == 0:
            await asyncio.sleep(0)
    await soon(ws.ping())
    assert got == sorted(set(got))
    assert got[-1] == 2999
    # Only what was on its way when a connection was cut may be missing: at most, what was sent since the one before.
    assert len(got) > 3000 - 6 * 250


async def test_closing_while_it_tries(make: Make, proxy: Proxy) -> None:
    ws, seen = make(f"ws://127.0.0.1:{free_port()}", reconnection_delay=60, reconnection_delay_max=60)
    connecting = asyncio.ensure_future(ws.connect())
    await seen.state("reconnecting")
    ws.send("x")
    sending = asyncio.ensure_future(ws.send_file(io.BytesIO(b"x")))
    draining = asyncio.ensure_future(ws.drain())
    receiving = asyncio.ensure_future(ws.receive())
    await asyncio.sleep(0)
    await soon(ws.close())
    for waiting in (connecting, sending, draining, receiving):
        with pytest.raises(NotConnected):
            await soon(waiting)
    proxy.silence()
    silent, seen = make(proxy.to(free_port()))
    connecting = asyncio.ensure_future(silent.connect())
    await until(lambda: proxy.connections > 0, "it tries")
    await soon(silent.close(1001, "never mind"))
    with pytest.raises(NotConnected):
        await soon(connecting)
    assert seen.states[-1].closure == WebSocketClosure(1001, "never mind")


async def test_the_states_are_iterated_over(server: PlainServer, make: Make) -> None:
    ws, seen = make(server.url)
    early = ws.states()
    await soon(ws.connect())
    ws.send("!close 1012 again")
    await seen.state("open", 2)
    late = ws.states()
    ws.send("!close 4000 enough")
    await seen.state("closed")
    assert [state async for state in early] == [WebSocketState("closed"), *seen.states]
    assert [state.name async for state in late] == ["open", "closed"]
    watching = asyncio.ensure_future(anext(ws.states()))
    assert (await soon(watching)).name == "closed"


async def test_each_state_has_its_handler(server: PlainServer, make: Make) -> None:
    ws, seen = make(server.url)
    told: list[WebSocketState] = []

    @ws.on("connecting")
    @ws.on("open")
    @ws.on("closed")
    def note(state: WebSocketState) -> None:
        told.append(state)

    @ws.on("reconnecting")
    async def note_later(state: WebSocketState) -> None:
        told.append(state)
        await asyncio.sleep(0)

    await soon(ws.connect())
    ws.send("!close 1001")
    await seen.state("open", 2)
    await soon(ws.close())
    assert told == seen.states


async def test_headers_that_cannot_be_had(server: PlainServer, make: Make, trouble: Trouble) -> None:
    asked = 0

    def headers() -> dict[str, str]:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise RuntimeError("no key")
        return {}

    ws, seen = make(server.url, headers=headers)
    await soon(ws.connect())
    lost = await seen.state("reconnecting")
    assert lost.closure == WebSocketClosure(1006, "the headers function failed: no key")
    trouble.expect("the headers function failed")


async def test_a_file_that_is_interrupted(server: PlainServer, make: Make, proxy: Proxy) -> None:
    for fragments in (True, False):
        ws, seen = make(proxy.to(server.port), compression=False)
        ws.on("message")(lambda: None)
        await soon(ws.connect())
        proxy.silence()
        file = io.BytesIO(bytes(50_000_000))
        sending = asyncio.ensure_future(ws.send_file(file, fragments=fragments))
        await until(lambda file=file: file.tell() > 0, "it is begun")  # type: ignore[misc]
        proxy.cut()
        with pytest.raises(NotConnected, match="the file"):
            await soon(sending)
        proxy.resume()
        await seen.state("open", 2)
        ws.send("back")
        await soon(ws.ping())


async def test_a_file_that_is_interrupted_between_two_chunks(server: PlainServer, make: Make, proxy: Proxy) -> None:
    """It waits behind a message that the network does not take, and is not continued on the next connection."""
    loop = asyncio.get_running_loop()

    class Interrupting(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() == 2:
                loop.call_soon_threadsafe(ws.send, bytes(15_000_000))
            return super().read(size)

    ws, seen = make(proxy.to(server.port), compression=False)
    got: list[str | bytes] = []
    ws.on("message")(got.append)
    await soon(ws.connect())
    proxy.silence()
    file = Interrupting(b"012345")
    sending = asyncio.ensure_future(ws.send_file(file, chunk_size=2, fragments=False))
    await until(lambda: file.tell() >= 4, "two chunks are read")
    await rest()
    assert not sending.done()
    proxy.cut()
    with pytest.raises(NotConnected, match="the file"):
        await soon(sending)
    proxy.resume()
    await seen.state("open", 2)
    ws.send("back")
    await soon(ws.ping())
    assert b"45" not in got
