"""One node of a cluster: rooms are here and elsewhere.

What is here is in a local adapter; other nodes are told of by messages, which a driver carries.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import secrets
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from windsock.acks import ack_value
from windsock.adapters.base import EVERYBODY, RecoverableAdapter, Target
from windsock.adapters.counters import ClusterCounters
from windsock.adapters.memory import MemoryAdapter
from windsock.adapters.messages import (
    AdapterClose,
    Broadcast,
    BroadcastAck,
    BroadcastClientCount,
    ClusterMessage,
    ClusterRequest,
    ClusterResponse,
    DisconnectSockets,
    FetchSockets,
    FetchSocketsResponse,
    Heartbeat,
    InitialHeartbeat,
    Payload,
    ServerSideEmit,
    ServerSideEmitResponse,
    SocketsJoin,
    SocketsLeave,
)
from windsock.adapters.observation import ObservableAdapter
from windsock.adapters.question import MAX_ACK_WAIT
from windsock.adapters.remote import DistantSocket
from windsock.adapters.requests import Asking, Fetching, Request, Tally
from windsock.adapters.respondent import Respondent
from windsock.errors import AckTimeout, ClusterTimeout, EncodeError, MessageError

if TYPE_CHECKING:
    from windsock.adapters.base import (
        Adapter,
        AdapterFactory,
        Member,
        NodeEmitter,
        RemoteSocket,
        Restored,
        SocketState,
    )
    from windsock.adapters.driver import ClusterDriver, DriverFactory
    from windsock.adapters.observation import RoomObserver
    from windsock.protocol.socketio import Packet

logger: logging.Logger = logging.getLogger("windsock.adapters")

REQUEST_TIMEOUT: Final = 5.0
"""Seconds that other nodes have to answer a request: the original's."""

_UID_BYTES: Final = 8

R = TypeVar("R", bound=Request)


