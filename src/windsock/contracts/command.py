"""``windsock asyncapi`` and ``windsock types``: write a server's contract, or say that a file of it is stale."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from windsock.contracts.asyncapi import to_asyncapi
from windsock.contracts.contract import describe
from windsock.contracts.typescript import to_typescript
from windsock.errors import ConfigurationError
from windsock.server.server import Server

COMMANDS: Final = ("asyncapi", "types")
Load = Callable[[str], Any]
"""Finds what ``module:name`` names."""


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the two to a command line."""
    asyncapi = commands.add_parser("asyncapi", help="write the AsyncAPI 3 document of a server's events")
    types = commands.add_parser("types", help="write the TypeScript types of a server's events, for socket.io-client")
    for command in (asyncapi, types):
        command.add_argument("target", metavar="module:name", help="a windsock.Server")
        command.add_argument("--factory", action="store_true", help="the target is a function that makes the server")
        command.add_argument("--output", type=Path, help="a file; standard output when not given")
        command.add_argument("--check", action="store_true", help="write nothing: fail when the file is stale")
    asyncapi.add_argument("--format", choices=["json", "yaml"], default="json", help="yaml needs windsock[yaml]")
    asyncapi.add_argument("--title", default="Socket.IO events")
    asyncapi.add_argument("--api-version", default="1.0.0")


def run(options: argparse.Namespace, load: Load) -> int:
    """Does what the command line says; gives the exit code: 1 for a file that is stale.

    Raises:
        ConfigurationError: the target is no server, or something it declares cannot be described.
    """
    io = load(options.target)
    if options.factory:
        io = io()
    if not isinstance(io, Server):
        raise ConfigurationError(f"expected a windsock.Server as {options.target!r}, got {type(io).__name__}")
    if options.check and options.output is None:
        raise ConfigurationError("expected --output with --check: the file to compare with")
    text = write(io, options)
    if options.output is None:
        sys.stdout.write(text)
    elif not options.check:
        options.output.write_text(text, encoding="utf-8")
    elif not options.output.exists() or options.output.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{options.output} is stale: run this command without --check and commit it.\n")
        return 1
    return 0


def write(io: Server, options: argparse.Namespace) -> str:
    """The text that a command gives.

    Raises:
        ConfigurationError: something cannot be described, or PyYAML is asked for and not installed.
    """
    contract = describe(io)
    if options.command == "types":
        return to_typescript(contract)
    document = to_asyncapi(contract, title=options.title, version=options.api_version)
    if options.format == "json":
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    try:
        import yaml  # noqa: PLC0415  an extra
    except ImportError:
        raise ConfigurationError("expected PyYAML for --format yaml: install windsock[yaml]") from None
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return text
