"""Sockets over the network: bare ones, an independent client, and many that come at the moment of a change."""

import asyncio
from uuid import uuid4

import aiohttp
import pytest

from chat.tests.devices import WITHIN
from chat.tests.people import Town, until


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_message_reaches_every_member(served: Town, transport: str) -> None:
    ada, bob = await served.people(2)
    room = await ada.create()
    await bob.join(room)
    a, b = [await person.connect(transport=transport) for person in (ada, bob)]
    entry = await a.say(room, "hello")
    assert await b.hear("entry", lambda heard: heard["kind"] == "message") == entry
    assert await a.hear("entry", lambda heard: heard["kind"] == "message") == entry


@pytest.mark.parametrize("value", [-(2**63) - 1, 2**64])
async def test_a_number_that_no_database_has_is_refused(served: Town, value: int) -> None:
    """And that not every client can send."""
    ada = await served.person()
    device = await ada.connect()
    room = await ada.create()
    payload = {"room_id": room["id"], "client_id": str(uuid4()), "target_seq": value, "text": "x"}
    answer = await device.call("message:edit", payload)
    assert answer["error"]["code"] == "invalid_payload"
    await device.say(room, "still here")


async def test_a_ban_closes_real_sockets(served: Town) -> None:
    admin, ada = await served.admin(), await served.person()
    devices = [await ada.connect(), await ada.connect(transport="polling")]
    await admin.do("POST", f"/admin/users/{ada.id}/ban", {"reason": "spam"})
    for device in devices:
        assert await device.hear("session:ended") == {"reason": "banned"}
        await device.hear("disconnect")


async def test_who_left_is_seen_offline(served: Town) -> None:
    ada, bob = await served.people(2)
    await bob.join(await ada.create())
    watcher, device = await bob.connect(), await ada.connect()
    await device.leave()
    told = await watcher.hear("presence", lambda notice: not notice["online"])
    assert told["user_id"] == ada.id


@pytest.mark.parametrize(
    "auth",
    [{}, {"token": ""}, {"token": 7}, {"token": None}, {"token": "x" * 5000}, {"token": "a b"}, {"token": "x", "y": 1}],
)
async def test_a_handshake_without_a_token_is_refused(served: Town, auth: dict[str, object]) -> None:
    async with aiohttp.ClientSession() as session:
        url = f"{served.server.url}/socket.io/?EIO=4&transport=websocket"
        async with asyncio.timeout(WITHIN), session.ws_connect(url) as socket:
            await socket.receive_str()
            await socket.send_str("40" + aiohttp.payload.JsonPayload(auth).decode())
            answer = await socket.receive_str()
    assert answer.startswith("44")
    assert '"code":"unauthorized"' in answer or '"code":"invalid_payload"' in answer


async def test_a_token_in_the_query_is_not_looked_at(served: Town) -> None:
    ada = await served.person()
    async with aiohttp.ClientSession() as session:
        url = f"{served.server.url}/socket.io/?EIO=4&transport=websocket&token={ada.token}"
        async with asyncio.timeout(WITHIN), session.ws_connect(url) as socket:
            await socket.receive_str()
            await socket.send_str("40")
            assert (await socket.receive_str()).startswith("44")


async def test_other_namespaces_are_refused(served: Town) -> None:
    ada = await served.person()
    async with aiohttp.ClientSession() as session:
        url = f"{served.server.url}/socket.io/?EIO=4&transport=websocket"
        async with asyncio.timeout(WITHIN), session.ws_connect(url) as socket:
            await socket.receive_str()
            await socket.send_str(f'40/admin,{{"token":"{ada.token}"}}')
            assert (await socket.receive_str()).startswith("44/admin,")


async def test_a_socket_is_in_its_rooms_before_it_is_told_that_it_is_connected(served: Town) -> None:
    ada, bob = await served.people(2)
    room = await ada.create()
    await bob.join(room)
    talker = await ada.connect()
    talking = True

    async def talk() -> None:
        while talking:
            await talker.say(room, "on and on")

    task = asyncio.create_task(talk())
    for _ in range(5):
        device = await bob.connect()
        page = await bob.do("GET", f"/rooms/{room['id']}/log?limit=1")
        # What comes after that page comes over the socket, from the next entry on.
        following = page["last_seq"] + 1
        await device.hear("entry", lambda heard: heard["seq"] == following)  # noqa: B023  done before the next round
    talking = False
    await task


async def test_a_socket_that_is_connecting_while_its_user_is_banned_is_closed_too(served: Town) -> None:
    """Sockets that ask to be let in just before, while and just after the ban takes effect: none of them stays."""
    admin = await served.admin()
    async with aiohttp.ClientSession() as http:
        for _ in range(4):
            ada = await served.person()
            sockets = await served.connect_during(http, ada, admin.do("POST", f"/admin/users/{ada.id}/ban", {}))
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


async def test_a_socket_that_is_connecting_while_its_user_is_removed_hears_no_more(served: Town) -> None:
    """Sockets that ask to be let in just before, while and just after: none of them stays in the room."""
    ada, bob = await served.people(2)
    other = await ada.create()
    await bob.join(other)
    device = await ada.connect()

    async def hear(socket: aiohttp.ClientWebSocketResponse) -> str:
        told = ""
        async for message in socket:
            told += str(message.data)
            if "that is all" in told:
                break
        await socket.close()
        return told

    async with aiohttp.ClientSession() as http:
        for _ in range(4):
            room = await ada.create()
            await bob.join(room)
            removal = ada.do("DELETE", f"/rooms/{room['id']}/members/{bob.id}")
            sockets = await served.connect_during(http, bob, removal)
            for socket in sockets:
                await until(socket.receive_str, lambda message: message.startswith("40"))
            await device.say(room, "a secret")
            await device.say(other, "that is all")
            async with asyncio.timeout(WITHIN):
                told = await asyncio.gather(*map(hear, sockets))
            assert not any("a secret" in heard for heard in told)


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
