"""What administrators do to accounts."""

import asyncio
import time

import aiohttp
import pytest

from chat.tests.people import WITHIN, Refused, Town
from chat.tests.server import PASSWORD


async def test_a_ban_ends_everything_at_once(town: Town) -> None:
    admin, ada = await town.admin(), await town.person()
    room = await ada.create()
    sockets = [await ada.connect(), await ada.connect(), await ada.connect(transport="polling")]
    begun = time.monotonic()

    banned = await admin.do("POST", f"/admin/users/{ada.id}/ban", {"reason": "spam"})

    for socket in sockets:
        assert await socket.hear("session:ended") == {"reason": "banned"}
        await socket.hear("disconnect")
    assert time.monotonic() - begun < 1
    assert banned["ban_reason"] == "spam"
    assert banned["banned_at"].endswith("Z")
    for method, path in (("GET", "/users/me"), ("GET", f"/rooms/{room['id']}/log"), ("POST", "/auth/refresh")):
        response = await ada.request(method, path)
        assert response.status_code == 403, path
        assert response.json()["error"] == {"code": "banned", "message": "This account is banned: spam"}
    response = await town.post("/auth/log-in", {"username": ada.username, "password": PASSWORD})
    assert response.status_code == 403
    with pytest.raises(Refused) as refused:
        await ada.connect()
    assert refused.value.data["data"] == {"code": "banned", "retry_after": None}
    assert (await admin.do("GET", f"/users?query={ada.username}"))["users"] == []


async def test_a_wrong_password_does_not_tell_of_a_ban(town: Town) -> None:
    admin, ada = await town.admin(), await town.person()
    await admin.do("POST", f"/admin/users/{ada.id}/ban", {})
    response = await town.post("/auth/log-in", {"username": ada.username, "password": "x" * 12})
    assert response.status_code == 401


async def test_a_reinstated_user_logs_in_again(town: Town) -> None:
    admin, ada = await town.admin(), await town.person()
    await admin.do("POST", f"/admin/users/{ada.id}/ban", {"reason": "mistake"})

    account = await admin.do("POST", f"/admin/users/{ada.id}/reinstate")

    assert account["banned_at"] is None
    assert account["ban_reason"] is None
    # The old session stays over.
    assert (await ada.request("GET", "/users/me")).status_code == 401
    again = await town.log_in(ada.username)
    await again.connect()


async def test_a_socket_that_is_connecting_while_its_user_is_banned_is_closed_too(town: Town) -> None:
    """Sockets that ask to be let in just before, while and just after the ban takes effect: none of them stays."""
    admin = await town.admin()
    async with aiohttp.ClientSession() as http:
        for _ in range(4):
            ada = await town.person()
            sockets = await town.connect_during(http, ada, admin.do("POST", f"/admin/users/{ada.id}/ban", {}))
            async with asyncio.timeout(WITHIN):
                fates = await asyncio.gather(*map(fate, sockets))
            assert set(fates) <= {"refused", "ended"}


async def fate(socket: aiohttp.ClientWebSocketResponse) -> str:
    """How it ends for a socket: refused, let in and told that the session has ended, or something else."""
    told = ""
    async for message in socket:
        told += str(message.data)
        if message.data.startswith("44"):
            await socket.close()
            return "refused" if '"code":"banned"' in told else told
    return "ended" if '"reason":"banned"' in told else told


async def test_the_last_administrator_stays(strict: Town) -> None:
    # Nobody else on that server is one.
    admin, ada = await strict.admin(), await strict.person()
    for method, path, body, code in (
        ("PATCH", f"/admin/users/{admin.id}", {"role": "member"}, "last_admin"),
        ("POST", f"/admin/users/{admin.id}/ban", {}, "self_ban"),
    ):
        response = await admin.request(method, path, body)
        assert response.status_code == 409
        assert response.json()["error"]["code"] == code

    device = await ada.connect()
    assert (await admin.do("PATCH", f"/admin/users/{ada.id}", {"role": "admin"}))["role"] == "admin"
    assert (await device.hear("user"))["role"] == "admin"
    # It holds from the next request on.
    await ada.do("GET", "/admin/users")
    assert (await ada.do("PATCH", f"/admin/users/{ada.id}", {"role": "member"}))["role"] == "member"
    assert (await ada.request("GET", "/admin/users")).status_code == 403


async def test_accounts_are_listed_with_those_banned(town: Town) -> None:
    admin, ada = await town.admin(), await town.person()
    await admin.do("POST", f"/admin/users/{ada.id}/ban", {"reason": "spam"})
    (account,) = (await admin.do("GET", f"/admin/users?query={ada.username}"))["users"]
    assert account["id"] == ada.id
    assert account["ban_reason"] == "spam"
    first = await admin.do("GET", "/admin/users?limit=1")
    second = await admin.do("GET", f"/admin/users?limit=1&cursor={first['next_cursor']}")
    assert first["users"][0]["username"] < second["users"][0]["username"]
