"""A client for the terminal: ``windsock connect`` and ``windsock emit``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

from windsock.client.client import Client
from windsock.errors import ConfigurationError, WindsockError
from windsock.types import TransportName

HELP: Final = """\
event VALUE ...     emits an event; values are JSON, anything else is one text
?event VALUE ...    emits it and shows the acknowledgement
/quit               ends, as Ctrl-D does"""

MAX_NAMES: Final = 1000
"""Event names kept for completion."""

MAX_NAME_LENGTH: Final = 100
"""Characters of those: a server may send names as long as messages."""

MAX_SHOWN: Final = 100_000
"""Characters of an event that are shown."""

STYLES: Final = {"in": "ansigreen", "out": "ansiblue", "ack": "ansicyan", "stage": "ansiyellow", "error": "ansired"}


COMMANDS: Final = ("connect", "emit")
"""What :func:`run` runs."""


def add_commands(commands: Any) -> None:
    """Adds the two commands to the command line's parser."""
    connect = commands.add_parser("connect", help="talk to a server", epilog=HELP,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    _add_connection(connect)
    emit = commands.add_parser("emit", help="emit one event and show its acknowledgement")
    _add_connection(emit)
    emit.add_argument("event")
    emit.add_argument("values", metavar="VALUE", nargs="*", help="JSON, or else text")
    emit.add_argument("--no-ack", action="store_true", help="do not wait for an acknowledgement")


def _add_connection(command: argparse.ArgumentParser) -> None:
    command.add_argument("url", help="http://host:port/namespace")
    command.add_argument("--auth", help="what to show the namespace: a JSON object")
    command.add_argument("--header", action="append", default=[], metavar="NAME:VALUE", help="sent with each request")
    command.add_argument("--path", default="/socket.io", help="of Socket.IO on the server")
    command.add_argument("--transport", action="append", choices=["polling", "websocket"], help="in this order")
    command.add_argument("--timeout", type=float, default=10.0, help="seconds: to connect, and for acknowledgements")


def run(options: argparse.Namespace) -> int:
    """Runs the command that was parsed; returns the exit code."""
    # What the client logs is said here, and what a server said in it is not fit for a terminal as it is.
    logging.getLogger("windsock").addHandler(logging.NullHandler())
    with contextlib.suppress(KeyboardInterrupt):
        return asyncio.run(_emit(options) if options.command == "emit" else _connect(options))
    return 130


def parse_line(line: str) -> tuple[str, list[Any]]:
    """An event's name and its values: ``say {"text": "hello"} 5``, or ``say hello there``."""
    name, _, rest = line.strip().partition(" ")
    return name, parse_values(rest)


def parse_values(text: str) -> list[Any]:
    """JSON values one after another; what is none is one text."""
    decoder = json.JSONDecoder()
    values: list[Any] = []
    rest = text.strip()
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
        except ValueError:
            return [text.strip()]
        if rest[end : end + 1].strip():
            return [text.strip()]
        values.append(value)
        rest = rest[end:].strip()
    return values


def show(value: Any) -> str:
    """A value as JSON on one line. What could move the cursor, or turn the text around, is escaped."""
    text = json.dumps(value, ensure_ascii=False, default=_show_other)
    if len(text) > MAX_SHOWN:
        text = f"{text[:MAX_SHOWN]}... {len(text) - MAX_SHOWN} characters more"
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)


def _show_other(value: Any) -> str:
    return f"<{len(value)} bytes: {value[:32].hex(' ')}>" if isinstance(value, bytes) else repr(value)


def _client(options: argparse.Namespace, *, reconnection: bool) -> Client:
    auth = None
    if options.auth is not None:
        try:
            auth = json.loads(options.auth)
        except ValueError as error:
            raise ConfigurationError(f"expected JSON in --auth: {error}") from None
        if not isinstance(auth, dict):
            raise ConfigurationError(f"expected a JSON object in --auth, got {options.auth}")
    headers = {}
    for header in options.header:
        name, colon, value = header.partition(":")
        if not colon:
            raise ConfigurationError(f"expected NAME:VALUE in --header, got {header!r}")
        headers[name.strip()] = value.strip()
    # Without aiohttp there is still WebSocket.
    default: list[TransportName] = ["polling", "websocket"] if importlib.util.find_spec("aiohttp") else ["websocket"]
    transports: list[TransportName] = options.transport or default
    return Client(
        options.url,
        auth=auth,
        headers=headers,
        path=options.path,
        transports=transports,
        reconnection=reconnection,
        ack_timeout=options.timeout,
    )


