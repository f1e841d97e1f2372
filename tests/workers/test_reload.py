"""Files are watched, also where nothing is installed for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import uvicorn
from uvicorn.supervisors.statreload import StatReload

from windsock.workers.reload import remember


def test_each_change_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page, other = (tmp_path / "page.py").resolve(), (tmp_path / "other.py").resolve()
    for file in (page, other):
        file.touch()
    detector = StatReload(uvicorn.Config("", reload=True, reload_delay=0, log_config=None), lambda _: None, [])

    def look() -> list[Path]:
        changes = next(detector) or []
        remember(detector, changes)
        return changes

    assert look() == []
    for moment in range(2_000_000_000, 2_000_000_003):
        os.utime(page, (moment, moment))
        assert look() == [page]
        assert look() == []
        os.utime(other, (moment, moment))
        assert look() == [other]
    page.unlink()
    assert look() == []
