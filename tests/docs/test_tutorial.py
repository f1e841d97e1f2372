"""The tutorial's page, in a real browser."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.conformance.process import ServerProcess, python
from tests.docs.blocks import titled

HERE = Path(__file__).parent


def test_two_people_talk(tmp_path: Path) -> None:
    for name in ("chat.py", "web.py", "index.html"):
        (tmp_path / name).write_text(titled("docs/tutorial.md", name), encoding="utf-8")
    command = python("-m", "windsock.cli", "serve", "web:app", "--port", "{port}")
    with ServerProcess(command, cwd=tmp_path) as server:
        done = subprocess.run(
            ["node", str(HERE / "tutorial.mjs"), server.url], capture_output=True, text=True, timeout=150, check=False
        )
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        assert server.trouble() == []
