"""What waits to be sent: while the server is away, or slower than the application."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from windsock.client.session import MESSAGE_OVERHEAD
from windsock.client.signal import Signal
from windsock.client.websocket.upload import Upload
from windsock.errors import BufferFull


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message.

    Attributes:
        data: UTF-8 if it is text.
        text: whether it is.
    """

    data: bytes
    text: bool

    @property
    def size(self) -> int:
        """Bytes that it counts for."""
        return len(self.data) + MESSAGE_OVERHEAD


class SendQueue:
    """Messages, and files on their way, in the order in which they were sent.

    What is at its head leaves it when it is given to the network, and not before: a connection that is lost takes
    along only what was given to it.

    Args:
        max_bytes: that may wait, without what is being written.

    Attributes:
        changed: something was added or written.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._items: deque[Outgoing | Upload] = deque()
        self._bytes = 0
        self._writing = False
        self.changed: Signal = Signal()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def size(self) -> int:
        """Bytes that wait, with their overhead."""
        return self._bytes

    @property
    def drained(self) -> bool:
        """Whether all was given to the network, which takes more."""
        return not self._items and not self._writing

    def add(self, item: Outgoing | Upload) -> None:
        """Appends an item.

        Raises:
            BufferFull: there is no room for it; one item has room however large it is.
        """
        if self._items and self._bytes + item.size > self._max_bytes:
            raise BufferFull(f"expected at most {self._max_bytes} bytes unsent, got {item.size} more")
        self.put_back(item)

    def put_back(self, item: Outgoing | Upload) -> None:
        """Appends an item that has more to send; it had its room before."""
        self._items.append(item)
        self._bytes += item.size
        self.changed.notify()

    def take(self) -> Outgoing | Upload:
        """Removes the head, to write it; :meth:`written` follows.

        Raises:
            IndexError: nothing waits.
        """
        item = self._items.popleft()
        self._bytes -= item.size
        self._writing = True
        return item

    def written(self) -> None:
        """What was taken has been given to the network, or lost with the connection."""
        self._writing = False
        self.changed.notify()

    def abandon(self, error: Exception, *, all: bool = False) -> None:
        """A connection was lost: files that had begun on it are not continued on the next; with ``all``, none is."""
        for item in [item for item in self._items if isinstance(item, Upload) and (all or item.begun)]:
            self._items.remove(item)
            self._bytes -= item.size
            item.fail(error)

    async def filled(self) -> None:
        """Returns when something waits."""
        while not self._items:
            await self.changed.wait()
