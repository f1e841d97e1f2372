"""Rooms: making, finding, joining, leaving and governing them."""

from uuid import uuid4

import pytest

from chat.tests.devices import Json
from chat.tests.people import Person, Town

# As the chat inside has it.
pytestmark = pytest.mark.asyncio(loop_scope="session")


def kinds(page: Json) -> list[str]:
    return [entry["kind"] for entry in page["entries"]]


async def code(person: Person, method: str, path: str, body: object = None) -> tuple[int, str]:
    """How the server refuses that."""
    response = await person.request(method, path, body)
    return response.status_code, response.json()["error"]["code"]


async def test_a_new_room_is_its_makers(town: Town) -> None:
    ada = await town.person()
    device = await ada.connect()

    room = await ada.create(name="  General   talk ", topic="anything")

    assert room["name"] == "General talk"
    assert room["topic"] == "anything"
    assert room["kind"] == "public"
    assert room["member_count"] == 1
    assert room["last_seq"] == 1
    assert room["membership"]["role"] == "owner"
    assert room["membership"]["unread_count"] == 0
    assert room["peer"] is None
    assert room["last_message"] is None
    assert await device.hear("room") == room
    assert (await device.hear("entry"))["kind"] == "joined"
    assert await ada.do("GET", "/rooms") == [room]
    assert await ada.do("GET", f"/rooms/{room['id']}") == room


async def test_a_public_room_is_found_and_joined(town: Town) -> None:
    ada, bob = await town.people(2)
    stem = uuid4().hex[:10]
    rooms = [await ada.create(name=f"{stem} {letter}") for letter in "abc"]
    await ada.create("private", name=f"{stem} secret")
    owner, device = await ada.connect(), await bob.connect()

    first = await bob.do("GET", f"/rooms/browse?query={stem.upper()}&limit=2")
    rest = await bob.do("GET", f"/rooms/browse?query={stem}&limit=2&cursor={first['next_cursor']}")
    assert [room["id"] for room in first["rooms"] + rest["rooms"]] == [room["id"] for room in rooms]
    assert rest["next_cursor"] is None
    assert first["rooms"][0]["membership"] is None

    joined = await bob.join(rooms[0])

    assert joined["membership"]["role"] == "member"
    assert joined["member_count"] == 2
    assert joined["membership"]["last_read_seq"] == 1
    assert await device.hear("room") == joined
    entry = await owner.hear("entry")
    assert entry["kind"] == "joined"
    assert entry["author"]["id"] == bob.id
    changed = await owner.hear("room:changed")
    assert changed == {"room_id": joined["id"], "name": joined["name"], "topic": "", "member_count": 2}
    # A second time changes nothing.
    assert await bob.join(rooms[0]) == joined
    assert kinds(await bob.do("GET", f"/rooms/{joined['id']}/log")) == ["joined", "joined"]


async def test_a_private_room_is_no_place_in_the_list_of_public_ones(town: Town) -> None:
    """Whoever knows its id could otherwise find out what it is called, by the names that follow it."""
    ada, bob = await town.people(2)
    stem = uuid4().hex[:10]
    private, _ = await ada.create("private", name=f"{stem} a"), await ada.create(name=f"{stem} b")
    page = await bob.do("GET", f"/rooms/browse?query={stem}&cursor={private['id']}")
    assert (
        page
        == await bob.do("GET", f"/rooms/browse?query={stem}&cursor={uuid4()}")
        == {"rooms": [], "next_cursor": None}
    )


async def test_an_outsider_sees_a_public_room_and_not_what_is_said_there(town: Town) -> None:
    ada, bob = await town.people(2)
    room = await ada.create()
    device = await ada.connect()
    await device.say(room, "among us")

    shown = await bob.do("GET", f"/rooms/{room['id']}")

    assert shown["membership"] is None
    assert shown["last_message"] is None
    assert await code(bob, "GET", f"/rooms/{room['id']}/log") == (403, "not_member")
    assert await code(bob, "GET", f"/rooms/{room['id']}/members") == (403, "not_member")
    assert await code(bob, "POST", f"/rooms/{room['id']}/leave") == (403, "not_member")


