"""A file on its way."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator
from typing import BinaryIO, Final

from windsock.client.session import MESSAGE_OVERHEAD
from windsock.errors import ConfigurationError

Source = str | os.PathLike[str] | BinaryIO
"""A path, or a file that is open for reading bytes."""

CHUNK_SIZE: Final = 64 * 1024
"""Bytes of a fragment: many enough that its head costs nothing, few enough that a ping gets between two."""


@contextlib.asynccontextmanager
async def opened(source: Source) -> AsyncGenerator[BinaryIO]:
    """The file, closed again if it was not open.

    Raises:
        OSError: it cannot be opened.
    """
    if not isinstance(source, str | os.PathLike):
        yield source
        return
    file: BinaryIO = await asyncio.to_thread(open, source, "rb")
    try:
        yield file
    finally:
        await asyncio.to_thread(file.close)  # a read may be under way: it waits for that


class UploadStopped(Exception):
    """The rest of the file is not sent."""


class Upload:
    """Bytes read while the network takes them; no more than one chunk is in memory.

    Args:
        file: open for reading bytes, from where it stands.
        chunk_size: bytes.
        fragments: whether it is one message in fragments; otherwise each chunk is a message.

    Attributes:
        done: has the number of bytes when the last was given to the network; cancelled, the upload ends.
        sent: bytes given to the network so far.
        begun: whether any of it was.
    """

    size: Final = MESSAGE_OVERHEAD
    """Bytes that it counts for while it waits."""

    def __init__(self, file: BinaryIO, chunk_size: int, *, fragments: bool) -> None:
        if chunk_size <= 0:
            raise ConfigurationError(f"expected chunks of one byte at least, got {chunk_size}")
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.sent: int = 0
        self.begun: bool = False
        self.fragments: bool = fragments
        self._file = file
        self._chunk_size = chunk_size

    async def read(self) -> bytes:
        """The next chunk; nothing at the end.

        Raises:
            UploadStopped: nobody waits any more, or the file cannot be read, which whoever waits is told.
        """
        try:
            chunk = await asyncio.to_thread(self._file.read, self._chunk_size)
            if not isinstance(chunk, bytes):
                raise TypeError(f"expected a file that is open for reading bytes, got one of {type(chunk).__name__}")
        except Exception as error:
            self.fail(error)
            raise UploadStopped from error
        if self.done.done():
            raise UploadStopped
        self.begun = True
        return chunk

    async def chunks(self) -> AsyncGenerator[bytes]:
        """All chunks; an empty one if there are none, for an empty file is a message, too."""
        while chunk := await self.read():
            yield chunk
            self.sent += len(chunk)
        if not self.sent:
            yield b""

    def finish(self) -> None:
        """All of it was given to the network."""
        if not self.done.done():
            self.done.set_result(self.sent)

    def fail(self, error: Exception) -> None:
        """The rest will not be."""
        if not self.done.done():
            self.done.set_exception(error)
