"""The README's lines of library code run, and do what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import socketio  # type: ignore[import-untyped]  # it ships no types

from tests.conftest import Serve

README = Path(__file__).parent.parent / "README.md"


async def test_the_ten_lines(tmp_path: Path, serve: Serve) -> None:
    code = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert code is not None
    (tmp_path / "hello.py").write_text(code[1])
    server = serve("hello:io", environment={"PYTHONPATH": str(tmp_path)})
    async with socketio.AsyncSimpleClient() as client:
        await client.connect(f"http://127.0.0.1:{server.port}")
        assert await client.call("say", {"room": "lobby", "text": "hello"}, timeout=5) == {"ok": True}
        assert await client.receive(timeout=5) == ["said", {"text": "hello", "by": client.sid}]
        refused = await client.call("say", {"room": "lobby"}, timeout=5)
        assert refused["error"]["code"] == "invalid_payload"


def test_the_client_s_lines(tmp_path: Path, serve: Serve) -> None:
    server, client = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / "hello.py").write_text(server)
    url = serve("hello:io", environment={"PYTHONPATH": str(tmp_path)}).url
    (tmp_path / "client.py").write_text(client.replace("http://localhost:8000", url))
    done = subprocess.run(
        [sys.executable, str(tmp_path / "client.py")], capture_output=True, text=True, timeout=30, check=False
    )
    said, answer = done.stdout.splitlines()
    assert (said.endswith(" hello"), answer, done.stderr) == (True, "{'ok': True}", "")