async def test_a_private_room_is_not_there_for_outsiders(town: Town) -> None:
    ada, bob = await town.people(2)
    room = await ada.create("private")
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("POST", "/join", None),
        ("POST", "/leave", None),
        ("GET", "/members", None),
        ("GET", "/log", None),
        ("POST", "/invitations", {"user_id": bob.id}),
        ("DELETE", f"/members/{ada.id}", None),
        ("DELETE", "/invitations/me", None),
    ):
        real = await code(bob, method, f"/rooms/{room['id']}{path}", body)
        assert real == (404, "not_found"), (method, path)
        assert real == await code(bob, method, f"/rooms/{uuid4()}{path}", body)


async def test_an_invitation_opens_a_private_room(town: Town) -> None:
    ada, bob, eve = await town.people(3)
    room = await ada.create("private", name="Plans", topic="quiet")
    laptop, phone = await bob.connect(), await bob.connect()

    invitation = await ada.do("POST", f"/rooms/{room['id']}/invitations", {"user_id": bob.id})

    assert invitation["room"] == {"id": room["id"], "name": "Plans", "topic": "quiet", "member_count": 1}
    assert invitation["invited_by"]["id"] == ada.id
    assert await laptop.hear("invitation") == invitation
    assert await bob.do("GET", "/invitations") == [invitation]
    assert await ada.do("POST", f"/rooms/{room['id']}/invitations", {"user_id": bob.id}) == invitation
    # An invitation is for one person, and does not open the room before it is accepted.
    assert await code(eve, "POST", f"/rooms/{room['id']}/join") == (404, "not_found")
    assert await code(bob, "GET", f"/rooms/{room['id']}/log") == (404, "not_found")

    await bob.join(room)

    assert await bob.do("GET", "/invitations") == []
    assert await phone.hear("invitation:closed") == {"room_id": room["id"]}
    assert kinds(await bob.do("GET", f"/rooms/{room['id']}/log")) == ["joined", "joined"]
    assert await code(ada, "POST", f"/rooms/{room['id']}/invitations", {"user_id": bob.id}) == (409, "already_member")


async def test_an_invitation_can_be_declined(town: Town) -> None:
    ada, bob = await town.people(2)
    room = await ada.create("private")
    await ada.do("POST", f"/rooms/{room['id']}/invitations", {"user_id": bob.id})
    device = await bob.connect()

    await bob.do("DELETE", f"/rooms/{room['id']}/invitations/me")

    assert await device.hear("invitation:closed") == {"room_id": room["id"]}
    assert await bob.do("GET", "/invitations") == []
    assert await code(bob, "POST", f"/rooms/{room['id']}/join") == (404, "not_found")
    assert await code(bob, "DELETE", f"/rooms/{room['id']}/invitations/me") == (404, "not_found")


async def test_who_cannot_be_invited(town: Town) -> None:
    ada, bob = await town.people(2)
    private, public = await ada.create("private"), await ada.create()
    invitations = f"/rooms/{private['id']}/invitations"
    assert await code(ada, "POST", invitations, {"user_id": str(uuid4())}) == (404, "not_found")
    assert await code(ada, "POST", invitations, {"user_id": ada.id}) == (409, "already_member")
    assert await code(ada, "POST", f"/rooms/{public['id']}/invitations", {"user_id": bob.id}) == (409, "not_private")


