"""``windsock asyncapi`` and ``windsock types``."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contracts.shop import make_server
from windsock.cli import main
from windsock.contracts import describe, to_asyncapi, to_typescript

SHOP = "tests.contracts.shop:io"
MAKE_SHOP = "tests.contracts.shop:make_server"


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command adds its folder to where modules are sought."""
    monkeypatch.syspath_prepend(Path.cwd())


def test_types_go_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["types", SHOP]) == 0
    assert capsys.readouterr().out == to_typescript(describe(make_server()))


def test_a_factory_makes_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["types", "--factory", MAKE_SHOP]) == 0
    assert capsys.readouterr().out == to_typescript(describe(make_server()))


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_asyncapi_as_json_or_yaml(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "shop"
    options = ["--format", form, "--title", "Shop", "--api-version", "2.1.0", "--output", str(output)]
    assert main(["asyncapi", SHOP, *options]) == 0
    text = output.read_text(encoding="utf-8")
    document = json.loads(text) if form == "json" else yaml.safe_load(text)
    assert document == to_asyncapi(describe(make_server()), title="Shop", version="2.1.0")
    assert capsys.readouterr().out == ""


def test_check_says_whether_a_file_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "shop.ts"
    check = ["types", SHOP, "--output", str(output), "--check"]
    assert main(check) == 1
    assert not output.exists()
    assert f"{output} is stale" in capsys.readouterr().err
    assert main(check[:-1]) == 0
    assert main(check) == 0
    output.write_text(output.read_text() + "\n")
    assert main(check) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["types", MAKE_SHOP], "expected a windsock.Server as"),
        (["types", SHOP, "--check"], "expected --output with --check"),
        (["asyncapi", "tests.contracts.shop:nothing"], "found no such name"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_yaml_is_an_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    find = builtins.__import__

    def without_yaml(name: str, *rest: Any) -> Any:
        if name == "yaml":
            raise ImportError(name)
        return find(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_yaml)
    with pytest.raises(SystemExit):
        main(["asyncapi", SHOP, "--format", "yaml"])
    assert "install windsock[yaml]" in capsys.readouterr().err
