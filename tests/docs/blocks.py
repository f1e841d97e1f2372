"""The examples of a page: its fenced blocks of code, in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sybil import Document
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, RawFencedCodeBlockLexer

ROOT: Final = Path(__file__).resolve().parents[2]
INFO: Final = re.compile(r"(?P<language>[\w+-]*)(?P<options>[^\n]*)$\n", re.MULTILINE)
TITLE: Final = re.compile(r'title="([^"]+)"')
OUTPUT: Final = "Output"
"""The title of what the block before it prints; ``…`` stands for anything."""


@dataclass(frozen=True, slots=True)
class Block:
    """One example.

    Args:
        language: of the fence; ``hidden python`` for one in a comment, which readers do not see.
        title: the name of the file that it is, if it is one.
        source: its text.
        line: of the page, where the text begins; from 1.
        output: what it prints, if the page says so.
    """

    language: str
    title: str | None
    source: str
    line: int
    output: str | None = None


def read(page: Path) -> list[Block]:
    """The blocks of a page, each with the output that the page shows below it."""
    document = Document.parse(str(page), RawFencedCodeBlockLexer(INFO), DirectiveInHTMLCommentLexer("example"))
    blocks: list[Block] = []
    for example in document:
        lexemes = example.region.lexemes
        source = str(lexemes["source"])
        if "directive" in lexemes:
            blocks.append(Block(f"hidden {lexemes['arguments'].strip()}", None, source, example.line + 1))
            continue
        title = TITLE.search(lexemes["options"])
        block = Block(lexemes["language"], title[1] if title else None, source, example.line + 1)
        if block.title == OUTPUT:
            shown = blocks.pop()
            blocks.append(Block(shown.language, shown.title, shown.source, shown.line, block.source))
        else:
            blocks.append(block)
    return blocks


def pages() -> Iterator[Path]:
    """Every page that has examples."""
    folders = (ROOT / "docs").rglob("*.md")
    for page in sorted([*ROOT.glob("*.md"), ROOT / "benchmarks/README.md", *folders]):
        if read(page):
            yield page


def blocks_titled(page: str, title: str) -> list[Block]:
    """The stages in which a page shows one file."""
    return [block for block in read(ROOT / page) if block.title == title]


def titled(page: str, title: str) -> str:
    """The text of one file of a page, as it is in the end."""
    return blocks_titled(page, title)[-1].source
