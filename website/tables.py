"""What the site's pages take from the code when they are built: a block of the language ``generated`` names it.

A page says ``limits``, ``help windsock serve``, ``benchmark`` or ``cluster``.
"""

from __future__ import annotations

import functools
import html
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import griffe
import markdown
from pymdownx.superfences import SuperFencesException  # type: ignore[import-untyped]  # it ships no types

from website.docstrings import Docstrings

ROOT: Final = Path(__file__).resolve().parents[1]
TABLES: Final = ["tables", "fenced_code"]


def fence(source: str, language: str, css_class: str, options: dict[str, Any], md: Any, **more: Any) -> str:
    """A ``generated`` block as HTML: the form that pymdownx.superfences asks for.

    Raises:
        SuperFencesException: it cannot be made. Any other exception would show the block as code.
    """
    name, _, argument = source.strip().partition(" ")
    try:
        return MAKERS[name](argument)
    except Exception as error:
        raise SuperFencesException(f"cannot make {source.strip()!r}: {error!r}") from error


def limits(_: str) -> str:
    """Every constant ``MAX_…`` of the library, with its reason."""
    rows = ["| | What and why | |", "|--:|---|---|"]
    for constant in constants():
        if constant.docstring is None:
            raise ValueError(f"expected the reason of {constant.path} below it, found none")
        reason = " ".join(constant.docstring.value.split())
        name = constant.path.removeprefix("windsock.")
        rows.append(f"| {_figure(str(constant.value))} | {reason} | `{name}` |")
    return re.sub(r"(?<=[._])(?=\w+</code></td>)", "<wbr>", render("\n".join(rows)))


def constants() -> Iterator[griffe.Attribute]:
    """The limits that are constants, by module."""

    def walk(module: griffe.Module) -> Iterator[griffe.Attribute]:
        for member in module.members.values():
            if isinstance(member, griffe.Module):
                yield from walk(member)
            elif isinstance(member, griffe.Attribute) and member.name.startswith("MAX_"):
                yield member

    yield from sorted(walk(library()), key=lambda constant: constant.path)


def command_help(argument: str) -> str:
    """What a command says of itself."""
    environment = {**os.environ, "COLUMNS": "86", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "windsock.cli", *argument.split()[1:], "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=True)
    return f'<div class="highlight"><pre><code>{html.escape(done.stdout)}</code></pre></div>'


def benchmark(_: str) -> str:
    """The table of the README."""
    return _from_readme("benchmark", r"\n!\[", "make bench")


def cluster(_: str) -> str:
    """The tables of the README."""
    return _from_readme("cluster", "<!-- cluster: end -->", "make bench-cluster")


def _from_readme(mark: str, end: str, command: str) -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- {mark}: begin -->\n(.*?){end}", text, re.DOTALL)
    if found is None or not found[1].strip():
        raise ValueError(f"expected the table of `{command}` in README.md, found none")
    return render(found[1])


@functools.cache
def library() -> griffe.Module:
    """The library, read and not imported."""
    loaded = griffe.load("windsock", search_paths=[ROOT / "src"], extensions=griffe.load_extensions(Docstrings))
    assert isinstance(loaded, griffe.Module)
    return loaded


def render(text: str) -> str:
    """Markdown as HTML."""
    return markdown.markdown(re.sub(r"\[(`[^`]+`)\]\[[^\]]+\]", r"\1", text), extensions=TABLES)


def _figure(value: str) -> str:
    """A number as people read it: ``16 * 1024 * 1024`` is 16 MiB."""
    number = 1
    for factor in value.replace("_", "").split(" * "):
        if not factor.isdigit():
            return f"`{value}`"
        number *= int(factor)
    for size, unit in ((1024**2, "MiB"), (1024, "KiB")):
        if "1024 " in f"{value} " and number >= size and number % size == 0 and number != 1024:
            return f"{number // size} {unit}"
    return f"{number:,}"


MAKERS: Final[dict[str, Callable[[str], str]]] = {
    "limits": limits,
    "help": command_help,
    "benchmark": benchmark,
    "cluster": cluster,
}
