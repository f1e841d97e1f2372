"""The server that the admin UI looks at. ``UI_ORIGIN`` is the origin of the UI."""

from __future__ import annotations

import os
import re
from typing import Any

from windsock import Server, Socket
from windsock.contrib.admin import Admin, BasicAuth

PASSWORD_HASH = "$2b$10$heqvAkYMez.Va6Et2uXInOnkCT6/uQj1brkrbyG3LpopDklcq7ZOS"
"""Of ``changeit``: the one in the original's own documentation."""

io = Server(cors_allowed_origins=[os.environ.get("UI_ORIGIN", "http://127.0.0.1")], cors_credentials=True)
admin = Admin(io, auth=BasicAuth("admin", PASSWORD_HASH), server_id=os.environ.get("SERVER_ID", "one") or None)
dynamic = io.of(re.compile(r"^/room-\d+$"))


@io.on("connect")
def connect(socket: Socket, auth: Any) -> None:
    socket.data.name = socket.handshake.query.get("name", "")
    socket.join("lobby")
    socket.emit("welcome", {"to": socket.data.name})


@io.on("join")
def join(socket: Socket, room: str) -> None:
    socket.join(room)


@io.on("rename")
def rename(socket: Socket, name: str) -> bool:
    socket.data.name = name
    return True


@io.on("say")
def say(socket: Socket, text: str) -> int:
    io.to("lobby").emit("said", text)
    return len(text)


@dynamic.on("join")
def join_dynamic(socket: Socket, room: str) -> None:
    socket.join(room)
