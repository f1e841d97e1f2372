"""The documentation's site is whole, and fetches nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.conformance.process import ROOT, ServerProcess, python
from tests.docs.blocks import read
from website.tables import constants
from website.verify import faults


@pytest.fixture(scope="module")
def site() -> Path:
    """The site, built anew."""
    done = subprocess.run(python("-m", "website"), cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return ROOT / "build/site"


@pytest.mark.timeout(660)  # the site is built, and every page read twice
def test_it_can_be_read(site: Path) -> None:
    paths = [str(page.parent.relative_to(site)) + "/" for page in sorted(site.rglob("index.html"))]
    command = python("-m", "http.server", "--bind", "127.0.0.1", "--directory", str(site), "{port}")
    with ServerProcess(command) as server:
        reader = ["node", str(ROOT / "tests/docs/site.mjs"), server.url, *paths]
        done = subprocess.run(reader, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def test_the_limits_are_the_code_s(site: Path) -> None:
    limits = (site / "reference/limits/index.html").read_text(encoding="utf-8")
    assert all(constant.docstring.value.split()[0] in limits for constant in constants() if constant.docstring)


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ('<a href="there/">x</a>', None),
        ('<a href="there/#it">x</a>', None),
        ('<a href="https://example.org/">x</a>', None),
        ("<code>[`x`][y]</code>", None),
        ('<a href="nowhere/">x</a>', "no nowhere/"),
        ('<a href="there/#other">x</a>', "no anchor there/#other"),
        ('<img src="missing.png">', "no missing.png"),
        ('<script src="https://example.org/x.js"></script>', "<script> fetches https://example.org/x.js"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "<link> fetches //example.org/x.css"),
        ("<p>[x][windsock.Nobody]</p>", "a reference that was not resolved"),
        ('<autoref identifier="x">x</autoref>', "a reference that was not resolved"),
    ],
)
def test_what_is_wrong_with_it_is_found(page: str, fault: str | None, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there/index.html").write_text('<h2 id="it">It</h2>', encoding="utf-8")
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
    assert list(faults(tmp_path)) == ([] if fault is None else [f"index.html: {fault}"])


def test_a_style_sheet_fetches_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("@font-face { src: url('https://example.org/a.woff2') }", encoding="utf-8")
    assert len(list(faults(tmp_path))) == 1


def test_a_page_s_output_belongs_to_the_block_above_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('```bash\necho a\n```\n\n```text title="Output"\na\n```\n', encoding="utf-8")
    (block,) = read(page)
    assert (block.language, block.source, block.output, block.line) == ("bash", "echo a\n", "a\n", 2)


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")), ids=lambda page: str(page.name))
def test_the_repository_s_own_pages_link_to_what_is_there(page: Path) -> None:
    links = re.findall(r"\]\((?!\w+:)([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []
