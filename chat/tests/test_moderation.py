"""What administrators do to accounts."""

import asyncio

import pytest

from chat.tests.devices import Refused
from chat.tests.people import Town
from chat.tests.server import PASSWORD

# As the chat inside has it.
pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_ban_ends_everything_at_once(town: Town) -> None:
    admin, ada = await town.admin(), await town.person()
    room = await ada.create()
    sockets = [await ada.connect(), await ada.connect(), await ada.connect(transport="polling")]
    loop = asyncio.get_running_loop()
    begun = loop.time()

    banned = await admin.do("POST", f"/admin/users/{ada.id}/ban", {"reason": "spam"})

    for socket in sockets:
        assert await socket.hear("session:ended") == {"reason": "banned"}
        await socket.hear("disconnect")
    assert loop.time() == begun, "nothing had to wait"
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


async def test_accounts_are_listed_with_those_banned(town: Town) -> None:
    admin, ada = await town.admin(), await town.person()
    await admin.do("POST", f"/admin/users/{ada.id}/ban", {"reason": "spam"})
    (account,) = (await admin.do("GET", f"/admin/users?query={ada.username}"))["users"]
    assert account["id"] == ada.id
    assert account["ban_reason"] == "spam"
    first = await admin.do("GET", "/admin/users?limit=1")
    second = await admin.do("GET", f"/admin/users?limit=1&cursor={first['next_cursor']}")
    assert first["users"][0]["username"] < second["users"][0]["username"]
