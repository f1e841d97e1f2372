"""The page that stands Windsock's names beside Socket.IO's has all of them, and none of ours that is not there."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Final

import pytest

import windsock
from tests.docs.blocks import ROOT

MODULES: Final = ROOT / "tests/conformance/js/node_modules"
SERVER, CLIENT = MODULES / "socket.io/dist", MODULES / "socket.io-client/build/esm"
PAGE: Final = (ROOT / "docs/reference/socketio.md").read_text(encoding="utf-8")
OPTIONS: Final = (ROOT / "docs/reference/options.md").read_text(encoding="utf-8")

INHERITED: Final = {"Server": {"emit"}}
"""What a class has of another, as the page has it."""

MEMBERS: Final = [
    ("Server", SERVER / "index.d.ts", "class Server"),
    ("Namespace", SERVER / "namespace.d.ts", "class Namespace"),
    ("ParentNamespace", SERVER / "parent-namespace.d.ts", "class ParentNamespace"),
    ("Socket", SERVER / "socket.d.ts", "class Socket"),
    ("Handshake", SERVER / "socket-types.d.ts", "interface Handshake"),
    ("BroadcastOperator", SERVER / "broadcast-operator.d.ts", "class BroadcastOperator"),
    ("RemoteSocket", SERVER / "broadcast-operator.d.ts", "class RemoteSocket"),
    ("The client's Socket", CLIENT / "socket.d.ts", "class Socket"),
    ("Manager", CLIENT / "manager.d.ts", "class Manager"),
]
NOTHING: Final = "–"  # noqa: RUF001  as typography has it

EVENTS: Final = [
    ("Server", SERVER / "namespace.d.ts", "interface NamespaceReservedEventsMap"),
    ("Server", SERVER / "namespace.d.ts", "interface ServerReservedEventsMap"),
    ("Socket", SERVER / "socket-types.d.ts", "interface SocketReservedEventsMap"),
    ("The client's Socket", CLIENT / "socket.d.ts", "interface SocketReservedEvents"),
    ("Manager", CLIENT / "manager.d.ts", "interface ManagerReservedEvents"),
]
CLASSES: Final[dict[str, list[type]]] = {
    "Server": [windsock.Server],
    "Namespace": [windsock.Namespace],
    "ParentNamespace": [windsock.DynamicNamespace],
    "Socket": [windsock.Socket],
    "Handshake": [windsock.Handshake],
    "BroadcastOperator": [windsock.BroadcastOperator],
    "RemoteSocket": [windsock.RemoteSocket],
    "The engine": [windsock.Server],
    "The client's Socket": [windsock.Client, windsock.ClientNamespace],
    "Manager": [windsock.Manager, windsock.Client],
}


def declared(file: Path, what: str) -> set[str]:
    """The public members of a class or an interface of TypeScript."""
    text = re.sub(r"/\*\*(?:(?!\*/).)*?@private.*?\*/\s*[^\n]*", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    begin = re.search(rf"{what}\b[^\n]*(?:\n[^ }}][^\n]*|\n\s*)*", text)
    assert begin is not None, what
    body = text[begin.start() :]
    body = body[: body.index("\n}")]
    members = re.findall(r"^    (?:readonly |get |set )?(\w+)\??\s*[(:<]", body, re.MULTILINE)
    return {name for name in members if name != "constructor" and not name.startswith("_")}


def tables(heading: str) -> list[list[list[str]]]:
    """The rows of each table of a section of the page."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found: list[list[list[str]]] = []
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            continue
        if cells[0] in ("Socket.IO", "socket.io-client", "Event"):
            found.append([])
        elif not set(line) <= set("|-: "):
            found[-1].append(cells)
    return found


def names(rows: list[list[str]]) -> list[str]:
    """In the first column."""
    return [name for row in rows for name in re.findall(r"`(\w+)`", row[0])]


@pytest.mark.parametrize(("heading", "file", "what"), MEMBERS, ids=[member[0] for member in MEMBERS])
def test_every_member_has_its_row(heading: str, file: Path, what: str) -> None:
    found = names(tables(heading)[0])
    assert len(found) == len(set(found))
    assert set(found) == declared(file, what) | INHERITED.get(heading, set())


@pytest.mark.parametrize(("heading", "file", "what"), EVENTS, ids=[event[2] for event in EVENTS])
def test_every_event_has_its_row(heading: str, file: Path, what: str) -> None:
    assert declared(file, what) <= set(names(tables(heading)[1]))


@pytest.mark.parametrize("heading", list(CLASSES))
def test_what_stands_for_it_is_there(heading: str) -> None:
    rows = [row for table in tables(heading) for row in table]
    assert rows
    for theirs, ours, remark in rows:
        if ours == NOTHING:
            assert remark, f"{theirs}: expected the reason"
            continue
        for name in re.findall(r"`(\w+(?:\.\w+)?)`", ours):
            owner, _, attribute = name.rpartition(".")
            holders = [getattr(windsock, owner)] if owner else CLASSES[heading]
            assert any(attribute in known(holder) for holder in holders), f"{theirs}: no {name}"


def known(made: type) -> set[str]:
    """The attributes of a class, those that its documentation alone names included."""
    described = re.findall(r"^ +(\w+): ", (inspect.getdoc(made) or "").partition("Attributes:")[2], re.MULTILINE)
    return {*dir(made), *described}


@pytest.mark.parametrize(
    ("heading", "file", "what"),
    [
        ("Of the server", SERVER / "index.d.ts", "interface ServerOptions"),
        ("Of the server", MODULES / "engine.io/build/server.d.ts", "interface ServerOptions"),
        ("Of the server", MODULES / "engine.io/build/server.d.ts", "interface AttachOptions"),
        ("Of the client", CLIENT / "manager.d.ts", "interface ManagerOptions"),
        ("Of the client", CLIENT / "socket.d.ts", "interface SocketOptions"),
        ("Of the client", MODULES / "engine.io-client/build/esm/socket.d.ts", "interface SocketOptions"),
    ],
)
def test_every_option_is_spoken_of(heading: str, file: Path, what: str) -> None:
    section = OPTIONS.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    spoken_of = set(re.findall(r"`(\w+)[`.:]", section))
    assert declared(file, what) - spoken_of == set()
