"""A help desk: payloads, answers and the server's own events declared, so that other languages have their types.

windsock serve examples.tickets:app
windsock types examples.tickets:io       # TypeScript for socket.io-client
windsock asyncapi examples.tickets:io    # the AsyncAPI 3 document
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Literal

from fastapi import FastAPI
from pydantic import BaseModel, Field

from windsock import ConnectionRefused, Context, Depends, EventError, Server, Socket


class Login(BaseModel):
    name: str = Field(min_length=1, max_length=40)


class NewTicket(BaseModel):
    """A wish."""

    title: str = Field(min_length=1, max_length=200)
    urgency: Literal["low", "high"] = "low"


class Ticket(BaseModel):
    """A wish that has a number."""

    number: int
    title: str
    urgency: Literal["low", "high"]
    by: str


@dataclass
class Desk:
    """What the application keeps."""

    tickets: list[Ticket] = field(default_factory=list[Ticket])


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    """Opens the desk."""
    app.state.desk = Desk()
    yield


api = FastAPI(lifespan=lifespan)
io = Server(cors_allowed_origins="*")
io.emits("ticket", Ticket, description="Somebody has opened a ticket.")
io.emits("closed", int, str, description="A ticket was closed: its number, and by whom.")


def current_desk(socket: Socket) -> Desk:
    """FastAPI's own state, from a handler."""
    desk: Desk = socket.handshake.app.state.desk
    return desk


def current_name(socket: Socket) -> str:
    """Who has connected."""
    name: str = socket.data.name
    return name


async def journal(context: Context, name: Annotated[str, Depends(current_name)]) -> AsyncIterator[list[str]]:
    """Lines that are worth telling only if the handler succeeds."""
    lines: list[str] = []
    yield lines
    for line in lines:
        print(f"{context.event} by {name}: {line}")


CurrentDesk = Annotated[Desk, Depends(current_desk)]
CurrentName = Annotated[str, Depends(current_name)]


@io.on("connect")
async def connect(socket: Socket, auth: Login) -> None:
    """Lets in whoever says a name."""
    if auth.name == "nobody":
        raise ConnectionRefused("that is no name")
    socket.data.name = auth.name


@io.on("open")
async def open_ticket(
    socket: Socket,
    wish: NewTicket,
    desk: CurrentDesk,
    name: CurrentName,
    lines: Annotated[list[str], Depends(journal)],
) -> Ticket:
    """Opens a ticket and tells everybody."""
    ticket = Ticket(number=len(desk.tickets) + 1, title=wish.title, urgency=wish.urgency, by=name)
    desk.tickets.append(ticket)
    lines.append(ticket.title)
    io.emit("ticket", ticket)
    return ticket


@io.on("close")
def close_ticket(socket: Socket, number: int, desk: CurrentDesk, name: CurrentName) -> None:
    """Closes a ticket."""
    ticket = next((each for each in desk.tickets if each.number == number), None)
    if ticket is None:
        raise EventError("unknown_ticket", f"there is no ticket {number}")
    desk.tickets.remove(ticket)
    io.emit("closed", number, name)


@io.on("list")
def list_tickets(socket: Socket, desk: CurrentDesk, urgency: Literal["low", "high"] | None = None) -> list[Ticket]:
    """The open tickets."""
    return [ticket for ticket in desk.tickets if urgency in (None, ticket.urgency)]


app = io.asgi(api)
