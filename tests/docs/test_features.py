"""The feature table names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.docs.blocks import ROOT

SCENARIOS = "\n".join((ROOT / f"tests/conformance/js/{name}.js").read_text() for name in ("scenarios", "engine"))


def rows() -> list[list[str]]:
    """The cells of each row that says something."""
    text = (ROOT / "docs/features.md").read_text(encoding="utf-8")
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return [row for row in found if row[0] and set(row[0]) != {"-"}]


def test_each_feature_that_is_there_names_its_test() -> None:
    for feature, ours, *_, test in rows():
        assert bool(test) == (ours not in ("no", "not yet")), feature


def test_the_tests_exist() -> None:
    named = [row[-1].strip("`") for row in rows() if row[-1]]
    assert len(named) > 30
    missing = []
    for path, name, scenario in (re.fullmatch(r"([^:]+)::(\w+)(?:\[(.+)\])?", each).groups() for each in named):  # type: ignore[union-attr]  # then it fails
        file = ROOT / "tests" / path
        there = file.exists() and name in functions(file)
        if not there or (scenario and f'"{scenario}"' not in SCENARIOS):
            missing.append(f"{path}::{name}[{scenario}]")
    assert not missing


def functions(file: Path) -> set[str]:
    """The names of a file's functions."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
