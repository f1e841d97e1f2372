"""A server whose clients come back after their connection was lost, and such a client."""

from __future__ import annotations

import json
from typing import Any

from tests.server.peer import Peer
from tests.server.site import until
from windsock import (
    ConnectionStateRecovery,
    Server,
    Socket,
)


def make_server(**options: Any) -> Server:
    """A server whose clients ask to be put into rooms."""
    io = Server(connection_state_recovery=ConnectionStateRecovery(**options))

    @io.on("join")
    def join(socket: Socket, *rooms: str) -> bool:
        socket.join(*rooms)
        return True

    @io.on("leave")
    def leave(socket: Socket, *rooms: str) -> bool:
        socket.leave(*rooms)
        return True

    return io


class Client:
    """A peer that remembers what it needs to come back."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.sid = ""
        self.pid = ""
        self.offset: str | None = None

    async def connect(self, namespace: str = "/", **auth: Any) -> Client:
        prefix = "" if namespace == "/" else f"{namespace},"
        await self.peer.send(f"40{prefix}{json.dumps(auth)}")
        packet = await self.peer.packet()
        assert packet.startswith(f"0{prefix}{{"), packet
        answer = json.loads(packet[1 + len(prefix) :])
        self.sid, self.pid = answer["sid"], answer["pid"]
        return self

    async def event(self, name: str) -> list[Any]:
        """The arguments of the next event, which must be this one; its offset is kept."""
        *arguments, offset = await self.peer.event(name)
        assert isinstance(offset, str)
        self.offset = offset
        return arguments

    async def lose(self, io: Server) -> None:
        """Tears the connection, and waits until the server knows."""
        await self.peer.close()
        await until(lambda: self.sid not in io.of("/").sockets, "the server knows that it is gone")

    async def back(self, peer: Peer, **auth: Any) -> Client:
        """The same client over another connection."""
        there = Client(peer)
        claim = {"pid": self.pid, **({} if self.offset is None else {"offset": self.offset})}
        await there.connect(**{**claim, **auth})
        if there.recovered_from(self):
            there.offset = self.offset
        return there

    def recovered_from(self, other: Client) -> bool:
        """As the stock client tells it."""
        assert (self.sid == other.sid) == (self.pid == other.pid)
        return self.pid == other.pid
