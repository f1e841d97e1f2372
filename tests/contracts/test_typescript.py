"""The TypeScript that a contract becomes, judged by the compiler and the official client's own types."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypeVar
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from typing_extensions import TypeAliasType, TypedDict

from tests.contracts.javascript import DIRECTORY, run
from tests.contracts.shop import Colour, Said, Say, make_server
from windsock import Server, Socket
from windsock.contracts import describe, to_typescript


@pytest.fixture
def typescript(tmp_path: Path) -> str:
    """The shop's types, also in a file."""
    text = to_typescript(describe(make_server()))
    (tmp_path / "shop.ts").write_text(text, encoding="utf-8")
    return text


def compile_client(folder: Path, client: str | None = None) -> str:
    """What the compiler says of a client of ``shop.ts``; nothing when it is right."""
    source = DIRECTORY / "client.ts"
    if client is not None:
        source = folder / "client.ts"
        source.write_text(client, encoding="utf-8")
    options = {
        "strict": True,
        "exactOptionalPropertyTypes": True,
        "noEmit": True,
        "target": "ES2023",
        "module": "ESNext",
        "moduleResolution": "Bundler",
        "lib": ["ES2023", "DOM"],
        "types": [],
        # The official client's own declarations ask for a Node server's.
        "skipLibCheck": True,
        "paths": {
            "shop": [str(folder / "shop.ts")],
            "socket.io-client": [str(DIRECTORY / "node_modules/socket.io-client")],
        },
    }
    project = folder / "tsconfig.json"
    project.write_text(json.dumps({"compilerOptions": options, "files": [str(source)]}), encoding="utf-8")
    return run("tsc", "--project", str(project)).stdout


@pytest.mark.usefixtures("typescript")
def test_a_client_compiles_as_far_as_it_keeps_the_contract(tmp_path: Path) -> None:
    assert compile_client(tmp_path) == ""


def test_a_contract_without_events_compiles(tmp_path: Path) -> None:
    io = Server()
    io.of("/empty").emits("said", Said)
    io.of("/silent").on("disconnect")(lambda socket: None)
    (tmp_path / "shop.ts").write_text(to_typescript(describe(io)), encoding="utf-8")
    client = (
        'import type * as shop from "shop";\n'
        "export type All = shop.EmptyServerToClientEvents & shop.EmptyClientToServerEvents;\n"
        "export type None = shop.SilentServerToClientEvents & shop.SilentClientToServerEvents;\n"
    )
    assert compile_client(tmp_path, client) == ""


def test_the_order_of_registration_does_not_show(typescript: str) -> None:
    io = Server()
    io.of("/b").emits("said", Said)
    io.of("/a").emits("other", int)
    io.of("/a").emits("one", Say)
    other = Server()
    other.of("/a").emits("one", Say)
    other.of("/a").emits("other", int)
    other.of("/b").emits("said", Said)
    assert to_typescript(describe(io)) == to_typescript(describe(other))
    assert to_typescript(describe(make_server())) == typescript


def test_descriptions_are_the_handler_s_and_the_model_s(typescript: str) -> None:
    assert "  /**\n   * Says something.\n   *\n   * To everybody.\n   */\n  say: (" in typescript
    assert "/** It is kept. */\nexport interface Receipt" in typescript
    assert "  /** A line of the log. */\n  log: (" in typescript
    assert "/** Ends with *\\/ at times. */" in typescript


def test_names_that_would_meet_are_kept_apart(tmp_path: Path) -> None:
    io = Server()
    io.of("/a-b").emits("said", int)
    io.of("/a/b").emits("said", str)
    io.of("/1").emits("quote\"d 'n' \\ é", str)
    (tmp_path / "shop.ts").write_text(to_typescript(describe(io)), encoding="utf-8")
    client = (
        'import type { AB2ServerToClientEvents, ABServerToClientEvents, N1ServerToClientEvents } from "shop";\n'
        "export const one: Parameters<ABServerToClientEvents['said']>[0] = 1;\n"
        "export const two: Parameters<AB2ServerToClientEvents['said']>[0] = 'x';\n"
        "export const three: Parameters<N1ServerToClientEvents['quote\"d \\'n\\' \\\\ é']>[0] = 'x';\n"
    )
    assert compile_client(tmp_path, client) == ""


