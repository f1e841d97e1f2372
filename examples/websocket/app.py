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
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

HERE = Path(__file__).parent
CLIENT = HERE.parents[1] / "clients/typescript/dist/websocket-client.js"
UNSUPPORTED_DATA = 1003


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

    def add(self, chunk: bytes) -> None:
        self.received += len(chunk)
        self.digest.update(chunk)


async def talk(websocket: WebSocket) -> None:
    """Sends back what comes. A file, announced as ``{"file": {"name", "size"}}``, is answered with its digest."""
    await websocket.accept()
    upload: Upload | None = None
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text, data = message.get("text"), message.get("bytes")
            if text is not None:
                upload = await answer(websocket, text) or upload
            elif upload is not None and data is not None:
                upload.add(data)
            else:
                await websocket.send_bytes(data or b"")
            if upload is not None and upload.received >= upload.announced.size:
                file = {**upload.announced.model_dump(), "sha256": upload.digest.hexdigest()}
                await websocket.send_json({"file": file})
                upload = None
    except WebSocketDisconnect:
        return


async def answer(websocket: WebSocket, text: str) -> Upload | None:
    """To a text message; a file if it announces one."""
    try:
        value = json.loads(text)
    except ValueError:
        await websocket.send_text(text)
        return None
    if isinstance(value, dict) and "file" in value:
        try:
            return Upload(Announcement.model_validate(value["file"]))
        except ValidationError:
            await websocket.close(UNSUPPORTED_DATA, "expected a file's name and size")
            return None
    await websocket.send_json({"echo": value})
    return None


def file(path: Path, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    async def respond(_: Request) -> Response:
        return FileResponse(path, media_type=media_type, headers={"Cache-Control": "no-cache"})

    return respond


app = Starlette(
    routes=[
        Route("/", file(HERE / "index.html", "text/html")),
        Route("/style.css", file(HERE / "style.css", "text/css")),
        Route("/page.js", file(HERE / "page.js", "text/javascript")),
        Route("/websocket-client.js", file(CLIENT, "text/javascript")),
        WebSocketRoute("/talk", talk),
    ]
)
