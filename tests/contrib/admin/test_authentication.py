"""Who is an administrator: by a password, or by a session."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from tests.server.client import Refused
from tests.server.fixtures import Join, Serve, Way
from windsock import Server
from windsock.contrib.admin import Admin, BasicAuth, MemorySessions
from windsock.contrib.admin.sessions import MAX_SESSIONS
from windsock.contrib.admin.throttle import FREE_ATTEMPTS

LONG = "correct horse battery staple " * 4
"""More than bcrypt takes."""

CHEAP = {
    "argon2": Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1).hash("changeit"),
    "bcrypt": BcryptHasher(rounds=4).hash("changeit"),
}


def make_server(password_hash: str = CHEAP["bcrypt"], **options: Any) -> Server:
    io = Server()
    Admin(io, auth=BasicAuth("admin", password_hash), **options)
    return io


async def enter(join: Join, site: Any, **auth: Any) -> Any:
    return await join(site, namespaces=("/admin",), auth=auth)


async def refusal(join: Join, site: Any, **auth: Any) -> Any:
    with pytest.raises(Refused) as caught:
        await enter(join, site, **auth)
    return caught.value.error


@pytest.mark.parametrize("kind", list(CHEAP))
async def test_a_password_and_a_session(host: Serve, way: Way, join: Join, kind: str) -> None:
    site = await host(make_server(CHEAP[kind]), way.lane)
    for username, password in (("admin", "wrong"), ("root", "changeit"), ("admin", ""), ("", "")):
        assert await refusal(join, site, username=username, password=password) == {"message": "invalid credentials"}
    page = await enter(join, site, username="admin", password="changeit")
    (session,) = await page.event("session", "/admin")
    await page.close()
    page = await enter(join, site, sessionId=session)
    assert (await page.event("config", "/admin"))[0]["supportedFeatures"]
    assert await refusal(join, site, sessionId=session[:-1]) == {"message": "invalid credentials"}


async def test_a_long_password_is_as_long_as_bcrypt_s(host: Serve, join: Join) -> None:
    hash = BcryptHasher(rounds=4).hash(LONG.encode()[:72])
    site = await host(make_server(hash))
    page = await join(
        site, namespaces=("/admin",), auth={"username": "admin", "password": LONG}, transports=["websocket"]
    )
    await page.event("session", "/admin")


async def test_a_guesser_has_to_wait(host: Serve, join: Join, trouble: Any) -> None:
    site = await host(make_server())

    async def attempt(password: str) -> Any:
        auth = {"username": "admin", "password": password}
        try:
            return await join(site, namespaces=("/admin",), auth=auth, transports=["websocket"])
        except Refused as refused:
            return refused.error

    answers = [await attempt(f"guess {number}") for number in range(FREE_ATTEMPTS + 3)]
    assert answers[:FREE_ATTEMPTS] == [{"message": "invalid credentials"}] * FREE_ATTEMPTS
    assert answers[-1] == {"message": "too many attempts", "data": {"retry_after": 1}}
    assert await attempt("changeit") == answers[-1], "not even the right one is looked at"


async def test_whoever_mistypes_now_and_then_need_not_wait(host: Serve, way: Way, join: Join) -> None:
    site = await host(make_server(), way.lane)
    for _ in range(3):
        for _ in range(FREE_ATTEMPTS - 1):
            assert await refusal(join, site, username="admin", password="chnageit") == {
                "message": "invalid credentials"
            }
        page = await enter(join, site, username="admin", password="changeit")
        await page.event("session", "/admin")


async def test_the_password_goes_no_further(host: Serve, way: Way, join: Join) -> None:
    io = make_server()
    seen: list[Any] = []
    io.of("/admin").use(lambda socket: seen.append(socket.handshake.auth))
    site = await host(io, way.lane)
    await enter(join, site, username="admin", password="changeit")
    assert seen == [{}]


async def test_guesses_at_once_do_not_take_the_machine(host: Serve, join: Join) -> None:
    site = await host(make_server(BcryptHasher(rounds=12).hash("changeit")), proxy_headers=True)

    async def attempt(number: int) -> str:
        auth = {"username": "admin", "password": str(number)}
        headers = {"X-Forwarded-For": f"192.0.2.{number}"}  # each by another's address
        try:
            await join(site, namespaces=("/admin",), auth=auth, headers=headers, transports=["websocket"])
        except Refused as refused:
            return str(refused.error["message"])
        return "in"

    answers = await asyncio.gather(*map(attempt, range(20)))
    assert set(answers) == {"invalid credentials", "too many attempts"}
    assert answers.count("invalid credentials") < 20


async def test_one_s_own_store(host: Serve, join: Join) -> None:
    class Shared:
        """What several processes would share."""

        def __init__(self) -> None:
            self.ids: set[str] = set()

        async def save(self, id: str) -> None:
            self.ids.add(id)

        async def exists(self, id: str) -> bool:
            return id in self.ids

    sessions = Shared()
    one, other = [await host(make_server(sessions=sessions)) for _ in range(2)]
    options: Any = {"namespaces": ("/admin",), "transports": ["websocket"]}
    page = await join(one, auth={"username": "admin", "password": "changeit"}, **options)
    (session,) = await page.event("session", "/admin")
    await (await join(other, auth={"sessionId": session}, **options)).event("config", "/admin")


async def test_sessions_end() -> None:
    sessions = MemorySessions(lifetime=0)
    await sessions.save("a")
    assert not await sessions.exists("a")


async def test_sessions_have_a_bound() -> None:
    sessions = MemorySessions()
    for number in range(MAX_SESSIONS + 1):
        await sessions.save(str(number))
    assert not await sessions.exists("0")
    assert await sessions.exists("1")
    assert await sessions.exists(str(MAX_SESSIONS))
