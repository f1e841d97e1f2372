"""The programs of ``js/package.json``."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

DIRECTORY: Final = Path(__file__).parent / "js"
LIMIT: Final = 150.0
"""Seconds that a program may take."""


def run(program: str, *arguments: str, cwd: Path = DIRECTORY) -> subprocess.CompletedProcess[str]:
    """Runs what a package installed.

    Raises:
        RuntimeError: the packages are not installed.
    """
    path = DIRECTORY / "node_modules/.bin" / program
    if not path.exists():
        raise RuntimeError("the packages of tests/contracts/js are not installed: run `make setup`")
    return subprocess.run([str(path), *arguments], cwd=cwd, capture_output=True, text=True, timeout=LIMIT, check=False)
