"""The admin UI: the official client that speaks as it does, and the UI itself, as npm has it, in a browser."""

from __future__ import annotations

import os
import subprocess

from tests.conformance.javascript import DIRECTORY
from tests.conformance.process import ServerProcess, python
from tests.conftest import Serve

UI = DIRECTORY / "node_modules/@socket.io/admin-ui/ui/dist"
APP = "tests.contrib.admin.app:io"


def run(script: str, *arguments: str, within: float) -> None:
    command = ["node", script, *arguments]
    done = subprocess.run(command, cwd=DIRECTORY, capture_output=True, text=True, timeout=within, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def test_the_official_client(serve: Serve, javascript: None) -> None:
    run("admin-client.js", serve(APP).url, within=150)


def test_the_ui_in_a_browser(serve: Serve, javascript: None) -> None:
    files = python("-m", "http.server", "--bind", "127.0.0.1", "--directory", str(UI), "{port}")
    with ServerProcess(files) as ui:
        server = serve(APP, environment={"UI_ORIGIN": ui.url})
        run("admin-ui.js", server.url, ui.url, os.environ.get("WINDSOCK_SCREENSHOTS", ""), within=150)
