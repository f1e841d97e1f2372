"""Plain WebSocket, for those who want no Socket.IO: an endpoint for any ASGI application.

Messages are text, bytes or JSON, as they are. What is sent to a group is framed once and written once in each iteration
of the event loop, by the same transports as Socket.IO's.
"""

from windsock.protocol.closing import CloseCode, may_come_back
from windsock.websocket.endpoint import Endpoint
from windsock.websocket.group import Group
from windsock.websocket.socket import WebSocket

__all__ = ["CloseCode", "Endpoint", "Group", "WebSocket", "may_come_back"]