async def test_a_direct_room_is_one_whoever_opens_it(town: Town) -> None:
    ada, bob, eve = await town.people(3)
    device = await bob.connect()

    room = await ada.do("POST", "/rooms/direct", {"user_id": bob.id})

    assert room["kind"] == "direct"
    assert room["name"] is None
    assert room["peer"]["id"] == bob.id
    assert room["peer"]["presence"]["online"] is True
    shown = await device.hear("room")
    assert shown["id"] == room["id"]
    assert shown["peer"]["id"] == ada.id
    assert (await bob.do("POST", "/rooms/direct", {"user_id": ada.id}))["id"] == room["id"]
    assert len(await bob.do("GET", "/rooms")) == 1
    entry = await device.say(room, "hello")
    assert entry["seq"] == 1
    assert (await ada.do("GET", f"/rooms/{room['id']}"))["last_message"] == entry

    for method, path, body in (
        ("POST", "/leave", None),
        ("PATCH", "", {"name": "ours"}),
        ("DELETE", f"/members/{bob.id}", None),
    ):
        assert await code(ada, method, f"/rooms/{room['id']}{path}", body) == (409, "direct_room")
    invite = await code(ada, "POST", f"/rooms/{room['id']}/invitations", {"user_id": eve.id})
    assert invite == (409, "not_private")
    assert await code(eve, "POST", f"/rooms/{room['id']}/join") == (404, "not_found")
    assert await code(ada, "POST", "/rooms/direct", {"user_id": ada.id}) == (409, "self_direct")
    assert await code(ada, "POST", "/rooms/direct", {"user_id": str(uuid4())}) == (404, "not_found")


async def test_nobody_is_in_more_rooms_than_one_answer_can_list(town: Town) -> None:
    ada, bob, eve = await town.people(3)
    public, private, direct = await bob.create(), await bob.create("private"), await town.person()
    await bob.do("POST", f"/rooms/{private['id']}/invitations", {"user_id": ada.id})
    opened = await ada.do("POST", "/rooms/direct", {"user_id": direct.id})
    for _ in range(499):
        await ada.create()

    too_many = (409, "too_many_rooms")
    assert await code(ada, "POST", "/rooms", {"kind": "public", "name": "one more"}) == too_many
    assert await code(ada, "POST", f"/rooms/{public['id']}/join") == too_many
    assert await code(ada, "POST", f"/rooms/{private['id']}/join") == too_many
    assert await code(ada, "POST", "/rooms/direct", {"user_id": eve.id}) == too_many
    assert await code(eve, "POST", "/rooms/direct", {"user_id": ada.id}) == too_many
    assert (await direct.do("POST", "/rooms/direct", {"user_id": ada.id}))["id"] == opened["id"]
    rooms = await ada.do("GET", "/rooms")
    assert len(rooms) == 500
    # The invitation waits until there is place for it.
    await ada.do("POST", f"/rooms/{next(room['id'] for room in rooms if room['kind'] == 'public')}/leave")
    assert (await ada.join(private))["membership"]["role"] == "member"


async def test_a_hundred_invitations_wait_for_somebody_and_no_more(town: Town) -> None:
    ada, bob = await town.people(2)
    *rooms, last = [await ada.create("private") for _ in range(101)]
    for room in rooms:
        await ada.do("POST", f"/rooms/{room['id']}/invitations", {"user_id": bob.id})
    invite = f"/rooms/{last['id']}/invitations"
    assert await code(ada, "POST", invite, {"user_id": bob.id}) == (409, "too_many_invitations")
    # One that waits already is no further one.
    await ada.do("POST", f"/rooms/{rooms[0]['id']}/invitations", {"user_id": bob.id})
    assert len(await bob.do("GET", "/invitations")) == 100
    await bob.do("DELETE", f"/rooms/{rooms[0]['id']}/invitations/me")
    await ada.do("POST", invite, {"user_id": bob.id})


async def test_who_leaves_hears_no_more(town: Town) -> None:
    ada, bob = await town.people(2)
    room, other = await ada.create(), await ada.create()
    await bob.join(room)
    await bob.join(other)
    a, b = await ada.connect(), await bob.connect()

    await bob.do("POST", f"/rooms/{room['id']}/leave")

    assert await b.hear("room:left") == {"room_id": room["id"]}
    await a.hear("entry", lambda entry: entry["kind"] == "left" and entry["author"]["id"] == bob.id)
    b.forget()
    await a.say(room, "are they gone?")
    await b.barrier(a, other)
    assert {entry["room_id"] for entry in b.heard("entry")} == {other["id"]}
    answer = await b.try_to_say(room, "I am not here")
    assert answer["error"]["code"] == "not_member"


