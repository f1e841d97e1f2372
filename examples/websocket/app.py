"""A page that talks plain WebSocket: text, JSON, bytes and files, over a connection that comes back.

make setup                                    # builds the page's client, clients/typescript
windsock serve examples.websocket.app:app     # then http://localhost:8000
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from windsock.websocket import CloseCode, Endpoint, WebSocket

HERE = Path(__file__).parent
CLIENT = HERE.parents[1] / "clients/typescript/dist/websocket-client.js"

talk = Endpoint()


class Announcement(BaseModel):
    """A file that follows, in chunks."""

    name: str = Field(max_length=255)
    size: int = Field(ge=0, le=1 << 30)


@dataclass
class Upload:
    """A file on its way: what was announced of it, and what has come. It is not kept."""

    announced: Announcement
    received: int = 0
    digest: Any = field(default_factory=hashlib.sha256)


@talk.on("connect")
def connect(socket: WebSocket) -> None:
    socket.data.upload = None


@talk.on("message")
def message(socket: WebSocket, content: str | bytes) -> None:
    """Sends back what comes. A file, announced as ``{"file": {"name", "size"}}``, is answered with its digest."""
    if isinstance(content, str):
        read(socket, content)
    elif socket.data.upload is None:
        socket.send(content)
    else:
        socket.data.upload.received += len(content)
        socket.data.upload.digest.update(content)
    finish(socket)


def read(socket: WebSocket, text: str) -> None:
    try:
        value = json.loads(text)
    except ValueError:
        socket.send(text)
        return
    if not isinstance(value, dict) or "file" not in value:
        socket.send_json({"echo": value})
        return
    try:
        socket.data.upload = Upload(Announcement.model_validate(value["file"]))
    except ValidationError:
        socket.close(CloseCode.UNSUPPORTED_DATA, "expected a file's name and size")


def finish(socket: WebSocket) -> None:
    """Answers a file that has come as a whole."""
    upload: Upload | None = socket.data.upload
    if upload is not None and upload.received >= upload.announced.size:
        socket.send_json({"file": {**upload.announced.model_dump(), "sha256": upload.digest.hexdigest()}})
        socket.data.upload = None


def file(path: Path, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    async def respond(_: Request) -> Response:
        return FileResponse(path, media_type=media_type, headers={"Cache-Control": "no-cache"})

    return respond


pages = Starlette(
    routes=[
        Route("/", file(HERE / "index.html", "text/html")),
        Route("/style.css", file(HERE / "style.css", "text/css")),
        Route("/page.js", file(HERE / "page.js", "text/javascript")),
        Route("/websocket-client.js", file(CLIENT, "text/javascript")),
    ]
)
app = talk.asgi(pages, "/talk")
