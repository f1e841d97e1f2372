"""Every example of the documentation runs: page by page, as its reader would go through it."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, pages, read
from tests.docs.story import Story


def go_through(page: Path, folder: Path) -> None:
    """Does what a page says, in a folder.

    Raises:
        AssertionError: something else came of it.
    """
    with ExitStack() as stack:
        story = Story(page, folder, stack)
        for block in read(page):
            story.run(block)
        story.check_all_used()
        for server in story.servers.values():
            server.stop()
            assert server.trouble() == [], f"a server of {page.name} logged an error"


PAGES = [page for page in pages() if page.name != "deploying.md"]  # which test_guide.py does


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])
def test_the_page_does_what_it_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    go_through(page, tmp_path)


SERVER = """
```python title="it.py"
from windsock import Server

io = Server()
io.on("double")(lambda socket, number: number * 2)
```

```bash
windsock serve it:io
```

```js
const socket = io("http://localhost:8000");
await socket.emitWithAck("double", 2);    // 4
```
"""

WRONG = [
    ("```python\nundefined\n```", "undefined"),
    ("```python\nawait none()\n```", "none"),
    ('```bash\npython -c "print(1)"\n```\n\n```text title="Output"\n2\n```', "printed"),
    ('```bash\npython -c "exit(3)"\n```', "ended with 3"),
    ("```bash\nmake nothing-of-the-kind\n```", "no `make nothing-of-the-kind`"),
    ("```bash\npip install windsock[nonsense]\n```", "no such extra"),
    ('```python title="alone.py"\nprint(1)\n```', "nothing runs alone.py"),
    ("```js\nawait 1;    // 2\n```", "expected 2, got 1"),
    ("```ts\nconst text: string = 1;\n```", "not assignable"),
    ("```cobol\nSTOP RUN.\n```", "no way to run cobol"),
    ("```json\n{,}\n```", "line 1"),
    (SERVER.replace("number * 2", "number * 3"), "expected 4, got 6"),
]


def test_a_page_that_is_right(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(SERVER, encoding="utf-8")
    go_through(page, tmp_path)


@pytest.mark.parametrize(("text", "fault"), WRONG, ids=[fault for _, fault in WRONG])
def test_a_page_that_is_wrong(text: str, fault: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{text}\n", encoding="utf-8")
    with pytest.raises((AssertionError, NameError, ValueError), match=re.escape(fault)):
        go_through(page, tmp_path)
