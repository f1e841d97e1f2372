"""Attacks on systems like this, at the application: each is refused clearly and costs nobody else anything."""

import asyncio
import json
import socket
import struct
from collections.abc import Iterable
from urllib.parse import quote
from uuid import uuid4

import aiohttp
import pytest

from chat.tests.devices import WITHIN
from chat.tests.people import Town
from chat.tests.server import ChatServer
from tests.conformance.process import slowness

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

# What people send to have it run in others' browsers. It is stored and told as the text that it is.
MESSAGES = [
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "[a](JaVaScRiPt&#58;alert(1))",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "[a](vbscript:x)",
    '![a](x" onerror="alert(1))',
    '<a href="\\u0001javascript:alert(1)">',
    '<a href="\x01javascript:alert(1)">',
    "</script><script>",
    '{{constructor.constructor("alert(1)")()}}',
    "> " * 2000,
    "'; DROP TABLE entries; --",
    "\u202egnirts desrever",
    "\ufeff\u200b.\u2028\u2029",
    "   indented\r\n\ttext   ",
    '{"_placeholder":true,"num":0}',
]


async def raw(server: ChatServer, *parts: bytes) -> bytes:
    """Bytes to the server's socket, in so many writes; what it answers until it closes, or has nothing more to say."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    answer = b""
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
    except ConnectionError:
        pass  # it has answered and closed before everything was sent
    try:
        async with asyncio.timeout(WITHIN):
            while chunk := await reader.read(65536):
                answer += chunk
                if b"\r\n\r\n" in answer:
                    break
    except ConnectionError:
        pass
    finally:
        writer.close()
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def request(target: str, headers: Iterable[str] = (), host: str | None = "localhost") -> bytes:
    """A request's head."""
    lines = [f"GET {target} HTTP/1.1", *([f"Host: {host}"] if host is not None else []), *headers, "", ""]
    return "\r\n".join(lines).encode("utf-8")


@pytest.mark.parametrize("text", MESSAGES)
async def test_a_message_is_kept_and_told_exactly_as_it_was_written(served: Town, text: str) -> None:
    ada, bob = await served.people(2)
    room = await ada.create()
    await bob.join(room)
    a, b = await ada.connect(), await bob.connect()
    entry = await a.say(room, text)
    assert entry["text"] == text
    assert (await b.hear("entry", lambda heard: heard["id"] == entry["id"]))["text"] == text
    response = await bob.request("GET", f"/rooms/{room['id']}/log")
    assert response.json()["entries"][-1]["text"] == text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("surrogate", ["\\ud800", "\\udfff", "a\\udc00\\ud800b"])
