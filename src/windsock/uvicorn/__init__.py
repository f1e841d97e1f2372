"""The fast lane: uvicorn protocol classes that can hand a connection over to the engine.

``windsock serve`` uses them; so does ``uvicorn --ws windsock.uvicorn:WebSocketProtocol --http
windsock.uvicorn:HttpProtocol module:app``. The ASGI application runs as under any server: middleware, mounting and
plain ASGI WebSocket endpoints work as ever. What :mod:`windsock.asgi` finds in addition is an extension of the
scope with which it takes a WebSocket or a long-polling request over; from then on no task, queue or dict stands
between the connection and the engine.
"""

from windsock.uvicorn.http import HttpProtocol
from windsock.uvicorn.websocket import WebSocketProtocol

__all__ = ["HttpProtocol", "WebSocketProtocol"]
