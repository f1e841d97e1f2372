"""The README's lines of library code run, and do what it says."""

from __future__ import annotations

import re
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