async def test_a_lone_surrogate_is_refused_in_messages(served: Town, surrogate: str) -> None:
    ada = await served.person()
    room = await ada.create()
    payload = json.dumps({"room_id": room["id"], "client_id": str(uuid4()), "text": "?"}).replace("?", surrogate)
    async with aiohttp.ClientSession() as session:
        url = f"{served.server.url}/socket.io/?EIO=4&transport=websocket"
        async with asyncio.timeout(WITHIN), session.ws_connect(url) as ws:
            await ws.receive_str()
            await ws.send_str(f'40{{"token":"{ada.token}"}}')
            assert (await ws.receive_str()).startswith("40")
            await ws.send_str(f'427["message:send",{payload}]')
            answer = await ws.receive_str()
            assert answer.startswith("437")
            assert '"code":"invalid_payload"' in answer
            # The connection stays.
            await ws.send_str(f'428["typing",{{"room_id":"{room["id"]}","typing":true}}]')
            assert await ws.receive_str() == '438[{"ok":true}]'


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/rooms", {"kind": "public", "name": "a\0b"}),
        ("POST", "/rooms", {"kind": "public", "name": "a\ud800b"}),
        ("POST", "/rooms", {"kind": "public", "name": "x", "topic": "\udfff"}),
        ("POST", "/rooms", {"kind": "direct", "name": "x"}),
        ("POST", "/rooms", {"kind": "public", "name": "\u202eevil"}),
        ("POST", "/rooms", {"kind": "public", "name": "x", "\ud800": 1}),
        ("POST", "/rooms", {"kind": "public", "name": "x", "owner": "me"}),
        ("POST", "/rooms", []),
        ("POST", "/rooms", "text"),
        ("POST", "/rooms/direct", {"user_id": 2**63}),
        ("PATCH", "/users/me", {"about": "a\0b"}),
        ("PATCH", "/users/me", {"role": "admin"}),
        ("PATCH", "/users/me", {"display_name": "\ud800"}),
        ("GET", "/users?query=a%00b", None),
        ("GET", "/users?query=%ED%A0%80", None),
        ("GET", "/users?cursor=%00", None),
        ("GET", "/users?limit=9223372036854775808", None),
        ("GET", "/users?limit=1e3", None),
        ("GET", "/users?admin=true", None),
        ("GET", "/rooms/browse?cursor=x", None),
        ("GET", "/users/x", None),
        ("GET", "/users/%00", None),
        ("GET", "/rooms/%F0%9F%98%80", None),
    ],
)
async def test_what_is_not_valid_is_refused_as_such(served: Town, method: str, path: str, body: object) -> None:
    ada = await served.person()
    response = await ada.request(method, path, body)
    # %ED%A0%80 is no UTF-8: it is read as three replacement characters, and finds nobody.
    assert response.status_code == (200 if "%ED" in path else 422), response.text
    if response.is_error:
        assert response.json()["error"]["code"] == "invalid_payload"


@pytest.mark.parametrize("bound", [2**53, 2**63 - 1, 2**63, 2**64, 10**4000, -1, -(2**63) - 1])
async def test_a_huge_number_is_refused(served: Town, bound: int) -> None:
    ada = await served.person()
    room = await ada.create()
    digits = "9" * 4001 if bound == 10**4000 else str(bound)
    for parameter in ("before", "after"):
        response = await ada.request("GET", f"/rooms/{room['id']}/log?{parameter}={digits}")
        assert response.status_code == 422, parameter


@pytest.mark.parametrize(
    "content",
    [b"{", b"[" * 30_000, b'{"a":' * 10_000, b"\xff\xfe", b"\x00", b"9" * 5000, b'{"username": 1e999}', b"nan", b""],
    ids=["cut off", "deep list", "deep object", "no UTF-8", "NUL", "huge number", "infinity", "not JSON", "empty"],
)
async def test_a_body_that_is_no_json_is_refused(served: Town, content: bytes) -> None:
    response = await served.browser().post(
        "/auth/log-in", content=content, headers={"Content-Type": "application/json"}
    )
    assert response.status_code in {400, 422}
    assert response.json()["error"]["code"] in {"bad_request", "invalid_payload"}


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_a_form_cannot_post(served: Town, media_type: str) -> None:
    content = b'{"username": "root", "password": "xxxxxxxxxxxx"}'
    response = await served.browser().post("/auth/log-in", content=content, headers={"Content-Type": media_type})
    assert response.status_code == 422


async def test_errors_are_bounded_and_repeat_nothing(served: Town) -> None:
    body = {"username": "ada", "password": "hunter2", **{f"field-{n}": "x" for n in range(2000)}}
    response = await served.post("/auth/log-in", body)
    assert response.status_code == 422
    assert len(response.json()["error"]["details"]) <= 20
    assert "hunter2" not in response.text
    long = await served.post("/auth/log-in", {"x" * 50_000: 1})
    assert len(long.content) < 4000


