"""Sockets: who is let in, what they are told, and when they are closed."""

from chat.tests.people import Town


async def test_a_message_reaches_every_member_and_nobody_else(town: Town) -> None:
    ada, bob, eve = await town.people(3)
    room = await ada.create()
    await bob.join(room)
    a, b, e = await ada.connect(), await bob.connect(), await eve.connect()

    entry = await a.say(room, "hello *there*")

    assert await b.hear("entry", lambda heard: heard["kind"] == "message") == entry
    assert await a.hear("entry", lambda heard: heard["kind"] == "message") == entry
    assert entry["text"] == "hello *there*"
    assert entry["author"] == {"id": ada.id, "username": ada.username, "display_name": ada.user["display_name"]}
    page = await bob.do("GET", f"/rooms/{room['id']}/log")
    assert page["entries"][-1] == entry
    await e.call("typing", {"room_id": room["id"], "typing": True})
    assert e.told == []
