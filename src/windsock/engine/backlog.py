"""What waits for a client that does not keep up, and what is dropped of it. Sans-IO and clockless."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

from windsock.slow_consumer import SlowConsumer, SlowConsumerCounters, Terms

T = TypeVar("T")


class Account:
    """What waits under one policy.

    Attributes:
        policy: with the budget.
        waiting: bytes.
        droppable: numbers of the entries that may be dropped, the oldest first.
        keyed: numbers of the entries that a later one may replace, by key.
    """

    __slots__ = ("droppable", "keyed", "policy", "waiting")

    def __init__(self, policy: SlowConsumer) -> None:
        self.policy: SlowConsumer = policy
        self.waiting: int = 0
        self.droppable: deque[int] = deque()
        self.keyed: dict[Hashable, int] = {}


class Entry(NamedTuple, Generic[T]):
    """One item that waits."""

    item: T
    size: int
    account: Account
    droppable: bool
    key: Hashable | None


class Backlog(Generic[T]):
    """A queue of items in the order in which they were sent, bounded by the policies they were sent under.

    Items that were sent under equal policies share a budget, whichever namespaces they come from.

    Args:
        policy: for items that come without terms.
        counters: of what is dropped.
    """

    __slots__ = ("_accounts", "_counters", "_entries", "_next", "_policy")

    def __init__(self, policy: SlowConsumer, counters: SlowConsumerCounters) -> None:
        self._policy = policy
        self._counters = counters
        self._accounts: dict[SlowConsumer, Account] = {}
        # Ordered, because entries go from its front, from its middle and from its end.
        self._entries: OrderedDict[int, Entry[T]] = OrderedDict()
        self._next = 0

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return sum(account.waiting for account in self._accounts.values())

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, item: T, size: int, terms: Terms | None = None) -> bool:
        """Keeps an item for later, or drops what the policy says.

        Args:
            item: a message, or whatever else is to be written.
            size: bytes that it counts.
            terms: without them, it is never dropped.

        Returns:
            Whether the client may stay: ``False`` when more waits than its budget allows.
        """
        policy = self._policy if terms is None else terms.policy
        account = self._accounts.get(policy)
        if account is None:
            account = self._accounts[policy] = Account(policy)
        droppable = terms is not None and terms.droppable
        key = None if terms is None else terms.key
        if key is not None and (earlier := account.keyed.pop(key, None)) is not None:
            self._drop(earlier)
        while account.droppable and account.waiting + size > policy.max_bytes:
            self._drop(account.droppable.popleft())
        # Checked without the item, so that one may be larger than the whole budget.
        if account.waiting > policy.max_bytes:
            if droppable:
                self._count(size)
            return droppable
        number = self._next
        self._next += 1
        self._entries[number] = Entry(item, size, account, droppable, key)
        account.waiting += size
        if droppable:
            account.droppable.append(number)
        if key is not None:
            account.keyed[key] = number
        return True

    def take(self, size: int | None = None) -> list[T]:
        """Removes and returns the first items: as many as hold ``size`` bytes, one at least; or all."""
        taken: list[T] = []
        total = 0
        entries = self._entries
        while entries and (size is None or total < size):
            _, entry = entries.popitem(last=False)
            account = entry.account
            account.waiting -= entry.size
            total += entry.size
            if entry.droppable:
                account.droppable.popleft()
            if entry.key is not None:
                del account.keyed[entry.key]
            taken.append(entry.item)
        return taken

    def _drop(self, number: int) -> None:
        entry = self._entries.pop(number)
        entry.account.waiting -= entry.size
        self._count(entry.size)

    def _count(self, size: int) -> None:
        self._counters.dropped_messages += 1
        self._counters.dropped_bytes += size
