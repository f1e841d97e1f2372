"""Emitting to the clients of servers that share a Redis server, from a program that is none of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any, Final, Generic, Self, TypeVar

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from windsock.adapters.base import EVERYBODY, Target
from windsock.adapters.messages import (
    EMITTER,
    Broadcast,
    ClusterRequest,
    DisconnectSockets,
    Payload,
    ServerSideEmit,
    SocketsJoin,
    SocketsLeave,
)
from windsock.adapters.redis.entries import STREAM
from windsock.adapters.redis.shards import SubscriptionMode
from windsock.adapters.redis.speech import AdapterName, Command, Speech, pubsub, sharded, streams
from windsock.adapters.redis.vocabulary import PREFIX
from windsock.errors import ConfigurationError
from windsock.protocol.socketio import RESERVED_EVENTS

TIMEOUT: Final = 5.0
"""Seconds that Redis has to let itself be connected to, and to take a command."""

MAX_CONNECTIONS: Final = 10
"""To Redis, of one emitter: as many commands are on their way at once, others wait."""

R_co = TypeVar("R_co", covariant=True)
Rooms = str | Iterable[str]


class EmitterOperator(Generic[R_co]):
    """Whom the next ``emit`` is for. Immutable: each operator gives a new one.

    Got from an :class:`Emitter`, whose methods return what is to be awaited, or a :class:`SyncEmitter`, whose methods
    return when Redis has taken the command. What Redis does not take raises redis-py's ``RedisError``, and is not tried
    again: it may have arrived.
    """

    def __init__(self, send: Callable[[Command], R_co], speech: Speech, namespace: str, target: Target) -> None:
        self._send = send
        self._speech = speech
        self._namespace = namespace
        self._target = target

    def of(self, namespace: str) -> EmitterOperator[R_co]:
        """Everybody in another namespace."""
        name = namespace if namespace.startswith("/") else f"/{namespace}"
        return EmitterOperator(self._send, self._speech, name, EVERYBODY)

    def to(self, *rooms: Rooms) -> EmitterOperator[R_co]:
        """Adds rooms; whoever is in several of them gets the event once. A socket's id is a room."""
        return self._with(rooms=self._target.rooms | _names(rooms))

    def in_(self, *rooms: Rooms) -> EmitterOperator[R_co]:
        """Same as :meth:`to`."""
        return self.to(*rooms)

    def except_(self, *rooms: Rooms) -> EmitterOperator[R_co]:
        """Leaves out whoever is in one of these rooms."""
        return self._with(except_=self._target.except_ | _names(rooms))

    @property
    def volatile(self) -> EmitterOperator[R_co]:
        """The event may be dropped for a client that cannot take it now."""
        return self._with(volatile=True)

    def compress(self, compress: bool) -> EmitterOperator[R_co]:
        """Whether transports that compress may compress the event; they may by default."""
        return self._with(compress=compress)

    def emit(self, event: str, *arguments: Any) -> R_co:
        """Sends an event to clients.

        Raises:
            EncodeError: an argument cannot be put on the wire.
            ValueError: the event's name is reserved.
        """
        return self._say(Broadcast(EMITTER, self._target, Payload(_event(event, arguments))))

    def sockets_join(self, *rooms: Rooms) -> R_co:
        """Puts clients into rooms."""
        return self._say(SocketsJoin(EMITTER, self._target, tuple(_names(rooms))))

    def sockets_leave(self, *rooms: Rooms) -> R_co:
        """Takes clients out of rooms."""
        return self._say(SocketsLeave(EMITTER, self._target, tuple(_names(rooms))))

    def disconnect_sockets(self, close: bool = False) -> R_co:
        """Disconnects clients; ``close``: and the connections that they share with other namespaces."""
        return self._say(DisconnectSockets(EMITTER, self._target, close))

    def server_side_emit(self, event: str, *arguments: Any) -> R_co:
        """Sends an event to all servers, see :meth:`windsock.Namespace.on_server_event`. They cannot answer.

        Raises:
            EncodeError: an argument cannot be put on the wire.
            ValueError: the event's name is reserved, or rooms were named: servers are in none.
        """
        if self._target != EVERYBODY:
            raise ValueError("expected no rooms and no flags, which are for clients: the event is for servers")
        return self._say(ServerSideEmit(EMITTER, Payload(_event(event, arguments))))

    def _say(self, message: ClusterRequest) -> R_co:
        return self._send(self._speech(self._namespace, message))

    def _with(self, **changes: Any) -> EmitterOperator[R_co]:
        return EmitterOperator(self._send, self._speech, self._namespace, replace(self._target, **changes))


