"""The command line, and what a first start leaves behind."""

import stat
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from chat.tests.server import PASSWORD, SETTINGS, ChatServer, query
from windsock_chat.main import app


def test_an_administrator_can_be_made_before_the_first_start(data: Path) -> None:
    """Also: sign-up can be closed, and a hash at another cost is renewed at the next log-in."""
    made = run(data, "create-admin", "Grace", "--display-name", "Grace Hopper", WINDSOCK_CHAT_PASSWORD=PASSWORD)
    assert made.exit_code == 0, made.stderr
    assert made.stdout == "grace is an administrator.\n"
    assert "t=1" in _hash(data)

    with ChatServer(data, root=False, sign_up_open=False, password_passes=2) as server:
        http = httpx.Client(base_url=f"{server.url}/api/v1/auth", timeout=60)
        session = http.post("/log-in", json={"username": "grace", "password": PASSWORD}).json()
        late = http.post("/sign-up", json={"username": "late", "display_name": "Late", "password": PASSWORD})
        http.close()

    assert session["user"]["role"] == "admin"
    assert session["user"]["display_name"] == "Grace Hopper"
    assert late.status_code == 403
    assert late.json()["error"]["code"] == "sign_up_closed"
    assert "t=2" in _hash(data)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "secret").stat().st_mode) == 0o600

    again = run(data, "create-admin", "grace", WINDSOCK_CHAT_PASSWORD=PASSWORD)
    assert again.exit_code == 1
    assert "is taken" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "settings", "complaint"),
    [
        (["create-admin", "x"], {"WINDSOCK_CHAT_PASSWORD": PASSWORD}, "username: "),
        (["create-admin", "grace"], {"WINDSOCK_CHAT_PASSWORD": "short"}, "password: "),
        (["serve"], {"WINDSOCK_CHAT_PORT": "http"}, "WINDSOCK_CHAT_PORT: "),
        (["serve"], {"WINDSOCK_CHAT_SECRET": "too short"}, "WINDSOCK_CHAT_SECRET: "),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    data: Path, arguments: list[str], settings: dict[str, str], complaint: str
) -> None:
    result = run(data, *arguments, **settings)
    assert result.exit_code == 1
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr
    assert not any(secret in result.stderr for secret in settings.values() if len(secret) > 4)


def run(data: Path, *arguments: str, **environment: str) -> Result:
    """A command of the chat, on the data of that folder."""
    return CliRunner().invoke(app, [*arguments, "--data", str(data)], env={**SETTINGS, **environment})


def _hash(data: Path) -> str:
    ((encoded,),) = query(data, "SELECT password_hash FROM users")
    return str(encoded)