async def test_a_removed_member_hears_no_more(town: Town) -> None:
    ada, bob, eve = await town.people(3)
    room, other = await ada.create("private"), await ada.create()
    await ada.invite(room, bob)
    await ada.invite(room, eve)
    await bob.join(other)
    a, b = await ada.connect(), await bob.connect()
    assert await code(eve, "DELETE", f"/rooms/{room['id']}/members/{bob.id}") == (403, "forbidden")

    await ada.do("DELETE", f"/rooms/{room['id']}/members/{bob.id}")

    assert await b.hear("room:left") == {"room_id": room["id"]}
    entry = await a.hear("entry", lambda entry: entry["kind"] == "removed")
    assert entry["author"]["id"] == ada.id
    assert entry["subject"] == {"id": bob.id, "username": bob.username, "display_name": bob.user["display_name"]}
    b.forget()
    await a.say(room, "without them")
    await b.barrier(a, other)
    assert {entry["room_id"] for entry in b.heard("entry")} == {other["id"]}
    assert await code(bob, "GET", f"/rooms/{room['id']}/log") == (404, "not_found")
    assert (await b.try_to_say(room, "still"))["error"]["code"] == "not_found"
    assert await code(bob, "POST", f"/rooms/{room['id']}/join") == (404, "not_found")
    assert await code(ada, "DELETE", f"/rooms/{room['id']}/members/{bob.id}") == (404, "not_found")


async def test_when_the_owner_leaves_the_longest_member_follows(town: Town) -> None:
    ada, bob, eve = await town.people(3)
    room = await ada.create()
    await bob.join(room)
    await eve.join(room)
    device = await bob.connect()

    await ada.do("POST", f"/rooms/{room['id']}/leave")

    shown = await device.hear("room")
    assert shown["membership"]["role"] == "owner"
    await bob.do("DELETE", f"/rooms/{room['id']}/members/{eve.id}")
    await bob.do("POST", f"/rooms/{room['id']}/leave")
    # Nobody is left; whoever comes next looks after the room.
    assert (await eve.join(room))["membership"]["role"] == "owner"


async def test_who_is_banned_does_not_follow_the_owner(town: Town) -> None:
    ada, bob, eve, admin = *await town.people(3), await town.admin()
    room = await ada.create()
    await bob.join(room)
    await eve.join(room)
    await admin.do("POST", f"/admin/users/{bob.id}/ban", {})
    await ada.do("POST", f"/rooms/{room['id']}/leave")
    assert (await eve.do("GET", f"/rooms/{room['id']}"))["membership"]["role"] == "owner"


async def test_a_room_is_renamed_by_those_who_govern_it(town: Town) -> None:
    ada, bob, admin = await town.person(), await town.person(), await town.admin()
    room = await ada.create()
    await bob.join(room)
    device = await bob.connect()
    path = f"/rooms/{room['id']}"
    assert await code(bob, "PATCH", path, {"name": "mine"}) == (403, "forbidden")

    changed = await ada.do("PATCH", path, {"name": "ours"})

    assert changed["name"] == "ours"
    entry = await device.hear("entry", lambda entry: entry["kind"] == "renamed")
    assert entry["text"] == "ours"
    assert (await device.hear("room:changed"))["name"] == "ours"
    with_topic = await admin.do("PATCH", path, {"topic": "by an administrator"})
    assert with_topic["name"] == "ours"
    await device.hear("room:changed", lambda change: change["topic"] == "by an administrator")
    # A topic, or the same name once more, is no entry.
    await ada.do("PATCH", path, {"name": "ours"})
    assert kinds(await bob.do("GET", f"{path}/log")) == ["joined", "joined", "renamed"]
    private = await ada.create("private")
    assert await code(admin, "PATCH", f"/rooms/{private['id']}", {"name": "x"}) == (404, "not_found")


async def test_members_are_listed_page_by_page(town: Town) -> None:
    people = await town.people(4)
    room = await people[0].create()
    for person in people[1:]:
        await person.join(room)
    found: list[Json] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await people[3].do("GET", f"/rooms/{room['id']}/members?limit=3{cursor and f'&cursor={cursor}'}")
        found += page["members"]
        cursor = page["next_cursor"]
    assert [member["user"]["username"] for member in found] == sorted(person.username for person in people)
    assert {member["role"] for member in found} == {"owner", "member"}
