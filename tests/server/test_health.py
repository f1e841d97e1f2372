"""Whether a server takes clients: what it answers, and where."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from tests.server.fixtures import Dial, Serve
from tests.server.peer import open_http
from tests.server.site import Lane, until
from windsock import HealthCheck, MemoryAdapter, Server


async def own(request: Request) -> Response:
    return PlainTextResponse("the application's own")


class Troubled(MemoryAdapter):
    """An adapter that says what does not work."""

    problem: str | None = None


async def test_it_takes_clients_until_it_closes(host: Serve, lane: Lane, stack: AsyncExitStack, dial: Dial) -> None:
    io = Server()
    site = await host(io.asgi(health_path="/healthz"), lane)
    http = await open_http(site.url, stack)
    await dial(site, "websocket")
    answer = await http.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "sessions": 1})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    head = await http.head("/healthz")
    assert (head.status_code, head.content) == (200, b"")
    await io.close()
    await until(lambda: not io.engine.sessions, "the client has gone")
    answer = await http.get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"status": "closing", "sessions": 0})
    assert not io.health.ready


async def test_a_server_that_is_full_takes_none(host: Serve, stack: AsyncExitStack, dial: Dial) -> None:
    io = Server(max_sessions=1)
    site = await host(io.asgi(health_path="/healthz"))
    http = await open_http(site.url, stack)
    assert (await http.get("/healthz")).status_code == 200
    await dial(site, "websocket")
    answer = await http.get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (503, "full")


async def test_an_adapter_that_does_not_work_is_told_and_clients_are_taken(
    host: Serve, stack: AsyncExitStack, dial: Dial
) -> None:
    adapters: list[Troubled] = []

    def make(*arguments: Any) -> Troubled:
        adapters.append(Troubled(*arguments))
        return adapters[-1]

    io = Server(adapter=make)
    io.of("/other")
    site = await host(io.asgi(health_path="/healthz"))
    http = await open_http(site.url, stack)
    assert (await http.get("/healthz")).json() == {"status": "ok", "sessions": 0}
    adapters[1].problem = "no connection to Redis"
    answer = await http.get("/healthz")
    expected = {"status": "degraded", "sessions": 0, "problems": {"/other": "no connection to Redis"}}
    assert (answer.status_code, answer.json()) == (200, expected)
    await (await dial(site, "websocket")).connect()


async def test_an_application_s_route_of_that_name_stays_its_own(host: Serve, stack: AsyncExitStack) -> None:
    io = Server()
    web = Starlette(routes=[Route("/healthz", own), Mount("/ready", HealthCheck(io))])
    http = await open_http((await host(io.asgi(web))).url, stack)
    assert (await http.get("/healthz")).text == "the application's own"
    assert (await http.get("/ready/")).json() == {"status": "ok", "sessions": 0}
    asked = await open_http((await host(io.asgi(web, health_path="/healthz"))).url, stack)
    assert (await asked.get("/healthz")).json() == {"status": "ok", "sessions": 0}


async def test_mounted_below_a_path(host: Serve, stack: AsyncExitStack) -> None:
    io = Server()
    http = await open_http((await host(Starlette(routes=[Mount("/live", io.asgi(health_path="/up"))]))).url, stack)
    assert (await http.get("/live/up")).json() == {"status": "ok", "sessions": 0}
    assert (await http.get("/up")).status_code == 404
