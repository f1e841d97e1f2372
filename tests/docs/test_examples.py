"""Every example of the documentation runs: page by page, as its reader would go through it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, pages, read
from tests.docs.story import Story


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()])
def test_the_page_does_what_it_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        story = Story(page, tmp_path, stack)
        for block in read(page):
            story.run(block)
        story.check_all_used()
        for server in story.servers.values():
            server.stop()
            assert server.trouble() == [], f"a server of {page.name} logged an error"
