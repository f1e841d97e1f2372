"""A server that declares one of everything that a contract can hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from windsock import Depends, Server, Socket


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Circle(BaseModel):
    kind: Literal["circle"]
    radius: float


class Square(BaseModel):
    kind: Literal["square"]
    side: float
    inside: list[Shape] = []


Shape = Annotated[Circle | Square, Field(discriminator="kind")]


class Login(BaseModel):
    token: str


class Say(BaseModel):
    """What somebody says.

    In a room.
    """

    model_config = ConfigDict(extra="forbid")

    room: str
    text: str = Field(max_length=4000, description="Ends with */ at times.")
    colour: Colour = Colour.RED
    reply_to: int | None = None
    shapes: list[Shape] = []
    picture: bytes | None = None
    odd_name: str = Field(default="", alias="odd-name")


class Said(BaseModel):
    room: str
    text: str
    at: datetime
    by: UUID
    colour: Colour
    likes: dict[str, int]
    by_colour: dict[Colour, int]
    place: tuple[float, float]
    trail: tuple[int, ...]
    picture: bytes
    odd_name: str = Field(default="", alias="odd-name")


@dataclass
class Receipt:
    """It is kept."""

    ok: Literal[True]
    id: int
    price: Decimal | None = None


class Pair(TypedDict, total=False):
    left: int
    right: int


def make_server() -> Server:
    """The shop, on a server of its own."""
    io = Server()
    _declare_root(io)
    admin = io.of("/admin-area")
    admin.emits("log", str, description="A line of the log.")

    @admin.on("shut down")
    async def shut_down(socket: Socket) -> None: ...

    tenants = io.of(re.compile(r"^/tenant-\d+$"))
    tenants.emits("news", Said)

    @tenants.on("say")
    async def tell(socket: Socket, message: Say) -> Receipt:
        raise NotImplementedError

    return io


def current_user(socket: Socket) -> str:
    return socket.id


def _declare_root(io: Server) -> None:
    io.emits("said", Said)
    io.emits("moved", int, Pair)
    io.emits("cleared")
    io.emits("picture", bytes)
    io.emits("ask", Say, ack=Colour | None, description="Wants to know.")

    @io.on("connect")
    async def connect(socket: Socket, auth: Login) -> None: ...

    @io.on("say")
    async def say(socket: Socket, user: Annotated[str, Depends(current_user)], message: Say) -> Receipt:
        """Says something.

        To everybody.
        """
        raise NotImplementedError

    @io.on("find")
    async def find(socket: Socket, text: str, limit: int = 10) -> list[Said] | None:
        raise NotImplementedError

    @io.on("sum")
    def add(socket: Socket, first: int, *rest: int) -> int:
        raise NotImplementedError

    @io.on("split")
    def split(socket: Socket, default: str) -> tuple[str, int]:
        raise NotImplementedError

    @io.on("upload")
    def upload(socket: Socket, data: bytes) -> bytes:
        raise NotImplementedError

    @io.on("tell")
    def tell(socket: Socket, pair: Pair, more: bool = False, *rest: str) -> None: ...

    @io.on("anything")
    def anything(socket: Socket, raw: Any) -> Any: ...

    @io.on("box")
    def box(socket: Socket, box: dict[str, Shape | Literal[3]]) -> dict[str, Any]:
        raise NotImplementedError


io = make_server()