class ClusterAdapter:
    """See :class:`windsock.adapters.base.DistributedAdapter`.

    What it sends to other nodes it also does here, at once and in this order: first it is published, so that what
    cannot be sent is raised before anybody has got it.

    Args:
        namespace: its name.
        emitter: the namespace.
        local: the adapter of this node.
        connect: makes the driver.
        request_timeout: seconds that other nodes have to answer.
        counters: of the server.

    Attributes:
        uid: its id in the cluster.
        namespace: its name.
        counters: what it had to do with others.
        driver: carries the messages.
    """

    def __init__(
        self,
        namespace: str,
        emitter: NodeEmitter,
        local: Adapter,
        connect: DriverFactory,
        *,
        request_timeout: float = REQUEST_TIMEOUT,
        counters: ClusterCounters | None = None,
    ) -> None:
        self.uid: str = secrets.token_hex(_UID_BYTES)
        self.namespace: str = namespace
        self.counters: ClusterCounters = counters or ClusterCounters()
        self._emitter = emitter
        self._local = local
        self._request_timeout = request_timeout
        self._requests: dict[str, Request] = {}
        self._starting: asyncio.Future[None] | None = None
        self.driver: ClusterDriver = connect(self)
        self._respondent = Respondent(self.uid, namespace, emitter, local, self._respond, self.counters)
        self._receivers: dict[type, Callable[[Any], None]] = {
            **self._respondent.receivers,
            FetchSocketsResponse: self._take_sockets,
            ServerSideEmitResponse: self._take_answer,
            BroadcastClientCount: self._take_count,
            BroadcastAck: self._take_ack,
            # A driver whose nodes know of each other by heartbeats takes those itself.
            InitialHeartbeat: _ignore,
            Heartbeat: _ignore,
            AdapterClose: _ignore,
        }

    @property
    def problem(self) -> str | None:
        """Why other nodes are out of reach; ``None`` when they are not. What is local works all the same."""
        return self.driver.problem

    async def start(self) -> None:
        """See :class:`windsock.adapters.base.DistributedAdapter`."""
        if self._starting is None:
            self._starting = asyncio.ensure_future(self.driver.start())
        if not self._starting.done():
            await asyncio.shield(self._starting)

    async def close(self) -> None:
        """See :class:`windsock.adapters.base.Adapter`. Who has not answered until now does not."""
        self._respondent.end()
        for request in self._requests.values():
            request.end()
        await self._local.close()
        starting, self._starting = self._starting, None
        if starting is not None:
            if not starting.done():
                starting.cancel()
                await asyncio.wait([starting])
            await self.driver.close()

    # -- members and rooms of this node --

    def add(self, member: Member) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        self._local.add(member)

    def remove(self, member: Member) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        self._local.remove(member)

    def join(self, member: Member, rooms: Iterable[str]) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        self._local.join(member, rooms)

    def leave(self, member: Member, rooms: Iterable[str]) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        self._local.leave(member, rooms)

    def rooms_of(self, member: Member) -> frozenset[str]:
        """See :class:`windsock.adapters.base.Adapter`."""
        return self._local.rooms_of(member)

    def select(self, target: Target) -> Collection[Any]:
        """See :class:`windsock.adapters.base.Adapter`."""
        return self._local.select(target)

    def observe(self, observer: RoomObserver, *, away: bool = False) -> None:
        """See :class:`windsock.adapters.observation.ObservableAdapter`. It hears of the rooms of this node."""
        if isinstance(self._local, ObservableAdapter):
            self._local.observe(observer, away=away)

    # -- for every node --

    def broadcast(self, packet: Packet, target: Target) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        if not target.local:
            self._publish(Broadcast(self.uid, target, Payload(packet.data)))
        self._local.broadcast(packet, target)

    def join_all(self, target: Target, rooms: Iterable[str]) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        names = tuple(rooms)
        if not target.local:
            self._publish(SocketsJoin(self.uid, target, names))
        self._local.join_all(target, names)

    def leave_all(self, target: Target, rooms: Iterable[str]) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        names = tuple(rooms)
        if not target.local:
            self._publish(SocketsLeave(self.uid, target, names))
        self._local.leave_all(target, names)

    def disconnect_all(self, target: Target, *, close: bool) -> None:
        """See :class:`windsock.adapters.base.Adapter`."""
        if not target.local:
            self._publish(DisconnectSockets(self.uid, target, close))
        self._local.disconnect_all(target, close=close)

    async def fetch_sockets(self, target: Target, timeout: float | None = None) -> list[RemoteSocket]:
        """See :class:`windsock.adapters.base.DistributedAdapter`."""
        here = await self._local.fetch_sockets(target)
        if target.local:
            return here
        id = _new_id()
        message = FetchSockets(self.uid, id, target)
        request = await self._request(id, Fetching, lambda _: self._publish(message), timeout)
        sockets = [*here, *(socket for sockets in request.answers for socket in sockets)]
        if request.roll.silent:
            raise ClusterTimeout(_silence(request), sockets, request.roll.missing)
        return sockets

    async def all_rooms(self) -> frozenset[str]:
        """See :class:`windsock.adapters.base.DistributedAdapter`."""
        # Each wire has this question, and only one has another for rooms alone.
        return frozenset().union(*(socket.rooms for socket in await self.fetch_sockets(EVERYBODY)))

    async def server_count(self) -> int:
        """See :class:`windsock.adapters.base.DistributedAdapter`."""
        return 1 + (await self.driver.nodes()).count

    async def broadcast_with_ack(self, packet: Packet, target: Target, timeout: float | None) -> list[Any]:
        """See :class:`windsock.adapters.base.DistributedAdapter`. Waits a minute at the most."""
        id = _new_id()
        payload = Payload(packet.data)
        limit = MAX_ACK_WAIT if timeout is None else timeout
        futures: Collection[asyncio.Future[list[Any]]] = ()

        def ask(tally: Tally) -> None:
            nonlocal futures

            def answered(socket: str, arguments: list[Any] | None) -> None:
                if arguments is None:
                    tally.leave(socket)
                else:
                    tally.acknowledge(self.uid, socket, ack_value(arguments))

            self._publish(Broadcast(self.uid, target, payload, id, limit, named=True))
            asked = self._emitter.ask(self._local.select(target), packet, answered)
            futures = asked.values()
            tally.expect(self.uid, asked)

        try:
            tally = await self._request(id, Tally, ask, limit)
        finally:
            for future in futures:
                future.cancel()
        missing = [*tally.missing, *tally.owing]
        anonymous = tally.anonymous + tally.owing_anonymously
        if missing or anonymous or tally.roll.silent:
            number = len(missing) + anonymous
            text = f"{number} of {number + len(tally.answers)} clients did not acknowledge"
            if tally.roll.silent:
                text += f"; nodes that did not say how many they have: {tally.roll.silent}"
            raise AckTimeout(text, tally.answers, missing)
        return tally.answers

    def server_side_emit(self, event: list[Any]) -> None:
        """See :class:`windsock.adapters.base.DistributedAdapter`."""
        self._publish(ServerSideEmit(self.uid, Payload(event)))

    async def server_side_emit_with_ack(self, event: list[Any], timeout: float | None) -> list[Any]:
        """See :class:`windsock.adapters.base.DistributedAdapter`."""
        id = _new_id()
        message = ServerSideEmit(self.uid, Payload(event), id)
        request = await self._request(id, Asking, lambda _: self._publish(message), timeout)
        if request.roll.silent:
            raise AckTimeout(_silence(request), request.answers, request.roll.missing)
        return request.answers

    # -- the driver's side (ClusterNode) --

    def occupied(self, room: str) -> bool:
        """See :class:`windsock.adapters.driver.ClusterNode`."""
        return bool(self._local.select(_one(room)))

    def receive(self, message: ClusterMessage) -> None:
        """See :class:`windsock.adapters.driver.ClusterNode`."""
        if message.uid == self.uid:
            return
        self.counters.received += 1
        try:
            self._receivers[type(message)](message)
        except (MessageError, EncodeError) as error:
            self.reject(str(error))
        except Exception:
            self.counters.garbage += 1
            logger.exception("a message of another node failed in %s", self.namespace)

    def reject(self, reason: str) -> None:
        """See :class:`windsock.adapters.driver.ClusterNode`."""
        self.counters.garbage += 1
        logger.debug("dropped a message of another node in %s: %s", self.namespace, reason)

    def lose(self, uid: str) -> None:
        """See :class:`windsock.adapters.driver.ClusterNode`."""
        for request in list(self._requests.values()):
            request.lose(uid)

    # -- what other nodes answer --

    def _take_sockets(self, message: FetchSocketsResponse) -> None:
        request = self._requests.get(message.request_id)
        sockets = [DistantSocket(self, self.namespace, details) for details in message.sockets]
        self._expected(isinstance(request, Fetching) and request.answer(message.uid, sockets))

    def _take_answer(self, message: ServerSideEmitResponse) -> None:
        request = self._requests.get(message.request_id)
        self._expected(isinstance(request, Asking) and request.answer(message.uid, message.answer))

    def _take_count(self, message: BroadcastClientCount) -> None:
        tally = self._requests.get(message.request_id)
        self._expected(isinstance(tally, Tally) and tally.count(message.uid, message.count, message.ids))

    def _take_ack(self, message: BroadcastAck) -> None:
        tally = self._requests.get(message.request_id)
        if not isinstance(tally, Tally):
            self._expected(False)
        elif message.left and message.id is not None:
            self._expected(tally.leave(message.id))
        else:
            self._expected(tally.acknowledge(message.uid, message.id, message.answer))

    def _expected(self, was: bool) -> None:
        if not was:
            self.counters.unexpected += 1

    # -- inside --

    def _publish(self, message: ClusterRequest) -> None:
        self.driver.publish(message)
        self.counters.published += 1

    def _respond(self, uid: str, message: ClusterResponse) -> None:
        self.driver.respond(uid, message)
        self.counters.responded += 1

    async def _request(self, id: str, kind: type[R], ask: Callable[[R], None], timeout: float | None) -> R:
        """Asks all other nodes, and waits until they have answered or the time is over."""
        loop = asyncio.get_running_loop()
        until = loop.time() + (self._request_timeout if timeout is None else timeout)
        request = kind(await self.driver.nodes())
        self._requests[id] = request
        try:
            ask(request)
            request.check()
            await asyncio.wait([request.done], timeout=max(0.0, until - loop.time()))
            if not request.done.done() and request.roll.silent:
                # Who has gone meanwhile without a word has not to answer.
                request.recount(await self.driver.nodes())
        finally:
            del self._requests[id]
        return request


