"""Who may do what: every route and every event, with the answer for each role.

An answer is a status, or the code of an acknowledged error (`ok` where there is none, `refused` where the socket is not
let in). Where the answers in a private room and in a public one differ, both are given.
"""

from dataclasses import dataclass
from typing import Final

from chat.tests.devices import Json
from chat.tests.server import PASSWORD

# `admin` is an administrator who is in no room; `banned` was a member of the room until the ban.
ROLES: Final = ("anonymous", "outsider", "member", "owner", "admin", "banned")


@dataclass(frozen=True)
class Case:
    """What is asked, and the answers in the order of `ROLES`; `public` are those in a public room."""

    answers: str
    public: str | None = None
    body: Json | None = None
    # Who `{user_id}` is.
    user: str = "stranger"
    query: str = ""
    # Whether it would end the session that the role still needs.
    ends_session: bool = False

    def expected(self, kind: str) -> dict[str, str]:
        answers = self.public if kind == "public" and self.public is not None else self.answers
        return dict(zip(ROLES, answers.split(), strict=True))


#              anonymous  outsider  member  owner  admin  banned
SIGNED_IN = "     401        200       200    200    200    403"
ADMIN_ONLY = "    401        403       403    403    200    403"
INSIDE = "        401        404       200    200    404    403"
PUBLIC_INSIDE = " 401        403       200    200    403    403"
ANYBODY = "       200        200       200    200    200    200"

ROUTES: Final[dict[str, Case]] = {
    "GET /{path:path}": Case(ANYBODY),
    "HEAD /{path:path}": Case(ANYBODY),
    "GET /api/v1/openapi.json": Case(ANYBODY),
    "GET /api/v1/health": Case(ANYBODY),
    "POST /api/v1/auth/sign-up": Case(
        "201 201 201 201 201 201",
        body={"username": "{new_name}", "display_name": "New", "password": PASSWORD},
    ),
    "POST /api/v1/auth/log-in": Case("401 200 200 200 200 403", body={"username": "{own_name}", "password": PASSWORD}),
    "POST /api/v1/auth/refresh": Case(SIGNED_IN, ends_session=True),
    "POST /api/v1/auth/log-out": Case("204 204 204 204 204 204", ends_session=True),
    "POST /api/v1/auth/log-out-everywhere": Case("401 204 204 204 204 403", ends_session=True),
    "GET /api/v1/users/me": Case(SIGNED_IN),
    "PATCH /api/v1/users/me": Case(SIGNED_IN, body={"about": "me"}),
    "GET /api/v1/users": Case(SIGNED_IN, query="?query=a"),
    "GET /api/v1/users/{user_id}": Case(SIGNED_IN),
    "GET /api/v1/admin/users": Case(ADMIN_ONLY),
    "PATCH /api/v1/admin/users/{user_id}": Case(ADMIN_ONLY, body={"role": "admin"}),
    "POST /api/v1/admin/users/{user_id}/ban": Case(ADMIN_ONLY, body={"reason": "spam"}),
    "POST /api/v1/admin/users/{user_id}/reinstate": Case(ADMIN_ONLY),
    "GET /api/v1/rooms": Case(SIGNED_IN),
    "GET /api/v1/rooms/browse": Case(SIGNED_IN),
    "POST /api/v1/rooms": Case("401 201 201 201 201 403", body={"kind": "private", "name": "New"}),
    "POST /api/v1/rooms/direct": Case(SIGNED_IN, body={"user_id": "{user_id}"}),
    "GET /api/v1/rooms/{room_id}": Case(INSIDE, public=SIGNED_IN),
    "PATCH /api/v1/rooms/{room_id}": Case(
        "401 404 403 200 404 403", public="401 403 403 200 200 403", body={"topic": "new"}
    ),
    "POST /api/v1/rooms/{room_id}/join": Case(INSIDE, public=SIGNED_IN),
    "POST /api/v1/rooms/{room_id}/leave": Case("401 404 204 204 404 403", public="401 403 204 204 403 403"),
    "GET /api/v1/rooms/{room_id}/members": Case(INSIDE, public=PUBLIC_INSIDE),
    "DELETE /api/v1/rooms/{room_id}/members/{user_id}": Case(
        "401 404 403 204 404 403", public="401 403 403 204 204 403", user="neighbour"
    ),
    "GET /api/v1/rooms/{room_id}/log": Case(INSIDE, public=PUBLIC_INSIDE),
    "GET /api/v1/invitations": Case(SIGNED_IN),
    "POST /api/v1/rooms/{room_id}/invitations": Case(
        "401 404 201 201 404 403", public="401 403 409 409 403 403", body={"user_id": "{user_id}"}
    ),
    "DELETE /api/v1/rooms/{room_id}/invitations/me": Case("401 404 404 404 404 403"),
}

#                anonymous   outsider   member     owner        admin     banned
TALKING = "       refused   not_found    ok         ok        not_found   refused"
PUBLIC_TALKING = "refused   not_member   ok         ok        not_member  refused"

# The message that is edited or deleted is the member's.
EVENTS: Final[dict[str, Case]] = {
    "message:send": Case(TALKING, public=PUBLIC_TALKING, body={"client_id": "{client_id}", "text": "hello"}),
    "message:edit": Case(
        "refused not_found ok forbidden not_found refused",
        public="refused not_member ok forbidden not_member refused",
        body={"client_id": "{client_id}", "target_seq": "{target_seq}", "text": "hello"},
    ),
    "message:delete": Case(
        TALKING, public=PUBLIC_TALKING, body={"client_id": "{client_id}", "target_seq": "{target_seq}"}
    ),
    "read": Case(TALKING, public=PUBLIC_TALKING, body={"seq": 1}),
    "typing": Case(TALKING, public=PUBLIC_TALKING, body={"typing": True}),
}
