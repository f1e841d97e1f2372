"""Many at once, and the server's own ends."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from chat.tests.devices import WITHIN, Device, Json
from chat.tests.people import Person, Town
from chat.tests.server import ChatServer


async def all_entries(person: Person, room: Json) -> list[Json]:
    entries: list[Json] = []
    while True:
        after = entries[-1]["seq"] if entries else 0
        page = await person.do("GET", f"/rooms/{room['id']}/log?after={after}&limit=100")
        entries += page["entries"]
        if not page["has_more"]:
            return entries


async def test_many_senders_leave_no_hole_and_no_duplicate(served: Town) -> None:
    people = await served.people(8)
    rooms = [await people[0].create() for _ in range(2)]
    for person in people[1:]:
        for room in rooms:
            await person.join(room)
    devices = [await person.connect() for person in people]
    watcher = await people[0].connect()

    async def talk(device: Device, number: int) -> list[Json]:
        rounds = [device.say(rooms[n % 2], f"{number}/{n}") for n in range(20)]
        return await asyncio.gather(*rounds)

    acknowledged = [entry for said in await asyncio.gather(*map(talk, devices, range(8))) for entry in said]

    assert len(acknowledged) == 160
    for room in rooms:
        entries = await all_entries(people[1], room)
        assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
        said = {entry["id"]: entry for entry in entries if entry["kind"] == "message"}
        assert len(said) == 80
        assert said == {entry["id"]: entry for entry in acknowledged if entry["room_id"] == room["id"]}
        # Events go out in the order of the commits: everybody hears the log as it stands.
        await watcher.hear("entry", entries[-1].__eq__)
        heard = [entry for entry in watcher.heard("entry") if entry["room_id"] == room["id"]]
        assert heard == [entry for entry in entries if entry["kind"] == "message"]


async def test_the_same_message_at_once_on_many_devices_is_one(served: Town) -> None:
    ada = await served.person()
    room = await ada.create()
    devices = [await ada.connect() for _ in range(5)]
    name = str(uuid4())
    answers = await asyncio.gather(*(device.say(room, "once", name) for device in devices for _ in range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert len(await all_entries(ada, room)) == 2


async def test_a_direct_room_opened_at_once_by_both_is_one(served: Town) -> None:
    ada, bob = await served.people(2)
    opened = await asyncio.gather(
        *(ada.do("POST", "/rooms/direct", {"user_id": bob.id}) for _ in range(4)),
        *(bob.do("POST", "/rooms/direct", {"user_id": ada.id}) for _ in range(4)),
    )
    assert len({room["id"] for room in opened}) == 1


async def test_a_name_taken_at_once_is_one_persons(served: Town) -> None:
    body = {"username": f"race{uuid4().hex[:8]}", "display_name": "x", "password": "p" * 12}
    answers = await asyncio.gather(*(served.post("/auth/sign-up", body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]


async def test_parts_of_a_profile_changed_at_once_are_all_kept(served: Town) -> None:
    ada = await served.person()
    for n in range(5):
        await asyncio.gather(
            ada.do("PATCH", "/users/me", {"display_name": f"Ada {n}"}),
            ada.do("PATCH", "/users/me", {"about": f"about {n}"}),
        )
        now = await ada.do("GET", "/users/me")
        assert (now["display_name"], now["about"]) == (f"Ada {n}", f"about {n}")


@pytest.mark.parametrize("way", ["banned", "logged out"])
async def test_once_it_is_said_that_a_session_has_ended_nothing_more_is_written_in_it(served: Town, way: str) -> None:
    admin = await served.admin()
    bob = await served.person()
    room = await bob.create()
    await admin.join(room)
    device = await bob.connect()

    async def written() -> tuple[int, int]:
        rooms = await admin.do("GET", f"/rooms/browse?query={bob.username}&limit=100")
        return (await admin.do("GET", f"/rooms/{room['id']}"))["last_seq"], len(rooms["rooms"])

    # All of these are his when they come, and wait for their turn to write.
    sent = [asyncio.create_task(device.say(room, f"{n}")) for n in range(60)]
    made = [asyncio.create_task(bob.request("POST", "/rooms", named_after(bob))) for n in range(60)]
    if way == "banned":
        await admin.do("POST", f"/admin/users/{bob.id}/ban", {})
    else:
        await bob.do("POST", "/auth/log-out")
    before = await written()
    answers = await asyncio.gather(*made)
    await device.hear("disconnect")
    assert {answer.status_code for answer in answers} <= {201, 401, 403}
    # Written behind all that waited.
    await admin.create()
    assert await written() == before
    # Most of the messages are never answered.
    for sending in sent:
        sending.cancel()
    await asyncio.gather(*sent, return_exceptions=True)


def named_after(person: Person) -> Json:
    return {"kind": "public", "name": f"{person.username} {uuid4().hex[:8]}"}


async def test_who_is_no_admin_any_more_does_not_become_one_again(served: Town) -> None:
    admin, bob = await served.admin(), await served.person()
    for _ in range(5):
        await admin.do("PATCH", f"/admin/users/{bob.id}", {"role": "admin"})
        demoted = asyncio.create_task(admin.do("PATCH", f"/admin/users/{bob.id}", {"role": "member"}))
        tries = [bob.request("PATCH", f"/admin/users/{bob.id}", {"role": "admin"}) for _ in range(20)]
        answers = await asyncio.gather(*tries)
        await demoted
        assert {answer.status_code for answer in answers} <= {200, 403}
        assert (await bob.do("GET", "/users/me"))["role"] == "member"


async def test_what_was_acknowledged_is_there_after_the_server_ended(data: Path) -> None:
    with ChatServer(data) as server:
        async with Town(server) as served:
            ada = await served.person()
            room = await ada.create()
            await survive(ada, room, server.restart)
            # A server that stops has everybody leave.
            assert (await ada.do("GET", "/users/me"))["presence"]["last_seen"] is not None
            await survive(ada, room, server.crash)


async def survive(ada: Person, room: Json, end: Callable[[], None]) -> None:
    """Talk while the server ends and comes back; everything acknowledged is there once, and the log has no hole."""
    device = await ada.connect()
    acknowledged: list[Json] = []
    enough = asyncio.Event()

    async def talk() -> None:
        while True:
            acknowledged.append(await device.say(room, f"line {len(acknowledged)}"))
            if len(acknowledged) == 30:
                enough.set()

    talking = asyncio.create_task(talk())
    await asyncio.wait_for(enough.wait(), WITHIN)
    await asyncio.to_thread(end)
    await device.hear("disconnect")
    talking.cancel()
    await asyncio.gather(talking, return_exceptions=True)

    again = await ada.connect()
    # The client does not know whether its last message was committed: it sends it again.
    unsure = str(uuid4())
    last = await again.say(room, "after", unsure)
    assert await again.say(room, "after", unsure) == last
    entries = await all_entries(ada, room)
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    stored = {entry["id"]: entry for entry in entries}
    assert all(stored[entry["id"]] == entry for entry in acknowledged)
    await again.leave()
