"""The tables of options name each there is, with its default."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from tests.docs.blocks import ROOT
from windsock import Client, Server

PAGE = (ROOT / "docs/reference/options.md").read_text(encoding="utf-8")
SHOWN = {
    "the same origin": None,
    "the system's": None,
    "both": ("polling", "websocket"),
    "polling, then WebSocket": ("polling", "websocket"),
    "`None`, no end": None,
    "4 MiB": 4 * 1024 * 1024,
    "16 MiB": 16 * 1024 * 1024,
    "the environment's": True,
}
OBJECTS = {"in memory", "JSON", "close at 4 MiB"}


def value(shown: str) -> Any:
    """What the table says, as Python has it."""
    if shown in SHOWN:
        return SHOWN[shown]
    return eval(shown.strip("`").replace(",", ""), {})  # noqa: S307  the project's own documentation


@pytest.mark.parametrize(("made", "heading"), [(Server, "## Of the server"), (Client, "## Of the client")])
def test_each_option_has_its_row(made: type[object], heading: str) -> None:
    section = PAGE.split(heading)[1].split("\n## ")[0].split(" has besides, ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", section, re.MULTILINE))
    options = {
        name: parameter.default
        for name, parameter in inspect.signature(made).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    assert set(rows) == set(options)
    wrong = {name: shown for name, shown in rows.items() if shown not in OBJECTS and value(shown) != options[name]}
    assert not wrong
