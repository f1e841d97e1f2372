"""How the next event of a client is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from windsock.client.flags import PLAIN, Flags

if TYPE_CHECKING:
    from windsock.client.namespace import ClientNamespace


class ClientOperator:
    """How the next event of a client is sent. Immutable: each operator gives a new one."""

    __slots__ = ("_flags", "_namespace")

    def __init__(self, namespace: ClientNamespace, flags: Flags = PLAIN) -> None:
        self._namespace = namespace
        self._flags = flags

    @property
    def volatile(self) -> ClientOperator:
        """The event is dropped if it cannot leave now, and never sent again."""
        return ClientOperator(self._namespace, replace(self._flags, volatile=True))

    def compress(self, compress: bool) -> ClientOperator:
        """Whether the transport may compress the event; it may by default."""
        return ClientOperator(self._namespace, replace(self._flags, compress=compress))

    def timeout(self, seconds: float) -> ClientOperator:
        """How long :meth:`emit_with_ack` waits, instead of ``ack_timeout``; with ``retries``, each time."""
        return ClientOperator(self._namespace, replace(self._flags, timeout=seconds))

    def emit(self, event: str, *arguments: Any) -> None:
        """Sends the event; see :meth:`ClientNamespace.emit`."""
        self._namespace.send_event(event, arguments, self._flags)

    def send(self, *arguments: Any) -> None:
        """Sends the event ``message``; see :meth:`ClientNamespace.emit`."""
        self.emit("message", *arguments)

    async def emit_with_ack(self, event: str, *arguments: Any) -> Any:
        """Sends the event and waits for its acknowledgement. Cancelled, it takes back what has not left.

        Returns:
            One argument by itself, none as ``None``, several as a list.

        Raises:
            AckTimeout: it did not come in time, or with ``retries`` not once. Without a time, it is waited for.
            NotConnected: the connection was lost before it came; or a volatile event was dropped.
            BufferFull: more than ``max_buffered_bytes`` wait.
            EncodeError: an argument cannot be put on the wire.
            ValueError: the event's name is reserved.
        """
        return await self._namespace.ask(event, arguments, self._flags)
