"""The TypeScript that a contract becomes, judged by the compiler and the official client's own types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.contracts.javascript import DIRECTORY, run
from tests.contracts.shop import Said, Say, make_server
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
        "paths": {"shop": [str(folder / "shop.ts")]},
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
