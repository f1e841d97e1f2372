"""Profiles, and who may see whose presence."""

import pytest

from chat.tests.inside import GRACE, ChatInside
from chat.tests.people import Town

# As the chat inside has it.
pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_profile_can_be_changed_and_those_who_share_a_room_are_told(town: Town) -> None:
    ada, bob, eve = await town.people(3)
    room = await ada.create()
    await bob.join(room)
    own, other, stranger = await ada.connect(), await bob.connect(), await eve.connect()

    changed = await ada.do(
        "PATCH", "/users/me", {"display_name": "  Ada   Lovelace ", "about": "Notes on the Engine\n"}
    )

    assert changed["display_name"] == "Ada Lovelace"
    assert changed["about"] == "Notes on the Engine"
    assert await own.hear("user") == changed
    assert await other.hear("user") == changed
    assert await ada.do("PATCH", "/users/me", {"about": ""}) == changed | {"about": ""}
    shown = await eve.do("GET", f"/users/{ada.id}")
    assert shown == changed | {"about": "", "presence": None}
    assert not stranger.heard("user")


async def test_a_changed_name_can_be_searched_and_stands_on_old_messages(town: Town) -> None:
    ada = await town.person()
    room = await ada.create()
    device = await ada.connect()
    await device.say(room, "before")

    await ada.do("PATCH", "/users/me", {"display_name": f"Zoë {ada.username}"})

    page = await ada.do("GET", f"/rooms/{room['id']}/log")
    assert page["entries"][-1]["author"]["display_name"] == f"Zoë {ada.username}"
    # ZOË in another composition and case.
    found = await ada.do("GET", f"/users?query=ZOE\u0308 {ada.username[:6].upper()}")
    assert [user["id"] for user in found["users"]] == [ada.id]


async def test_people_are_found_page_by_page(town: Town) -> None:
    ada = await town.person()
    stem = f"page{ada.username[1:9]}"
    names = [f"{stem}_{letter}" for letter in "abcde"]
    for name in reversed(names):
        await town.person(name)

    found: list[str] = []
    cursor = ""
    while True:
        page = await ada.do("GET", f"/users?query={stem}&limit=2{cursor}")
        found += [user["username"] for user in page["users"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == names


@pytest.mark.parametrize("query", ["%25", "_____", "%5C"])
async def test_a_searched_wildcard_is_a_character(town: Town, query: str) -> None:
    ada = await town.person()
    assert (await ada.do("GET", f"/users?query={query}"))["users"] == []


async def test_presence_is_for_those_who_share_a_room(town: Town, inside: ChatInside) -> None:
    ada, bob, eve = await town.people(3)
    room = await ada.create()
    await bob.join(room)
    bobs, eves = await bob.connect(), await eve.connect()

    laptop = await ada.connect()

    told = await bobs.hear("presence", lambda notice: notice["user_id"] == ada.id)
    assert told == {"user_id": ada.id, "online": True, "last_seen": None}
    assert (await bob.do("GET", f"/users/{ada.id}"))["presence"] == {"online": True, "last_seen": None}
    assert (await eve.do("GET", f"/users/{ada.id}"))["presence"] is None
    assert (await eve.do("GET", f"/users?query={ada.username}"))["users"][0]["presence"] is None
    members = (await bob.do("GET", f"/rooms/{room['id']}/members"))["members"]
    assert {member["user"]["username"]: member["user"]["presence"]["online"] for member in members} == {
        ada.username: True,
        bob.username: True,
    }

    await laptop.leave()
    await inside.harness.advance(GRACE)

    told = await bobs.hear("presence", lambda notice: not notice["online"])
    assert told["user_id"] == ada.id
    assert told["last_seen"].endswith("Z")
    shown = await bob.do("GET", f"/users/{ada.id}")
    assert shown["presence"] == {"online": False, "last_seen": told["last_seen"]}
    assert not eves.heard("presence")


async def test_several_devices_are_one_person(town: Town, inside: ChatInside) -> None:
    ada, bob = await town.people(2)
    room = await ada.create()
    await bob.join(room)
    watcher = await bob.connect()
    laptop, phone = await ada.connect(), await ada.connect()
    await laptop.leave()
    await inside.harness.advance(100 * GRACE)
    await phone.leave()
    await inside.harness.advance(0.9 * GRACE)
    assert [notice["online"] for notice in watcher.heard("presence")] == [True]
    await inside.harness.advance(GRACE)
    told = await watcher.hear("presence", lambda notice: not notice["online"])
    assert told["user_id"] == ada.id
    assert [notice["online"] for notice in watcher.heard("presence")] == [True, False]


async def test_a_reload_is_not_a_departure(town: Town, inside: ChatInside) -> None:
    ada, bob = await town.people(2)
    room = await ada.create()
    await bob.join(room)
    watcher = await bob.connect()
    device = await ada.connect()
    for _ in range(3):
        await device.leave()
        await inside.harness.advance(0.9 * GRACE)
        device = await ada.connect()
    await device.leave()
    await inside.harness.advance(GRACE)
    await watcher.hear("presence", lambda notice: not notice["online"])
    assert [notice["online"] for notice in watcher.heard("presence")] == [True, False]


async def test_a_newcomer_in_a_room_is_seen_online(town: Town) -> None:
    ada, bob = await town.people(2)
    room = await ada.create()
    watcher, device = await ada.connect(), await bob.connect()
    await bob.join(room)
    told = await watcher.hear("presence")
    assert told == {"user_id": bob.id, "online": True, "last_seen": None}
    assert not device.heard("presence")
