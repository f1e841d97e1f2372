"""Some of an endpoint's clients, under one name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from windsock.engine.transports.receivers import deliver
from windsock.protocol import json
from windsock.protocol.websocket import TEXT, Data
from windsock.websocket.socket import Message, WebSocket, data_of

if TYPE_CHECKING:
    from windsock.websocket.endpoint import Endpoint


class Group:
    """Who is in it may change at any time: it is a view. Got with ``endpoint.group(name)``, or ``endpoint.everybody``.

    It comes to be with its first member and is gone with its last, so that names made up by clients do not pile up.
    """

    __slots__ = ("_endpoint", "_name")

    def __init__(self, endpoint: Endpoint, name: str | None) -> None:
        self._endpoint = endpoint
        self._name = name

    def __len__(self) -> int:
        return len(self._members())

    def __iter__(self) -> Iterator[WebSocket]:
        """Its members at this moment, in no order."""
        return iter(list(self._members()))

    def __contains__(self, socket: object) -> bool:
        return socket in self._members()

    def send(
        self,
        message: Message,
        *,
        except_: WebSocket | Collection[WebSocket] = (),
        volatile: bool = False,
        compress: bool = True,
    ) -> None:
        """Sends a message to every member. It is queued for each, and never blocks.

        Args:
            message: text or binary, by its type.
            except_: but not to this one, or these.
            volatile: it may be dropped for a client that cannot take it now.
            compress: whether transports that compress may compress it.

        Raises:
            EncodeError: it is neither text nor bytes, or text that is not Unicode.
        """
        self._send(data_of(message, compress), message, except_, volatile)

    def send_json(
        self,
        value: Any,
        *,
        except_: WebSocket | Collection[WebSocket] = (),
        volatile: bool = False,
        compress: bool = True,
    ) -> None:
        """Sends a value as JSON text; see :meth:`send`.

        Raises:
            EncodeError: JSON cannot carry it.
        """
        self._send(Data(TEXT, json.encode(value), compress), value, except_, volatile)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes every member; see :meth:`WebSocket.close`."""
        for socket in self:
            socket.close(code, reason)

    def _send(self, data: Data, subject: Any, except_: WebSocket | Collection[WebSocket], volatile: bool) -> None:
        endpoint = self._endpoint
        members = self._members()
        if isinstance(except_, WebSocket):
            members = [socket for socket in members if socket is not except_]
        elif except_:
            members = [socket for socket in members if socket not in except_]
        if volatile:
            members = [socket for socket in members if endpoint.may_send_volatile(socket)]
        endpoint.set_terms(data, subject, volatile)
        deliver(endpoint.outbox, members, data)

    def _members(self) -> Collection[WebSocket]:
        endpoint = self._endpoint
        return endpoint.sockets if self._name is None else endpoint.groups.get(self._name, ())
