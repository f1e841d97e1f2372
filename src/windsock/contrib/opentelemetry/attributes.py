"""Names of attributes: OpenTelemetry's for messaging, those of its Socket.IO instrumentation for Node, then our own."""

from __future__ import annotations

from typing import Final

SYSTEM: Final = "messaging.system"
SOCKET_IO: Final = "socket.io"
"""The messaging system."""
OPERATION: Final = "messaging.operation.name"
OPERATION_TYPE: Final = "messaging.operation.type"
DESTINATION: Final = "messaging.destination.name"
"""The namespace."""
DESTINATION_TEMPLATE: Final = "messaging.destination.template"
"""What the namespace was registered as: its name, or the rule that all its namespaces match."""
CLIENT: Final = "messaging.client.id"
"""The socket's id."""
EVENT: Final = "messaging.socket.io.event_name"
ERROR_TYPE: Final = "error.type"

TRANSPORT: Final = "windsock.transport"
REASON: Final = "windsock.reason"
"""Of a session's end."""
OUTCOME: Final = "windsock.outcome"
"""How a handler, an admission or a question ended."""
RECOVERED: Final = "windsock.recovered"
REFUSAL: Final = "windsock.refusal"
"""What a client that was refused is told."""
REQUEST_CODE: Final = "windsock.request.code"
"""Engine.IO's, of a request that was refused."""
