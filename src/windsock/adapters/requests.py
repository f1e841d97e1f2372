"""Questions to other nodes, as long as their answers are waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from windsock.adapters.driver import OtherNodes


class Roll:
    """Which nodes have been heard of, once each.

    Args:
        nodes: that are expected to answer.

    Attributes:
        silent: how many of them have not.
    """

    __slots__ = ("_heard", "_nodes", "_uids", "silent")

    def __init__(self, nodes: OtherNodes) -> None:
        self.silent: int = nodes.count
        self._nodes = nodes
        self._uids = None if nodes.uids is None else set(nodes.uids)
        self._heard: set[str] = set()

    @property
    def missing(self) -> list[str]:
        """The nodes that have not been heard of, if they are known."""
        return sorted(self._uids or ())

    def hear(self, uid: str) -> bool:
        """A node answers; returns whether it had not, and was asked."""
        if self._uids is None:
            if self.silent == 0 or uid in self._heard:
                return False
            if uid:
                self._heard.add(uid)
        elif uid in self._uids:
            self._uids.discard(uid)
        else:
            return False
        self.silent -= 1
        return True

    def lose(self, uid: str) -> None:
        """A node has gone."""
        if self._uids is not None and uid in self._uids:
            self._uids.discard(uid)
            self.silent -= 1

    def recount(self, nodes: OtherNodes) -> None:
        """Nodes that are known by their number have become fewer: those that went are the ones that are silent."""
        if self._uids is None:
            self.silent = max(0, min(self.silent, self.silent - self._nodes.count + nodes.count))


class Request:
    """One that each node answers once.

    Args:
        nodes: that are asked.

    Attributes:
        roll: who has answered.
        answers: of the nodes, in the order in which they came.
        done: resolved when nobody is waited for any more.
    """

    __slots__ = ("answers", "done", "roll")

    def __init__(self, nodes: OtherNodes) -> None:
        self.roll: Roll = Roll(nodes)
        self.answers: list[Any] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def answer(self, uid: str, answer: Any) -> bool:
        """A node has answered; returns whether that was waited for."""
        if not self.roll.hear(uid):
            return False
        self.answers.append(answer)
        self.check()
        return True

    def lose(self, uid: str) -> None:
        """A node has gone."""
        self.roll.lose(uid)
        self.check()

    def recount(self, nodes: OtherNodes) -> None:
        """See :meth:`Roll.recount`."""
        self.roll.recount(nodes)
        self.check()

    def check(self) -> None:
        """Ends the waiting if there is nothing to wait for."""
        if self.roll.silent == 0:
            self.end()

    def end(self) -> None:
        """Ends the waiting."""
        if not self.done.done():
            self.done.set_result(None)


class Fetching(Request):
    """For the sockets of each node: answers are lists of them."""

    __slots__ = ()


class Asking(Request):
    """For what the server of each node has to say: answers are values."""

    __slots__ = ()


class Tally(Request):
    """The acknowledgements of a broadcast: each node says how many of its sockets got it, and then each answers.

    Attributes:
        missing: ids of the sockets that left before they answered.
        anonymous: how many sockets of nodes that went, and did not name them, have not answered.
    """

    __slots__ = ("_named", "_unnamed", "anonymous", "missing")

    def __init__(self, nodes: OtherNodes) -> None:
        self.missing: list[str] = []
        self.anonymous: int = 0
        self._named: dict[str, str] = {}
        self._unnamed: dict[str, int] = {}
        super().__init__(nodes)

    @property
    def owing(self) -> list[str]:
        """The sockets known by their ids whose answer is waited for."""
        return list(self._named)

    @property
    def owing_anonymously(self) -> int:
        """How many others there are."""
        return sum(self._unnamed.values())

    def expect(self, uid: str, ids: Collection[str]) -> None:
        """Sockets of this node got the event."""
        self._named.update(dict.fromkeys(ids, uid))

    def count(self, uid: str, count: int, ids: Collection[str] | None) -> bool:
        """A node says how many, and perhaps which, of its sockets got the event; returns whether it was asked."""
        if not self.roll.hear(uid):
            return False
        if ids is not None:
            self.expect(uid, ids)
        elif count:
            self._unnamed[uid] = self._unnamed.get(uid, 0) + count
        self.check()
        return True

    def acknowledge(self, uid: str, id: str | None, answer: Any) -> bool:
        """A socket has answered; returns whether that was waited for."""
        if id is not None:
            if self._named.pop(id, None) is None:
                return False
        elif self._unnamed.get(uid, 0) > 0:
            self._unnamed[uid] -= 1
        else:
            return False
        self.answers.append(answer)
        self.check()
        return True

    def leave(self, id: str) -> bool:
        """A socket has left before it answered; returns whether that was waited for."""
        if self._named.pop(id, None) is None:
            return False
        self.missing.append(id)
        self.check()
        return True

    def lose(self, uid: str) -> None:
        """See :meth:`Request.lose`."""
        for id in [id for id, node in self._named.items() if node == uid]:
            del self._named[id]
            self.missing.append(id)
        self.anonymous += self._unnamed.pop(uid, 0)
        super().lose(uid)

    def check(self) -> None:
        """See :meth:`Request.check`."""
        if not self._named and not any(self._unnamed.values()):
            super().check()
