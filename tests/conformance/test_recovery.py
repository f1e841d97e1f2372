"""Connection state recovery with the stock client, through a network that fails; where it can, the original too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.client.proxy import Proxy
from tests.conformance.javascript import Runner
from tests.conformance.servers import Servers
from tests.server.site import WITHIN, until

TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}
# Of a poll that was torn before it was read, the server learns by its heartbeat alone.
QUICK = {"ping_interval": 0.5, "ping_timeout": 10}

each_transport = pytest.mark.parametrize("transports", TRANSPORTS.values(), ids=TRANSPORTS.keys())
SCENARIOS: dict[str, dict[str, Any]] = {
    "what was missed comes in order, and then what follows": {},
    "away too long": {"max_disconnection_duration": 0.2},
    "sent away": {},
    "middlewares are skipped": {},
    "middlewares run again": {"skip_middlewares": False},
}
UNSURE = ("node", "middlewares are skipped")
"""On a busy machine the original now and then does not recover, and in this scenario a stranger is refused for good."""


@pytest.mark.parametrize(
    ("kind", "scenario", "recovery"),
    [
        (kind, scenario, options)
        for kind in ("node", "windsock")
        for scenario, options in SCENARIOS.items()
        if (kind, scenario) != UNSURE
    ],
)
@each_transport
async def test_recovery(
    runner: Runner, servers: Servers, proxy: Proxy, kind: str, transports: list[str], scenario: str, recovery: Any
) -> None:
    await run(runner, servers, proxy, kind, transports, scenario, {"connection_state_recovery": recovery, **QUICK})


@pytest.mark.parametrize("scenario", ["nothing came before the cut", "back before the server knew that it was gone"])
@each_transport
async def test_recovery_where_the_original_fails(
    runner: Runner, servers: Servers, proxy: Proxy, transports: list[str], scenario: str
) -> None:
    await run(runner, servers, proxy, "windsock", transports, scenario, {"connection_state_recovery": {}})


@each_transport
async def test_a_state_is_given_back_once(
    runner: Runner, servers: Servers, proxy: Proxy, transports: list[str]
) -> None:
    """The original keeps it for whoever knows its secret, until its time is over."""
    scenario = "who was refused again is a stranger"
    options = {"connection_state_recovery": {"skip_middlewares": False}, **QUICK}
    await run(runner, servers, proxy, "windsock", transports, scenario, options)


@pytest.mark.parametrize("kind", ["node", "windsock"])
@each_transport
async def test_msgpack(runner: Runner, servers: Servers, proxy: Proxy, kind: str, transports: list[str]) -> None:
    """The offset is an argument as any other, whatever the parser."""
    scenario = "what was missed comes in order, and then what follows"
    options = {"connection_state_recovery": {}, "parser": "msgpack", **QUICK}
    await run(runner, servers, proxy, kind, transports, scenario, options, parser="msgpack")


@pytest.mark.parametrize("scenario", ["nothing came before the cut", "back before the server knew that it was gone"])
@each_transport
async def test_msgpack_where_the_original_fails(
    runner: Runner, servers: Servers, proxy: Proxy, transports: list[str], scenario: str
) -> None:
    options = {"connection_state_recovery": {}, "parser": "msgpack"}
    await run(runner, servers, proxy, "windsock", transports, scenario, options, parser="msgpack")


async def run(
    runner: Runner,
    servers: Servers,
    proxy: Proxy,
    kind: str,
    transports: list[str],
    scenario: str,
    options: dict[str, Any],
    *,
    parser: str = "json",
) -> None:
    """Runs one scenario in a thread, while the network between lives in the event loop."""
    server = servers.get(kind, options)
    loop = asyncio.get_running_loop()

    async def cut() -> None:
        await until(lambda: transports[-1] == "websocket" or proxy.polled, "a poll is on its way")
        proxy.accepting = False
        proxy.cut()

    async def mend() -> None:
        proxy.accepting = True

    async def strand() -> None:
        proxy.strand()

    actions: dict[str, Callable[[], Awaitable[None]]] = {"cut": cut, "mend": mend, "strand": strand}

    async def act(action: str) -> None:
        await actions[action]()

    def host(action: str) -> None:
        asyncio.run_coroutine_threadsafe(act(action), loop).result(WITHIN)

    since = server.mark()
    url = proxy.to(server.port)
    await asyncio.to_thread(
        runner.run, "recovery", scenario, url, transports, parser=parser, host=host, direct=server.url
    )
    assert server.alive
    assert not server.trouble(since), server.log()
