"""The fixtures, under each plugin that runs asynchronous tests; and a pytest that has no use for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TEST = """
import pytest
from windsock import Server

io = Server(ping_interval=1)
io.on("echo")(lambda socket, value: value)


@pytest.fixture
def anyio_backend():
    return "asyncio"


{mark}
@pytest.mark.parametrize("number", [1, 2])
async def test_echo(windsock_harness, number):
    peer = await windsock_harness.connect(io)
    await windsock_harness.advance(100)
    assert await peer.emit_with_ack("echo", number) == number
    await peer.assert_nothing()
"""


def run_pytest(folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(code)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=150, check=False)


SCOPE = "asyncio_default_fixture_loop_scope=function"


@pytest.mark.parametrize(
    ("mark", "arguments"),
    [
        pytest.param("", ["-o", "asyncio_mode=auto", "-o", SCOPE], id="pytest-asyncio, auto"),
        pytest.param("@pytest.mark.asyncio", ["-o", "asyncio_mode=strict", "-o", SCOPE], id="pytest-asyncio, strict"),
        pytest.param("@pytest.mark.anyio", ["-p", "no:asyncio"], id="anyio"),
        pytest.param(
            "@pytest.mark.anyio", ["-o", "asyncio_mode=strict", "-o", SCOPE], id="anyio beside pytest-asyncio"
        ),
    ],
)
def test_the_harness_is_a_fixture(tmp_path: Path, mark: str, arguments: list[str]) -> None:
    done = run_pytest(tmp_path, TEST.format(mark=mark), *arguments)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_a_failure_of_a_handler_is_the_test_s(tmp_path: Path) -> None:
    code = TEST.format(mark="").replace("lambda socket, value: value", "lambda socket, value: value // 0")
    done = run_pytest(tmp_path, code, "-o", "asyncio_mode=auto", "-o", SCOPE)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stdout


def test_who_does_not_use_it_does_not_load_it(tmp_path: Path) -> None:
    code = """
import sys

def test_nothing():
    assert "pytest_windsock" in sys.modules
    heavy = {"windsock", "pydantic", "websockets", "uvicorn", "orjson"} & set(sys.modules)
    assert not heavy
"""
    done = run_pytest(tmp_path, code, "-o", SCOPE)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
