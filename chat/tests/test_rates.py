"""Rate limits as they are shipped: for a user, for an address, and with the time to come back."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from chat.tests.devices import WITHIN, Device, Json, Refused
from chat.tests.matrix import ROUTES
from chat.tests.people import Person, Town, send
from chat.tests.server import PASSWORD, ChatServer
from windsock_chat.domain import rate
from windsock_chat.domain.errors import RateLimited
from windsock_chat.services.rate_limits import Limiter, MemoryCounters, network


@pytest.fixture(scope="module")
def addresses() -> Iterator[str]:
    """Addresses that nobody has used."""
    return (f"198.51.{a}.{b}" for a, b in itertools.product(range(100), range(1, 255)))


@pytest.fixture(scope="module")
def tight_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatServer]:
    """So strict that everything may be done once."""
    data = tmp_path_factory.mktemp("tight")
    with ChatServer(data, rate_factor=0.0001, trusted_proxies="127.0.0.1") as server:
        yield server


@pytest_asyncio.fixture
async def tight(tight_server: ChatServer) -> AsyncIterator[Town]:
    """Where people come from who may do everything once."""
    async with Town(tight_server) as town:
        yield town


async def someone(strict: Town, address: str) -> Person:
    """A person at an address of their own."""
    name = f"u{uuid4().hex[:12].translate(str.maketrans('01', 'xy'))}"
    http = strict.browser(**{"X-Forwarded-For": address})
    body = {"username": name, "display_name": "x", "password": PASSWORD}
    response = await send(http, "POST", "/auth/sign-up", body)
    assert response.status_code == 201, response.text
    return Person(strict, http, response.json())


def check_refusal(response: httpx.Response, seconds: int) -> None:
    assert response.status_code == 429
    error = response.json()["error"]
    assert error["code"] == "rate_limited"
    assert 1 <= error["retry_after"] <= seconds
    assert response.headers["retry-after"] == str(error["retry_after"])


async def knock(http: httpx.AsyncClient, count: int, method: str, path: str, body: object) -> list[httpx.Response]:
    """That many requests; the answers."""
    return [await send(http, method, path, body) for _ in range(count)]


async def knock_in_one_row(port: int, count: int, path: str, address: str) -> list[httpx.Response]:
    """As many posts, sent before the first is answered: within the time of a limit on a slow machine, too."""
    fields = f"Host: localhost\r\nContent-Type: application/json\r\nX-Forwarded-For: {address}\r\n"
    head = f"POST {path} HTTP/1.1\r\n{fields}"
    requests = [f"{head}Content-Length: 2\r\n\r\n{{}}"] * (count - 1)
    requests.append(f"{head}Content-Length: 2\r\nConnection: close\r\n\r\n{{}}")
    reader, writer = await asyncio.open_connection("localhost", port)
    writer.write("".join(requests).encode())
    rest = await asyncio.wait_for(reader.read(), 2 * WITHIN)
    writer.close()
    answers: list[httpx.Response] = []
    while rest:
        top, _, rest = rest.partition(b"\r\n\r\n")
        status, *lines = top.split(b"\r\n")
        headers = httpx.Headers([(name, value) for name, _, value in (line.partition(b": ") for line in lines)])
        length = int(headers["content-length"])
        answers.append(httpx.Response(int(status.split()[1]), headers=headers, content=rest[:length]))
        rest = rest[length:]
    return answers


async def test_log_in_is_throttled_for_an_account_from_everywhere(strict: Town, addresses: Iterator[str]) -> None:
    ada, bob = await someone(strict, next(addresses)), await someone(strict, next(addresses))
    wrong = {"username": ada.username, "password": "x" * 12}
    right = wrong | {"password": PASSWORD}
    for _ in range(rate.LOG_IN.per_user):
        browser = strict.browser(**{"X-Forwarded-For": next(addresses)})
        assert (await send(browser, "POST", "/auth/log-in", wrong)).status_code == 401

    browser = strict.browser(**{"X-Forwarded-For": next(addresses)})
    # Also for the right password: whoever guesses must not learn that they have.
    check_refusal(await send(browser, "POST", "/auth/log-in", right), rate.LOG_IN.seconds)
    other = right | {"username": bob.username}
    assert (await send(browser, "POST", "/auth/log-in", other)).status_code == 200


async def test_an_unknown_account_is_throttled_like_any_other(strict: Town, addresses: Iterator[str]) -> None:
    browser = strict.browser(**{"X-Forwarded-For": next(addresses)})
    body = {"username": "nobody-at-all", "password": "x" * 12}
    answers = await knock(browser, rate.LOG_IN.per_user + 1, "POST", "/auth/log-in", body)
    assert [answer.status_code for answer in answers[:-1]] == [401] * rate.LOG_IN.per_user
    check_refusal(answers[-1], rate.LOG_IN.seconds)


async def test_a_success_forgets_the_failures_before_it(strict: Town, addresses: Iterator[str]) -> None:
    ada = await someone(strict, next(addresses))
    wrong = {"username": ada.username, "password": "x" * 12}
    for _ in range(3):
        browser = strict.browser(**{"X-Forwarded-For": next(addresses)})
        answers = await knock(browser, rate.LOG_IN.per_user - 1, "POST", "/auth/log-in", wrong)
        assert {answer.status_code for answer in answers} == {401}
        right = wrong | {"password": PASSWORD}
        assert (await send(browser, "POST", "/auth/log-in", right)).status_code == 200


async def test_log_in_and_sign_up_are_throttled_for_an_address(
    strict_server: ChatServer, addresses: Iterator[str]
) -> None:
    for route, limit in (("log-in", rate.LOG_IN), ("sign-up", rate.SIGN_UP), ("refresh", rate.REFRESH)):
        path, address = f"/api/v1/auth/{route}", next(addresses)
        answers = await knock_in_one_row(strict_server.port, limit.per_address + 1, path, address)
        assert len(answers) == limit.per_address + 1
        assert 429 not in {answer.status_code for answer in answers[:-1]}
        check_refusal(answers[-1], limit.seconds)


async def test_writes_and_reads_are_limited_for_a_user(strict: Town, addresses: Iterator[str]) -> None:
    ada = await someone(strict, next(addresses))
    answers = await knock(ada.http, rate.WRITE.per_user + 1, "PATCH", "/users/me", {"about": "x"})
    assert {answer.status_code for answer in answers[:-1]} == {200}
    check_refusal(answers[-1], rate.WRITE.seconds)
    # From another address it is the same user; another user is not touched.
    ada.http.headers["X-Forwarded-For"] = next(addresses)
    check_refusal(await ada.request("PATCH", "/users/me", {"about": "x"}), rate.WRITE.seconds)
    await ada.do("GET", "/users/me")
    bob = await someone(strict, next(addresses))
    await bob.do("PATCH", "/users/me", {"about": "x"})


async def test_an_address_can_be_as_wrong_as_it_likes_about_its_proxy(strict: Town) -> None:
    """What the proxy says last is believed; what its client wrote before is not."""
    limit = rate.SIGN_UP.per_address
    claims = [f"10.0.{n}.1, 203.0.113.9" for n in range(limit + 1)]
    answers = [await strict.post("/auth/sign-up", {}, **{"X-Forwarded-For": claim}) for claim in claims]
    check_refusal(answers[-1], rate.SIGN_UP.seconds)


PAYLOADS: dict[str, tuple[rate.Rate, Json]] = {
    "message:send": (rate.MESSAGE, {"client_id": str(uuid4()), "text": "x"}),
    "message:edit": (rate.MESSAGE, {"client_id": str(uuid4()), "text": "x", "target_seq": 1}),
    "message:delete": (rate.MESSAGE, {"client_id": str(uuid4()), "target_seq": 1}),
    "read": (rate.MARKER, {"seq": 1}),
    "typing": (rate.TYPING, {"typing": True}),
}


@pytest.mark.parametrize("event", [*PAYLOADS, "no:such:event"])
async def test_events_that_carry_nonsense_are_limited_too(strict: Town, addresses: Iterator[str], event: str) -> None:
    """To look at it, and to say what is wrong, costs as much as to answer what is right."""
    ada = await someone(strict, next(addresses))
    device = await ada.connect()
    limit = PAYLOADS[event][0] if event in PAYLOADS else rate.UNKNOWN
    answers = [await device.call(event, {"room_id": 1}) for _ in range(limit.per_user + 1)]
    expected = "invalid_payload" if event in PAYLOADS else "unknown_event"
    assert {answer["error"]["code"] for answer in answers[:-1]} == {expected}
    assert answers[-1]["error"]["code"] == "rate_limited"
    assert 1 <= answers[-1]["error"]["retry_after"] <= limit.seconds


@pytest.mark.parametrize("event", PAYLOADS)
async def test_events_are_limited_for_a_user_on_all_devices(strict: Town, addresses: Iterator[str], event: str) -> None:
    ada = await someone(strict, next(addresses))
    room = await ada.create()
    limit, payload = PAYLOADS[event]
    devices = [await ada.connect(), await ada.connect()]

    async def ask(device: Device) -> Json:
        return await device.call(event, {"room_id": room["id"], **payload})

    answers = await asyncio.gather(*(ask(devices[n % 2]) for n in range(limit.per_user + 2)))
    refused = [answer["error"] for answer in answers if answer.get("error", {}).get("code") == "rate_limited"]
    assert len(refused) == 2
    assert all(1 <= error["retry_after"] <= limit.seconds for error in refused)
    # The connection stays, and others are not touched.
    bob = await someone(strict, next(addresses))
    await (await bob.connect()).say(await bob.create(), "hello")


async def test_connecting_is_limited_for_a_user(strict: Town, addresses: Iterator[str]) -> None:
    ada = await someone(strict, next(addresses))
    for _ in range(rate.CONNECT.per_user):
        device = await ada.connect()
        await device.leave()
    with pytest.raises(Refused) as refused:
        await ada.connect()
    assert refused.value.data["data"]["code"] == "rate_limited"
    assert 1 <= refused.value.data["data"]["retry_after"] <= rate.CONNECT.seconds


async def test_every_route_is_limited_for_an_address(tight: Town, addresses: Iterator[str]) -> None:
    for name in ROUTES:
        method, _, template = name.partition(" ")
        path = template.replace("{path:path}", "").format(room_id=uuid4(), user_id=uuid4())
        http = tight.browser(**{"X-Forwarded-For": next(addresses)})
        first, second = await knock(http, 2, method, f"{tight.server.url}{path}", {})
        assert first.status_code != 429, name
        assert second.status_code == 429, name
        assert int(second.headers["retry-after"]) >= 1, name


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "/auth/log-in", b"{"),
        ("POST", "/auth/log-in", b"[" * 60_000),
        ("PATCH", "/users/me", b"\xff\xfe"),
        ("POST", "/users/me", b"{}"),
        ("DELETE", "/nowhere", b""),
    ],
)
async def test_what_no_route_gets_to_see_is_limited_for_an_address(
    tight: Town, addresses: Iterator[str], method: str, path: str, content: bytes
) -> None:
    http = tight.browser(**{"X-Forwarded-For": next(addresses), "Content-Type": "application/json"})
    first, second = [await http.request(method, path, content=content) for _ in range(2)]
    assert first.status_code in {400, 405, 422}
    check_refusal(second, rate.PAGE.seconds)


async def test_after_the_time_told_the_same_request_succeeds() -> None:
    limiter = Limiter(MemoryCounters())
    brief = rate.Rate("brief", seconds=1, per_user=2, per_address=2)
    for _ in range(2):
        await limiter.check_user(brief, "ada")
    with pytest.raises(RateLimited) as refused:
        await limiter.check_user(brief, "ada")
    assert refused.value.retry_after == 1
    await asyncio.sleep(refused.value.retry_after)  # a fixed wait: the one that the server asks for
    await limiter.check_user(brief, "ada")


async def test_counters_are_bounded_and_the_newest_stay() -> None:
    counters = MemoryCounters(limit=100)
    limiter = Limiter(counters)
    once = rate.Rate("once", seconds=60, per_user=1, per_address=1)
    for n in range(250):
        await limiter.check_address(once, f"198.18.{n // 250}.{n % 250}")
    assert await counters.reset() == 100


@pytest.mark.parametrize(
    ("address", "person"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("unknown", "unknown"),
    ],
)
def test_an_ipv6_network_is_one_person(address: str, person: str) -> None:
    assert network(address) == person