class RecoverableClusterAdapter(ClusterAdapter):
    """The same over a local adapter with connection state recovery: a client that comes back to the node that it was on
    recovers. See :class:`windsock.adapters.base.RecoverableAdapter`.
    """

    @property
    def holds(self) -> bool:
        """See :class:`windsock.adapters.base.RecoverableAdapter`."""
        return self._keeper.holds

    def send(self, member: Member, packet: Packet, *, volatile: bool) -> None:
        """See :class:`windsock.adapters.base.RecoverableAdapter`."""
        self._keeper.send(member, packet, volatile=volatile)

    def persist(self, state: SocketState, lifetime: float) -> None:
        """See :class:`windsock.adapters.base.RecoverableAdapter`."""
        self._keeper.persist(state, lifetime)

    def flush(self, member: Member) -> None:
        """See :class:`windsock.adapters.base.RecoverableAdapter`."""
        self._keeper.flush(member)

    async def restore(self, pid: str, offset: str | None, limit: int) -> Restored | None:
        """See :class:`windsock.adapters.base.RecoverableAdapter`."""
        return await self._keeper.restore(pid, offset, limit)

    @property
    def _keeper(self) -> RecoverableAdapter:
        local = self._local
        assert isinstance(local, RecoverableAdapter)
        return local


