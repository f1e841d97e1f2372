"""The log of a room: nothing lost, nothing twice, without holes."""

import asyncio
from uuid import uuid4

import pytest

from chat.tests.devices import Device, Json
from chat.tests.people import Person, Town

# As the chat inside has it.
pytestmark = pytest.mark.asyncio(loop_scope="session")


async def log(person: Person, room: Json, query: str = "") -> Json:
    page: Json = await person.do("GET", f"/rooms/{room['id']}/log{query}")
    return page


def seqs(page: Json) -> list[int]:
    return [entry["seq"] for entry in page["entries"]]


async def fill(device: Device, room: Json, count: int) -> None:
    """Say that many things, many at a time."""
    for start in range(0, count, 50):
        await asyncio.gather(*(device.say(room, f"line {n}") for n in range(start, min(start + 50, count))))


async def test_history_is_read_backwards_page_by_page(town: Town) -> None:
    ada = await town.person()
    room = await ada.create()
    await fill(await ada.connect(), room, 24)

    newest = await log(ada, room, "?limit=10")
    assert seqs(newest) == list(range(16, 26))
    assert newest["last_seq"] == 25
    assert newest["has_more"] is True
    assert newest["reset"] is False
    older = await log(ada, room, "?limit=10&before=16")
    assert seqs(older) == list(range(6, 16))
    oldest = await log(ada, room, "?limit=10&before=6")
    assert seqs(oldest) == list(range(1, 6))
    assert oldest["has_more"] is False
    nothing = await log(ada, room, "?before=1")
    assert nothing["entries"] == []
    assert nothing["has_more"] is False
    assert seqs(await log(ada, room, "?before=9007199254740991&limit=1")) == [25]


async def test_what_was_missed_is_caught_up_with(town: Town) -> None:
    ada = await town.person()
    room = await ada.create()
    device = await ada.connect()
    await fill(device, room, 8)
    known = 9
    await fill(device, room, 24)

    missed: list[int] = []
    while True:
        page = await log(ada, room, f"?after={known}&limit=10")
        assert page["reset"] is False
        missed += seqs(page)
        known = missed[-1]
        if not page["has_more"]:
            break
    assert missed == list(range(10, 34))
    level = await log(ada, room, "?after=33")
    assert level["entries"] == []
    assert level["has_more"] is False


async def test_too_far_behind_begins_anew(town: Town) -> None:
    ada = await town.person()
    room = await ada.create()
    await fill(await ada.connect(), room, 502)
    # 503 entries: the first is the room's making.
    near = await log(ada, room, "?after=3&limit=100")
    assert near["reset"] is False
    assert seqs(near) == list(range(4, 104))
    far = await log(ada, room, "?after=2&limit=100")
    assert far["reset"] is True
    assert seqs(far) == list(range(404, 504))
    ahead = await log(ada, room, "?after=504&limit=1")
    assert ahead["reset"] is True
    assert seqs(ahead) == [503]


async def test_a_retry_is_answered_with_the_first_answer(town: Town) -> None:
    ada, bob = await town.people(2)
    room, other = await ada.create(), await ada.create()
    await bob.join(room)
    a, b = await ada.connect(), await bob.connect()
    name = str(uuid4())

    first = await a.say(room, "once", name)

    assert await a.say(room, "once", name) == first
    again = await ada.connect()
    assert await again.say(room, "once", name) == first
    for room_id, text in ((room["id"], "another"), (other["id"], "once")):
        answer = await a.call("message:send", {"room_id": room_id, "client_id": name, "text": text})
        assert answer["error"]["code"] == "client_id_reused"
    edit = {"room_id": room["id"], "client_id": name, "target_seq": first["seq"], "text": "once"}
    assert (await a.call("message:edit", edit))["error"]["code"] == "client_id_reused"
    # Another author's names are their own.
    assert (await b.say(room, "once", name))["seq"] == first["seq"] + 1
    assert [entry["text"] for entry in (await log(ada, room))["entries"]] == [None, None, "once", "once"]
    assert len([entry for entry in b.heard("entry") if entry["client_id"] == name]) <= 2


async def test_an_edit_is_folded_into_its_message(town: Town) -> None:
    ada, bob = await town.people(2)
    room = await ada.create()
    await bob.join(room)
    a, b = await ada.connect(), await bob.connect()
    message = await a.say(room, "helo")
    edit = {"room_id": room["id"], "client_id": str(uuid4()), "target_seq": message["seq"], "text": "hello"}

    answer = await a.call("message:edit", edit)

    entry = answer["entry"]
    assert entry["kind"] == "edit"
    assert entry["seq"] == message["seq"] + 1
    assert entry["target_seq"] == message["seq"]
    assert entry["text"] == "hello"
    assert await b.hear("entry", lambda heard: heard["kind"] == "edit") == entry
    assert await a.call("message:edit", edit) == answer
    shown = (await log(bob, room, f"?after={message['seq'] - 1}"))["entries"]
    assert [item["kind"] for item in shown] == ["message", "edit"]
    assert shown[0] == message | {
        "text": "hello",
        "edited_at": entry["created_at"],
        "revised_seq": entry["seq"],
    }
    assert (await bob.do("GET", f"/rooms/{room['id']}"))["last_message"] == shown[0]
    # The message's own retry shows it as it is now.
    assert await a.say(room, "helo", message["client_id"]) == shown[0]