class Emitter(EmitterOperator[Awaitable[None]]):
    """Emits to the clients of a cluster over Redis from a program with an event loop that is no server:
    ``await Emitter("redis://localhost").to("news").emit("hello")``.

    It reaches servers of Windsock and on Node, as ``@socket.io/redis-emitter`` and
    ``@socket.io/redis-streams-emitter`` do. It connects when something is emitted; ``async with``, or :meth:`close`,
    closes the connections.

    Args:
        client: URL of the Redis server, or a client of redis-py, ``redis.asyncio.Redis``, which stays open.
        adapter: that the servers have: ``pubsub``, ``sharded`` or ``streams``.
        key: what the servers' channels begin with.
        subscription_mode: of sharded servers.
        stream_name: of streams, as the servers have it; likewise the rest.
        stream_count: see :class:`windsock.redis.RedisStreamsAdapter`.
        max_len: see :class:`windsock.redis.RedisStreamsAdapter`.
        use_sharded_pub_sub: see :class:`windsock.redis.RedisStreamsAdapter`.

    Raises:
        ConfigurationError: the URL is none, or an option.
    """

    def __init__(
        self,
        client: str | redis.asyncio.Redis = "redis://localhost:6379",
        *,
        adapter: AdapterName = "pubsub",
        key: str = PREFIX,
        subscription_mode: SubscriptionMode = "dynamic",
        stream_name: str = STREAM,
        stream_count: int = 1,
        max_len: int = 10_000,
        use_sharded_pub_sub: bool = False,
    ) -> None:
        speech = _speech(adapter, key, subscription_mode, stream_name, stream_count, max_len, use_sharded_pub_sub)
        self._own = isinstance(client, str)
        if isinstance(client, str):
            pool = _pool(redis.asyncio.BlockingConnectionPool, client, AsyncRetry(NoBackoff(), 0))
            client = redis.asyncio.Redis(connection_pool=pool)
        self._client = client
        super().__init__(self._execute, speech, "/", EVERYBODY)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections that it has opened."""
        if self._own:
            await self._client.aclose()
            await self._client.connection_pool.disconnect()

    async def _execute(self, command: Command) -> None:
        await self._client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py


class SyncEmitter(EmitterOperator[None]):
    """The same for a program without an event loop, a view of Django or a task of Celery:
    ``SyncEmitter("redis://localhost").to("news").emit("hello")``. It may be used from several threads.

    Args:
        client: URL of the Redis server, or a client of redis-py, ``redis.Redis``, which stays open.
        adapter: see :class:`Emitter`, and the rest.
        key: see :class:`Emitter`.
        subscription_mode: see :class:`Emitter`.
        stream_name: see :class:`Emitter`.
        stream_count: see :class:`Emitter`.
        max_len: see :class:`Emitter`.
        use_sharded_pub_sub: see :class:`Emitter`.

    Raises:
        ConfigurationError: the URL is none, or an option.
    """

    def __init__(
        self,
        client: str | redis.Redis = "redis://localhost:6379",
        *,
        adapter: AdapterName = "pubsub",
        key: str = PREFIX,
        subscription_mode: SubscriptionMode = "dynamic",
        stream_name: str = STREAM,
        stream_count: int = 1,
        max_len: int = 10_000,
        use_sharded_pub_sub: bool = False,
    ) -> None:
        speech = _speech(adapter, key, subscription_mode, stream_name, stream_count, max_len, use_sharded_pub_sub)
        self._own = isinstance(client, str)
        if isinstance(client, str):
            client = redis.Redis(connection_pool=_pool(redis.BlockingConnectionPool, client, Retry(NoBackoff(), 0)))
        self._client = client
        super().__init__(self._execute, speech, "/", EVERYBODY)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections that it has opened."""
        if self._own:
            self._client.close()
            self._client.connection_pool.disconnect()

    def _execute(self, command: Command) -> None:
        self._client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py


def _speech(
    adapter: AdapterName,
    key: str,
    mode: SubscriptionMode,
    stream_name: str,
    stream_count: int,
    max_len: int,
    use_sharded_pub_sub: bool,
) -> Speech:
    if adapter == "pubsub":
        return pubsub(key)
    if adapter == "sharded":
        return sharded(key, mode)
    if adapter == "streams":
        if stream_count <= 0 or max_len <= 0:
            raise ConfigurationError(f"expected numbers above zero, got {stream_count} streams of {max_len} entries")
        return streams(stream_name, stream_count, max_len, key, use_sharded_pub_sub)
    raise ConfigurationError(f"expected an adapter, 'pubsub', 'sharded' or 'streams', got {adapter!r}")


def _pool(kind: Any, url: str, retry: Any) -> Any:
    try:
        pool = kind.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            timeout=TIMEOUT,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            # Tried again, what Redis did take and not answer would come twice.
            retry=retry,
        )
        pool.make_connection()  # which knows what options there are
    except (ValueError, TypeError):
        # Neither the URL nor what redis-py says of it is shown: a password may be in it.
        raise ConfigurationError(
            "expected the URL of a Redis server, redis://, rediss:// or unix://, with options of redis-py; "
            "got another one"
        ) from None
    return pool


def _event(event: str, arguments: tuple[Any, ...]) -> list[Any]:
    if event in RESERVED_EVENTS:
        raise ValueError(f"expected an event's name, got the reserved {event!r}")
    return [event, *arguments]


def _names(rooms: Iterable[Rooms]) -> frozenset[str]:
    names: set[str] = set()
    for room in rooms:
        names.update((room,) if isinstance(room, str) else room)
    return frozenset(names)