class Cluster:
    """Makes a server one node of a cluster: ``Server(adapter=Cluster(connect))``.

    Args:
        connect: makes the driver of a namespace.
        request_timeout: seconds that other nodes have to answer.

    Attributes:
        counters: what the server had to do with other nodes, over all its namespaces.
    """

    def __init__(self, connect: DriverFactory, *, request_timeout: float = REQUEST_TIMEOUT) -> None:
        self.counters: ClusterCounters = ClusterCounters()
        self._connect = connect
        self._request_timeout = request_timeout

    def __call__(self, namespace: str, emitter: NodeEmitter) -> Adapter:
        """The adapter of a namespace whose rooms on this node are in memory."""
        return self.over(MemoryAdapter)(namespace, emitter)

    def over(self, local: AdapterFactory) -> AdapterFactory:
        """Makes adapters over others, which know the rooms of this node."""

        def make(namespace: str, emitter: NodeEmitter) -> Adapter:
            return self._node(namespace, emitter, local(namespace, emitter))

        return make

    def _node(self, namespace: str, emitter: NodeEmitter, local: Adapter) -> Adapter:
        kind = RecoverableClusterAdapter if isinstance(local, RecoverableAdapter) else ClusterAdapter
        return kind(
            namespace, emitter, local, self._connect, request_timeout=self._request_timeout, counters=self.counters
        )


@functools.lru_cache(maxsize=4096)
def _one(room: str) -> Target:
    """A room alone. Each message of other nodes needs it, also those that concern nobody here, and making it costs more
    than all else that becomes of those: it is kept for as many rooms as may be talked of at one time."""
    return Target(frozenset((room,)))


def _new_id() -> str:
    return secrets.token_hex(_UID_BYTES)


def _silence(request: Request) -> str:
    silent = request.roll.silent
    return f"{silent} of {silent + len(request.answers)} nodes did not answer"


def _ignore(message: ClusterMessage) -> None:
    pass
