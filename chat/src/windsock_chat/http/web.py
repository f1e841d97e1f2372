"""The web client: the files that its build left, and its one page for every address of it.

All files are read at the start. A request is a look-up by name: no path of a request ever reaches the file system, and
a `Range` header, whatever it holds, is not read.
"""

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from windsock_chat.domain.rate import PAGE
from windsock_chat.http.dependencies import Visitor

_INDEX: Final = "index.html"
# Bundled files carry a hash of their content in their names.
_HASHED: Final = "assets/"
_FOREVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"
# Addresses within the client: anything else that is no file is a mistake, and told so.
_CLIENT_ADDRESS: Final = re.compile(r"[\w~-]+(/[\w~-]+)*/?", re.ASCII)
_COMPRESSED_TYPES: Final = ("text/", "application/json", "application/manifest+json", "image/svg+xml")
# Below this, compression saves less than its header costs.
_COMPRESS_MIN: Final = 1024

_NOT_BUILT: Final = b"The web client is not built. `make chat` builds it; the interface below /api/v1 works without.\n"


@dataclass(frozen=True, slots=True)
class File:
    """A file to be served; `compressed` is its gzip form, None where that is no smaller."""

    content: bytes
    compressed: bytes | None
    media_type: str
    etag: str
    cache_control: str


class WebClient:
    """The files below a folder, which may be missing or empty."""

    def __init__(self, folder: Path) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): _read(path, path.relative_to(folder).as_posix())
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    def find(self, path: str) -> File | None:
        """The file of that name, or the page for an address within the client; None when it is neither."""
        file = self._files.get(path or _INDEX)
        if file is None and _CLIENT_ADDRESS.fullmatch(path) and not path.startswith(("api/", _HASHED)):
            return self._files.get(_INDEX)
        return file

    @property
    def is_built(self) -> bool:
        """Whether there is a page to serve."""
        return _INDEX in self._files


def web_routes(web: WebClient) -> APIRouter:
    """Everything that is not the interface's."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/{path:path}", methods=["GET", "HEAD"], dependencies=[Depends(Visitor(PAGE))])
    async def page(path: str, request: Request) -> Response:
        if not web.is_built and not path:
            return Response(_NOT_BUILT, 503, media_type="text/plain")
        file = web.find(path)
        if file is None:
            raise HTTPException(404, "There is no such page.")
        return _respond(file, request)

    return router


def _respond(file: File, request: Request) -> Response:
    headers = {"ETag": file.etag, "Cache-Control": file.cache_control, "Accept-Ranges": "none"}
    if file.compressed is not None:
        headers["Vary"] = "Accept-Encoding"
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    content = file.content
    if file.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        content = file.compressed
        headers["Content-Encoding"] = "gzip"
    return Response(content, 200, headers, media_type=file.media_type)


def _read(path: Path, name: str) -> File:
    content = path.read_bytes()
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    compressed = None
    if len(content) >= _COMPRESS_MIN and media_type.startswith(_COMPRESSED_TYPES):
        smaller = gzip.compress(content, mtime=0)
        compressed = smaller if len(smaller) < len(content) else None
    return File(
        content=content,
        compressed=compressed,
        media_type=media_type,
        # Weak: the same for the compressed form.
        etag=f'W/"{hashlib.sha256(content).hexdigest()[:32]}"',
        cache_control=_FOREVER if name.startswith(_HASHED) else _ASK_AGAIN,
    )
