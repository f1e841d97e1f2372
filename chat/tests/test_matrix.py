"""Every route and every event, for every role; one that is missing from the matrix fails here."""

from uuid import uuid4

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr

from chat.tests.devices import Json, Refused
from chat.tests.matrix import EVENTS, ROLES, ROUTES, Case
from chat.tests.people import Person, Town, send
from chat.tests.server import PASSWORD, ChatServer
from windsock_chat.main import create_chat
from windsock_chat.realtime.contract import CLIENT_EVENTS
from windsock_chat.settings import Settings


def all_routes() -> list[str]:
    """What the application itself says that it serves."""
    chat = create_chat(Settings(secret=SecretStr("-" * 32)))
    return [
        f"{method} {route.path}"
        for route in iter_route_contexts(chat.api.routes)
        for method in sorted(route.methods or ())
    ]


@pytest.fixture(scope="module")
def sessions(server: ChatServer) -> dict[str, Json]:
    """A session for each role, and for two more: `neighbour` is in the room, `stranger` is not."""
    with httpx.Client(base_url=f"{server.url}/api/v1", timeout=20) as http:

        def log_in(name: str, route: str, **more: str) -> Json:
            body = {"username": name, "password": PASSWORD, **more}
            session: Json = http.post(f"/auth/{route}", json=body).raise_for_status().json()
            return session

        roles = [role for role in ROLES[1:] if role != "banned"]
        sessions = {
            role: log_in(f"the-{role}", "sign-up", display_name=role) for role in (*roles, "neighbour", "stranger")
        }
        http.headers["Authorization"] = f"Bearer {log_in('root', 'log-in')['access_token']}"
        path = f"/admin/users/{sessions['admin']['user']['id']}"
        http.patch(path, json={"role": "admin"}).raise_for_status()
        return sessions


class World:
    """Everybody, in the one test that they are in."""

    def __init__(self, served: Town, sessions: dict[str, Json]) -> None:
        self._town = served
        self._people = {name: Person(served, served.browser(), session) for name, session in sessions.items()}

    async def prepare(self, case: Case, role: str, kind: str | None) -> tuple[Person | None, Json]:
        """Make a room of that kind with its people; returns who acts, and what the case's placeholders stand for."""
        people = dict(self._people)
        if role == "banned" or (case.ends_session and role in people):
            people[role] = await self._town.person()
        if case.ends_session and role == "admin":
            await self._people["admin"].do("PATCH", f"/admin/users/{people['admin'].id}", {"role": "admin"})
        room = {"id": ""} if kind is None else await people["owner"].create(kind)
        for name in {"member", "neighbour", role} & {"member", "neighbour", "banned"}:
            if kind == "private":
                await people["owner"].invite(room, people[name])
            elif kind == "public":
                await people[name].join(room)
        target_seq = 0
        if case.body and "target_seq" in case.body:
            device = await people["member"].connect()
            target_seq = (await device.say(room, "mine"))["seq"]
        if role == "banned":
            await people["admin"].do("POST", f"/admin/users/{people['banned'].id}/ban", {})
        actor = people.get(role)
        return actor, {
            "room_id": room["id"],
            "user_id": people[case.user].id,
            "new_name": f"n{uuid4().hex[:12]}",
            "own_name": actor.username if actor else "nobody-here",
            "client_id": str(uuid4()),
            "target_seq": target_seq,
        }


def fill(body: Json | None, values: Json) -> Json | None:
    """The body, with values in the place of their names."""
    if body is None:
        return None
    return {key: values.get(value[1:-1], value) if isinstance(value, str) else value for key, value in body.items()}


def test_the_matrix_names_every_route_and_no_other() -> None:
    assert set(all_routes()) == set(ROUTES)


def test_the_matrix_names_every_event_and_no_other() -> None:
    assert set(CLIENT_EVENTS) == set(EVENTS)


def kinds(cases: dict[str, Case]) -> list[tuple[str, str]]:
    return [(name, kind) for name, case in cases.items() for kind in ("private", *(["public"] if case.public else []))]


@pytest.mark.parametrize(("name", "kind"), kinds(ROUTES))
async def test_route(served: Town, sessions: dict[str, Json], name: str, kind: str) -> None:
    case = ROUTES[name]
    method, _, template = name.partition(" ")
    world = World(served, sessions)
    answers = {}
    for role in ROLES:
        actor, values = await world.prepare(case, role, kind if "{room_id}" in template else None)
        http = actor.http if actor else served.browser()
        path = template.replace("{path:path}", "").format(**values) + case.query
        response = await send(http, method, f"{served.server.url}{path}", fill(case.body, values))
        answers[role] = str(response.status_code)
        if response.is_error:
            assert set(response.json()["error"]) <= {"code", "message", "details", "retry_after"}
    assert answers == case.expected(kind)


@pytest.mark.parametrize(("name", "kind"), kinds(EVENTS))
async def test_event(served: Town, sessions: dict[str, Json], name: str, kind: str) -> None:
    case = EVENTS[name]
    world = World(served, sessions)
    answers = {}
    for role in ROLES:
        actor, values = await world.prepare(case, role, kind)
        try:
            device = await served.connect(actor.token if actor else "")
        except Refused:
            answers[role] = "refused"
            continue
        answer = await device.call(name, {"room_id": values["room_id"], **(fill(case.body, values) or {})})
        answers[role] = "ok" if answer.get("ok") else answer["error"]["code"]
    assert answers == case.expected(kind)
