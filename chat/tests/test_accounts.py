"""Sign-up, log-in, sessions and their ends."""

import asyncio
import time
from http.cookies import SimpleCookie
from uuid import uuid4

import httpx
import jwt
import pytest

from chat.tests.conftest import SECRET
from chat.tests.devices import Refused
from chat.tests.people import Town, until
from chat.tests.server import PASSWORD, ChatServer
from windsock_chat.auth.passwords import HashCost, Passwords


async def test_sign_up_answers_a_session_that_works(served: Town) -> None:
    ada = await served.person()

    assert await ada.do("GET", "/users/me") == ada.user
    assert ada.user["role"] == "member"
    assert ada.user["about"] == ""
    assert ada.user["presence"] == {"online": False, "last_seen": None}
    assert ada.user["created_at"].endswith("Z")


async def test_the_first_account_is_an_administrators(served: Town) -> None:
    assert (await served.admin()).user["role"] == "admin"


async def test_the_refresh_token_is_out_of_reach_of_scripts_and_other_sites(served: Town) -> None:
    body = {"username": "cookie-monster", "display_name": "C", "password": PASSWORD}
    response = await served.post("/auth/sign-up", body)

    cookie = SimpleCookie(response.headers["set-cookie"])["windsock_refresh"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "strict"
    assert cookie["path"] == "/api/v1/auth"
    assert cookie.value not in response.text
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("Grace.Hopper", "grace.hopper"), ("  padded  ", "padded"), ("ｗｉｄｅ_name", "wide_name")],  # noqa: RUF001
)
async def test_a_username_has_one_form(served: Town, typed: str, kept: str) -> None:
    body = {"username": typed, "display_name": "x", "password": PASSWORD}
    response = await served.post("/auth/sign-up", body)
    assert response.status_code == 201
    assert response.json()["user"]["username"] == kept

    response = await served.post("/auth/log-in", {"username": typed, "password": PASSWORD})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "username",
    [
        "ab",
        "a" * 33,
        "-ada",
        ".ada",
        "ada lovelace",
        "\u0430d\u0430",
        "ada\u200b",
        "ada\x00",
        "me",
        "everyone",
        "a11",
        "channe1",
        "DE1ETED",
        "İda",
        "ad\ud800a",
    ],
)
async def test_a_username_that_could_pass_for_another_is_refused(served: Town, username: str) -> None:
    body = {"username": username, "display_name": "x", "password": PASSWORD}
    response = await served.post("/auth/sign-up", body)
    assert response.status_code == 422
    assert response.json()["error"]["code"] == "invalid_payload"
    assert response.json()["error"]["details"][0]["loc"] == ["body", "username"]


@pytest.mark.parametrize("lookalike", ["pau1_smith", "PAUL-SMITH", "paul.smith"])
async def test_a_username_that_looks_like_another_is_taken(served: Town, lookalike: str) -> None:
    first = {"username": "paul_smith", "display_name": "x", "password": PASSWORD}
    await served.post("/auth/sign-up", first)

    response = await served.post("/auth/sign-up", first | {"username": lookalike})

    assert response.status_code == 409
    assert response.json()["error"]["code"] == "username_taken"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "\u200d\u200d",
        "a\u202eb",
        "a\nb\x07",
        "x" * 65,
        "\ud800",
        "\u3164",
        "\u2800",
        "\uffa0\u1160",
        "ada\u034f",
        "ada\ufe00",
        "ada\U000e0061",
        "\U0001f3f4\U000e0061",
    ],
)
async def test_a_display_name_must_be_honest(served: Town, name: str) -> None:
    body = {"username": "honest", "display_name": name, "password": PASSWORD}
    response = await served.post("/auth/sign-up", body)
    assert response.status_code == 422


async def test_a_wrong_password_and_an_unknown_name_are_told_the_same(served: Town) -> None:
    ada = await served.person()
    wrong = await served.post("/auth/log-in", {"username": ada.username, "password": "x" * 12})
    unknown = await served.post("/auth/log-in", {"username": "nobody-here", "password": "x" * 12})

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.json()["error"]["code"] == "wrong_credentials"
    assert wrong.headers["www-authenticate"] == "Bearer"


