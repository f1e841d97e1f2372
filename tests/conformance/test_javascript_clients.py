"""The official clients, under Node and in Chromium, against every server; the same against the original."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.javascript import Runner, scenarios
from tests.conformance.process import ServerProcess
from tests.conformance.servers import GRACEFUL, Servers, start

SCENARIOS = scenarios()
TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}
AFTER_STOP = "reconnection when the server was stopped and started"
AFTER_KILL = "reconnection when the server was killed"
ALLOWED = "another origin, allowed"
REFUSED = "another origin, refused"
ONLY_MSGPACK = "what only msgpack carries there and back"
ATTACHMENTS = "more attachments than allowed end the connection, and no other"
COMPRESSED = "broadcasts of every form, to a room that compresses"
SPECIAL = {AFTER_STOP, AFTER_KILL, ALLOWED, REFUSED, ONLY_MSGPACK, COMPRESSED}
SHARED = [name for name in SCENARIOS["socket"] if name not in SPECIAL]
HEARTBEAT = "ping and pong at the interval announced"
FALLBACK = "a refused transport falls back to the next"
ENGINE = [name for name in SCENARIOS["engine"] if name not in (HEARTBEAT, FALLBACK)]

each_transport = pytest.mark.parametrize("transports", TRANSPORTS.values(), ids=TRANSPORTS.keys())


@pytest.mark.parametrize("scenario", SHARED)
@each_transport
@pytest.mark.parametrize("kind", ["node", "windsock"])
def test_socket_io_client(runner: Runner, servers: Servers, kind: str, transports: list[str], scenario: str) -> None:
    run(runner, servers.get(kind), "socket", scenario, transports)


@pytest.mark.parametrize("scenario", SHARED)
@each_transport
def test_socket_io_client_and_workers(runner: Runner, servers: Servers, transports: list[str], scenario: str) -> None:
    run(runner, servers.get("workers"), "socket", scenario, transports)


@pytest.mark.parametrize("scenario", SHARED)
@pytest.mark.parametrize(
    ("kind", "transport"),
    [
        ("uvicorn", "polling"),
        ("uvicorn", "websocket"),
        ("uvicorn", "upgrade"),
        ("hypercorn", "upgrade"),
        ("granian", "upgrade"),
    ],
)
def test_socket_io_client_through_plain_asgi(
    runner: Runner, servers: Servers, kind: str, transport: str, scenario: str
) -> None:
    run(runner, servers.get(kind), "socket", scenario, TRANSPORTS[transport])


@pytest.mark.parametrize("scenario", SHARED)
@pytest.mark.parametrize(
    ("kind", "transport"),
    [("windsock", "polling"), ("windsock", "websocket"), ("windsock", "upgrade"), ("node", "upgrade")],
)
def test_socket_io_client_in_chromium(
    runner: Runner, servers: Servers, kind: str, transport: str, scenario: str
) -> None:
    run(runner, servers.get(kind), "socket", scenario, TRANSPORTS[transport], where="chromium")


@pytest.mark.parametrize("scenario", [AFTER_STOP, AFTER_KILL])
@each_transport
@pytest.mark.parametrize(("kind", "where"), [("node", "node"), ("windsock", "node"), ("windsock", "chromium")])
def test_reconnection(
    runner: Runner, javascript: None, kind: str, where: str, transports: list[str], scenario: str
) -> None:
    reconnect(runner, kind, where, transports, scenario)


@pytest.mark.parametrize(
    ("kind", "transport", "scenario"),
    [
        ("uvicorn", "polling", AFTER_KILL),
        ("uvicorn", "websocket", AFTER_STOP),
        ("uvicorn", "upgrade", AFTER_STOP),
        ("hypercorn", "upgrade", AFTER_KILL),
        ("granian", "upgrade", AFTER_KILL),
    ],
)
def test_reconnection_through_plain_asgi(
    runner: Runner, javascript: None, kind: str, transport: str, scenario: str
) -> None:
    reconnect(runner, kind, "node", TRANSPORTS[transport], scenario)


@pytest.mark.parametrize("scenario", ENGINE)
@each_transport
@pytest.mark.parametrize("kind", ["node", "windsock", "uvicorn"])
def test_engine_io_client(runner: Runner, servers: Servers, kind: str, transports: list[str], scenario: str) -> None:
    run(runner, servers.get(kind), "engine", scenario, transports)


@each_transport
@pytest.mark.parametrize("kind", ["node", "windsock", "uvicorn"])
def test_heartbeat(runner: Runner, servers: Servers, kind: str, transports: list[str]) -> None:
    server = servers.get(kind, {"ping_interval": 0.3, "ping_timeout": 5})
    run(runner, server, "engine", HEARTBEAT, transports)


@pytest.mark.parametrize("kind", ["node", "windsock"])
def test_fallback_from_a_transport_that_is_switched_off(runner: Runner, servers: Servers, kind: str) -> None:
    run(runner, servers.get(kind, {"transports": ["polling"]}), "engine", FALLBACK, ["websocket", "polling"])


@pytest.mark.parametrize(
    "scenario", ["every JSON type there and back", "binary there and back", "large messages both ways", COMPRESSED]
)
@pytest.mark.parametrize("where", ["node", "chromium"])
@pytest.mark.parametrize("kind", ["node", "windsock"])
def test_compressed_websockets(runner: Runner, servers: Servers, kind: str, where: str, scenario: str) -> None:
    server = servers.get(kind, {"per_message_deflate": True})
    run(runner, server, "socket", scenario, ["websocket"], where=where)


@pytest.mark.parametrize("scenario", [ONLY_MSGPACK, *(name for name in SHARED if name != ATTACHMENTS)])
@pytest.mark.parametrize(
    ("kind", "transport"),
    [
        *(("node", transport) for transport in TRANSPORTS),
        *(("windsock", transport) for transport in TRANSPORTS),
        ("uvicorn", "upgrade"),
    ],
)
def test_msgpack(runner: Runner, servers: Servers, kind: str, transport: str, scenario: str) -> None:
    server = servers.get(kind, {"parser": "msgpack"})
    run(runner, server, "socket", scenario, TRANSPORTS[transport], parser="msgpack")


@each_transport
def test_a_page_of_another_origin_in_chromium(runner: Runner, servers: Servers, transports: list[str]) -> None:
    page = servers.get("node").url
    allowing = servers.get("windsock", {"cors_allowed_origins": [page], "cors_credentials": True})
    run(runner, allowing, "socket", ALLOWED, transports, where="chromium", page=page)
    run(runner, servers.get("windsock"), "socket", REFUSED, transports[:1], where="chromium", page=page)


def run(
    runner: Runner,
    server: ServerProcess,
    suite: str,
    scenario: str,
    transports: list[str],
    *,
    parser: str = "json",
    where: str = "node",
    page: str | None = None,
) -> None:
    """Runs one scenario, after which the server must live and have nothing to complain about."""
    since = server.mark()
    runner.run(suite, scenario, server.url, transports, parser=parser, where=where, page=page)
    assert server.alive
    assert not server.trouble(since), server.log()


def reconnect(runner: Runner, kind: str, where: str, transports: list[str], scenario: str) -> None:
    """Runs a scenario that ends and starts a server of its own."""
    server = start(kind)
    try:
        actions: dict[str, Callable[[], object]] = {"start": server.start, "stop": server.stop, "kill": server.kill}

        def host(action: str) -> None:
            actions[action]()

        runner.run("socket", scenario, server.url, transports, where=where, host=host)
        assert not server.trouble()
    finally:
        if kind not in GRACEFUL:
            server.kill()
        server.__exit__()