async def test_a_deleted_message_is_gone_with_its_edits(town: Town) -> None:
    ada, bob = await town.people(2)
    room = await ada.create()
    await bob.join(room)
    a, b = await ada.connect(), await bob.connect()
    earlier = await a.say(room, "earlier")
    secret = await a.say(room, "my secret is swordfish")
    target = {"room_id": room["id"], "target_seq": secret["seq"]}
    await a.call("message:edit", {**target, "client_id": str(uuid4()), "text": "my secret is marlin"})
    deletion = {**target, "client_id": str(uuid4())}

    answer = await a.call("message:delete", deletion)

    assert answer["entry"]["kind"] == "delete"
    assert await b.hear("entry", lambda heard: heard["kind"] == "delete") == answer["entry"]
    assert await a.call("message:delete", deletion) == answer
    shown = (await log(bob, room, f"?after={secret['seq'] - 1}"))["entries"]
    assert [(entry["kind"], entry["text"], entry["deleted"]) for entry in shown] == [
        ("message", None, True),
        ("edit", None, False),
        ("delete", None, False),
    ]
    assert shown[0]["edited_at"] is None
    assert shown[0]["revised_seq"] == answer["entry"]["seq"]
    assert town.server.query("SELECT 1 FROM entries WHERE text LIKE '%secret%' OR revised_text LIKE '%secret%'") == []
    assert (await bob.do("GET", f"/rooms/{room['id']}"))["last_message"]["id"] == earlier["id"]
    again = {**target, "client_id": str(uuid4())}
    assert (await a.call("message:delete", again))["error"]["code"] == "message_deleted"
    assert (await a.call("message:edit", {**again, "text": "x"}))["error"]["code"] == "message_deleted"
    retry = await a.say(room, "my secret is swordfish", secret["client_id"])
    assert retry == shown[0]


async def test_who_may_change_a_message(town: Town) -> None:
    ada, bob, eve, admin = *await town.people(3), await town.admin()
    room = await ada.create()
    for person in (bob, eve, admin):
        await person.join(room)
    owner, author, member, moderator = [await person.connect() for person in (ada, bob, eve, admin)]

    async def change(device: Device, event: str, seq: int) -> str:
        payload = {"room_id": room["id"], "client_id": str(uuid4()), "target_seq": seq}
        answer = await device.call(event, payload | ({"text": "changed"} if event == "message:edit" else {}))
        return str(answer.get("error", {}).get("code", "ok"))

    for remover in (owner, moderator):
        seq = (await author.say(room, "mine"))["seq"]
        assert await change(member, "message:edit", seq) == "forbidden"
        assert await change(member, "message:delete", seq) == "forbidden"
        assert await change(remover, "message:edit", seq) == "forbidden"
        assert await change(remover, "message:delete", seq) == "ok"
    assert await change(author, "message:edit", 1) == "not_found"
    assert await change(author, "message:delete", 9_999) == "not_found"
    # What stands in a log is not a message.
    edited = (await author.say(room, "mine"))["seq"]
    assert await change(author, "message:edit", edited) == "ok"
    assert await change(author, "message:delete", edited + 1) == "not_found"


async def test_markers_and_unread_counts(town: Town) -> None:
    ada, bob = await town.people(2)
    room = await ada.create()
    await bob.join(room)
    a, laptop, phone = await ada.connect(), await bob.connect(), await bob.connect()
    *_, last = [await a.say(room, text) for text in ("one", "two", "three")]
    await laptop.say(room, "my own")

    async def unread() -> tuple[int, int]:
        (shown,) = await bob.do("GET", "/rooms")
        return shown["membership"]["last_read_seq"], shown["membership"]["unread_count"]

    assert await unread() == (1, 3)
    mark = {"room_id": room["id"], "seq": last["seq"] - 1}
    assert await laptop.call("read", mark) == {"ok": True, "seq": last["seq"] - 1, "unread_count": 1}
    told = await phone.hear("room:read")
    assert told == {"room_id": room["id"], "seq": last["seq"] - 1, "unread_count": 1}
    # Never back, and never beyond the log.
    assert (await phone.call("read", mark | {"seq": 1}))["seq"] == last["seq"] - 1
    assert await phone.call("read", mark | {"seq": 2**53 - 1}) == {"ok": True, "seq": 6, "unread_count": 0}
    assert await unread() == (6, 0)
    assert not a.heard("room:read")
    # A deleted message is not unread.
    more = await a.say(room, "four")
    assert await unread() == (6, 1)
    await a.call("message:delete", {"room_id": room["id"], "client_id": str(uuid4()), "target_seq": more["seq"]})
    assert await unread() == (6, 0)


@pytest.mark.parametrize("query", ["?before=1&after=1", "?before=-1", "?limit=0", "?limit=101", "?after=x", "?until=1"])
async def test_a_query_out_of_its_bounds_is_refused(town: Town, query: str) -> None:
    ada = await town.person()
    room = await ada.create()
    response = await ada.request("GET", f"/rooms/{room['id']}/log{query}")
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "invalid_payload"
