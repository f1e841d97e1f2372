"""The example of the documentation, run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from examples import tickets
from tests.contracts.test_typescript import compile_client
from tests.server.client import Refused
from tests.server.fixtures import Join, Serve, Way, host, join, stack, trouble
from windsock.contracts import describe, to_typescript

PAGE = Path(__file__).parents[2] / "docs/contracts.md"

__all__ = ["host", "join", "stack", "trouble"]


@pytest.fixture
def way() -> Way:
    return Way("lane", ("websocket",))


async def test_it_does_what_it_says(host: Serve, join: Join, capsys: pytest.CaptureFixture[str]) -> None:
    site = await host(tickets.app)
    with pytest.raises(Refused):
        await join(site, auth={"name": "nobody"})
    ada, bob = await join(site, auth={"name": "ada"}), await join(site, auth={"name": "bob"})
    ticket = {"number": 1, "title": "It is slow", "urgency": "high", "by": "ada"}
    assert await ada.call("open", {"title": "It is slow", "urgency": "high"}) == ticket
    assert await bob.event("ticket") == [ticket]
    assert await bob.call("list") == [ticket]
    assert await bob.call("list", "low") == []
    assert (await bob.call("close", 2))["error"]["code"] == "unknown_ticket"
    assert await bob.call("close", 1) is None
    assert await ada.event("ticket") == [ticket]
    assert await ada.event("closed") == [1, "bob"]
    assert "open by ada: It is slow" in capsys.readouterr().out


def test_the_documentation_s_client_compiles(tmp_path: Path) -> None:
    (tmp_path / "shop.ts").write_text(to_typescript(describe(tickets.io)), encoding="utf-8")
    code = re.search(r"```ts\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    assert compile_client(tmp_path, code[1].replace('"./events"', '"shop"')) == ""


def test_its_types_are_what_the_documentation_shows() -> None:
    text = to_typescript(describe(tickets.io))
    assert "open: (wish: NewTicket, ack: (answer: Ack<Ticket>) => void) => void;" in text
    assert "closed: (payload1: number, payload2: string) => void;" in text