class Tree(BaseModel):
    """Holds itself in every way."""

    children: list[Tree] = []
    by_name: dict[str, Tree | None] = {}
    by_colour: dict[Colour, Tree] = {}
    pair: tuple[Tree, Tree] | None = None
    some: frozenset[int] = frozenset()


T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    model_config = ConfigDict(extra="allow")

    content: T


class Point(NamedTuple):
    x: int
    y: int = 0


Odd = TypedDict("Odd", {"odd-key": int, "default": NotRequired[str]})
Json = TypeAliasType("Json", "dict[str, Json] | list[Json] | str | int | bool | None")

ODD: list[Any] = [
    Tree,
    Json,
    Box[int],
    Box[Tree],
    Point,
    IntEnum("Level", {"LOW": 1, "HIGH": 2}),
    Enum("Sole", {"ONE": "one"}),
    Literal["a", 1, True, None],
    tuple[()],
    tuple[int, ...],
    dict[str, Any],
    dict[int, bytes],
    dict[Literal["a", "b"], int],
    Annotated[str, Field(pattern="^a|b$")],
    Annotated[list[int], Field(min_length=1, max_length=3)],
    list[int | None],
    list[list[Literal["a", "b"]]],
    date | timedelta | Decimal | float,
    UUID | bytes,
    JsonValue,
    set[str],
    Odd,
    None,
]


def test_odd_types_compile_both_ways(tmp_path: Path) -> None:
    io = Server()
    for number, kind in enumerate(ODD):
        io.emits(f"say {number}", kind)

        def handle(socket: Socket, value: Any, more: Any = None) -> Any: ...

        handle.__annotations__ = {"value": kind, "more": kind, "return": kind}
        io.on(f"say {number}")(handle)
    (tmp_path / "shop.ts").write_text(to_typescript(describe(io)), encoding="utf-8")
    client = (
        'import type { BoxInt, ClientToServerEvents, ServerToClientEvents, TreeInput } from "shop";\n'
        "export type Events = ServerToClientEvents & ClientToServerEvents;\n"
        "export const tree: TreeInput = { children: [{ by_name: { a: null, b: {} } }], by_colour: { red: {} } };\n"
        "// @ts-expect-error: no tree\n"
        "export const stone: TreeInput = { children: [{ by_name: { a: 1 } }] };\n"
        "export const box: BoxInt = { content: 1, more: 2 };\n"
    )
    assert compile_client(tmp_path, client) == ""


class RefusalError(Say):
    """Named as one of the module's own types."""


def test_a_model_named_as_the_module_s_own_gets_another_name() -> None:
    io = Server()

    @io.on("e")
    def handle(socket: Socket, error: RefusalError) -> int:
        return 1

    text = to_typescript(describe(io))
    assert "export interface RefusalError2 {" in text
    assert "e: (error: RefusalError2, ack: (answer: Ack<number>) => void) => void;" in text


class Mark(NamedTuple):
    x: float
    label: str | None = None


def test_what_a_tuple_may_lack_is_marked(tmp_path: Path) -> None:
    io = Server()

    @io.on("mark")
    def mark(socket: Socket, mark: Mark) -> None: ...

    (tmp_path / "shop.ts").write_text(to_typescript(describe(io)), encoding="utf-8")
    client = """
        import { io, Socket } from "socket.io-client";
        import type { ClientToServerEvents, ServerToClientEvents } from "shop";

        const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io();
        socket.emit("mark", [1]);
        socket.emit("mark", [1, "here"]);
        socket.emit("mark", [1, null]);
    """
    assert compile_client(tmp_path, client) == ""
    assert "TS2345" in compile_client(tmp_path, client + 'socket.emit("mark", []);\n')
