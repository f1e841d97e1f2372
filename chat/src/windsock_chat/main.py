"""Puts the chat together, and the `windsock-chat` command."""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import structlog
import typer
from fastapi import FastAPI
from pydantic import SecretStr, ValidationError

from windsock import Server
from windsock.cli import serve as serve_asgi
from windsock_chat.auth.passwords import HashCost, Passwords
from windsock_chat.auth.secret import load_secret
from windsock_chat.auth.tokens import AccessTokens, Lifetimes
from windsock_chat.domain.errors import ChatError
from windsock_chat.http.application import create_api
from windsock_chat.http.edge import Edge
from windsock_chat.http.requests import SignUp
from windsock_chat.http.web import WebClient
from windsock_chat.realtime.contract import describe
from windsock_chat.realtime.gateway import Gateway
from windsock_chat.realtime.publisher import SocketPublisher
from windsock_chat.services import Services, create_services
from windsock_chat.services.rate_limits import Limiter, MemoryCounters
from windsock_chat.settings import Settings
from windsock_chat.storage import Database

_log = structlog.get_logger(__name__)

# Seconds between two purges of the sessions that nobody can continue.
_PURGE_INTERVAL: Final = 3600.0
# Bytes: a message of 4,000 characters takes at most 48,000, escaped; nothing larger is ever sent.
_SOCKET_MESSAGE_MAX: Final = 64 * 1024
# Seconds in which a connection must say whose it is.
_CONNECT_TIMEOUT: Final = 10.0


@dataclass(frozen=True, slots=True)
class Chat:
    """The parts that a command needs: `asgi` is the whole application, `api` its REST interface, `io` its events."""

    folder: Path
    database: Database
    services: Services
    passwords: Passwords
    api: FastAPI
    io: Server
    asgi: Edge

    async def open(self) -> None:
        """Make the data folder, and bring the database to its newest version."""
        _make(self.folder)
        await self.database.migrate()
        await self.services.accounts.purge()

    async def close(self) -> None:
        """Write down what is only in memory, and let go of threads and files."""
        await self.services.presences.close()
        self.passwords.close()
        await self.database.close()


def create_chat(settings: Settings) -> Chat:
    """The application, not yet open. Without a secret in the settings, makes the data folder and keeps one there."""
    io = Server(max_http_buffer_size=_SOCKET_MESSAGE_MAX, connect_timeout=_CONNECT_TIMEOUT)
    publisher = SocketPublisher(io)
    database = Database(settings.database_url or settings.data / "chat.db", publisher)
    passwords = Passwords(HashCost(settings.password_passes, settings.password_memory_kib, settings.password_lanes))
    lifetimes = Lifetimes(
        access=timedelta(seconds=settings.access_token_seconds),
        refresh=timedelta(days=settings.refresh_token_days),
        grace=timedelta(seconds=settings.refresh_grace_seconds),
    )
    services = create_services(
        database,
        publisher,
        Limiter(MemoryCounters(), settings.rate_factor),
        passwords,
        AccessTokens(_secret(settings), lifetimes.access),
        lifetimes,
        sign_up_open=settings.sign_up_open,
        presence_grace=settings.presence_grace_seconds,
    )
    Gateway(io, services, publisher)

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        await chat.open()
        purging = asyncio.create_task(_purge_for_ever(services))
        try:
            yield
        finally:
            purging.cancel()
            await chat.close()

    api = create_api(services, WebClient(settings.web or _web_folder()), describe(), lifespan)
    edge = Edge(io.asgi(api), settings.allowed_hosts, settings.trusted_proxies)
    chat = Chat(settings.data, database, services, passwords, api, io, edge)
    return chat


def describe_chat() -> Chat:
    """The application, only to be looked at: it leaves nothing on the disk."""
    # A secret of its own keeps it from making a data folder.
    return create_chat(Settings(secret=SecretStr("-" * 32)))


def describe_events() -> Server:
    """The chat's server, from which `windsock types --factory` writes the web client's types."""
    return describe_chat().io


app: Final = typer.Typer(help="A self-hosted chat.", add_completion=False, pretty_exceptions_enable=False)

Host = Annotated[str | None, typer.Option(help="The address to listen on.", show_default="127.0.0.1")]
Port = Annotated[int | None, typer.Option(help="The port to listen on; 0 is any free one.", show_default="8000")]
Data = Annotated[Path | None, typer.Option(help="The folder of the database.", show_default="./windsock-chat-data")]

Output = Annotated[Path | None, typer.Option(help="A file; standard output when not given.")]


@app.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Serve the chat, or do what the command says."""
    if context.invoked_subcommand is None:
        serve()


@app.command()
def serve(host: Host = None, port: Port = None, data: Data = None) -> None:
    """Serve the chat until it is stopped."""
    settings = _settings(host=host, port=port, data=data)
    _set_up_logging(settings)
    chat = create_chat(settings)
    serve_asgi(
        chat.asgi,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        log_config=None,
    )


@app.command()
def create_admin(
    username: str,
    display_name: Annotated[str | None, typer.Option(help="The username when not given.")] = None,
    password: Annotated[
        str, typer.Option(prompt=True, confirmation_prompt=True, hide_input=True, envvar="WINDSOCK_CHAT_PASSWORD")
    ] = "",
    data: Data = None,
) -> None:
    """Open an account that is an administrator's."""
    try:
        account = SignUp(username=username, display_name=display_name or username, password=password)
    except ValidationError as error:
        _fail("; ".join(f"{detail['loc'][0]}: {detail['msg']}" for detail in error.errors()))
    chat = create_chat(_settings(data=data))

    async def create() -> None:
        await chat.open()
        try:
            await chat.services.accounts.create_admin(account.username, account.display_name, account.password)
        finally:
            await chat.close()

    try:
        asyncio.run(create())
    except ChatError as error:
        _fail(error.message)
    typer.echo(f"{account.username} is an administrator.")


@app.command()
def openapi(output: Output = None) -> None:
    """Write the OpenAPI document, which also lists the socket events."""
    document = describe_chat().api.openapi()
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")


def _settings(**options: Any) -> Settings:
    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        _fail("; ".join(f"WINDSOCK_CHAT_{detail['loc'][0]}: {detail['msg']}".upper() for detail in error.errors()))


def _secret(settings: Settings) -> str:
    if settings.secret is not None:
        return settings.secret.get_secret_value()
    _make(settings.data)
    return load_secret(settings.data / "secret")


def _make(folder: Path) -> None:
    # What people write to one another is nobody else's on this machine.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _web_folder() -> Path:
    """The client in the distribution, or in a checkout the one that its build left."""
    here = Path(__file__).parent
    bundled = here / "web"
    return bundled if bundled.is_dir() else here.parents[1] / "web" / "dist"


async def _purge_for_ever(services: Services) -> None:
    while True:
        await asyncio.sleep(_PURGE_INTERVAL)
        try:
            await services.accounts.purge()
        except Exception:  # noqa: BLE001 - the next round may succeed; a chat goes on with rows too many
            _log.exception("sessions not purged")


def _set_up_logging(settings: Settings) -> None:
    """Everything to standard error in one form, the library's and the server's own lines too."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if settings.log_format == "json":
        last += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        last.append(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()))
    handler = logging.StreamHandler()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
