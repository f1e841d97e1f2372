"""Every exception of Windsock: one tree, whose leaves say whose fault it was."""

from __future__ import annotations

from typing import Any


class WindsockError(Exception):
    """Root of the tree: catching it catches everything that Windsock raises on purpose."""


class ConfigurationError(WindsockError, ValueError):
    """An option or a registration is wrong; raised while the application is being set up."""


class ProtocolViolation(WindsockError):
    """The peer sent what the protocol forbids. The message says what was expected and what came."""


class PayloadError(ProtocolViolation):
    """An Engine.IO packet or long-polling payload is malformed (Engine.IO protocol, "Packet encoding")."""


class PacketError(ProtocolViolation):
    """A Socket.IO packet is malformed (Socket.IO protocol, "Packet encoding"). It closes its sender."""


class UndecodableArgument(WindsockError):
    """The packet is well-formed, but an argument holds what Python has not: text with a lone surrogate,
    a date before the year 1 or after 9999; or what cannot be sent on, since it is nested too deep.

    It is the sender's data and not its protocol that is wrong, so the event is refused and the
    connection stays.

    Attributes:
        namespace: where the packet was addressed.
        ack_id: the acknowledgement it asks for, or ``None``.
    """

    def __init__(self, message: str, *, namespace: str, ack_id: int | None) -> None:
        super().__init__(message)
        self.namespace = namespace
        self.ack_id = ack_id


class EncodeError(WindsockError, TypeError):
    """The application emitted a value that the parser cannot put on the wire."""


class DecodeError(WindsockError, ValueError):
    """A message of a plain WebSocket is not what the application asked for, such as JSON."""


class ConnectionRefused(WindsockError):
    """Raised in a ``connect`` handler or a middleware to refuse the client; and by a client that was refused.

    The client gets a CONNECT_ERROR packet: its ``connect_error`` event carries an error whose
    ``message`` and ``data`` are the ones given here (Socket.IO protocol, "Connection to a namespace").

    Args:
        message: shown to the client; keep secrets out of it.
        data: anything the parser can encode; absent when ``None``.
    """

    def __init__(self, message: str = "connection refused", data: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.data: Any = data


class ConnectionFailed(WindsockError):
    """The server cannot be reached, or the connection to it was lost. Given to a client's ``connect_error``.

    Args:
        message: what was expected and what came.
        reason: the word that a ``disconnect`` event gives, see :data:`windsock.types.DisconnectReason`.
    """

    def __init__(self, message: str, reason: str = "transport error") -> None:
        super().__init__(message)
        self.reason = reason


class BufferFull(WindsockError):
    """A client holds as many bytes unsent as it may: the server is away, or reads too slowly."""


class EventError(WindsockError):
    """Raised in an event handler to answer with a structured error instead of a result.

    The acknowledgement is ``{"error": {"code": code, "message": message, **data}}``.

    Args:
        code: a stable word a program can compare, such as ``"rate_limited"``.
        message: a sentence for people.
        data: further fields of the error, such as ``{"retry_after": 3}``.
    """

    def __init__(self, code: str, message: str = "", data: dict[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message
        self.data: dict[str, Any] = data or {}

    def payload(self) -> dict[str, Any]:
        """The acknowledgement that carries this error."""
        said = {"code": self.code, "message": self.message}
        return {"error": {**said, **self.data, **said}}


class AckTimeout(WindsockError, TimeoutError):
    """An acknowledgement did not come within the time given with ``timeout()``.

    Args:
        message: which.
        answers: of a broadcast, or of an event to other servers: what did come.
        missing: of a broadcast: the ids of the sockets whose answer did not come, as far as they are known: servers on
            Node tell how many sockets they have, and not which. Of an event to other servers: their ids, if known.
    """

    def __init__(self, message: str, answers: list[Any] | None = None, missing: list[str] | None = None) -> None:
        super().__init__(message)
        self.answers: list[Any] = answers or []
        self.missing: list[str] = missing or []


class ClusterTimeout(WindsockError, TimeoutError):
    """Other nodes of the cluster did not answer in time.

    Args:
        message: how many.
        answers: what did come.
        missing: ids of the nodes that did not answer, if they are known.
    """

    def __init__(self, message: str, answers: list[Any] | None = None, missing: list[str] | None = None) -> None:
        super().__init__(message)
        self.answers: list[Any] = answers or []
        self.missing: list[str] = missing or []


class MessageError(WindsockError):
    """A message from another node of the cluster is malformed. It is dropped and counted."""


class NotConnected(WindsockError):
    """The socket is not connected, or was disconnected before the answer came."""