async def test_a_large_body_is_refused_with_a_length(server: ChatServer) -> None:
    head = "POST /api/v1/auth/log-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for length in ("65537", "999999999999"):
        answer = await raw(server, f"{head}Content-Length: {length}\r\n\r\n".encode(), b"{")
        assert status(answer) == 413, length
        assert b"x-content-type-options: nosniff" in answer.lower()
    for length in ("-1", "1e18", "0x10", "9" * 40):
        answer = await raw(server, f"{head}Content-Length: {length}\r\n\r\n".encode(), b"{")
        assert status(answer) in {400, 413}, length


async def test_a_large_body_is_refused_without_a_length(server: ChatServer) -> None:
    head = (
        "POST /api/v1/auth/log-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    answer = await raw(server, head.encode(), *[chunk] * 200)
    assert status(answer) == 413


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 4\r\nTransfer-Encoding: chunked123\r\n\r\nabcd",
        "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    ],
    ids=["length and encoding", "two lengths", "garbage after a chunk", "chunk without a size"],
)
async def test_a_body_of_two_minds_is_refused(server: ChatServer, head: str) -> None:
    first = "POST /api/v1/auth/log-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    answer = await raw(server, (first + head).encode())
    assert status(answer) == 400


@pytest.mark.parametrize(
    "host",
    ["evil.example", "a/b?x", "localhost@evil.example", "localhost:80:80", "localhost.evil.example", "", "localhost:",
     "[::1", "lo\u0441alhost", "localhost, evil.example", "127.0.0.1.nip.io"],
)  # fmt: skip
async def test_another_host_is_refused(server: ChatServer, host: str) -> None:
    for target in ("/", "/api/v1/health", "/socket.io/?EIO=4&transport=polling"):
        assert status(await raw(server, request(target, host=host))) == 400, target


async def test_a_host_must_be_named_once(server: ChatServer) -> None:
    assert status(await raw(server, request("/", host=None))) == 400
    assert status(await raw(server, request("/", ["Host: evil.example"]))) == 400


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost:8000", "127.0.0.1", "[::1]:8000"])
async def test_our_own_names_are_answered(server: ChatServer, host: str) -> None:
    assert status(await raw(server, request("/api/v1/health", host=host))) == 200


@pytest.mark.parametrize("target", ["@evil.example", "http://evil.example@/", "*", "evil", "//evil.example/x"])
async def test_a_target_that_is_no_path_is_refused(server: ChatServer, target: str) -> None:
    assert status(await raw(server, request(target))) in {400, 404}


async def test_a_socket_of_another_host_is_refused(server: ChatServer) -> None:
    upgrade = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    target = "/socket.io/?EIO=4&transport=websocket"
    assert status(await raw(server, request(target, upgrade))) == 101
    assert status(await raw(server, request(target, upgrade, host="evil.example"))) == 403
    assert status(await raw(server, request(target, [*upgrade, "Origin: http://evil.example"]))) in {400, 403}


@pytest.mark.parametrize("path", ["/", "/api/v1/users/me", "/socket.io/?EIO=4&transport=polling", "/nothing.here"])
async def test_another_site_gets_no_leave_to_read(served: Town, path: str) -> None:
    ada = await served.person()
    url = f"{served.server.url}{path}"
    for origin in ("http://evil.example", "null", f"{served.server.url}.evil.example"):
        for method in ("GET", "OPTIONS"):
            headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
            response = await ada.http.request(method, url, headers=headers)
            assert not any(name.startswith("access-control-allow") for name in response.headers), (method, origin)


@pytest.mark.parametrize(
    "path",
    ["/", "/index.html", "/assets/app-3f2a.js", "/room/x", "/nothing.js", "/api/v1/users/me", "/api/v1/health",
     "/api/v1/nothing", "/api/v1/openapi.json", "/socket.io/?EIO=4&transport=polling", "/socket.io/?EIO=3"],
)  # fmt: skip
async def test_every_answer_has_the_security_headers(served: Town, path: str) -> None:
    response = await served.browser().get(f"{served.server.url}{path}")
    assert SECURITY_HEADERS.items() <= dict(response.headers).items()
    policy = response.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "object-src 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "unsafe" not in policy
    assert "strict-transport-security" not in response.headers
    assert "server" not in response.headers


