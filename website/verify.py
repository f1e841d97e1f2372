"""What a built site must be: whole, and by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

LINKS: Final = {"a": "href", "img": "src", "link": "href", "script": "src", "source": "src", "iframe": "src"}


class Page(HTMLParser):
    """What a page links to, and what can be linked to in it.

    Attributes:
        links: tag and target of each.
        anchors: its ids.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag begins."""
        values = dict(attrs)
        if values.get("id"):
            self.anchors.add(str(values["id"]))
        target = values.get(LINKS.get(tag, ""))
        if target and values.get("rel") != "canonical":
            self.links.append((tag, target))


def faults(site: Path) -> Iterator[str]:
    """Each broken link, reference that was not resolved, and thing that a browser would fetch from elsewhere."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    for path, page in pages.items():
        where = path.relative_to(site)
        for tag, target in page.links:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                if tag != "a":
                    yield f"{where}: <{tag}> fetches {target}"
                continue
            file = path if not parts.path else _file(site, path, unquote(parts.path))
            if not file.exists():
                yield f"{where}: no {target}"
            elif parts.fragment and file in pages and unquote(parts.fragment) not in pages[file].anchors:
                yield f"{where}: no anchor {target}"
        if re.search(
            r"<autoref|\]\[\w", re.sub(r"<(pre|code|script)\b.*?</\1>", "", path.read_text("utf-8"), flags=re.DOTALL)
        ):
            yield f"{where}: a reference that was not resolved"
    for path in site.rglob("*.css"):
        for target in re.findall(r"url\(['\"]?(?:https?:)?//[^)]*\)", path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(site)}: fetches {target}"


def _file(site: Path, page: Path, target: str) -> Path:
    file = site / target.lstrip("/") if target.startswith("/") else page.parent / target
    return (file / "index.html" if target.endswith("/") or file.is_dir() else file).resolve()
