"""What handlers are given beside their events' arguments."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated, Any

import fastapi
import pytest
from pydantic import BaseModel
from starlette.applications import Starlette
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from tests.server.fixtures import Join, Serve, Way
from tests.server.site import Lane, Trouble, soon
from windsock import ConfigurationError, ConnectionRefused, Context, Depends, EventError, Server, Socket


class Say(BaseModel):
    text: str


class User:
    def __init__(self, name: str) -> None:
        self.name = name


def current_user(socket: Socket) -> User:
    return User(socket.handshake.auth.get("name", "nobody"))


CurrentUser = Annotated[User, Depends(current_user)]


@pytest.fixture
def way() -> Way:
    return Way("lane", ("websocket",))


@pytest.fixture
def journal() -> list[str]:
    """What happened, in order."""
    return []


# -- what is given --


async def test_a_handler_is_given_what_it_depends_on(host: Serve, join: Join) -> None:
    io = Server()

    @io.on("before")
    def before(socket: Socket, user: CurrentUser, message: Say) -> str:
        return f"{user.name}: {message.text}"

    @io.on("after")
    async def after(socket: Socket, message: Say, user: CurrentUser) -> str:
        return f"{user.name}: {message.text}"

    @io.on("by name")
    def by_name(socket: Socket, message: Say, times: int = 1, *rest: int, user: CurrentUser) -> str:
        return f"{user.name}: {message.text * times}{rest}"

    @io.on("among all")
    def among_all(socket: Socket, user: CurrentUser, *texts: str, again: CurrentUser) -> list[Any]:
        return [user.name, *texts, again is user]

    client = await join(await host(io), auth={"name": "ada"})
    assert await client.call("before", {"text": "hi"}) == "ada: hi"
    assert await client.call("after", {"text": "hi"}) == "ada: hi"
    assert await client.call("by name", {"text": "hi"}) == "ada: hi()"
    assert await client.call("by name", {"text": "hi"}, 2, 3, 4) == "ada: hihi(3, 4)"
    assert await client.call("among all", "a", "b") == ["ada", "a", "b", True]
    assert (await client.call("before", {"text": 5}))["error"]["code"] == "invalid_payload"
    assert (await client.call("before", {"text": "hi"}, "more"))["error"]["message"] == "expected 1 arguments, got 2"


async def test_every_kind_of_dependency(host: Serve, join: Join, journal: list[str]) -> None:
    io = Server()

    async def asynchronous(context: Context) -> str:
        await asyncio.sleep(0)
        return f"async {context.event} {type(context.socket).__name__}"

    def generator() -> Iterator[str]:
        yield "generator"

    async def asynchronous_generator(first: Annotated[str, Depends(generator)]) -> AsyncIterator[str]:
        await asyncio.sleep(0)
        yield f"{first}, async"

    class Settings:
        def __init__(self, socket: Socket, optional: int = 3) -> None:
            self.text = f"class {type(socket).__name__} {optional}"

    class Maker:
        async def __call__(self, socket: Socket, /, *, settings: Annotated[Settings, Depends()]) -> str:
            return f"callable with {settings.text}"

    def add(left: int, right: int, socket: Socket) -> int:
        return left + right

    @io.on("all")
    def all_of_them(
        socket: Socket,
        a: Annotated[str, Depends(asynchronous)],
        b: Annotated[str, Depends(generator)],
        c: Annotated[str, Depends(asynchronous_generator)],
        d: Annotated[Settings, Depends(Settings)],
        e: Annotated[str, Depends(Maker())],
        f: Annotated[int, Depends(partial(add, 1, right=2))],
        g: Annotated[str, Depends(lambda: "lambda")],
        same: Socket,
        context: Context,
    ) -> list[Any]:
        return [a, b, c, d.text, e, f, g, same is socket, context.event]

    client = await join(await host(io))
    assert await client.call("all") == [
        "async all Socket",
        "generator",
        "generator, async",
        "class Socket 3",
        "callable with class Socket 3",
        3,
        "lambda",
        True,
        "all",
    ]


async def test_one_event_shares_and_the_next_has_its_own(host: Serve, join: Join) -> None:
    io = Server()
    made = iter(range(100))
    number = Annotated[int, Depends(lambda: next(made))]
    shared = Annotated[int, Depends(made.__next__)]
    fresh = Annotated[int, Depends(made.__next__, use_cache=False)]

    def both(one: shared, other: shared, new: fresh) -> tuple[int, int, int]:
        return one, other, new

    @io.on("count")
    def count(socket: Socket, nested: Annotated[Any, Depends(both)], one: shared, own: number) -> list[Any]:
        return [*nested, one, own]

    client = await join(await host(io))
    assert await client.call("count") == [0, 0, 1, 0, 2]
    assert await client.call("count") == [3, 3, 4, 3, 5]


async def test_connect_and_disconnect_have_them_too(host: Serve, join: Join) -> None:
    io = Server()
    left: asyncio.Queue[str] = asyncio.Queue()

    async def admitted(socket: Socket) -> str:
        if socket.handshake.auth.get("name") != "ada":
            raise ConnectionRefused("who are you?")
        return "ada"

    class Login(TypedDict):
        name: str

    @io.on("connect")
    async def connect(socket: Socket, name: Annotated[str, Depends(admitted)], auth: Login) -> None:
        socket.data.name = name + auth["name"]

    @io.on("disconnect")
    async def disconnect(socket: Socket, reason: str, user: CurrentUser) -> None:
        left.put_nowait(f"{socket.data.name} {user.name} {reason}")

    site = await host(io)
    with pytest.raises(Exception, match="who are you"):
        await join(site, auth={"name": "eve"})
    client = await join(site, auth={"name": "ada"})
    await client.close()
    # The client says that it leaves and goes: which of the two is seen first is not the point here.
    assert await soon(left.get()) in {
        f"adaada ada {reason}" for reason in ("client namespace disconnect", "transport close")
    }


# -- cleaning up --


def record(journal: list[str], name: str) -> Callable[[], Iterator[str]]:
    """A generator that writes down what it sees."""

    def generate() -> Iterator[str]:
        journal.append(f"open {name}")
        try:
            yield name
        except EventError as error:
            journal.append(f"{name} saw {error.code}")
            raise
        finally:
            journal.append(f"close {name}")

    return generate


async def test_generators_clean_up_in_reverse_before_the_answer_is_sent(
    host: Serve, join: Join, journal: list[str]
) -> None:
    io = Server()
    outer = record(journal, "outer")

    async def inner(first: Annotated[str, Depends(outer)]) -> AsyncIterator[str]:
        journal.append("open inner")
        yield first
        await asyncio.sleep(0)
        journal.append("close inner")

    @io.on("do")
    def do(socket: Socket, value: Annotated[str, Depends(inner)]) -> str:
        journal.append(f"handle {value}")
        return value

    @io.on("fail")
    async def fail(socket: Socket, value: Annotated[str, Depends(outer)]) -> None:
        raise EventError("busy")

    client = await join(await host(io))
    assert await client.call("do") == "outer"
    assert journal == ["open outer", "open inner", "handle outer", "close inner", "close outer"]
    journal.clear()
    assert (await client.call("fail"))["error"]["code"] == "busy"
    assert journal == ["open outer", "outer saw busy", "close outer"]


async def test_a_failing_dependency_is_the_answer_and_what_was_open_is_closed(
    host: Serve, join: Join, journal: list[str], trouble: Trouble
) -> None:
    io = Server()

    async def refuse(first: Annotated[str, Depends(record(journal, "first"))]) -> None:
        raise EventError("forbidden", "not you")

    def fail() -> None:
        raise RuntimeError("no database")

    def fail_late() -> Iterator[None]:
        yield
        raise RuntimeError("not committed")

    @io.on("refused")
    def refused(socket: Socket, nothing: Annotated[None, Depends(refuse)]) -> None:
        journal.append("never")

    @io.on("failed")
    def failed(socket: Socket, nothing: Annotated[None, Depends(fail)]) -> None: ...

    @io.on("failed late")
    def failed_late(socket: Socket, nothing: Annotated[None, Depends(fail_late)]) -> str:
        return "done"

    client = await join(await host(io))
    assert (await client.call("refused"))["error"] == {"code": "forbidden", "message": "not you"}
    assert journal == ["open first", "first saw forbidden", "close first"]
    assert (await client.call("failed"))["error"]["code"] == "internal_error"
    assert (await client.call("failed late"))["error"]["code"] == "internal_error"
    trouble.expect("no database", "not committed")


# -- stand-ins --


async def test_overrides_count_from_the_next_event_on(host: Serve, join: Join) -> None:
    io = Server()

    def name(user: CurrentUser) -> str:
        return user.name

    @io.on("who")
    def who(socket: Socket, name: Annotated[str, Depends(name)]) -> str:
        return name

    @io.of("/other").on("who")
    def who_else(socket: Socket, user: CurrentUser) -> str:
        return user.name

    async def somebody(context: Context) -> User:
        await asyncio.sleep(0)
        return User(f"somebody in {context.event}")

    client = await join(await host(io), auth={"name": "ada"}, namespaces=("/", "/other"))
    assert await client.call("who") == "ada"
    io.dependency_overrides[current_user] = somebody
    assert dict(io.dependency_overrides) == {current_user: somebody}
    assert await client.call("who") == "somebody in who"
    assert await client.call("who", namespace="/other") == "somebody in who"
    io.dependency_overrides.clear()
    assert await client.call("who") == "ada"
    assert len(io.dependency_overrides) == 0


async def test_an_override_that_cannot_be_fails_the_event(host: Serve, join: Join, trouble: Trouble) -> None:
    io = Server()
    io.on("who")(lambda_user)
    client = await join(await host(io))
    io.dependency_overrides[current_user] = lambda whoever: whoever
    for _ in range(2):
        assert (await client.call("who"))["error"]["code"] == "internal_error"
        trouble.expect("expected the parameter 'whoever'")
    del io.dependency_overrides[current_user]
    assert await client.call("who") == "nobody"


def lambda_user(socket: Socket, user: CurrentUser) -> str:
    return user.name


# -- what cannot be --


def circle_a(b: Annotated[int, Depends(lambda: 0)]) -> int:
    return b


def circle_b(a: Annotated[int, Depends(circle_a)]) -> int:
    return a


circle_a.__annotations__["b"] = Annotated[int, Depends(circle_b)]


def unknown(socket: Socket, whatever: int) -> None: ...


def nameless(number: int = 1, user: CurrentUser = None, /) -> None: ...  # type: ignore[assignment]  # the point


def missing_name(socket: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821  that nobody knows it is the point


def test_what_cannot_be_is_said_at_registration() -> None:
    def takes_circle(socket: Socket, a: Annotated[int, Depends(circle_a)]) -> None: ...
    def takes_unknown(socket: Socket, a: Annotated[None, Depends(unknown)]) -> None: ...
    def takes_missing(socket: Socket, a: Annotated[None, Depends(missing_name)]) -> None: ...
    def takes_number(socket: Socket, a: Annotated[int, Depends(5)]) -> None: ...
    def has_default(socket: Socket, a: int = Depends(current_user)) -> None: ...  # type: ignore[assignment]  # the point
    def no_socket(user: CurrentUser) -> None: ...
    def behind_optional(socket: Socket, a: int = 1, user: CurrentUser = None) -> None: ...  # type: ignore[assignment]  # the point
    def security(socket: Socket, a: Annotated[User, fastapi.Security(current_user)]) -> None: ...
    def takes_nameless(socket: Socket, a: Annotated[None, Depends(nameless)]) -> None: ...
    def of_a_request(socket: Socket, a: Annotated[Any, Depends(path_of)]) -> None: ...

    expected: dict[Callable[..., Any], str] = {
        takes_circle: "circle_a → circle_b → circle_a",
        takes_unknown: "expected the parameter 'whatever' of unknown in the handler of 'e' to be a Socket",
        takes_missing: "'Nowhere' is not defined",
        takes_number: "expected something to call in a Depends of the handler of 'e', got 5",
        has_default: r"expected a: Annotated\[..., Depends\(...\)\] in the handler of 'e'",
        no_socket: "expected the handler of 'e' to take the socket first",
        behind_optional: "expected 'user' before the optional arguments or after a",
        security: "got FastAPI's Security",
        takes_nameless: "expected 'user' of nameless before its optional parameters",
        of_a_request: "expected the parameter 'request' of path_of",
    }
    for function, message in expected.items():
        with pytest.raises(ConfigurationError, match=message):
            Server().on("e")(function)


def path_of(request: fastapi.Request) -> str:
    return request.url.path


# -- in an application --


async def test_fastapi_s_depends_is_understood(host: Serve, join: Join) -> None:
    io = Server()

    @io.on("who")
    def who(socket: Socket, user: Annotated[User, fastapi.Depends(current_user)]) -> str:
        return user.name

    client = await join(await host(io), auth={"name": "ada"})
    assert await client.call("who") == "ada"


@pytest.mark.parametrize("transports", [["polling"], ["websocket"]])
@pytest.mark.parametrize("mounted", [True, False])
async def test_the_application_s_own_objects_are_in_reach(
    host: Serve, join: Join, lane: Lane, transports: list[str], mounted: bool
) -> None:
    io = Server(path="/socket.io/")

    @asynccontextmanager
    async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[dict[str, Any]]:
        app.state.greeting = "hello"
        yield {"pool": "a pool"}

    app = fastapi.FastAPI(lifespan=lifespan)

    def greeting(socket: Socket) -> str:
        assert isinstance(socket.handshake.app, Starlette)
        return f"{socket.handshake.app.state.greeting} from {socket.handshake.state['pool']}"

    @io.on("greet")
    def greet(socket: Socket, greeting: Annotated[str, Depends(greeting)]) -> str:
        return greeting

    if mounted:
        app.mount("/", io.asgi())
    client = await join(await host(app if mounted else io.asgi(app), lane), transports=transports)
    assert await client.call("greet") == "hello from a pool"


async def test_alone_there_is_no_application(host: Serve, join: Join, lane: Lane) -> None:
    io = Server()
    io.on("app")(lambda socket: [socket.handshake.app is None, socket.handshake.state])
    client = await join(await host(io, lane))
    assert await client.call("app") == [True, {}]