async def test_transport_security_is_asked_for_over_tls(strict: Town) -> None:
    browser = strict.browser(**{"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.77"})
    response = await browser.get("/health")
    assert response.headers["strict-transport-security"] == "max-age=31536000"
    ada = await strict.person()
    renewed = await browser.post(
        "/auth/refresh", headers={"Cookie": f"windsock_refresh={ada.http.cookies['windsock_refresh']}"}
    )
    assert "secure" in renewed.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "path",
    [
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/../../../etc/passwd",
        "/assets/..%2f..%2fsecret",
        "/assets/../../{web}-secret/secret.txt",
        "/..%2f{web}-secret%2fsecret.txt",
        "/..\\{web}-secret\\secret.txt",
        "/%2fetc%2fpasswd",
        "/.env",
        "/assets/",
        "/assets/app-3f2a.js%00.png",
        "/index.html%00",
        "/assets/app-3f2a.js/",
    ],
)
async def test_no_file_but_the_clients_is_served(server: ChatServer, path: str) -> None:
    answer = await raw(server, request(path.replace("{web}", server.web.name)))
    assert status(answer) == 404
    assert b"secret" not in answer.partition(b"\r\n\r\n")[2]


async def test_a_range_header_is_not_read(server: ChatServer) -> None:
    ranges = "bytes=" + ",".join(f"{n}-{n}" for n in range(6000))
    begun = server.cpu_seconds()
    answer = await raw(server, request("/assets/app-3f2a.js", [f"Range: {ranges}"]))
    assert status(answer) in {200, 400, 431}
    huge = "bytes=" + ",".join(["0-0"] * 50_000)
    answer = await raw(server, request("/assets/app-3f2a.js", [f"Range: {huge}"]))
    assert status(answer) in {0, 200, 400, 431}
    assert server.cpu_seconds() - begun < 0.2 * slowness()
    assert status(await raw(server, request("/assets/app-3f2a.js", ["Range: bytes=0-4"]))) == 200


async def test_a_client_that_vanishes_in_the_middle_harms_nobody(server: ChatServer, served: Town) -> None:
    for part in (b"", b"GET", request("/api/v1/health")[:-2], request("/socket.io/?EIO=4&transport=polling")):
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.send(part)
        connection.close()
    ada = await served.person()
    await (await ada.connect()).say(await ada.create(), "unharmed")


async def test_ids_of_others_open_nothing(served: Town) -> None:
    """Whoever knows every id of a private room still sees and changes nothing of it."""
    ada, bob, eve = await served.people(3)
    room, own = await ada.create("private"), await eve.create()
    await ada.invite(room, bob)
    a, e = await ada.connect(), await eve.connect()
    message = await a.say(room, "between us")
    for event, more in (
        ("message:send", {"text": "x"}),
        ("message:edit", {"text": "x", "target_seq": message["seq"]}),
        ("message:delete", {"target_seq": message["seq"]}),
    ):
        # Also under the client id of somebody else's message.
        for name in (str(uuid4()), message["client_id"]):
            answer = await e.call(event, {"room_id": room["id"], "client_id": name, **more})
            assert answer["error"]["code"] == "not_found"
    # A seq of another room is a seq of one's own.
    elsewhere = {"room_id": own["id"], "client_id": str(uuid4()), "target_seq": message["seq"]}
    assert (await e.call("message:delete", elsewhere))["error"]["code"] == "not_found"
    for path in (f"/rooms/{room['id']}", f"/rooms/{room['id']}/log", f"/rooms/{room['id']}/members"):
        assert (await eve.request("GET", path)).status_code == 404
    found = await eve.do("GET", f"/rooms/browse?query={quote(room['name'])}")
    assert found["rooms"] == []
    assert (await ada.do("GET", f"/rooms/{room['id']}/log"))["entries"][-1] == message
    assert e.heard("entry") == []
