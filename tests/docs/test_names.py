"""The names that the documentation's tables put beside others' exist."""

from __future__ import annotations

import re

import pytest

from tests.docs.blocks import ROOT
from windsock import Client, Server, Socket
from windsock.server.socket import Handshake


@pytest.mark.parametrize("page", ["docs/from-node.md", "docs/from-python-socketio.md"])
def test_they_exist(page: str) -> None:
    rows = re.findall(r"^\|(.+)\|$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    ours = " ".join(row.split(" | ")[-1] for row in rows)
    assert "emit_with_ack" in ours
    of = {"io": (Server, Client), "socket": (Socket,), "socket.handshake": (Handshake,)}
    unknown = [
        f"{whose}.{name}"
        for whose, name in re.findall(r"\b(socket\.handshake|socket|io)\.(\w+)", ours)
        if name not in ("SyncClient", "handshake") and not any(name in dir(each) for each in of[whose])
    ]
    assert not unknown