async def test_an_unknown_name_takes_as_long_as_a_wrong_password() -> None:
    passwords = Passwords(HashCost(passes=4, memory=32_768, lanes=1))
    encoded = await passwords.hash(PASSWORD)

    async def seconds(stored: str | None) -> float:
        begun = time.process_time()  # of all threads; what others do on the machine is not in it
        assert not await passwords.verify("x" * 12, stored)
        return time.process_time() - begun

    rounds = [(await seconds(encoded), await seconds(None)) for _ in range(7)]
    passwords.close()
    known, unknown = (min(times) for times in zip(*rounds, strict=True))
    assert unknown > known / 2


async def test_an_access_token_that_is_not_ours_is_refused(served: Town) -> None:
    ada = await served.person()
    claims = jwt.decode(ada.token, options={"verify_signature": False})
    forged = [
        jwt.encode(claims, "k" * 48, "HS256"),
        jwt.encode(claims, None, "none"),
        ada.token[:-4] + "AAAA",
        ada.token + ".x",
        "x",
        "a.b.c",
    ]
    for token in forged:
        response = await ada.http.get("/users/me", headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == 401, token
        with pytest.raises(Refused) as refused:
            await served.connect(token)
        assert refused.value.data["data"]["code"] == "unauthorized"


async def test_a_token_with_our_signature_for_no_session_of_ours_is_refused(exact: Town) -> None:
    claims = {"iss": "windsock-chat", "aud": "windsock-chat", "iat": time.time(), "exp": time.time() + 60}
    someone = str(uuid4())
    for more in (
        {},
        {"sub": someone},
        {"sub": someone, "sid": someone},
        {"sub": 1, "sid": 2},
        {"sub": "x", "sid": "y"},
    ):
        token = jwt.encode(claims | more, SECRET, "HS256")
        response = await exact.browser().get("/users/me", headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == 401, more
        with pytest.raises(Refused) as refused:
            await exact.connect(token)
        assert refused.value.data["data"]["code"] == "unauthorized"


def signed(token: str, **changes: object) -> str:
    """The token with other claims, in the server's own hand."""
    claims = jwt.decode(token, SECRET, ["HS256"], audience="windsock-chat")
    return jwt.encode(claims | changes, SECRET, "HS256")


async def test_an_access_token_expires_and_is_renewed(exact: Town) -> None:
    ada = await exact.person()
    ada.take({"access_token": signed(ada.token, exp=time.time() - 1), "user": ada.user})
    response = await ada.request("GET", "/users/me")
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "unauthorized"
    with pytest.raises(Refused):
        await ada.connect()

    ada.take(await ada.do("POST", "/auth/refresh"))

    await ada.do("GET", "/users/me")


async def test_a_socket_lives_as_long_as_its_session_and_not_as_its_token(exact: Town) -> None:
    ada = await exact.person()
    room = await ada.create()
    brief = signed(ada.token, exp=time.time() + 5)
    device = await exact.connect(brief)

    async def ask() -> httpx.Response:
        return await ada.http.get("/users/me", headers={"Authorization": f"Bearer {brief}"})

    await until(ask, lambda response: response.status_code == 401)
    await device.say(room, "still here")


async def test_a_refresh_token_is_exchanged_for_the_next(served: Town) -> None:
    ada = await served.person()
    first = ada.http.cookies["windsock_refresh"]

    session = await ada.do("POST", "/auth/refresh")

    assert ada.http.cookies["windsock_refresh"] != first
    assert session["user"]["id"] == ada.id
    ada.take(session)
    await ada.do("GET", "/users/me")


async def test_two_tabs_may_race_for_the_next_token(served: Town) -> None:
    ada = await served.person()
    first = ada.http.cookies["windsock_refresh"]
    answers = await asyncio.gather(*(_refresh(served, first) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.cookies["windsock_refresh"] for answer in answers}) == 3


async def test_a_stolen_refresh_token_ends_the_session(exact: Town) -> None:
    ada = await exact.person()
    device = await ada.connect()
    stolen = ada.http.cookies["windsock_refresh"]
    ada.take(await ada.do("POST", "/auth/refresh"))

    answer = await _refresh(exact, stolen)

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "token_reused"
    # Nobody can tell the thief from the owner: both have to log in again.
    assert (await ada.request("POST", "/auth/refresh")).status_code == 401
    assert (await ada.request("GET", "/users/me")).status_code == 401
    assert await device.hear("session:ended") == {"reason": "reused"}
    await device.hear("disconnect")


async def _refresh(served: Town, token: str) -> httpx.Response:
    browser = served.browser()
    return await browser.post("/auth/refresh", headers={"Cookie": f"windsock_refresh={token}"})


@pytest.mark.parametrize("cookie", [None, "x", "x" * 5000, "é"])
async def test_a_refresh_token_that_is_none_is_refused(served: Town, cookie: str | None) -> None:
    headers = {} if cookie is None else {b"Cookie": f"windsock_refresh={cookie}".encode()}
    response = await served.browser().post("/auth/refresh", headers=headers)
    assert response.status_code in {401, 422}


async def test_refresh_tokens_and_passwords_are_stored_as_hashes(served: Town, server: ChatServer) -> None:
    ada = await served.person()
    token = ada.http.cookies["windsock_refresh"]
    passwords = server.query("SELECT password_hash FROM users")
    assert all(row[0].startswith("$argon2id$") for row in passwords)
    columns = server.query("SELECT * FROM users") + server.query("SELECT * FROM refresh_tokens")
    assert token not in repr(columns)
    assert PASSWORD not in repr(columns)


@pytest.mark.asyncio(loop_scope="session")  # as the chat inside has it
async def test_log_out_ends_this_devices_session_and_no_other(town: Town) -> None:
    laptop = await town.person()
    phone = await town.log_in(laptop.username)
    laptop_socket, phone_socket = await laptop.connect(), await phone.connect()
    loop = asyncio.get_running_loop()
    begun = loop.time()

    await laptop.do("POST", "/auth/log-out")

    assert await laptop_socket.hear("session:ended") == {"reason": "logged_out"}
    await laptop_socket.hear("disconnect")
    assert loop.time() == begun, "nothing had to wait"
    assert (await laptop.request("GET", "/users/me")).status_code == 401
    assert "windsock_refresh" not in laptop.http.cookies
    assert (await laptop.request("POST", "/auth/refresh")).status_code == 401
    await phone.do("GET", "/users/me")
    room = await phone.create()
    await phone_socket.say(room, "still here")
    assert not phone_socket.heard("session:ended")


async def test_log_out_works_when_the_access_token_is_gone(served: Town) -> None:
    ada = await served.person()
    del ada.http.headers["Authorization"]
    await ada.do("POST", "/auth/log-out")
    assert (await ada.request("POST", "/auth/refresh")).status_code == 401
    assert (await ada.request("POST", "/auth/log-out")).status_code == 204


async def test_log_out_everywhere_ends_all_sessions(served: Town) -> None:
    laptop = await served.person()
    phone = await served.log_in(laptop.username)
    device = await phone.connect()

    await laptop.do("POST", "/auth/log-out-everywhere")

    assert await device.hear("session:ended") == {"reason": "logged_out"}
    await device.hear("disconnect")
    for browser in (laptop, phone):
        assert (await browser.request("GET", "/users/me")).status_code == 401
        assert (await browser.request("POST", "/auth/refresh")).status_code == 401


async def test_the_oldest_of_too_many_sessions_ends(served: Town) -> None:
    ada = await served.person()
    *_, newest = [await served.log_in(ada.username) for _ in range(20)]
    assert (await ada.request("GET", "/users/me")).status_code == 401
    await newest.do("GET", "/users/me")


@pytest.mark.parametrize("route", ["/auth/refresh", "/auth/log-out", "/auth/log-in", "/auth/sign-up"])
@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=["another origin", "opaque origin", "cross-site without origin"],
)
async def test_a_page_of_another_site_cannot_use_the_cookie(served: Town, route: str, headers: dict[str, str]) -> None:
    ada = await served.person()
    response = await ada.http.post(route, headers=headers)
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "wrong_origin"
    assert "set-cookie" not in response.headers
    await ada.do("POST", "/auth/refresh")


async def test_ones_own_page_may_use_the_cookie(served: Town) -> None:
    ada = await served.person()
    response = await ada.http.post(
        "/auth/refresh", headers={"Origin": served.server.url, "Sec-Fetch-Site": "same-origin"}
    )
    assert response.status_code == 200