async def _emit(options: argparse.Namespace) -> int:
    client = _client(options, reconnection=False)
    values = [value for text in options.values for value in parse_values(text)]
    try:
        async with asyncio.timeout(options.timeout):
            await client.connect()
        if options.no_ack:
            client.emit(options.event, *values)
        else:
            print(show(await client.emit_with_ack(options.event, *values)))  # noqa: T201  what the command is for
    except (WindsockError, TimeoutError, ValueError) as error:
        print(f"windsock emit: {_reason(error)}", file=sys.stderr)  # noqa: T201  what the command is for
        return 1
    finally:
        await client.close()
    return 0


async def _connect(options: argparse.Namespace) -> int:
    client = _client(options, reconnection=True)
    names: dict[str, None] = {}
    say, lines = _screen(names)
    failed = False

    def learn(name: str) -> None:
        if len(names) < MAX_NAMES and len(name) <= MAX_NAME_LENGTH:
            names[name] = None

    @client.on_any
    def event(name: str, *arguments: Any) -> None:
        learn(name)
        say("in", f"< {show(name)[1:-1]} {' '.join(map(show, arguments))}")

    # The server chose its id, too.
    client.on("connect")(lambda: say("stage", f"connected as {show(client.id)[1:-1]} over {client.transport}"))
    client.on("disconnect")(lambda reason: say("stage", f"disconnected: {reason}"))
    client.on("connect_error")(lambda error: say("error", _reason(error)))
    try:
        async with asyncio.timeout(options.timeout):
            await client.connect()
        async for line in lines:
            if line.strip() == "/quit":
                break
            asking = line.lstrip().startswith("?")
            name, values = parse_line(line.lstrip().lstrip("?"))
            if not name:
                continue
            learn(name)
            try:
                if asking:
                    say("ack", f"= {show(await client.emit_with_ack(name, *values))}")
                else:
                    client.emit(name, *values)
            except (WindsockError, ValueError) as error:
                say("error", _reason(error))
    except (WindsockError, TimeoutError) as error:
        say("error", _reason(error))
        failed = True
    finally:
        await client.close()
    return 1 if failed else 0


def _reason(error: Exception) -> str:
    reason = show(str(error) or "not connected in time")[1:-1]
    data = getattr(error, "data", None)
    return reason if data is None else f"{reason} {show(data)}"


Say = Callable[[str, str], None]


def _screen(names: dict[str, None]) -> tuple[Say, AsyncIterator[str]]:
    """How to show a line, and the lines that are typed: with colours and history at a terminal, plain in a pipe."""
    if sys.stdin.isatty() and sys.stdout.isatty() and importlib.util.find_spec("prompt_toolkit") is not None:
        return _prompt(names)

    def say(style: str, text: str) -> None:
        print(text, file=sys.stderr if style == "error" else sys.stdout, flush=True)

    return say, _piped()


async def _piped() -> AsyncIterator[str]:
    while line := await asyncio.to_thread(sys.stdin.readline):
        yield line


def _prompt(names: dict[str, None]) -> tuple[Say, AsyncIterator[str]]:
    # Here, because it need not be installed: ``windsock[terminal]`` brings it.
    # An extra, which only the prompt needs.
    from prompt_toolkit import PromptSession, print_formatted_text  # noqa: PLC0415
    from prompt_toolkit.completion import WordCompleter  # noqa: PLC0415
    from prompt_toolkit.formatted_text import FormattedText  # noqa: PLC0415
    from prompt_toolkit.history import FileHistory  # noqa: PLC0415
    from prompt_toolkit.patch_stdout import patch_stdout  # noqa: PLC0415

    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "windsock"
    state.mkdir(parents=True, exist_ok=True, mode=0o700)

    def say(style: str, text: str) -> None:
        print_formatted_text(FormattedText([(STYLES[style], text)]))

    async def lines() -> AsyncIterator[str]:
        session: PromptSession[str] = PromptSession(
            "> ",
            history=FileHistory(str(state / "history")),
            completer=WordCompleter(lambda: [*names, *(f"?{name}" for name in names), "/quit"], sentence=True),
            complete_while_typing=True,
        )
        with patch_stdout():
            while True:
                try:
                    yield await session.prompt_async()
                except EOFError:
                    return

    return say, lines()
