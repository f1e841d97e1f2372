"""How one event is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from windsock.client.namespace import ClientNamespace


class ClientOperator:
    """How the next event of a client is sent. Immutable: each operator gives a new one."""

    __slots__ = ("_namespace", "_timeout", "_volatile")

    def __init__(self, namespace: ClientNamespace, *, volatile: bool = False, timeout: float | None = None) -> None:
        self._namespace = namespace
        self._volatile = volatile
        self._timeout = timeout

    @property
    def volatile(self) -> ClientOperator:
        """The event is dropped if it cannot leave now, and never sent again."""
        return ClientOperator(self._namespace, volatile=True, timeout=self._timeout)

    def timeout(self, seconds: float) -> ClientOperator:
        """How long :meth:`emit_with_ack` waits, instead of ``ack_timeout``; with ``retries``, each time."""
        return ClientOperator(self._namespace, volatile=self._volatile, timeout=seconds)

    def emit(self, event: str, *arguments: Any) -> None:
        """Sends the event; see :meth:`ClientNamespace.emit`."""
        self._namespace.send_event(event, arguments, volatile=self._volatile, timeout=self._timeout)

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
        return await self._namespace.ask(event, arguments, volatile=self._volatile, timeout=self._timeout)
