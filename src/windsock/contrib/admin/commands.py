"""What an administrator may do."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StrictBool

from windsock.errors import EncodeError, EventError
from windsock.server.socket import Socket

if TYPE_CHECKING:
    from windsock.server.broadcast import BroadcastOperator
    from windsock.server.namespace import Namespace
    from windsock.server.server import Server

Name = Annotated[str, Field(min_length=1, max_length=1000, strict=True)]
"""Of a namespace, a room or an event. An empty room is no room: it would be everybody."""

logger: logging.Logger = logging.getLogger("windsock.contrib.admin")


class Commands:
    """The commands of the UI. Each is written to the log.

    Args:
        io: the server.
    """

    def __init__(self, io: Server) -> None:
        self._io = io

    def register(self, namespace: Namespace) -> None:
        """Registers the handlers."""
        namespace.on("emit")(self.emit)
        namespace.on("join")(self.join)
        namespace.on("leave")(self.leave)
        namespace.on("_disconnect")(self.disconnect)

    def emit(self, socket: Socket, namespace: Name, room: Name | None, event: Name, *arguments: Any) -> None:
        """Emits an event to a namespace, a room or one socket."""
        target = self._target(namespace, room)
        logger.info("%s emits %r to %r of %r", _who(socket), event, room, namespace)
        try:
            target.emit(event, *arguments)
        except (ValueError, EncodeError) as error:
            raise EventError("invalid_payload", str(error)) from None

    def join(self, socket: Socket, namespace: Name, room: Name, filter: Name | None = None) -> None:
        """Puts the sockets of a namespace, a room, or one socket, into a room."""
        target = self._target(namespace, filter)
        logger.info("%s puts %r of %r into %r", _who(socket), filter, namespace, room)
        target.sockets_join(room)

    def leave(self, socket: Socket, namespace: Name, room: Name, filter: Name | None = None) -> None:
        """Takes the sockets of a namespace, a room, or one socket, out of a room."""
        target = self._target(namespace, filter)
        logger.info("%s takes %r of %r out of %r", _who(socket), filter, namespace, room)
        target.sockets_leave(room)

    def disconnect(self, socket: Socket, namespace: Name, close: StrictBool, filter: Name | None = None) -> None:
        """Disconnects the sockets of a namespace, a room, or one socket; ``close``: with their connections."""
        target = self._target(namespace, filter)
        logger.info("%s disconnects %r of %r", _who(socket), filter, namespace)
        target.disconnect_sockets(close)

    def _target(self, name: str, room: str | None) -> Namespace | BroadcastOperator:
        # Never made for an administrator: a name that was mistyped would stay.
        namespace = self._io.namespaces.get(name)
        if namespace is None:
            raise EventError("unknown_namespace", f"no namespace {name!r}")
        return namespace if room is None else namespace.in_(room)


def _who(socket: Socket) -> str:
    return f"the administrator {socket.id} from {socket.handshake.address or 'an unknown address'}"
