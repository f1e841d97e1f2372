"""Sockets: who is let in, what they are told, and what they may send."""

from uuid import uuid4

import pytest

from chat.tests.devices import Refused
from chat.tests.people import Town
from windsock_chat.realtime.contract import CLIENT_EVENTS

# As the chat inside has it.
pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_message_reaches_every_member_and_nobody_else(town: Town, transport: str) -> None:
    ada, bob, eve = await town.people(3)
    room, other = await ada.create(), await ada.create()
    await bob.join(room)
    await eve.join(other)
    a, b, e = [await person.connect(transport=transport) for person in (ada, bob, eve)]

    entry = await a.say(room, "hello *there*")

    assert await b.hear("entry", lambda heard: heard["kind"] == "message") == entry
    assert await a.hear("entry", lambda heard: heard["kind"] == "message") == entry
    assert entry["text"] == "hello *there*"
    assert entry["author"] == {"id": ada.id, "username": ada.username, "display_name": ada.user["display_name"]}
    assert (await bob.do("GET", f"/rooms/{room['id']}/log"))["entries"][-1] == entry
    await e.barrier(a, other)
    assert entry not in e.heard("entry")


async def test_typing_is_told_to_the_others(town: Town) -> None:
    ada, bob = await town.people(2)
    room = await ada.create()
    await bob.join(room)
    laptop, phone, other = await ada.connect(), await ada.connect(), await bob.connect()

    assert await laptop.call("typing", {"room_id": room["id"], "typing": True}) == {"ok": True}

    told = await other.hear("typing")
    author = {"id": ada.id, "username": ada.username, "display_name": ada.user["display_name"]}
    assert told == {"room_id": room["id"], "user": author, "typing": True, "expires_in": 6}
    await laptop.emit("typing", {"room_id": room["id"], "typing": False})
    await other.hear("typing", lambda notice: not notice["typing"])
    await phone.barrier(other, room)
    await laptop.barrier(other, room)
    assert not phone.heard("typing")
    assert not laptop.heard("typing")


@pytest.mark.parametrize("event", CLIENT_EVENTS)
@pytest.mark.parametrize(
    "payload",
    [None, 7, "text", [], {}, {"room_id": "x"}, {"room_id": 2**63}, {"room_id": None}],
    ids=["null", "number", "text", "list", "empty", "bad id", "huge id", "no id"],
)
async def test_a_payload_of_another_shape_is_refused(town: Town, event: str, payload: object) -> None:
    ada = await town.person()
    device = await ada.connect()
    answer = await device.call(event, payload)
    assert answer["error"]["code"] == "invalid_payload"
    await device.say(await ada.create(), "still here")


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        ("message:send", {"text": ""}),
        ("message:send", {"text": " \n\t "}),
        ("message:send", {"text": "\u200b"}),
        ("message:send", {"text": "\u2800 \u3164\n\u200d\ufe0f\u202e\x07"}),
        ("message:edit", {"text": "\u2060\u00ad\U000e0041"}),
        ("message:send", {"text": "x" * 4001}),
        ("message:send", {"text": "a\0b"}),
        ("message:send", {"text": 7}),
        ("message:send", {"text": ["x"]}),
        ("message:send", {"client_id": "mine"}),
        ("message:send", {"author": "somebody else"}),
        ("message:edit", {"target_seq": 0}),
        ("message:edit", {"target_seq": 2**53}),
        ("message:edit", {"target_seq": 2**63}),
        ("message:edit", {"target_seq": -(2**63)}),
        ("message:edit", {"target_seq": 1.5}),
        ("message:edit", {"target_seq": "1"}),
        ("message:edit", {"target_seq": True}),
        ("message:edit", {"text": "a\0b"}),
        ("message:delete", {"target_seq": 2**63}),
        ("message:delete", {"text": "x"}),
        ("read", {"seq": 2**63}),
        ("read", {"seq": -1}),
        ("read", {"seq": None}),
        ("typing", {"typing": "yes"}),
        ("typing", {"typing": 1}),
    ],
)
async def test_a_value_out_of_its_bounds_is_refused(town: Town, event: str, changes: dict[str, object]) -> None:
    ada = await town.person()
    device = await ada.connect()
    room = await ada.create()
    valid: dict[str, dict[str, object]] = {
        "message:send": {"client_id": str(uuid4()), "text": "x"},
        "message:edit": {"client_id": str(uuid4()), "target_seq": 1, "text": "x"},
        "message:delete": {"client_id": str(uuid4()), "target_seq": 1},
        "read": {"seq": 1},
        "typing": {"typing": True},
    }
    answer = await device.call(event, {"room_id": room["id"], **valid[event], **changes})
    assert answer["error"]["code"] == "invalid_payload"
    assert next(iter(changes)) in answer["error"]["details"][0]["loc"]
    await device.say(room, "still here")


async def test_the_longest_message_is_taken_whatever_it_is_made_of(town: Town) -> None:
    ada = await town.person()
    room = await ada.create()
    device = await ada.connect()
    for text in ("x" * 4000, "\u00e9" * 4000, "\U0001f600" * 4000, "\x01" * 3999 + "x", "\\" * 4000):
        entry = await device.say(room, text)
        assert entry["text"] == text


async def test_an_event_that_there_is_not_is_refused(town: Town) -> None:
    ada = await town.person()
    device = await ada.connect()
    for event in ("entry", "room", "message:pin", "__class__", "constructor", "join"):
        assert (await device.call(event, {}))["error"]["code"] == "unknown_event"


async def test_what_was_refused_tells_nothing_of_the_input(town: Town) -> None:
    ada = await town.person()
    device = await ada.connect()
    answer = await device.call("message:send", {"room_id": "hunter2hunter2", "client_id": str(uuid4()), "text": "x"})
    assert "hunter2" not in str(answer)


async def test_who_could_not_connect_can_do_so_later(town: Town) -> None:
    ada = await town.person()
    with pytest.raises(Refused) as refused:
        await town.connect("nonsense")
    assert refused.value.data == {
        "message": "The access token is not valid.",
        "data": {"code": "unauthorized", "retry_after": None},
    }
    device = await ada.connect()
    await device.say(await ada.create(), "in")
