"""Real-time for Python: a server and a client that speak Socket.IO, and plain WebSocket."""

from windsock.adapters.base import (
    Adapter,
    DistributedAdapter,
    LocalEmitter,
    RecoverableAdapter,
    RemoteOperator,
    RemoteSocket,
    SocketState,
    Target,
)
from windsock.adapters.cluster import Cluster
from windsock.adapters.counters import ClusterCounters
from windsock.adapters.memory import MemoryAdapter
from windsock.adapters.observation import ObservableAdapter, RoomObserver
from windsock.client.client import Client
from windsock.client.manager import Manager
from windsock.client.namespace import ClientNamespace
from windsock.client.operator import ClientOperator
from windsock.client.websocket.client import WebSocketClient
from windsock.client.websocket.closure import WebSocketClosure
from windsock.client.websocket.states import WebSocketState
from windsock.engine.options import Cookie, HttpCompression, PerMessageDeflate
from windsock.errors import (
    AckTimeout,
    BufferFull,
    ClusterTimeout,
    ConfigurationError,
    ConnectionFailed,
    ConnectionRefused,
    DecodeError,
    EncodeError,
    EventError,
    NotConnected,
    WindsockError,
)
from windsock.server.broadcast import BroadcastOperator
from windsock.server.dependencies import Context, DependencyOverrides, Depends
from windsock.server.dynamic import DynamicNamespace, DynamicOperator
from windsock.server.health import Health, HealthCheck
from windsock.server.namespace import Namespace
from windsock.server.observer import Observer
from windsock.server.recovery import ConnectionStateRecovery
from windsock.server.server import Server
from windsock.server.socket import Handshake, Socket
from windsock.slow_consumer import Conflate, SlowConsumer, SlowConsumerCounters

__version__ = "0.1.0"

__all__ = [
    "AckTimeout",
    "Adapter",
    "BroadcastOperator",
    "BufferFull",
    "Client",
    "ClientNamespace",
    "ClientOperator",
    "Cluster",
    "ClusterCounters",
    "ClusterTimeout",
    "ConfigurationError",
    "Conflate",
    "ConnectionFailed",
    "ConnectionRefused",
    "ConnectionStateRecovery",
    "Context",
    "Cookie",
    "DecodeError",
    "DependencyOverrides",
    "Depends",
    "DistributedAdapter",
    "DynamicNamespace",
    "DynamicOperator",
    "EncodeError",
    "EventError",
    "Handshake",
    "Health",
    "HealthCheck",
    "HttpCompression",
    "LocalEmitter",
    "Manager",
    "MemoryAdapter",
    "Namespace",
    "NotConnected",
    "ObservableAdapter",
    "Observer",
    "PerMessageDeflate",
    "RecoverableAdapter",
    "RemoteOperator",
    "RemoteSocket",
    "RoomObserver",
    "Server",
    "SlowConsumer",
    "SlowConsumerCounters",
    "Socket",
    "SocketState",
    "Target",
    "WebSocketClient",
    "WebSocketClosure",
    "WebSocketState",
    "WindsockError",
]
