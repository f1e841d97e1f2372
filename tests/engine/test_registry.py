"""Opening a session: what is asked of a request, and how it is refused."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.server.fixtures import Dial, Serve
from tests.server.peer import ENGINE, PollingPeer, WebSocketPeer, open_http, open_websocket
from tests.server.site import Lane, Site, until
from windsock import Cookie, Server
from windsock.types import Scope

ERRORS = {
    0: "Transport unknown",
    1: "Session ID unknown",
    2: "Bad handshake method",
    3: "Bad request",
    4: "Forbidden",
    5: "Unsupported protocol version",
}
FRIEND = "https://friend.example"
STRANGER = "https://evil.example"


async def denial(site: Site, target: str, stack: AsyncExitStack, **options: Any) -> tuple[int, Any]:
    """Status and body with which a WebSocket handshake is refused."""
    with pytest.raises(InvalidStatus) as caught:
        await open_websocket(site.url + target, stack, **options)
    response = caught.value.response
    assert response.headers["Content-Type"] == "application/json"

    return response.status_code, json.loads(response.body or b"")


# -- what is refused --


@pytest.mark.parametrize(
    ("method", "query", "code"),
    [
        ("GET", "EIO=4", 0),
        ("GET", "", 0),
        ("GET", "EIO=4&transport=", 0),
        ("GET", "EIO=4&transport=flashsocket", 0),
        ("GET", "EIO=4&transport=Polling", 0),
        ("GET", "EIO=4&transport=__proto__", 0),
        ("GET", "EIO=4&transport=polling%00", 0),
        ("GET", "EIO=4&transport=polling&sid=unknown", 1),
        ("POST", "EIO=4&transport=polling&sid=unknown", 1),
        ("GET", "EIO=4&transport=polling&sid=__proto__", 1),
        ("POST", "EIO=4&transport=polling", 2),
        ("PUT", "EIO=4&transport=polling", 2),
        ("DELETE", "EIO=4&transport=polling", 2),
        ("GET", "EIO=4&transport=websocket", 3),
        ("GET", "EIO=4&transport=polling" + "&a=1" * 80, 3),
        ("GET", "EIO=3&transport=polling", 5),
        ("GET", "EIO=5&transport=polling", 5),
        ("GET", "transport=polling", 5),
    ],
)
async def test_requests_that_open_nothing(
    host: Serve, lane: Lane, stack: AsyncExitStack, method: str, query: str, code: int
) -> None:
    site = await host(Server(), lane)
    http = await open_http(site.url, stack)
    response = await http.request(method, f"/socket.io/?{query}")
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {"code": code, "message": ERRORS[code]}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("EIO=4", 0),
        ("EIO=4&transport=polling", 3),
        ("EIO=4&transport=flashsocket", 0),
        ("EIO=4&transport=websocket&sid=unknown", 1),
        ("EIO=3&transport=websocket", 5),
        ("transport=websocket", 5),
    ],
)
async def test_websockets_that_open_nothing(
    host: Serve, lane: Lane, stack: AsyncExitStack, query: str, code: int
) -> None:
    io = Server()
    site = await host(io, lane)
    assert await denial(site, f"/socket.io/?{query}", stack) == (400, {"code": code, "message": ERRORS[code]})
    await until(lambda: site.connections == 0, "the connection is closed")


async def test_a_session_is_spoken_to_on_its_own_transport(
    host: Serve, lane: Lane, stack: AsyncExitStack, dial: Dial
) -> None:
    site = await host(Server(), lane)
    polling, websocket = await dial(site, "polling"), await dial(site, "websocket")
    http = await open_http(site.url, stack)
    mismatch = {"code": 3, "message": ERRORS[3]}
    for query in (
        f"EIO=4&transport=polling&sid={websocket.sid}",
        f"EIO=4&transport=websocket&sid={polling.sid}",
        f"EIO=3&transport=polling&sid={polling.sid}",
    ):
        response = await http.get(f"/socket.io/?{query}")
        assert (response.status_code, response.json()) == (400, mismatch), query
    assert await denial(site, f"{ENGINE}&transport=websocket&sid={websocket.sid}", stack) == (400, mismatch)
    await polling.connect()
    await websocket.connect()


async def test_methods_that_a_session_does_not_know(host: Serve, lane: Lane, dial: Dial) -> None:
    peer = await dial(await host(Server(), lane), "polling")
    assert isinstance(peer, PollingPeer)
    for method in ("PUT", "DELETE", "PATCH"):
        response = await peer.http.request(method, peer.target)
        assert response.status_code in (400, 405)
        assert response.json()["code"] == 3
    await peer.connect()


@pytest.mark.parametrize(
    ("transports", "refused"), [(["websocket"], "polling"), (["polling"], "websocket")], ids=["websocket", "polling"]
)
async def test_transports_that_are_switched_off(
    host: Serve, lane: Lane, stack: AsyncExitStack, dial: Dial, transports: Any, refused: str
) -> None:
    site = await host(Server(transports=transports), lane)
    target = f"{ENGINE}&transport={refused}"
    error = {"code": 0, "message": ERRORS[0]}
    if refused == "websocket":
        assert await denial(site, target, stack) == (400, error)
    else:
        http = await open_http(site.url, stack)
        response = await http.get(target)
        assert (response.status_code, response.json()) == (400, error)
    peer = await dial(site, transports[0])
    assert peer.parameters["upgrades"] == []
    await peer.connect()


# -- origins --


async def test_the_origin_of_a_websocket_is_checked(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    site = await host(Server(cors_allowed_origins=[FRIEND]), lane)
    target = f"{ENGINE}&transport=websocket"
    assert await denial(site, target, stack, origin=STRANGER) == (403, {"code": 4, "message": "Forbidden"})
    for origin in (FRIEND, site.url, None):
        await WebSocketPeer.open(site.url, stack, origin=origin)


async def test_the_origin_of_a_request_is_checked(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    site = await host(Server(cors_allowed_origins=[FRIEND], cors_credentials=True), lane)
    http = await open_http(site.url, stack)
    target = f"{ENGINE}&transport=polling"
    response = await http.get(target, headers={"origin": STRANGER})
    assert (response.status_code, response.json()["code"]) == (403, 4)
    assert "access-control-allow-origin" not in response.headers
    assert response.headers["vary"] == "Origin"
    for origin in (FRIEND, site.url):
        response = await http.get(target, headers={"origin": origin})
        assert response.status_code == 200
    response = await http.get(target, headers={"origin": FRIEND})
    assert response.headers["access-control-allow-origin"] == FRIEND
    assert response.headers["access-control-allow-credentials"] == "true"
    # An error tells a friendly page what is wrong: it must be readable there.
    response = await http.get("/socket.io/?EIO=3&transport=polling", headers={"origin": FRIEND})
    assert (response.status_code, response.json()["code"]) == (400, 5)
    assert response.headers["access-control-allow-origin"] == FRIEND


async def test_a_session_does_not_excuse_the_origin(host: Serve, lane: Lane, dial: Dial) -> None:
    peer = await dial(await host(Server(), lane), "polling")
    assert isinstance(peer, PollingPeer)
    response = await peer.http.post(peer.target, content=b"40", headers={"origin": STRANGER})
    assert (response.status_code, response.json()["code"]) == (403, 4)
    await peer.connect()


async def test_preflight(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    site = await host(Server(cors_allowed_origins=lambda origin, scope: origin == FRIEND), lane)
    http = await open_http(site.url, stack)
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "x-token"}
    for query in ("?EIO=4&transport=polling", "?EIO=4&transport=polling&sid=whichever", ""):
        response = await http.options(f"/socket.io/{query}", headers={"origin": FRIEND, **asked})
        assert response.status_code == 204
        assert response.content == b""
        assert response.headers["access-control-allow-origin"] == FRIEND
        assert response.headers["access-control-allow-methods"] == "GET,POST"
        assert response.headers["access-control-allow-headers"] == "x-token"
    response = await http.options("/socket.io/", headers={"origin": STRANGER, **asked})
    assert response.status_code == 204
    assert "access-control-allow-origin" not in response.headers
    response = await http.options("/socket.io/")
    assert response.status_code == 204


# -- the application's say --


async def allow_later(scope: Scope) -> bool:
    return bool(scope["path"] == "/socket.io/")


async def refuse_later(scope: Scope) -> str:
    return "come back at noon"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda scope: True, None),
        (allow_later, None),
        (lambda scope: False, "Forbidden"),
        (lambda scope: "not today", "not today"),
        (refuse_later, "come back at noon"),
    ],
    ids=["yes", "yes, later", "no", "a message", "a message, later"],
)
async def test_allow_request(
    host: Serve, lane: Lane, stack: AsyncExitStack, dial: Dial, rule: Any, message: str | None
) -> None:
    site = await host(Server(allow_request=rule), lane)
    if message is None:
        await (await dial(site, "polling")).connect()
        await (await dial(site, "websocket")).connect()
        return
    error = {"code": 4, "message": message}
    http = await open_http(site.url, stack)
    response = await http.get(f"{ENGINE}&transport=polling")
    assert (response.status_code, response.json()) == (403, error)
    assert await denial(site, f"{ENGINE}&transport=websocket", stack) == (403, error)


async def test_allow_request_is_asked_once_for_each_session(host: Serve, lane: Lane, dial: Dial) -> None:
    asked: list[tuple[str, bytes]] = []

    def allow(scope: Scope) -> bool:
        asked.append((scope["type"], dict(scope["headers"])[b"host"]))
        return True

    site = await host(Server(allow_request=allow), lane)
    peer = await dial(site, "polling")
    await peer.connect()
    await peer.fence()
    await dial(site, "websocket")
    where = f"127.0.0.1:{site.port}".encode()
    assert asked == [("http", where), ("websocket", where)]


async def test_sessions_are_bounded(host: Serve, lane: Lane, stack: AsyncExitStack, dial: Dial) -> None:
    io = Server(max_sessions=2)
    site = await host(io, lane)
    first, second = await dial(site, "polling"), await dial(site, "websocket")
    http = await open_http(site.url, stack)
    response = await http.get(f"{ENGINE}&transport=polling")
    assert response.status_code == 503
    assert (await denial(site, f"{ENGINE}&transport=websocket", stack))[0] == 503
    await first.connect()
    await second.close()
    await until(lambda: len(io.engine.sessions) == 1, "one is gone")
    await (await dial(site, "websocket")).connect()


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_sessions_are_bounded_for_those_who_ask_at_once(
    host: Serve, lane: Lane, stack: AsyncExitStack, transport: str
) -> None:
    """When the application is asked about the tenth, nobody else has come in yet."""
    asked = 0
    everybody = asyncio.Event()

    async def allow(scope: Scope) -> bool:
        nonlocal asked
        asked += 1
        if asked == 10:
            everybody.set()
        await everybody.wait()
        return True

    io = Server(max_sessions=3, allow_request=allow)
    site = await host(io, lane)

    async def status() -> int:
        target = f"{ENGINE}&transport={transport}"
        if transport == "polling":
            return (await (await open_http(site.url, stack)).get(target)).status_code
        try:
            await open_websocket(site.url + target, stack)
        except InvalidStatus as refused:
            return refused.response.status_code
        return 200

    assert sorted(await asyncio.gather(*(status() for _ in range(10)))) == [200] * 3 + [503] * 7
    assert len(io.engine.sessions) == 3


# -- what is told --


async def test_the_open_packet(host: Serve, lane: Lane, dial: Dial) -> None:
    io = Server(ping_interval=3, ping_timeout=2.5, max_http_buffer_size=5000)
    site = await host(io, lane)
    polling, websocket = await dial(site, "polling"), await dial(site, "websocket")
    common = {"pingInterval": 3000, "pingTimeout": 2500, "maxPayload": 5000}
    assert polling.parameters == {"sid": polling.sid, "upgrades": ["websocket"], **common}
    assert websocket.parameters == {"sid": websocket.sid, "upgrades": [], **common}
    assert re.fullmatch(r"[\w-]{20}", polling.sid)
    assert polling.sid != websocket.sid
    assert (await polling.connect()) != polling.sid, "a socket's id is shown to others, the session's is a secret"


@pytest.mark.parametrize(("cookie", "name"), [(True, "io"), (Cookie(name="lb", path="/x", max_age=60), "lb")])
async def test_cookies(host: Serve, lane: Lane, stack: AsyncExitStack, cookie: Any, name: str) -> None:
    site = await host(Server(cookie=cookie), lane)
    http = await open_http(site.url, stack)
    response = await http.get(f"{ENGINE}&transport=polling")
    sid = re.findall(r'"sid":"([^"]+)"', response.text)[0]
    assert response.headers["set-cookie"].startswith(f"{name}={sid};")
    assert "HttpOnly" in response.headers["set-cookie"]
    response = await http.post(f"{ENGINE}&transport=polling&sid={sid}", content=b"40")
    assert "set-cookie" not in response.headers
    websocket = await WebSocketPeer.open(site.url, stack)
    assert websocket.connection.response is not None
    assert websocket.connection.response.headers["Set-Cookie"].startswith(f"{name}={websocket.sid};")
    upgrade = await open_websocket(f"{site.url}{ENGINE}&transport=websocket&sid={sid}", stack)
    assert upgrade.response is not None
    assert "Set-Cookie" not in upgrade.response.headers


async def test_no_cookie_by_default(host: Serve, lane: Lane, stack: AsyncExitStack) -> None:
    site = await host(Server(), lane)
    http = await open_http(site.url, stack)
    assert "set-cookie" not in (await http.get(f"{ENGINE}&transport=polling")).headers
    websocket = await WebSocketPeer.open(site.url, stack)
    assert websocket.connection.response is not None
    assert "Set-Cookie" not in websocket.connection.response.headers


# -- where it answers --


@pytest.mark.parametrize(
    ("options", "here", "elsewhere"),
    [
        ({}, ["/socket.io/"], ["/socket.io", "/socket.iox/", "/socket.io/x", "/", "/x/socket.io/"]),
        ({"path": "/live"}, ["/live/"], ["/live", "/socket.io/"]),
        ({"path": "/a/b/"}, ["/a/b/"], ["/a/", "/b/"]),
        ({"add_trailing_slash": False}, ["/socket.io", "/socket.io/"], ["/socket.io/x", "/socket.iox"]),
    ],
)
async def test_paths(
    host: Serve, lane: Lane, stack: AsyncExitStack, options: Any, here: list[str], elsewhere: list[str]
) -> None:
    site = await host(Server(**options), lane)
    http = await open_http(site.url, stack)
    for path in here:
        response = await http.get(f"{path}?EIO=4&transport=polling")
        assert response.status_code == 200, path
        websocket = await open_websocket(f"{site.url}{path}?EIO=4&transport=websocket", stack)
        assert str(await websocket.recv()).startswith("0{"), path
    for path in elsewhere:
        response = await http.get(f"{path}?EIO=4&transport=polling")
        assert response.status_code == 404, path
        with pytest.raises(InvalidStatus) as caught:
            await open_websocket(f"{site.url}{path}?EIO=4&transport=websocket", stack)
        assert caught.value.response.status_code in (403, 404), path
